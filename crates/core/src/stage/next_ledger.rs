//! The ledger to store at the end of a run: what the pull request shows of the findings that the run has reconciled.

use std::collections::{BTreeMap, BTreeSet};

use crate::approval::Question;
use crate::ledger::{DismissalReason, EntryState, FindingId, Ledger};
use crate::model::finding::{Finding, Severity, TrackedState};
use crate::model::report::Report;
use crate::model::run::Run;
use crate::port::{DraftedReview, PublishReview};

use super::Reconciliation;

/// The published findings whose severity a run raises to the gate's, with the raised severity.
pub(super) type Raised = BTreeMap<FindingId, Severity>;

/// Returns the published findings whose severity a run raises to the gate's.
pub(super) fn raised(report: &Report) -> Raised {
    let raised = report
        .findings
        .iter()
        .filter(|finding| finding.published_form().is_some());
    raised
        .filter_map(|finding| Some((finding.ledger_id()?.clone(), finding.severity)))
        .collect()
}

/// Returns the ledger of a published review: approvers may have dropped or edited new findings, and withheld ones are
/// not published. `question` is the decision about those that needed one; after a rejection `public` has none of them.
pub(super) fn of_published(
    reconciled: &Reconciliation,
    public: &Report,
    raised: &Raised,
    question: Option<&Question>,
) -> Ledger {
    let published: BTreeMap<&FindingId, &Finding> = (public.findings.iter())
        .filter_map(|finding| Some((finding.ledger_id()?, finding)))
        .collect();
    let approver = question.and_then(Question::last_vote).map(|vote| vote.by.name.as_str());
    let states = states(reconciled);
    let mut ledger = reconciled.ledger.clone();
    ledger.entries.retain_mut(|entry| {
        let state = states.get(&entry.id).copied();
        let found = published.get(&entry.id);
        if !state.is_some_and(TrackedState::is_unpublished) {
            match (raised.get(&entry.id), found) {
                (Some(_), Some(finding)) if finding.published_form().is_some() => entry.publish(finding),
                (Some(severity), _) if approver.is_some() => entry.refused = Some(*severity),
                _ => {}
            }
            return true;
        }
        match (found, approver) {
            (Some(finding), _) => entry.publish(finding),
            (None, Some(approver)) => entry.dismiss(approver, DismissalReason::DroppedAtApproval),
            // A withheld finding is new again, or reopened again, in the next run.
            (None, None) if state == Some(TrackedState::New) => return false,
            (None, None) => entry.state = EntryState::Outdated,
        }
        true
    });
    ledger
}

/// Returns the ledger of a whole review that a person rejected. The findings that needed their approval are dismissed, so that
/// the next run doesn't ask again. Everything else stays as the pull request shows it.
pub(super) fn of_rejected(reconciled: &Reconciliation, report: &Report, by: &str) -> Ledger {
    let raised = raised(report);
    let rejected: BTreeSet<&FindingId> = (report.findings.iter())
        .filter(|finding| finding.needs_approval())
        .filter_map(Finding::ledger_id)
        .collect();
    let states = states(reconciled);
    let head = reconciled.ledger.head.clone();
    let mut ledger = reconciled.ledger.clone();
    ledger.entries.retain_mut(|entry| {
        match states.get(&entry.id) {
            _ if raised.contains_key(&entry.id) => entry.refused = raised.get(&entry.id).copied(),
            _ if rejected.contains(&entry.id) => entry.dismiss(by, DismissalReason::DroppedAtApproval),
            Some(TrackedState::New) => return false,
            Some(TrackedState::Reopened) => entry.state = EntryState::Outdated,
            // Its comment doesn't show it yet.
            _ if matches!(&entry.state, EntryState::Fixed { head: ended } | EntryState::Silenced { head: ended } if Some(ended) == head.as_ref()) =>
            {
                entry.state = EntryState::Open;
                entry.touched = true;
            }
            _ => {}
        }
        true
    });
    ledger
}

fn states(reconciled: &Reconciliation) -> BTreeMap<&FindingId, TrackedState> {
    let found = reconciled.found.iter();
    found.map(|tracked| (&tracked.id, tracked.state)).collect()
}

/// Adds the ids of the comments that a review has just published. After a failed read the next run adds them.
pub(super) async fn add_comments(
    ledger: &mut Ledger,
    run: &Run,
    review: Option<&DraftedReview>,
    publish: &dyn PublishReview,
) {
    let Some(review) = review else { return };
    match publish.posted_findings(&run.target, review.review).await {
        Ok(posted) => {
            let posted: BTreeMap<FindingId, u64> = posted.into_iter().collect();
            for entry in &mut ledger.entries {
                entry.comment = posted.get(&entry.id).copied().or(entry.comment);
            }
        }
        Err(error) => tracing::warn!(%error, "the ids of the new comments can't be read: the next run adds them"),
    }
}
