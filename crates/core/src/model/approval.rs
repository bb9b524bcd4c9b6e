//! What a person is asked before a grave review is published.

use serde::{Deserialize, Serialize};

use super::finding::Severity;

/// A question to the approvers. The task token is not in it: it stays with the engine.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Approval {
    /// The run that waits.
    pub run: String,
    /// 1 for the first question, 2 for the escalation.
    pub round: u32,
    /// Where the change is, for people.
    pub subject: String,
    /// The worst finding's severity.
    pub worst: Severity,
    /// How many findings there are.
    pub findings: u64,
}
