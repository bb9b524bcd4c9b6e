//! The part of a review that is published without an approval, where the gate requires one: at once, in place of a wait,
//! or after nobody has decided.

use crate::model::finding::TrackedState;
use crate::model::report::Report;
use crate::render::{counted, coverage_line, is_or_are};

/// Returns the part of a report that needs no approval: no new gated finding, the published form of one whose severity
/// was raised, and the number of findings that are left out. The walkthrough describes the whole change, so it is left
/// out too.
pub fn below_gate(report: &Report) -> Report {
    let mut public = report.clone();
    public
        .findings
        .retain_mut(|finding| !finding.needs_approval() || finding.restore_published());
    let withheld = report.findings.len() - public.findings.len();
    public.withheld = u64::try_from(withheld).unwrap_or(u64::MAX);
    if report.findings.iter().any(|finding| finding.needs_approval()) {
        public.summary = coverage_line(&public.coverage);
    }
    public
}

/// Returns what is public of a report after a person has rejected what needed an approval: the part below the gate, with
/// the number of the rejected findings, which are dismissed.
pub fn without_rejected(report: &Report) -> Report {
    let mut public = below_gate(report);
    public.withheld = 0;
    let rejected = report.findings.iter().filter(|finding| finding.needs_approval());
    for finding in rejected.filter(|finding| finding.published_form().is_none()) {
        let mut finding = finding.clone();
        if let Some(tracked) = &mut finding.tracked {
            tracked.state = TrackedState::Dismissed;
            public.findings.push(finding);
        }
    }
    public
}

/// Returns the part below the gate, for a run that can't wait for an approval. Notes the number of withheld findings in
/// both.
pub fn withhold(report: &mut Report) -> Report {
    let mut public = below_gate(report);
    report.withheld = public.withheld;
    if public.withheld == 0 {
        return public;
    }
    let note = format!(
        "{} {} withheld from the pull request: the gate requires an approval, and this review doesn't wait for one",
        counted(public.withheld, "finding"),
        is_or_are(public.withheld)
    );
    report.add_note(note);
    public.notes.clone_from(&report.notes);
    public
        .summary
        .push_str(" The output of the command that ran this review has all findings.");
    public
}
