//! Telling people: approvers who are asked, operators who are alarmed.

use async_trait::async_trait;

/// One mail, ready to send. It may hold a personal link and a code: credentials, never logged.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// Names the mail: sent again with the same key, it is the same mail. At most 200 letters, digits, `-`, `_` and `.`.
    pub key: String,
    /// Addresses; none where nobody is configured.
    pub to: Vec<String>,
    /// One line.
    pub subject: String,
    /// Plain text.
    pub text: String,
    /// The same as HTML, where there is more to show than text can.
    pub html: Option<String>,
}

/// Nobody could be told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotifyError(pub String);

/// Tells people.
#[async_trait]
pub trait NotifyPeople: Send + Sync {
    /// Sends a mail. Errors: it was not taken.
    async fn send_mail(&self, mail: &Mail) -> Result<(), NotifyError>;
    /// Tells an operator that something needs cleaning by hand.
    async fn raise_alarm(&self, run: &str, what: &str) -> Result<(), NotifyError>;
}
