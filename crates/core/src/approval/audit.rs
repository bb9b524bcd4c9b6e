//! The audit log: one row for each vote, `audit/TIME-RUN#ROUND-NUMBER`. A row is written once, and never changes or
//! expires.

use serde::{Deserialize, Serialize};

use crate::error::StageError;
use crate::model::approval::Vote;
use crate::model::run_name::RunName;
use crate::port::{KeepRows, ROW_DAYS};

use crate::rows;

use super::{Question, questions};

/// Maximum number of entries that are searched for those of one run.
const MAX_SEARCHED_ENTRIES: usize = 1_000_000;
/// How long a run's questions are stored at least, from the run's start, in ms.
const QUESTIONS_KEPT_MS: i64 = ROW_DAYS as i64 * 86_400_000;

/// One entry of the audit log, and one line of its export.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// The run's name as it was stored, so that no name makes the export fail.
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
    for (entry, number) in entries_of(question).zip(1..) {
        let key = format!(
            "audit/{:014}-{}#{}-{number}",
            entry.vote.at_ms, approval.run, approval.round
        );
        rows::create(rows, &key, &entry).await?;
    }
    Ok(())
}

fn entries_of(question: &Question) -> impl Iterator<Item = AuditEntry> {
    let approval = &question.approval;
    question.votes.iter().map(|vote| AuditEntry {
        run: approval.run.to_string(),
        round: approval.round,
        subject: approval.subject.clone(),
        head: approval.target.head().to_string(),
        vote: vote.clone(),
    })
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

/// Lists the entries of one run, oldest first. `since_start_ms` is the time since the run's start.
///
/// The run's questions hold the same votes, and are few. They expire; then the whole log is searched.
///
/// # Errors
///
/// The table fails.
pub async fn list_audit_of(
    rows: &dyn KeepRows,
    run: &RunName,
    since_start_ms: i64,
) -> Result<Vec<AuditEntry>, StageError> {
    if since_start_ms < QUESTIONS_KEPT_MS {
        let questions = questions(rows, run).await?;
        return Ok(questions.iter().flat_map(entries_of).collect());
    }
    let mut entries = list_audit(rows, MAX_SEARCHED_ENTRIES).await?;
    entries.retain(|entry| run == entry.run.as_str());
    Ok(entries)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use futures::executor::block_on;
    use serde_json::json;

    use super::*;
    use crate::port::{Precondition, Row, RowError, Written};

    /// Rows of which `list` returns the first ones.
    struct Rows(Vec<(String, Row)>);

    #[async_trait::async_trait]
    impl KeepRows for Rows {
        async fn get(&self, _: &str) -> Result<Option<Row>, RowError> {
            Ok(None)
        }

        async fn put(&self, _: &str, _: &serde_json::Value, _: Precondition) -> Result<Written, RowError> {
            Ok(Written::Done { version: 1 })
        }

        async fn delete(&self, _: &str, version: u64) -> Result<Written, RowError> {
            Ok(Written::Done { version })
        }

        async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError> {
            let found = self.0.iter().filter(|(key, _)| key.starts_with(prefix)).take(most);
            Ok(found.cloned().collect())
        }
    }

    fn audited(run: &str, number: usize) -> (String, Row) {
        let value = json!({
            "run": run, "round": 1, "subject": "o/r#1", "head": "b".repeat(40),
            "vote": { "by": { "name": "ada", "known_by": "github" }, "at_ms": number,
                "ballot": { "verdict": "approved", "content": "c" } },
        });
        (format!("audit/{number:014}-{run}#1-1"), Row { version: 1, value })
    }

    #[test]
    fn the_newest_votes_of_a_long_log_are_found() {
        // The log holds its entries for good, whatever their runs' names.
        let others = (0..10_001).map(|number| audited("no name", number));
        let rows = Rows(others.chain([audited("r-1", 10_001)]).collect());
        let found = block_on(list_audit_of(&rows, &"r-1".parse().unwrap(), QUESTIONS_KEPT_MS)).unwrap();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].run, "r-1");
    }
}
