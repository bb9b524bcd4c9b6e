//! The port to people: mails to approvers, alarms to operators.

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
}
