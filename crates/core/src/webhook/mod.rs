//! GitHub's webhooks, as data: whether a delivery is GitHub's own (`model::webhook_secrets`), and what it asks for (`event`, read by
//! `parse` with the help of `field`, commands by `command`). No HTTP, and no limit of size: both are of who listens.
//!
//! A payload is a hint. What a review is of is read again through the API; only what says where to look is taken.

mod command;
mod event;
mod field;
mod parse;

#[cfg(test)]
mod tests;

pub use crate::model::author_association::AuthorAssociation;
pub use crate::model::webhook_secrets::{SignatureError, WebhookSecrets};
pub use command::{Command, UnknownCommand};
pub use event::{
    CommentCommand, InstallationAction, InstallationChange, MergeGroupTrigger, RepositoryRef, RerunTrigger,
    ReviewAction, ReviewTrigger, Sender, StopAction, StopTrigger, WebhookEvent,
};
pub use parse::parse;
