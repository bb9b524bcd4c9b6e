//! GitHub's webhooks as data. `model::webhook_secrets` checks that a delivery is GitHub's own; `parse` turns it into an
//! `event` with the help of `field`, and `command` reads commands. HTTP and the limit of the body's size are the
//! server's part.
//!
//! A payload is only a hint: it shows where to look, and the reviewed state is read again through the API.

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
