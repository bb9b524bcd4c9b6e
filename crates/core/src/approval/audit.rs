//! The audit log: one row for each vote, `audit/TIME-RUN#ROUND-NUMBER`. A row is written once, and never changes or
//! expires.

use serde::{Deserialize, Serialize};

use crate::error::StageError;
use crate::model::approval::Vote;
use crate::port::KeepRows;

use crate::rows;

use super::Question;

/// One entry of the audit log, and one line of its export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The run.
    pub run: String,
    /// The question's round.
    pub round: u32,
    /// The place of the change.
    pub subject: String,
    /// The commit.
    pub head: String,
    /// The vote: person, time, decision and the content that it is about.
    pub vote: Vote,
}

/// Writes the missing entries of a question's votes.
///
/// # Errors
///
/// The table fails.
pub(super) async fn write_audit(rows: &dyn KeepRows, question: &Question) -> Result<(), StageError> {
    let approval = &question.approval;
    for (vote, number) in question.votes.iter().zip(1..) {
        let key = format!("audit/{:014}-{}#{}-{number}", vote.at_ms, approval.run, approval.round);
        let entry = AuditEntry {
            run: approval.run.clone(),
            round: approval.round,
            subject: approval.subject.clone(),
            head: approval.target.head().to_string(),
            vote: vote.clone(),
        };
        rows::create(rows, &key, &entry).await?;
    }
    Ok(())
}

/// Lists the entries of the audit log, oldest first, at most `most`.
///
/// # Errors
///
/// The table fails.
pub async fn list_audit(rows: &dyn KeepRows, most: usize) -> Result<Vec<AuditEntry>, StageError> {
    let found = rows.list("audit/", most).await?;
    found.iter().map(|(key, row)| rows::parse(key, row)).collect()
}
