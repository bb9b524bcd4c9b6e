//! PublishReview: submits one review with the comments of new findings, writes the summary, shows which earlier findings
//! are fixed, stores the ledger, and concludes the check. In a run that publishes nothing it only returns the report's
//! status. The state PublishUngated calls it for what is below the gate, before or after the request for an approval.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::announcement;
use crate::approval::{apply_decision, content_now, find_decision, newest_question};
use crate::claim;
use crate::gate;
use crate::ledger::{EntryState, FindingMark, Ledger};
use crate::model::change::Change;
use crate::model::error_name::ErrorName;
use crate::model::finding::Finding;
use crate::model::key;
use crate::model::policy::Policy;
use crate::model::report::{GateDecision, Report, RunStatus};
use crate::model::run::{Announcement, GateMode, Run};
use crate::model::run_name::RunName;
use crate::port::{CommentRevision, KeepRows, PublishReview, ReadChange, StoreArtifact};
use crate::pull_ledger;
use crate::render::{Inline, NotPublished, counted, fixed_body, is_or_are, open_body, reopened_body, silenced_body};
use crate::retry::{self, RetrySettings};

use super::escalate_approval::NOBODY_DECIDED;
use super::next_ledger;
use super::run_header::write_report;
use super::stored_change::missing_change;
use super::{Reconciliation, StageError, find_change_of, read_artifact};
use crate::artifact::find_artifact;
use crate::withhold::{below_gate, withhold};

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: RunName,
    /// The part to publish.
    #[serde(default)]
    pub part: Part,
}

/// A part of a review.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// Everything that isn't published yet. If the gate requires an approval, exactly the approved content.
    #[default]
    Whole,
    /// What is below the gate. The rest waits for an approval from now on.
    Ungated,
    /// What is below the gate, after nobody has decided about the rest.
    Undecided,
}

/// The run's end.
#[derive(Debug, Serialize)]
pub struct Output {
    /// The report's status.
    pub status: RunStatus,
    /// GitHub's id of the review; none if it had no comment to show.
    pub review: Option<u64>,
}

/// Publishes the review, or a part of it.
///
/// # Errors
/// The head or the base moved; no stored decision approves this content; GitHub, the table or the store fails.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn publish_review(
    input: &Input,
    retries: &RetrySettings,
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
    if input.part == Part::Ungated && is_past(&input.run, rows, store).await? {
        // A call that wakes up after the workflow went on.
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
    let raised = next_ledger::raised(&report);
    let is_gated = run.gate == GateMode::Wait
        && input.part == Part::Whole
        && (report.gate.decision == GateDecision::RequireApproval
            || report.findings.iter().any(Finding::needs_approval));
    let decision = match input.part {
        Part::Whole => find_decision(rows, &run, &change, &content, is_gated).await,
        Part::Ungated | Part::Undecided => Ok(None),
    };
    let question = match decision {
        Ok(Some(question)) => {
            apply_decision(&question, &mut report);
            Some(question)
        }
        Ok(None) => None,
        // An earlier call completed and stored the report with the approvers' edits, so no decision matches it now.
        Err(error) if error.name == ErrorName::ApprovalMismatch && is_done(&input.run, store).await? => {
            return Ok(Output {
                status: report.status,
                review: None,
            });
        }
        Err(error) => return Err(error),
    };
    let reconciled: Option<Reconciliation> = find_artifact(store, &key::reconciled(&input.run)).await?;
    let public = match (run.gate, input.part) {
        (GateMode::Withhold, _) => Cow::Owned(withhold(&mut report)),
        (GateMode::Wait | GateMode::Off, Part::Whole) => Cow::Borrowed(&report),
        (GateMode::Wait | GateMode::Off, Part::Ungated | Part::Undecided) => Cow::Owned(Report {
            is_undecided: input.part == Part::Undecided,
            ..below_gate(&report)
        }),
    };
    let is_approved_part = question
        .as_ref()
        .is_some_and(|question| question.approval.rest_is_published);
    let ledger = reconciled
        .as_ref()
        .map(|reconciled| next_ledger::of_published(reconciled, &public, &raised, question.as_ref()));
    if input.part != Part::Whole {
        announcement::note_parts(&run.run, Inline::Comments, store).await?;
    }
    let (drafted, without_comment, inline) =
        announcement::draft(&run, &public, &change, ledger.as_ref(), is_approved_part, publish).await?;
    if input.part != Part::Whole && inline == Inline::Nowhere {
        announcement::note_parts(&run.run, inline, store).await?;
    }
    // Drafting takes a while: check again before others see the review. Others have seen a submitted one: a head that
    // moved since doesn't matter, and a newer run does.
    let held = match drafted {
        Some(drafted) if drafted.is_submitted => claim::hold(rows, &run.target, &run.run).await,
        _ => fence(&run, &change, read, rows).await,
    };
    announcement::withdraw_if_superseded(held, &run, publish, rows, store).await?;
    if let Some(drafted) = drafted.as_ref().filter(|drafted| !drafted.is_submitted) {
        publish.submit_review(&run.target, drafted.review).await?;
    }
    announcement::summarize(&run, &public, &without_comment, publish).await?;
    if let (Some(reconciled), Some(mut ledger)) = (&reconciled, ledger) {
        claim::hold(rows, &run.target, &run.run).await?;
        revise(&run, reconciled, &ledger, &public, is_approved_part, publish).await?;
        next_ledger::add_comments(&mut ledger, &run, drafted.as_ref(), publish).await;
        claim::hold(rows, &run.target, &run.run).await?;
        pull_ledger::write(rows, store, &run.target, &run.run, is_approved_part, &ledger).await?;
    }
    let output = |status| Output {
        status,
        review: drafted.map(|drafted| drafted.review),
    };
    match input.part {
        Part::Whole => announcement::conclude(&run, &public, publish, store).await?,
        Part::Ungated => return Ok(output(report.status)),
        Part::Undecided => {
            report.withheld = public.withheld;
            let waiting = report.waiting();
            announcement::discard(&run, NotPublished::Expired, Some(waiting), None, publish, rows, store).await?;
            let (findings, are) = (counted(waiting, "finding"), is_or_are(waiting));
            report.add_note(format!("{findings} {are} not published: {NOBODY_DECIDED}"));
        }
    }
    // A published partial review stays partial: the status never hides unreviewed files.
    if report.status == RunStatus::Reviewed {
        report.status = RunStatus::Published;
    }
    write_report(&input.run, &report, store).await?;
    if input.part == Part::Whole
        && let Some(awaits) = retry::awaited(&report)
    {
        retry::record(rows, &run, awaits, retries).await?;
    }
    Ok(output(report.status))
}

/// Returns whether the rest was asked about already, or the run has ended.
async fn is_past(run: &RunName, rows: &dyn KeepRows, store: &dyn StoreArtifact) -> Result<bool, StageError> {
    Ok(announcement::is_settled(run, store).await? || newest_question(rows, run).await?.is_some())
}

/// Shows the new state of earlier findings in their comments.
async fn revise(
    run: &Run,
    reconciled: &Reconciliation,
    ledger: &Ledger,
    report: &Report,
    is_approved_part: bool,
    publish: &dyn PublishReview,
) -> Result<(), StageError> {
    let mut may_resolve = true;
    for revision in &reconciled.revisions {
        let Some(entry) = ledger.entry(&revision.id) else {
            continue;
        };
        let is_it = |finding: &&Finding| finding.ledger_id() == Some(&revision.id);
        let found = report.findings.iter().find(is_it);
        if is_approved_part && !found.is_some_and(Finding::needs_approval) {
            continue;
        }
        let body = match found {
            _ if revision.is_fixed => fixed_body(entry, run.target.head()),
            _ if revision.is_silenced => silenced_body(entry, run.target.head()),
            // Nobody has approved its raised severity.
            found if revision.is_raised && found.is_none_or(|finding| finding.published_form().is_none()) => continue,
            // It is withheld, or left the change since.
            _ if entry.state != EntryState::Open => continue,
            Some(finding) => reopened_body(finding, report),
            None => open_body(entry),
        };
        let revision = CommentRevision {
            comment: revision.comment,
            node: revision.node.clone(),
            body,
            finding: FindingMark::new(entry, run.target.head()),
            is_minimized: revision.is_fixed || revision.is_silenced,
        };
        let revised = publish.revise_comment(&run.target, &revision).await;
        announcement::may_be_refused(revised.map_err(StageError::from))?;
        if let Some(thread) = entry.thread.as_ref().filter(|_| may_resolve) {
            may_resolve = resolve(run, thread, revision.is_minimized, publish).await;
        }
    }
    Ok(())
}

/// Resolves the thread of a fixed or silenced finding, or opens that of one that is there again. Returns false if further attempts
/// would fail too: a comment that shows the state is enough.
async fn resolve(run: &Run, thread: &str, is_resolved: bool, publish: &dyn PublishReview) -> bool {
    let resolved = publish.resolve_thread(&run.target, thread, is_resolved).await;
    resolved.unwrap_or_else(|error| {
        tracing::warn!(%error, "the threads of fixed findings stay unresolved");
        false
    })
}

/// Returns true if the run's review was submitted and its comment and check are settled.
async fn is_done(run: &RunName, store: &dyn StoreArtifact) -> Result<bool, StageError> {
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(run)).await?;
    Ok(announcement.is_some_and(|announcement| announcement.settled && announcement.published))
}

/// Fails if the head, the merge base or the claim has changed since the run started.
async fn fence(run: &Run, change: &Change, read: &dyn ReadChange, rows: &dyn KeepRows) -> Result<(), StageError> {
    claim::hold(rows, &run.target, &run.run).await?;
    let now = read.current_ends(&run.target).await?;
    claim::check_head(&run.target, &now.head)?;
    claim::check_base(&change.base, now.merge_base.as_ref())
}
