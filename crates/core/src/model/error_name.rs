//! The names of all errors that the workflow may match in Retry and Catch. A contract test compares this list with the
//! state machine.

use serde::{Deserialize, Serialize};

macro_rules! error_names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// The workflow's name of an error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorName { $($(#[$doc])* $name),+ }

        impl ErrorName {
            /// All names, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Returns its text in `ErrorEquals` and in a Lambda's `errorType`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

error_names! {
    /// A payload or an artifact doesn't have the shape that this version reads.
    PayloadInvalid,
    /// The artifact store, the table or the engine did not answer; worth a retry.
    ArtifactUnavailable,
    /// A stage's time ran out before its work was done; worth a retry, which does the rest.
    StageTimedOut,
    /// An artifact that an earlier state wrote is missing.
    ArtifactMissing,
    /// The work tree or one of its commits can't be read.
    RepositoryUnreadable,
    /// `.holdfast.yml` on the base branch is invalid.
    RepositoryConfigurationInvalid,
    /// GitHub did not answer, or answered 5xx; worth a retry.
    GithubUnavailable,
    /// GitHub's rate limit; worth a retry later.
    GithubRateLimited,
    /// The review threads can't be read: GitHub's GraphQL did not answer. Worth a retry; then the review continues
    /// without them.
    GithubThreadsUnavailable,
    /// GitHub refused the credentials, or a permission is missing.
    GithubForbidden,
    /// The repository or pull request is missing, or not visible to these credentials.
    GithubNotFound,
    /// The organisation requires single sign-on for the token.
    GithubSignOnRequired,
    /// The repository is archived: GitHub accepts no writes.
    GithubRepositoryArchived,
    /// The pull request's conversation is locked: Holdfast can't comment.
    GithubConversationLocked,
    /// GitHub refused the content of a write (422).
    GithubRejected,
    /// The model's server did not answer, or was overloaded, for longer than the deployment waits.
    ModelUnavailable,
    /// The model's server exceeded the time limit of one call, twice.
    ModelTimedOut,
    /// The model's provider limited requests for longer than the deployment waits.
    ModelRateLimited,
    /// The model's server has no such model, or nothing at its address.
    ModelNotFound,
    /// The model's provider refused the key.
    ModelUnauthorized,
    /// The provider refused the request itself: a prompt too long, a bad parameter.
    ModelRequestRejected,
    /// The account's spending limit is reached: a retry is useless.
    ModelSpendingLimitReached,
    /// A spending limit of the deployment is reached.
    SpendLimitReached,
    /// The pull request has another head than the run's.
    PullRequestHeadMoved,
    /// The pull request's diff starts at another commit than the run's, or the base's settings changed.
    PullRequestBaseMoved,
    /// A newer run has taken the pull request over.
    RunSuperseded,
    /// A person stopped the run.
    RunCancelled,
    /// No approver could be notified.
    ApprovalUndeliverable,
    /// A person rejected the review.
    ApprovalRejected,
    /// The review to publish isn't the approved one: nobody approved it, or it was altered.
    ApprovalMismatch,
}

impl ErrorName {
    /// The names in the workflow's own Retry and Catch: it retries, routes or waits for these. All others end at
    /// `States.ALL`.
    pub const NAMED_IN_WORKFLOW: &[Self] = &[
        Self::ArtifactUnavailable,
        Self::StageTimedOut,
        Self::GithubUnavailable,
        Self::GithubRateLimited,
        Self::GithubThreadsUnavailable,
        Self::PullRequestHeadMoved,
        Self::RunSuperseded,
        Self::ApprovalRejected,
    ];

    /// Returns the service whose outage or limit this error means. Once that is over, the same run may succeed. None for
    /// an error that lasts until a person acts, and for the end of a run that nobody wants any more.
    pub const fn outage_of(self) -> Option<Dependency> {
        match self {
            Self::ModelUnavailable | Self::ModelTimedOut | Self::ModelRateLimited => Some(Dependency::Model),
            Self::GithubUnavailable | Self::GithubRateLimited | Self::GithubThreadsUnavailable => {
                Some(Dependency::Github)
            }
            Self::ArtifactUnavailable | Self::StageTimedOut => Some(Dependency::Storage),
            Self::PayloadInvalid
            | Self::ArtifactMissing
            | Self::RepositoryUnreadable
            | Self::RepositoryConfigurationInvalid
            | Self::GithubForbidden
            | Self::GithubNotFound
            | Self::GithubSignOnRequired
            | Self::GithubRepositoryArchived
            | Self::GithubConversationLocked
            | Self::GithubRejected
            | Self::ModelNotFound
            | Self::ModelUnauthorized
            | Self::ModelRequestRejected
            | Self::ModelSpendingLimitReached
            | Self::SpendLimitReached
            | Self::PullRequestHeadMoved
            | Self::PullRequestBaseMoved
            | Self::RunSuperseded
            | Self::RunCancelled
            | Self::ApprovalUndeliverable
            | Self::ApprovalRejected
            | Self::ApprovalMismatch => None,
        }
    }
}

/// A service that reviews depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Dependency {
    /// The model's provider.
    Model,
    /// GitHub.
    Github,
    /// The storage of artifacts and rows.
    Storage,
}

impl std::fmt::Display for ErrorName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}
