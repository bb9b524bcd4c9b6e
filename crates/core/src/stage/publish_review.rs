//! PublishReview: one review with its inline comments, and the check's conclusion. Where nothing is published it only
//! settles the report.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::approval::{apply_decision, content_now, find_decision};
use crate::claim;
use crate::gate;
use crate::model::change::Change;
use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::policy::Policy;
use crate::model::report::{GateDecision, Report, RunStatus};
use crate::model::run::{Announcement, Run};
use crate::port::{KeepRows, PublishError, PublishReview, ReadChange, StoreArtifact};
use crate::render::{Inline, check_outcome, review_draft, summary_body};

use super::artifact::find_artifact;
use super::run_header::write_report;
use super::stored_change::missing_change;
use super::withdraw_announcement::undo_if_superseded;
use super::{StageError, find_change_of, read_artifact, write_artifact};

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
    let draft = review_draft(&report, &change, Inline::Comments);
    let drafted = match publish.draft_review(&run.target, &draft).await {
        // Which comment is the bad one is not said: the findings then stand in the body, all of them.
        Err(PublishError::Rejected(_)) if !draft.comments.is_empty() => {
            let draft = review_draft(&report, &change, Inline::Body);
            publish.draft_review(&run.target, &draft).await?
        }
        other => other?,
    };
    if !drafted.is_submitted {
        // Drafting takes a while; what others see is decided by how things stand now.
        let held = fence(&run, &change, read, rows).await;
        undo_if_superseded(held, &run, publish, store).await?;
        publish.submit_review(&run.target, drafted.review).await?;
    }
    publish.summarize(&run.target, &run.run, &summary_body(&report)).await?;
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(&input.run)).await?;
    if let Some(check) = announcement.and_then(|announcement| announcement.check_run) {
        publish.close_check(&run.target, check, &check_outcome(&report)).await?;
    }
    settle(&input.run, true, store).await?;
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

/// Notes that what stands on the pull request is the run's result, published or not: the run that follows leaves it alone.
pub(super) async fn settle(run: &str, published: bool, store: &dyn StoreArtifact) -> Result<(), StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(run)).await?;
    let settled = Announcement {
        settled: true,
        published,
        ..announcement.unwrap_or_default()
    };
    write_artifact(store, &key::announcement(run), &settled).await
}

/// Neither the diff's ends nor the claim may have moved on.
async fn fence(run: &Run, change: &Change, read: &dyn ReadChange, rows: &dyn KeepRows) -> Result<(), StageError> {
    claim::hold(rows, &run.target, &run.run).await?;
    let now = read.current_ends(&run.target).await?;
    claim::check_head(&run.target, &now.head)?;
    claim::check_base(&change.base, now.merge_base.as_ref())
}
