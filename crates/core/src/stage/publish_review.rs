//! PublishReview: one review with its inline comments, and the check's conclusion. Where nothing is published it only
//! settles the report.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::announcement;
use crate::approval::{apply_decision, content_now, find_decision};
use crate::claim;
use crate::gate;
use crate::model::change::Change;
use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::policy::Policy;
use crate::model::report::{GateDecision, Report, RunStatus};
use crate::model::run::{Announcement, Run};
use crate::port::{KeepRows, PublishReview, ReadChange, StoreArtifact};

use super::run_header::write_report;
use super::stored_change::missing_change;
use super::{StageError, find_change_of, read_artifact};
use crate::artifact::find_artifact;

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: String,
}

/// How it ended.
#[derive(Debug, Serialize)]
pub struct Output {
    /// The report's status.
    pub status: RunStatus,
    /// GitHub's id of the review, when published.
    pub review: Option<u64>,
}

/// Publishes what was approved, where the gate asks for that. Errors: the head or the base moved; no stored decision approves exactly
/// this; what reading, writing and the store say.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn publish_review(
    input: &Input,
    read: &dyn ReadChange,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    let mut report: Report = read_artifact(store, &key::report(&input.run)).await?;
    if !run.publish {
        return Ok(Output {
            status: report.status,
            review: None,
        });
    }
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
    let change = find_change_of(&input.run, &found, store)
        .await?
        .ok_or_else(|| missing_change(&input.run))?;
    fence(&run, &change, read, rows).await?;
    let policy: Policy = read_artifact(store, &key::policy(&input.run)).await?;
    let content = content_now(store, &input.run).await?;
    // A report of an earlier version has no marks yet.
    gate::mark(&mut report.findings, &policy)?;
    let is_gated =
        report.gate.decision == GateDecision::RequireApproval || report.findings.iter().any(|finding| finding.gated);
    match find_decision(rows, &run, &change, &content, is_gated).await {
        Ok(Some(question)) => apply_decision(&question, &mut report),
        Ok(None) => {}
        // The last thing that a call does is to store the report as it was published: another call has nothing left to do.
        Err(error) if error.name == ErrorName::ApprovalMismatch && is_done(&input.run, store).await? => {
            return Ok(Output {
                status: report.status,
                review: None,
            });
        }
        Err(error) => return Err(error),
    }
    let drafted = announcement::draft(&run, &report, &change, publish).await?;
    if !drafted.is_submitted {
        // Drafting takes a while; what others see is decided by how things stand now.
        let held = fence(&run, &change, read, rows).await;
        announcement::withdraw_if_superseded(held, &run, publish, store).await?;
        publish.submit_review(&run.target, drafted.review).await?;
    }
    announcement::conclude(&run, &report, publish, store).await?;
    // A partial review that is published stays partial: the status never hides what was not read.
    if report.status == RunStatus::Reviewed {
        report.status = RunStatus::Published;
    }
    write_report(&input.run, &report, store).await?;
    Ok(Output {
        status: report.status,
        review: Some(drafted.review),
    })
}

/// Whether the run's review was submitted, with all that belongs to it.
async fn is_done(run: &str, store: &dyn StoreArtifact) -> Result<bool, StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(run)).await?;
    Ok(announcement.is_some_and(|announcement| announcement.settled && announcement.published))
}

/// Neither the diff's ends nor the claim may have moved on.
async fn fence(run: &Run, change: &Change, read: &dyn ReadChange, rows: &dyn KeepRows) -> Result<(), StageError> {
    claim::hold(rows, &run.target, &run.run).await?;
    let now = read.current_ends(&run.target).await?;
    claim::check_head(&run.target, &now.head)?;
    claim::check_base(&change.base, now.merge_base.as_ref())
}
