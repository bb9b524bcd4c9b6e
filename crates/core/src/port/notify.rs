//! Telling people: approvers who are asked, operators who are alarmed.

use async_trait::async_trait;

use crate::model::approval::Approval;

/// Nobody could be told.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotifyError(pub String);

/// Tells people.
#[async_trait]
pub trait NotifyPeople: Send + Sync {
    /// Asks for a decision and keeps the token where the decision will find it. Asking twice for the same run and round
    /// asks once, with the newer token.
    async fn ask_approval(&self, approval: &Approval, token: &str) -> Result<(), NotifyError>;
    /// Tells an operator that something needs cleaning by hand.
    async fn raise_alarm(&self, run: &str, what: &str) -> Result<(), NotifyError>;
}
