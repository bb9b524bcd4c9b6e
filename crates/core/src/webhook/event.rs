//! What a delivery asks for. How it is read from a payload stands in `parse`.

use crate::model::sha::CommitSha;

use super::command::Command;

/// A delivery, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookEvent {
    /// A pull request has a head to review.
    Review(ReviewTrigger),
    /// A person asks for something in a pull request's conversation.
    Command(CommentCommand),
    /// Where the App is installed has changed.
    Installation(InstallationChange),
    /// GitHub tries the address out.
    Ping,
    /// Nothing to do.
    Ignored {
        /// Why, in one line; holds nothing of the payload but names of events and actions, cut short.
        why: String,
    },
    /// The body is not what its event's name says.
    Invalid {
        /// What is wrong and where, in one line, e.g. `pull_request.head.sha: missing`. Holds nothing of the payload.
        what: String,
    },
}

/// A pull request that is open, no draft, and has a new head or waits anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewTrigger {
    /// What happened.
    pub action: ReviewAction,
    /// Whose pull request.
    pub repository: RepositoryRef,
    /// Its number, from 1.
    pub number: u64,
    /// Its head when GitHub wrote this; may have moved since.
    pub head: CommitSha,
    /// Who did it.
    pub sender: Sender,
    /// What the pull request's author is to the repository.
    pub author: AuthorAssociation,
    /// The App's installation; `None` for a repository's own webhook.
    pub installation: Option<u64>,
}

/// What makes a pull request ready for a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReviewAction {
    /// It is new.
    Opened,
    /// Its head has moved.
    Synchronize,
    /// It was closed before.
    Reopened,
    /// It was a draft before.
    ReadyForReview,
}

/// A command in a comment that was just written. Whether its writer may give it, the API says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentCommand {
    /// What is asked for.
    pub command: Command,
    /// Whose pull request.
    pub repository: RepositoryRef,
    /// Its number, from 1.
    pub number: u64,
    /// The comment's id.
    pub comment: u64,
    /// The comment, whole.
    pub body: String,
    /// Who wrote it.
    pub sender: Sender,
    /// What the writer is to the repository.
    pub author: AuthorAssociation,
    /// The App's installation; `None` for a repository's own webhook.
    pub installation: Option<u64>,
}

/// The App was installed, removed, or sees other repositories.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstallationChange {
    /// What happened.
    pub action: InstallationAction,
    /// The installation.
    pub installation: u64,
}

/// What can happen to an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallationAction {
    /// It is new.
    Created,
    /// It is gone, and with it every right.
    Deleted,
    /// It may not be used for now.
    Suspended,
    /// It may be used again.
    Unsuspended,
    /// Its rights are others now.
    PermissionsAccepted,
    /// It sees more, or fewer, repositories.
    RepositoriesChanged,
}

/// A repository. Its names hold ASCII letters, digits, `-`, `_` and `.` alone, so that they can stand in an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRef {
    /// GitHub's id: stays when the repository is renamed.
    pub id: u64,
    /// The owner's login.
    pub owner: String,
    /// The name.
    pub name: String,
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The login.
    pub login: String,
    /// `User`, `Organization`, `Bot`, …
    pub kind: String,
}

/// What someone is to a repository, as GitHub says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthorAssociation {
    /// Owns it.
    Owner,
    /// Belongs to the organization that owns it.
    Member,
    /// Was invited.
    Collaborator,
    /// Has committed before.
    Contributor,
    /// Has never committed here.
    FirstTimeContributor,
    /// Has never committed anywhere.
    FirstTimer,
    /// Nothing, or what is not known here: trust it the least.
    None,
}

impl ReviewAction {
    /// As GitHub names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Synchronize => "synchronize",
            Self::Reopened => "reopened",
            Self::ReadyForReview => "ready_for_review",
        }
    }
}

impl WebhookEvent {
    /// The same for deliveries of the same event, whatever their headers say, as those are not signed: a review's is
    /// (repository id, pull request, head, action), a command's (repository id, pull request, comment). `None` for what
    /// starts nothing, and for installations, which are read again through the API.
    ///
    /// A head that is reviewed, closed and opened again has the key of the time before: keep keys for as long as a
    /// delivery can be repeated, not for ever.
    pub fn dedupe_key(&self) -> Option<String> {
        match self {
            Self::Review(trigger) => Some(format!(
                "pull_request/{}/{}/{}/{}",
                trigger.repository.id,
                trigger.number,
                trigger.head,
                trigger.action.as_str()
            )),
            Self::Command(command) => Some(format!(
                "issue_comment/{}/{}/{}",
                command.repository.id, command.number, command.comment
            )),
            Self::Installation(_) | Self::Ping | Self::Ignored { .. } | Self::Invalid { .. } => None,
        }
    }
}
