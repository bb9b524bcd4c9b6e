//! The gate: decides which findings require a person's approval before publication, and which ones the pull request
//! shows next to their lines. All findings count, including those that are folded afterwards.

use crate::model::finding::{Finding, TrackedState};
use crate::model::policy::{InvalidPolicy, Policy};
use crate::model::report::{EarlierFinding, EarlierState, Gate, GateDecision};

/// Decides on all findings, marks those that the gate holds, and folds the new ones beyond `max_findings`. Gated findings
/// are folded last; otherwise the given order counts. A finding that is published already needs no approval again.
///
/// # Errors
///
/// A bad glob in the policy.
pub fn decide(findings: &mut [Finding], policy: &Policy) -> Result<Gate, InvalidPolicy> {
    mark(findings, policy)?;
    let shown = usize::try_from(policy.max_findings).unwrap_or(usize::MAX);
    let is_gated: Vec<bool> = findings.iter().map(|finding| finding.gated).collect();
    let mut order: Vec<usize> = (0..findings.len())
        .filter(|index| findings[*index].is_unpublished())
        .collect();
    order.sort_by_key(|index| !is_gated[*index]);
    for (place, index) in order.into_iter().enumerate() {
        findings[index].folded = place >= shown;
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
/// finding that a person dismissed.
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
        finding.gated |= finding.severity >= policy.gate.severity_of(&finding.path, globs);
    }
    Ok(())
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
