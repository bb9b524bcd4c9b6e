//! Every error that the workflow may name in Retry and Catch: data, not text. A contract test holds this list and the
//! state machine's equal.

use serde::{Deserialize, Serialize};

macro_rules! error_names {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {
        /// The workflow's name of an error.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum ErrorName { $($(#[$doc])* $name),+ }

        impl ErrorName {
            /// All names, in order of declaration.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// As it stands in `ErrorEquals` and in a Lambda's `errorType`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => stringify!($name)),+ }
            }
        }
    };
}

error_names! {
    /// A payload or an artifact has not the shape that this version reads.
    PayloadInvalid,
    /// The artifact store, the table or the engine did not answer; worth another try.
    ArtifactUnavailable,
    /// An artifact that an earlier state wrote is not there.
    ArtifactMissing,
    /// The work tree or one of its commits cannot be read.
    RepositoryUnreadable,
    /// `.holdfast.yml` on the base branch is wrong.
    RepositoryConfigurationInvalid,
    /// GitHub did not answer, or with 5xx; worth another try.
    GithubUnavailable,
    /// GitHub's rate limit; worth another try later.
    GithubRateLimited,
    /// GitHub refused the credentials, or they lack a permission.
    GithubForbidden,
    /// The repository or pull request is not there, or not visible to these credentials.
    GithubNotFound,
    /// The organisation wants its single sign-on before the token may be used.
    GithubSignOnRequired,
    /// The repository is archived: nothing can be written.
    GithubRepositoryArchived,
    /// The pull request's conversation is locked: nobody of ours may comment.
    GithubConversationLocked,
    /// GitHub refused what was written (422).
    GithubRejected,
    /// The model's server did not answer, timed out, or is overloaded; worth another try.
    ModelUnavailable,
    /// The model's server took longer than one call may; worth one more try.
    ModelTimedOut,
    /// The model's provider refused the key.
    ModelUnauthorized,
    /// The provider refused the request itself: an unknown model, a prompt too long, a bad parameter.
    ModelRequestRejected,
    /// The account's spending limit is reached: another try costs time and gains nothing.
    ModelSpendingLimitReached,
    /// The pull request has another head than the run was started for.
    PullRequestHeadMoved,
    /// The pull request's diff starts elsewhere than when the run was started, or the base's settings are others.
    PullRequestBaseMoved,
    /// A newer run has taken the pull request over.
    RunSuperseded,
    /// A person stopped the run.
    RunCancelled,
    /// Nobody could be asked for approval.
    ApprovalUndeliverable,
    /// A person said no.
    ApprovalRejected,
    /// What would be published is not what people approved: nobody did, or it was altered.
    ApprovalMismatch,
}

impl ErrorName {
    /// The names that the workflow itself names: it repeats, routes or waits for these. All others end at `States.ALL`.
    pub const NAMED_IN_WORKFLOW: &[Self] = &[
        Self::ArtifactUnavailable,
        Self::GithubUnavailable,
        Self::GithubRateLimited,
        Self::ModelUnavailable,
        Self::ModelTimedOut,
        Self::PullRequestHeadMoved,
        Self::RunSuperseded,
        Self::ApprovalRejected,
    ];
}

impl std::fmt::Display for ErrorName {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(self.as_str())
    }
}
