//! Events: the meaning of a delivery. `parse` reads them from payloads.

use crate::model::author_association::AuthorAssociation;
use crate::model::repository_id::RepositoryId;
use crate::model::repository_name::RepositoryName;
use crate::model::run_name::RunName;
use crate::model::sha::CommitSha;

use super::command::Command;

/// A parsed delivery.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WebhookEvent {
    /// A pull request has a head to review.
    Review(ReviewTrigger),
    /// A pull request has nothing left to review.
    Stop(StopTrigger),
    /// A person gives a command in a pull request's conversation.
    Command(CommentCommand),
    /// A person requests Holdfast's check again.
    Rerun(RerunTrigger),
    /// A merge queue waits for the check on a group's commit.
    MergeGroup(MergeGroupTrigger),
    /// An installation of the App has changed.
    Installation(InstallationChange),
    /// GitHub tests the address.
    Ping,
    /// The event needs no action.
    Ignored {
        /// The reason, in one line. It contains nothing from the payload except shortened names of events and actions.
        why: String,
    },
    /// The body doesn't have its event's form.
    Invalid {
        /// The problem and its place in one line, e.g. `pull_request.head.sha: missing`. It contains nothing from the
        /// payload.
        what: String,
    },
}

/// A pull request that is open, is no draft and has something new to review, whoever caused it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReviewTrigger {
    /// The action.
    pub action: ReviewAction,
    /// The repository.
    pub repository: RepositoryRef,
    /// The pull request's number, from 1.
    pub number: u64,
    /// Its head at the time of the event.
    pub head: CommitSha,
    /// The time of the pull request's last change, as RFC 3339 in UTC; empty if the payload leaves it out.
    pub updated_at: String,
    /// The account that caused the event.
    pub sender: Sender,
    /// The association of the pull request's author with the repository.
    pub author: AuthorAssociation,
    /// The App's installation; `None` for a repository's own webhook.
    pub installation: Option<u64>,
}

/// A pull request that was closed, merged or converted to a draft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopTrigger {
    /// The action.
    pub action: StopAction,
    /// The repository.
    pub repository: RepositoryRef,
    /// The pull request's number, from 1.
    pub number: u64,
}

/// An action that leaves nothing to review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopAction {
    /// It was closed, merged or not.
    Closed,
    /// It became a draft.
    ConvertedToDraft,
}

/// A request to run Holdfast's check, or all checks of a commit, again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RerunTrigger {
    /// The repository.
    pub repository: RepositoryRef,
    /// The check to run again, as the event names it: `check_run/ID`, or `check_suite/ID/UPDATED`.
    pub of: String,
    /// The check's commit.
    pub head: CommitSha,
    /// The check's run, for a single check.
    pub run: Option<RunName>,
    /// The number of the pull request; GitHub leaves it out for forks.
    pub number: Option<u64>,
    /// The account that requests it.
    pub sender: Sender,
}

/// A group of a merge queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MergeGroupTrigger {
    /// The repository.
    pub repository: RepositoryRef,
    /// The group's commit.
    pub head: CommitSha,
    /// The pull request that the group ends with.
    pub number: u64,
}

/// An action that makes a pull request ready for a review.
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
    /// Its base branch changed.
    Retargeted,
}

/// A command in a new comment. It only shows where to look: the API has the writer, the text and the writer's
/// permission.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentCommand {
    /// The command.
    pub command: Command,
    /// The repository.
    pub repository: RepositoryRef,
    /// The pull request's number, from 1.
    pub number: u64,
    /// The comment's id.
    pub comment: u64,
}

/// A change of an installation of the App.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InstallationChange {
    /// The action.
    pub action: InstallationAction,
    /// The installation.
    pub installation: u64,
}

/// An action on an installation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InstallationAction {
    /// It is new.
    Created,
    /// It is deleted with all its permissions.
    Deleted,
    /// It is suspended.
    Suspended,
    /// It is active again.
    Unsuspended,
    /// Its permissions changed.
    PermissionsAccepted,
    /// Its list of repositories changed.
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

/// The account that caused an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sender {
    /// The login.
    pub login: String,
    /// `User`, `Organization`, `Bot`, …
    pub kind: String,
}

impl Sender {
    /// Returns whether the account is an App or another bot.
    pub fn is_bot(&self) -> bool {
        self.kind == "Bot"
    }
}

impl ReviewAction {
    /// Returns GitHub's name of the action.
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
