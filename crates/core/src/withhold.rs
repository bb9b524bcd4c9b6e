//! The part of a review that is published where the gate requires an approval and the run can't wait for it.

use crate::model::report::Report;
use crate::render::{counted, coverage_line, is_or_are};

/// Returns the part of a report that is published without an approval: no new gated finding, and a summary that names
/// none. The walkthrough describes the whole change, so it is left out. Sets the number of withheld findings in both.
pub fn withhold(report: &mut Report) -> Report {
    let gated = report
        .findings
        .iter()
        .filter(|finding| finding.needs_approval())
        .count();
    report.withheld = u64::try_from(gated).unwrap_or(u64::MAX);
    if gated == 0 {
        return report.clone();
    }
    let note = format!(
        "{} {} withheld from the pull request: the gate requires an approval, and this review doesn't wait for one",
        counted(gated, "finding"),
        is_or_are(gated)
    );
    if !report.notes.contains(&note) {
        report.notes.push(note);
    }
    let mut public = report.clone();
    public.findings.retain(|finding| !finding.needs_approval());
    public.summary = format!(
        "{} The output of the command that ran this review has all findings.",
        coverage_line(&public.coverage)
    );
    public
}
