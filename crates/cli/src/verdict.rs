//! The exit status of a review, and the reason for it.

use holdfast_core::model::finding::severity_counts;
use holdfast_core::model::report::{Report, RunStatus, UNLISTED};
use holdfast_core::render::counted;

use crate::cli::FailOn;
use crate::exit::Exit;

/// The exit status of a review, and the reason for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The exit status.
    pub exit: Exit,
    /// The reason, in a few words.
    pub reason: String,
}

impl Verdict {
    /// Decides the exit status: 3 for an incomplete review, whatever its findings; otherwise the findings decide.
    pub fn of(report: &Report, fail_on: FailOn) -> Self {
        let incomplete = |reason: String| Self {
            exit: Exit::Incomplete,
            reason,
        };
        let unreviewed = report.unreviewed().count();
        match report.status {
            RunStatus::Failed => return incomplete("the review failed".to_owned()),
            RunStatus::Superseded => return incomplete("the pull request has a newer commit or run".to_owned()),
            RunStatus::Running => return incomplete("the review is still running".to_owned()),
            RunStatus::Partial if unreviewed == 0 => return incomplete(UNLISTED.to_owned()),
            _ if unreviewed > 0 => {
                return incomplete(format!("{} couldn't be reviewed", counted(unreviewed, "file")));
            }
            _ => {}
        }
        let (exit, reason) = match fail_on.severity() {
            None => (Exit::Clean, "--fail-on none".to_owned()),
            Some(limit) if report.open_severities().any(|severity| severity >= limit) => {
                (Exit::Found, format!("--fail-on {limit}"))
            }
            Some(_) if report.findings.is_empty() => (Exit::Clean, String::new()),
            Some(limit) => (Exit::Clean, format!("nothing at or above --fail-on {limit}")),
        };
        Self { exit, reason }
    }
}

/// Returns the number of findings of each severity, the worst first: `2 high, 1 low`.
pub fn counts(report: &Report) -> String {
    match severity_counts(&report.findings) {
        counts if counts.is_empty() => "no findings".to_owned(),
        counts => counts,
    }
}
