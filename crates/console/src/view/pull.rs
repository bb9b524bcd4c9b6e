//! Data of a pull request's page.

use holdfast_core::ledger::Ledger;
use holdfast_core::model::report::Usage;

use super::{Frame, PullRequest, RunRow};

/// The data of a pull request's page.
#[derive(Clone, Debug)]
pub struct PullView {
    /// The frame of the page.
    pub frame: Frame,
    /// `owner/name`, as the newest run knows it.
    pub repository: String,
    /// The pull request.
    pub pull_request: PullRequest,
    /// The author's login, where known.
    pub author: Option<String>,
    /// Its runs, newest first.
    pub runs: Vec<RunRow>,
    /// The usage of all runs that have a report.
    pub usage: Usage,
    /// The number of runs without a report, which `usage` leaves out.
    pub uncounted_runs: u64,
    /// Its findings.
    pub ledger: Ledger,
}
