//! The failure of a stage: an error name for the workflow, and one line for people.

use crate::model::error_name::ErrorName;
use crate::model::policy::InvalidPolicy;
use crate::port::{ExecutionError, ModelError, NotifyError, PublishError, ReadError, RowError, StoreError};
use crate::rule::redacted;

/// The failure of a stage.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct StageError {
    /// The name that Retry and Catch match.
    pub name: ErrorName,
    /// What failed, where, and the remedy. Never a secret, a token or a diff.
    pub message: String,
}

impl StageError {
    /// Returns a failure. Secrets are removed from the message, which the run's history stores and people read.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: redacted(&message.into()),
        }
    }
}

/// Returns a caught error as one line of at most 600 characters: its name, and the message from its cause. Secrets are
/// removed.
pub fn explain_failure(reason: &str, cause: Option<&str>) -> String {
    let message = cause.and_then(|cause| {
        let parsed: Option<serde_json::Value> = serde_json::from_str(cause).ok();
        parsed
            .and_then(|value| value.get("errorMessage")?.as_str().map(str::to_owned))
            .or_else(|| Some(cause.to_owned()))
    });
    let line = message
        .filter(|message| !message.is_empty())
        .map_or_else(|| reason.to_owned(), |message| format!("{reason}: {message}"));
    redacted(&line)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
        .chars()
        .take(600)
        .collect()
}

impl From<StoreError> for StageError {
    fn from(error: StoreError) -> Self {
        Self::new(ErrorName::ArtifactUnavailable, error.to_string())
    }
}

impl From<RowError> for StageError {
    fn from(error: RowError) -> Self {
        Self::new(ErrorName::ArtifactUnavailable, error.to_string())
    }
}

impl From<ExecutionError> for StageError {
    fn from(error: ExecutionError) -> Self {
        Self::new(ErrorName::ArtifactUnavailable, error.to_string())
    }
}

impl From<ReadError> for StageError {
    fn from(error: ReadError) -> Self {
        Self::new(error.name(), error.to_string())
    }
}

impl From<PublishError> for StageError {
    fn from(error: PublishError) -> Self {
        Self::new(error.name(), error.to_string())
    }
}

impl From<ModelError> for StageError {
    fn from(error: ModelError) -> Self {
        Self::new(error.name(), error.to_string())
    }
}

impl From<NotifyError> for StageError {
    fn from(error: NotifyError) -> Self {
        Self::new(ErrorName::ApprovalUndeliverable, error.to_string())
    }
}

impl From<InvalidPolicy> for StageError {
    fn from(error: InvalidPolicy) -> Self {
        Self::new(ErrorName::RepositoryConfigurationInvalid, error.to_string())
    }
}
