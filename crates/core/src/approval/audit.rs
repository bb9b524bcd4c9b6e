//! The audit: one row for each vote, `audit/TIME-RUN#ROUND-NUMBER`, written once and never changed or forgotten.

use serde::{Deserialize, Serialize};

use crate::error::StageError;
use crate::model::approval::Vote;
use crate::port::KeepRows;

use crate::rows;

use super::Question;

/// One entry. A line of the exported audit is one of these.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The run.
    pub run: String,
    /// Which question.
    pub round: u32,
    /// Where the change is.
    pub subject: String,
    /// The commit.
    pub head: String,
    /// Who, when, what, on which version of the page.
    pub vote: Vote,
}

/// Writes what is not written yet. Errors: what the table says.
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

/// The audit, oldest first, at most `most` entries. Errors: what the table says.
pub async fn list_audit(rows: &dyn KeepRows, most: usize) -> Result<Vec<AuditEntry>, StageError> {
    let found = rows.list("audit/", most).await?;
    found.iter().map(|(key, row)| rows::parse(key, row)).collect()
}
