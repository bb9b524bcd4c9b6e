//! DiscardReview: ends a review that a person rejected or nobody answered for. It shows that on the pull request and
//! publishes nothing else; what is published already stays. The ledger remembers the findings that a person rejected.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::announcement;
use crate::approval::{Question, newest_question};
use crate::artifact::find_artifact;
use crate::claim;
use crate::model::approval::Verdict;
use crate::model::key;
use crate::model::report::{Report, RunStatus};
use crate::model::run::{Announcement, Run};
use crate::model::run_name::RunName;
use crate::port::{KeepRows, PublishReview, StoreArtifact};
use crate::pull_ledger;
use crate::render::{Inline, NotPublished, review_of, summary_body};
use crate::withhold::{below_gate, without_rejected};

use super::escalate_approval::NOBODY_DECIDED;
use super::next_ledger;
use super::run_header::write_report;
use super::stored_change::missing_change;
use super::{Reconciliation, StageError, find_change_of, read_artifact};

/// The run and the reason.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: RunName,
    /// The person's reason, or that nobody answered.
    pub reason: Option<String>,
}

/// The run's end.
#[derive(Debug, Serialize)]
pub struct Output {
    /// `rejected`.
    pub status: RunStatus,
}

/// Shows on the pull request that the review is not published, and marks the report as rejected.
///
/// # Errors
/// A newer run has taken over; GitHub, the table or the store fails; an artifact is missing or has another shape.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn discard_review(
    input: &Input,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    let run: Run = read_artifact(store, &key::run(&input.run)).await?;
    let mut report: Report = read_artifact(store, &key::report(&input.run)).await?;
    let reason = input.reason.as_deref().unwrap_or_default().trim();
    let question = newest_question(rows, &input.run).await?;
    let vote = question.as_ref().and_then(Question::last_vote);
    let rejected = vote.filter(|vote| vote.ballot.verdict == Verdict::Rejected);
    let why = match rejected {
        None if reason == NOBODY_DECIDED => NotPublished::Expired,
        rejected => NotPublished::Rejected {
            by: rejected.map(|vote| &vote.by),
            reason,
        },
    };
    let rest_is_published = question
        .as_ref()
        .is_some_and(|question| question.approval.rest_is_published);
    let findings = rest_is_published.then(|| report.waiting());
    let note = match why {
        NotPublished::Expired => format!("not published: {NOBODY_DECIDED}"),
        NotPublished::Rejected { .. } if reason.is_empty() => "rejected: no reason was given".to_owned(),
        NotPublished::Rejected { .. } => format!("rejected: {reason}"),
    };
    let summary = match rejected {
        Some(_) if rest_is_published => Some(summary_of_rest(&run, &report, &note, store).await?),
        _ => None,
    };
    announcement::discard(&run, why, findings, summary.as_deref(), publish, rows, store).await?;
    let reconciled: Option<Reconciliation> = find_artifact(store, &key::reconciled(&input.run)).await?;
    if let (Some(reconciled), Some(vote)) = (&reconciled, rejected) {
        let ledger = match rest_is_published {
            true => next_ledger::of_published(
                reconciled,
                &below_gate(&report),
                &next_ledger::raised(&report),
                question.as_ref(),
            ),
            false => next_ledger::of_rejected(reconciled, &report, &vote.by.name),
        };
        claim::hold(rows, &run.target, &run.run).await?;
        pull_ledger::write(rows, store, &run.target, &run.run, rest_is_published, &ledger).await?;
    }
    report.status = RunStatus::Rejected;
    report.add_note(note);
    write_report(&input.run, &report, store).await?;
    Ok(Output {
        status: RunStatus::Rejected,
    })
}

/// Returns the summary of the part that is published: no finding waits any more. The state above it has the reason, so
/// `note`, which an earlier call may have stored, is left out.
async fn summary_of_rest(
    run: &Run,
    report: &Report,
    note: &str,
    store: &dyn StoreArtifact,
) -> Result<String, StageError> {
    let found: BTreeSet<&str> = report.findings.iter().map(|finding| finding.path.as_str()).collect();
    let change = find_change_of(&run.run, &found, store).await?;
    let change = change.ok_or_else(|| missing_change(&run.run))?;
    let announcement: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
    let inline = match announcement.is_some_and(|announcement| announcement.uncommented) {
        true => Inline::Nowhere,
        false => Inline::Comments,
    };
    let mut public = without_rejected(report);
    public.notes.retain(|stored| stored != note);
    let without_comment = review_of(&public, &change, inline, None).without_comment;
    Ok(summary_body(&public, &without_comment))
}
