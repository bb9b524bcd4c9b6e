//! Binds publication to the decision: only the report that the stored decision approves is published, at its head and
//! its merge base. The answer that the workflow received doesn't count.

use serde_json::Value;

use crate::artifact::read_artifact;
use crate::error::StageError;
use crate::model::approval::Verdict;
use crate::model::change::Change;
use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::port::{KeepRows, StoreArtifact};

use super::{Question, newest_question, stored_content};

/// Returns the digest of a run's report in its stored state.
///
/// # Errors
///
/// The report is missing; the store fails.
pub async fn content_now(store: &dyn StoreArtifact, run: &RunName) -> Result<String, StageError> {
    let report: Value = read_artifact(store, &key::report(run)).await?;
    Ok(stored_content(&report))
}

/// Returns the decision that allows a run to publish; none where the gate requires none. `content` is the digest of the
/// stored report; `is_gated` is whether the gate holds it.
///
/// # Errors
///
/// `ApprovalMismatch` where approval is required or a question exists, and the stored decision doesn't approve exactly
/// this report; the table fails.
pub async fn find_decision(
    rows: &dyn KeepRows,
    run: &Run,
    change: &Change,
    content: &str,
    is_gated: bool,
) -> Result<Option<Question>, StageError> {
    let Some(question) = newest_question(rows, &run.run).await? else {
        return match is_gated {
            true => Err(mismatch(
                run,
                "the gate holds the review, and no approval was requested",
            )),
            false => Ok(None),
        };
    };
    let approval = &question.approval;
    if question.decided != Some(Verdict::Approved) {
        return Err(mismatch(run, "approval was requested, and none is stored"));
    }
    if approval.target.head() != run.target.head() || approval.target.head() != &change.head {
        return Err(mismatch(run, "it was approved for another commit"));
    }
    if approval.base.as_ref().is_some_and(|base| *base != change.base) {
        return Err(mismatch(run, "it was approved for a diff with another base"));
    }
    if approval.content != content {
        return Err(mismatch(run, "the stored review was altered after the approval"));
    }
    Ok(Some(question))
}

fn mismatch(run: &Run, what: &str) -> StageError {
    let message = format!("run {}: {what}; nothing is published: start a new review", run.run);
    StageError::new(ErrorName::ApprovalMismatch, message)
}
