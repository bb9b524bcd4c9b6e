//! The gate: decides which findings require a person's approval before publication, and which ones the pull request
//! shows next to their lines. All findings count, including those that are folded afterwards.

use crate::ledger::Entry;
use crate::model::finding::{Finding, PublishedForm, Severity, Tracked, TrackedState};
use crate::model::policy::{InvalidPolicy, Policy};
use crate::model::report::{EarlierFinding, EarlierState, Gate, GateDecision};

/// Decides on all findings, marks those that the gate holds, and folds the new ones that get no comment: those below
/// `comments.min_severity` and those beyond `comments.max`. Of the latter, gated findings are folded last; otherwise the
/// given order counts. A finding that is published already needs no approval again, unless its severity was raised to
/// the gate's, and keeps its comment.
///
/// # Errors
///
/// A bad glob in the policy.
pub fn decide(findings: &mut [Finding], policy: &Policy) -> Result<Gate, InvalidPolicy> {
    mark(findings, policy)?;
    let mut new: Vec<&mut Finding> = (findings.iter_mut())
        .filter(|finding| finding.state() == TrackedState::New)
        .collect();
    new.sort_by_key(|finding| !finding.gated);
    let mut left = policy.max_comments();
    for finding in new {
        let is_shown = left > 0 && finding.severity >= policy.comments.min_severity;
        finding.folded = !is_shown;
        left -= u32::from(is_shown);
    }
    Ok(Gate {
        decision: match findings.iter().any(Finding::needs_approval) {
            true => GateDecision::RequireApproval,
            false => GateDecision::Publish,
        },
        worst: findings.iter().map(|finding| finding.severity).max(),
    })
}

/// Marks the findings that the gate holds, each by the severity for its path. A mark is never removed. The gate holds no
/// finding that a person dismissed, and none of a rule that is only worth a line.
///
/// # Errors
///
/// A bad glob in the policy.
pub fn mark(findings: &mut [Finding], policy: &Policy) -> Result<(), InvalidPolicy> {
    let globs = policy.globs()?;
    for finding in findings
        .iter_mut()
        .filter(|finding| finding.state() != TrackedState::Dismissed)
    {
        let is_note = finding.source.rule().is_some() && finding.severity <= Severity::Low;
        finding.gated |= !is_note && finding.severity >= policy.gate.severity_of(&finding.path, globs);
    }
    Ok(())
}

/// Returns the published form of a finding that is open on the pull request below the gate's severity, if this run raises
/// it to the gate's.
///
/// # Errors
///
/// A bad glob in the policy.
pub fn raised(
    finding: &Finding,
    tracked: &Tracked,
    entry: &Entry,
    policy: &Policy,
) -> Result<Option<PublishedForm>, InvalidPolicy> {
    let gate = policy.gate.severity_of(&finding.path, policy.globs()?);
    let is_raised = tracked.state == TrackedState::Open && entry.severity < gate && gate <= finding.severity;
    Ok(entry.if_raised_to(finding.severity).filter(|_| is_raised))
}

/// Marks the earlier findings that are open and at or above the gate's severity.
///
/// # Errors
///
/// A bad glob in the policy.
pub fn mark_earlier(earlier: &mut [EarlierFinding], policy: &Policy) -> Result<(), InvalidPolicy> {
    let globs = policy.globs()?;
    for finding in earlier.iter_mut().filter(|finding| finding.state == EarlierState::Open) {
        finding.gated = finding.severity >= policy.gate.severity_of(&finding.path, globs);
    }
    Ok(())
}

/// Returns the findings in the order for a short list: gated, then shown, then folded ones.
pub fn by_weight(findings: &[Finding]) -> Vec<&Finding> {
    let mut all: Vec<&Finding> = findings.iter().collect();
    all.sort_by_key(|finding| (!finding.gated, finding.folded));
    all
}
