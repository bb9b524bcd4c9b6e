//! The port to people: mails to approvers, alarms to operators.

use crate::model::model_id::ModelId;
use crate::model::quality::{Drop, Measure};
use crate::model::run_name::RunName;

use async_trait::async_trait;

/// One mail, ready to send. It may hold a personal link and a code: credentials, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Identifies the mail: two mails with the same key are the same mail. At most 200 letters, digits, `-`, `_` and
    /// `.`.
    pub key: String,
    /// Addresses; empty where no approver is configured.
    pub to: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML, for a mail that shows more than plain text can.
    pub html: Option<String>,
}

/// Every channel failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotifyError(pub String);

/// An event that the operators have to know about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Alarm {
    /// The run's effects could not be undone, and a person has to do it. Holds what is left, and the reason.
    Cleanup(String),
    /// Nobody answered a request for approval in time.
    Unanswered {
        /// The number of the request, from 1.
        round: u32,
        /// Whether the request is sent once again.
        is_repeated: bool,
    },
    /// A provider refuses all calls of a model, and a wait doesn't cure it. Holds the model's name and the refusal.
    ModelRefused {
        /// The model.
        model: ModelId,
        /// One line.
        message: String,
    },
    /// A model's answers to a prompt version have become worse than they were.
    Degraded {
        /// The model.
        model: ModelId,
        /// The version of the prompts.
        prompt_version: u32,
        /// What became worse.
        measure: Measure,
        /// By how much.
        drop: Drop,
    },
    /// A share of a limit of money is spent.
    Spent {
        /// The limit's setting.
        setting: String,
        /// The repository or the author that it limits, if it is one's own.
        of: Option<String>,
        /// The share, in percent.
        percent: u8,
        /// The limit, in billionths of a US dollar.
        limit: u64,
    },
}

impl Alarm {
    /// Returns whether nothing has failed yet.
    pub const fn is_early(&self) -> bool {
        matches!(self, Self::Spent { percent: ..100, .. })
    }
}

/// Notifies people.
#[async_trait]
pub trait NotifyPeople: Send + Sync {
    /// Sends a mail.
    ///
    /// # Errors
    ///
    /// The server refused the mail, or could not be reached.
    async fn send_mail(&self, mail: &Mail) -> Result<(), NotifyError>;
    /// Notifies the operators. An alarm that repeats an earlier one of the run may be sent once.
    ///
    /// # Errors
    ///
    /// Every channel failed.
    async fn raise_alarm(&self, run: &RunName, alarm: &Alarm) -> Result<(), NotifyError>;
    /// Notifies the operators of something that must not stop the caller: a failure is only logged.
    async fn tell_operators(&self, run: &RunName, alarm: &Alarm) {
        if let Err(error) = self.raise_alarm(run, alarm).await {
            tracing::error!(run = run.as_str(), %error, "the alarm reached nobody");
        }
    }
}
