//! What a delivery asks for. How it is read from a payload stands in `parse`.

use crate::model::author_association::AuthorAssociation;
use crate::model::repository_id::RepositoryId;
use crate::model::repository_name::RepositoryName;
use crate::model::sha::CommitSha;

use super::command::Command;

/// A delivery, read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookEvent {
    /// A pull request has a head to review.
    Review(ReviewTrigger),
    /// A pull request has nothing to review any more.
    Stop(StopTrigger),
    /// A person asks for something in a pull request's conversation.
    Command(CommentCommand),
    /// A person asks for our own check again.
    Rerun(RerunTrigger),
    /// A merge queue waits for the verdict of a group's commit.
    MergeGroup(MergeGroupTrigger),
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

/// A pull request that is open, no draft, and has something new to review, whoever did it.
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
    /// When the pull request had changed last, as RFC 3339 in UTC; empty where the payload does not tell it.
    pub updated_at: String,
    /// Who did it.
    pub sender: Sender,
    /// What the pull request's author is to the repository.
    pub author: AuthorAssociation,
    /// The App's installation; `None` for a repository's own webhook.
    pub installation: Option<u64>,
}

/// A pull request that was closed, merged or converted to a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopTrigger {
    /// What happened.
    pub action: StopAction,
    /// Whose pull request.
    pub repository: RepositoryRef,
    /// Its number, from 1.
    pub number: u64,
}

/// What leaves nothing to review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopAction {
    /// It was closed, merged or not.
    Closed,
    /// It is not ready for review any more.
    ConvertedToDraft,
}

/// A check of ours, or all of a commit, that a person wants to run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerunTrigger {
    /// Whose commit.
    pub repository: RepositoryRef,
    /// What is asked for again, as the event names it: `check_run/ID`, or `check_suite/ID/UPDATED`.
    pub of: String,
    /// The check's commit.
    pub head: CommitSha,
    /// The run that the check is of, where it is one check.
    pub run: Option<String>,
    /// The number of the pull request; GitHub leaves it out for forks.
    pub number: Option<u64>,
    /// Who asks.
    pub sender: Sender,
}

/// A group of a merge queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeGroupTrigger {
    /// Whose queue.
    pub repository: RepositoryRef,
    /// The group's commit.
    pub head: CommitSha,
    /// The pull request that the group ends with.
    pub number: u64,
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
    /// It goes to another base branch.
    Retargeted,
}

/// A command in a comment that was just written. It only says where to look: who wrote it, what it asks for and whether its
/// writer may, the API tells.
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

/// A repository as a payload names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryRef {
    /// GitHub's id.
    pub id: RepositoryId,
    /// Its name.
    pub name: RepositoryName,
}

/// Who caused an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The login.
    pub login: String,
    /// `User`, `Organization`, `Bot`, …
    pub kind: String,
}

impl Sender {
    /// Whether the account is an App's or another bot's.
    pub fn is_bot(&self) -> bool {
        self.kind == "Bot"
    }
}

impl ReviewAction {
    /// As GitHub names it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Synchronize => "synchronize",
            Self::Reopened => "reopened",
            Self::ReadyForReview => "ready_for_review",
            Self::Retargeted => "retargeted",
        }
    }
}
