//! Publication bound to the decision: what is published is the report that the stored decision approves, at its head and its
//! merge base. What the workflow was told in between counts for nothing.

use serde_json::Value;

use crate::artifact::read_artifact;
use crate::error::StageError;
use crate::model::approval::Verdict;
use crate::model::change::Change;
use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::run::Run;
use crate::port::{KeepRows, StoreArtifact};

use super::{Question, newest_question, stored_content};

/// Returns what names the content of a run's report as it is stored now.
///
/// # Errors
///
/// There is no report; what the store returns.
pub async fn content_now(store: &dyn StoreArtifact, run: &str) -> Result<String, StageError> {
    let report: Value = read_artifact(store, &key::report(run)).await?;
    Ok(stored_content(&report))
}

/// Returns the decision that allows a run to publish; none where the gate asks for none. `content` names the report as it is
/// stored now, and `is_gated` tells whether the gate holds it.
///
/// # Errors
///
/// `ApprovalMismatch` where people have to approve, or were asked, and the stored decision doesn't approve exactly this;
/// what the table returns.
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
                "the gate holds the review, and nobody was asked to approve it",
            )),
            false => Ok(None),
        };
    };
    let approval = &question.approval;
    if question.decided != Some(Verdict::Approved) {
        return Err(mismatch(run, "people were asked, and no approval is stored"));
    }
    if approval.target.head() != run.target.head() || approval.target.head() != &change.head {
        return Err(mismatch(run, "it was approved for another commit"));
    }
    if approval.base.as_ref().is_some_and(|base| *base != change.base) {
        return Err(mismatch(run, "it was approved for a diff with another base"));
    }
    if approval.content != content {
        return Err(mismatch(
            run,
            "the stored review is not the one that was approved: it was altered",
        ));
    }
    Ok(Some(question))
}

fn mismatch(run: &Run, what: &str) -> StageError {
    let message = format!("run {}: {what}; nothing is published: start a new review", run.run);
    StageError::new(ErrorName::ApprovalMismatch, message)
}
