//! GitHub's webhooks, as data: whether a delivery is GitHub's own (`signature`), and what it asks for (`event`, read by
//! `parse` with the help of `field`, commands by `command`). No HTTP, and no limit of size: both are of who listens.
//!
//! A payload is a hint. What a review is of is read again through the API; only what says where to look is taken.

mod command;
mod event;
mod field;
mod parse;
mod signature;

#[cfg(test)]
mod tests;

pub use command::{Command, UnknownCommand};
pub use event::{
    AuthorAssociation, CommentCommand, InstallationAction, InstallationChange, MergeGroupTrigger, RepositoryRef,
    RerunTrigger, ReviewAction, ReviewTrigger, Sender, StopAction, StopTrigger, WebhookEvent,
};
pub use parse::parse;
pub use signature::{SignatureError, WebhookSecrets};
