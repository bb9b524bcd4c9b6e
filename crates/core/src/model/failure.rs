//! The kind of a failure, with a fixed sentence that the public may read. Error messages have hosts, variables and
//! paths, and a model's words are untrusted: both stay in the run's own record.

use serde::{Deserialize, Serialize};

use super::error_name::{Dependency, ErrorName};

/// The kind of a failure. Written as one word: an error's name, or [`OtherFailure`]'s.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Failure {
    /// An error that the workflow knows by name.
    Error(ErrorName),
    /// Anything else.
    Other(OtherFailure),
}

/// A failure without an error's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OtherFailure {
    /// No attempt gave an answer that passed the checks.
    AnswersInvalid,
    /// The provider limited requests for too long, in a run of version 0.1.
    ModelLimited,
    /// The execution ended without a result.
    Interrupted,
    /// An error of the engine, or of a newer version.
    #[serde(other)]
    Unknown,
}

/// The beginning of the reason of a unit without a valid answer.
pub const NO_VALID_ANSWER: &str = "no valid answer in ";
/// The beginning of the reason of a unit whose provider limited requests for too long.
const LIMITED: &str = "the model's server limited requests ";

/// The sentence of a limit that lasted too long.
const LIMITED_TOO_LONG: &str = "the model's limits had no room for too long";

impl Failure {
    /// Returns the kind of a reason that is an error's name. Any other text is [`OtherFailure::Unknown`], except the
    /// two that the workflow of version 0.1 wrote without their kind.
    pub fn of_reason(reason: &str) -> Self {
        let named = ErrorName::ALL.iter().find(|name| name.as_str() == reason);
        match named {
            Some(name) => Self::Error(*name),
            None if reason.starts_with(NO_VALID_ANSWER) => Self::Other(OtherFailure::AnswersInvalid),
            None if reason.starts_with(LIMITED) => Self::Other(OtherFailure::ModelLimited),
            None => Self::Other(OtherFailure::Unknown),
        }
    }

    /// Returns the service whose outage or limit this failure means: see [`ErrorName::outage_of`].
    pub const fn outage_of(self) -> Option<Dependency> {
        match self {
            Self::Error(name) => name.outage_of(),
            Self::Other(OtherFailure::ModelLimited) => Some(Dependency::Model),
            Self::Other(OtherFailure::AnswersInvalid | OtherFailure::Interrupted | OtherFailure::Unknown) => None,
        }
    }

    /// Returns the sentence that the public reads, without a full stop.
    pub const fn sentence(self) -> &'static str {
        match self {
            Self::Error(name) => name.public_sentence(),
            Self::Other(OtherFailure::AnswersInvalid) => "the model gave no answer that passed the checks",
            Self::Other(OtherFailure::ModelLimited) => LIMITED_TOO_LONG,
            Self::Other(OtherFailure::Interrupted) => "its review ended without a result",
            Self::Other(OtherFailure::Unknown) => "an internal error; the run's record has the details",
        }
    }
}

impl ErrorName {
    /// Returns the sentence that the public reads, without a full stop: no host, no setting, no cause.
    pub const fn public_sentence(self) -> &'static str {
        match self {
            Self::PayloadInvalid | Self::ArtifactMissing => "the run's stored data cannot be read by this version",
            Self::ArtifactUnavailable => "the storage of the reviews could not be reached",
            Self::StageTimedOut => "a step of the review ran out of time",
            Self::RepositoryUnreadable => "the repository could not be read",
            Self::RepositoryConfigurationInvalid => {
                "`.holdfast.yml` on the base branch is invalid; `holdfast check` lists its problems"
            }
            Self::GithubUnavailable => "GitHub could not be reached",
            Self::GithubRateLimited => "GitHub limited the requests",
            Self::GithubThreadsUnavailable => "the conversations of earlier findings could not be read",
            Self::GithubForbidden => "GitHub refused a request: a permission is missing",
            Self::GithubNotFound => "the pull request could not be found with these permissions",
            Self::GithubSignOnRequired => "the organisation requires single sign-on for the token that Holdfast uses",
            Self::GithubRepositoryArchived => "the repository is archived",
            Self::GithubConversationLocked => "the conversation is locked; unlock it and ask for a new review",
            Self::GithubRejected => "GitHub rejected what was written",
            Self::ModelUnavailable => "the model could not be reached",
            Self::ModelTimedOut => "the model did not answer in time",
            Self::ModelRateLimited => LIMITED_TOO_LONG,
            Self::ModelNotFound => "the model's provider has no such model",
            Self::ModelUnauthorized => "the model's provider refused the credentials",
            Self::ModelRequestRejected => "the model's provider rejected the request",
            Self::SpendLimitReached => "the limit of money for reviews is reached",
            Self::ModelSpendingLimitReached => "the spending limit of the model's account is reached",
            Self::PullRequestHeadMoved => "the pull request has a newer commit",
            Self::PullRequestBaseMoved => {
                "it was retargeted, or its base branch or settings changed meanwhile; `/holdfast review` reviews it as it is now"
            }
            Self::RunSuperseded => "a newer review has taken over",
            Self::RunCancelled => "it was cancelled",
            Self::ApprovalUndeliverable => "nobody could be asked for approval",
            Self::ApprovalRejected => "a maintainer decided against it",
            Self::ApprovalMismatch => "what would have been published is not what was approved",
        }
    }
}

/// Returns true if the run ended because of a newer head or a newer run.
pub fn is_superseded(error: &str) -> bool {
    [ErrorName::PullRequestHeadMoved, ErrorName::RunSuperseded]
        .iter()
        .any(|name| name.as_str() == error)
}

/// Returns true if the pull request shows that the run failed: it neither ended because of a newer head or a newer run,
/// nor was it cancelled by a person, who knows.
pub fn is_shown(error: &str) -> bool {
    !is_superseded(error) && error != ErrorName::RunCancelled.as_str()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
    use super::*;

    #[test]
    fn kinds_are_one_word_and_unknown_ones_are_read() {
        for (reason, word) in [
            ("ModelUnauthorized", "ModelUnauthorized"),
            ("no valid answer in 3 attempts; the last problem: x", "AnswersInvalid"),
            ("the model's server limited requests 30 times in a row", "ModelLimited"),
            ("States.Timeout", "Unknown"),
            ("ModelUnauthorized: https://10.0.0.1", "Unknown"),
            ("", "Unknown"),
        ] {
            let failure = Failure::of_reason(reason);
            assert_eq!(serde_json::to_value(failure).unwrap(), word, "{reason}");
            assert_eq!(serde_json::from_value::<Failure>(word.into()).unwrap(), failure);
        }
        let newer: Failure = serde_json::from_value("AddedLater".into()).unwrap();
        assert_eq!(newer, Failure::Other(OtherFailure::Unknown));
    }

    #[test]
    fn sentences_hold_no_details() {
        for name in ErrorName::ALL {
            let sentence = Failure::Error(*name).sentence();
            assert!(!sentence.is_empty() && !sentence.ends_with('.'), "{sentence}");
            assert!(
                !sentence.contains("://") && !sentence.contains("HOLDFAST_") && !sentence.contains(name.as_str()),
                "{sentence}"
            );
        }
    }
}
