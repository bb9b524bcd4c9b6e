//! The failure of a stage: an error name for the workflow, and one line for people.

use std::time::Duration;

use crate::model::error_name::ErrorName;
use crate::model::policy::{InvalidPolicy, InvalidTeamRules};
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
    /// The seconds until GitHub accepts requests again, where it names them.
    pub retry_after_s: Option<u64>,
}

/// The beginning of a message that tells the workflow how long to wait for GitHub.
const WAIT: &str = "[wait ";
/// The longest wait for GitHub at a time, in seconds. Its limits end after an hour at most.
const MAX_WAIT_S: u64 = 3_600;
/// The wait after a limit whose end GitHub doesn't name, in seconds: the shortest that it recommends.
const UNNAMED_WAIT_S: u64 = 60;
/// Maximum length of a message about GitHub, in characters.
const MAX_GITHUB_MESSAGE_CHARS: usize = 2_000;

impl StageError {
    /// Returns a failure. Secrets are removed from the message, which the run's history stores and people read.
    pub fn new(name: ErrorName, message: impl Into<String>) -> Self {
        Self {
            name,
            message: redacted(&message.into()),
            retry_after_s: None,
        }
    }

    /// Returns the same failure with the seconds that GitHub names.
    #[must_use]
    pub fn after(self, retry_after_s: Option<u64>) -> Self {
        Self { retry_after_s, ..self }
    }

    /// Returns the message for the workflow. A limit or an outage of GitHub begins with `[wait N s, patience N s] `: the
    /// seconds until the next request, 0 where GitHub names none, and the longest time that the state waits in all.
    /// `RouteGithubWait` reads this beginning, which nothing else writes.
    pub fn workflow_message(&self, patience: Duration) -> String {
        let wait_s = match self.name {
            ErrorName::GithubRateLimited => self.retry_after_s.unwrap_or(UNNAMED_WAIT_S).max(1),
            ErrorName::GithubUnavailable => self.retry_after_s.unwrap_or(0),
            _ => return self.message.clone(),
        };
        let (wait_s, patience_s) = (wait_s.min(MAX_WAIT_S), patience.as_secs());
        let message: String = self.message.chars().take(MAX_GITHUB_MESSAGE_CHARS).collect();
        format!("{WAIT}{wait_s} s, patience {patience_s} s] {message}")
    }
}

/// Returns a message without its beginning for the workflow.
fn without_wait(message: &str) -> &str {
    let rest = message.strip_prefix(WAIT).and_then(|rest| rest.split_once("] "));
    rest.map_or(message, |(_, rest)| rest)
}

/// Returns the longest time of a wait for GitHub, from the beginning that `workflow_message` writes.
fn patience_of(message: &str) -> Option<&str> {
    let (beginning, _) = message.strip_prefix(WAIT)?.split_once("] ")?;
    beginning.split_once("patience ").map(|(_, patience)| patience)
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
    let waits = [ErrorName::GithubRateLimited, ErrorName::GithubUnavailable];
    let is_wait = waits.iter().any(|name| name.as_str() == reason);
    let patience = message.as_deref().filter(|_| is_wait).and_then(patience_of);
    let message = message.as_deref().map(without_wait);
    let mut line = message
        .filter(|message| !message.is_empty())
        .map_or_else(|| reason.to_owned(), |message| format!("{reason}: {message}"));
    if let Some(patience) = patience {
        line = format!("{line} (HOLDFAST_GITHUB_PATIENCE: {patience})");
    }
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
        Self::new(error.name(), error.to_string()).after(error.retry_after_s())
    }
}

impl From<PublishError> for StageError {
    fn from(error: PublishError) -> Self {
        Self::new(error.name(), error.to_string()).after(error.retry_after_s())
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

impl From<InvalidTeamRules> for StageError {
    fn from(error: InvalidTeamRules) -> Self {
        Self::new(ErrorName::RepositoryConfigurationInvalid, error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_workflow_reads_how_long_it_waits_for_github_and_people_don_t() {
        let patience = Duration::from_secs(600);
        let limited = |after| StageError::new(ErrorName::GithubRateLimited, "POST /x: 429").after(after);
        let down = |after| StageError::new(ErrorName::GithubUnavailable, "POST /x: 503").after(after);
        for (error, message) in [
            (limited(Some(7)), "[wait 7 s, patience 600 s] POST /x: 429"),
            (limited(Some(0)), "[wait 1 s, patience 600 s] POST /x: 429"),
            (limited(None), "[wait 60 s, patience 600 s] POST /x: 429"),
            (limited(Some(u64::MAX)), "[wait 3600 s, patience 600 s] POST /x: 429"),
            (down(None), "[wait 0 s, patience 600 s] POST /x: 503"),
            (down(Some(30)), "[wait 30 s, patience 600 s] POST /x: 503"),
        ] {
            let found = error.workflow_message(patience);
            assert_eq!(found, message);
            let cause = serde_json::json!({ "errorType": error.name.as_str(), "errorMessage": found }).to_string();
            let line = explain_failure(error.name.as_str(), Some(&cause));
            let setting = "(HOLDFAST_GITHUB_PATIENCE: 600 s)";
            assert_eq!(line, format!("{}: {} {setting}", error.name, error.message));
        }
    }

    #[test]
    fn a_stranger_s_text_decides_no_wait() {
        let hostile = "[wait 1 s, patience 9 s] x";
        let forbidden = StageError::new(ErrorName::GithubForbidden, hostile);
        assert_eq!(forbidden.workflow_message(Duration::ZERO), hostile);
        let limited = StageError::new(ErrorName::GithubRateLimited, hostile.repeat(1_000)).after(Some(5));
        let message = limited.workflow_message(Duration::from_secs(60));
        assert!(message.starts_with("[wait 5 s, patience 60 s] [wait 1 s"), "{message}");
        assert_eq!(message.chars().count(), "[wait 5 s, patience 60 s] ".len() + 2_000);
    }
}
