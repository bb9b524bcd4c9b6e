//! The list of runs.

use holdfast_core::model::finding::Severity;
use holdfast_core::model::report::RunStatus;

use super::{Frame, PullRequest};

/// One page of the list.
#[derive(Clone, Debug)]
pub struct RunsView {
    /// Around it.
    pub frame: Frame,
    /// What was asked for.
    pub filter: RunsFilter,
    /// Repositories to choose from, sorted.
    pub repositories: Vec<String>,
    /// The runs of this page, newest first.
    pub rows: Vec<RunRow>,
    /// How many runs the filter lets through, on all pages.
    pub matching: u64,
    /// How many runs there are without a filter.
    pub total: u64,
    /// This page, from 1.
    pub page: u32,
    /// How many pages there are, from 1.
    pub pages: u32,
    /// Reviews by day, oldest first, without gaps; empty: no picture.
    pub days: Vec<DayCount>,
    /// How the runs of those days stand; those with 0 may be left out.
    pub ended: Vec<(RunStatus, u64)>,
}

/// What the list is filtered by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunsFilter {
    /// Only this status.
    pub status: Option<RunStatus>,
    /// Only this repository, by its whole name.
    pub repository: Option<String>,
    /// Only runs whose name, repository, title or head hold this; empty for all.
    pub text: String,
}

impl RunsFilter {
    /// Whether it lets everything through.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One run in the list.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Its name.
    pub run: String,
    /// How it stands.
    pub status: RunStatus,
    /// `owner/name`, or the work tree's folder.
    pub repository: String,
    /// The pull request, if it is one.
    pub pull_request: Option<PullRequest>,
    /// The commit that is reviewed, in full.
    pub head: String,
    /// The worst finding's severity.
    pub worst: Option<Severity>,
    /// How many findings; none while that is not known.
    pub findings: Option<u64>,
    /// In US dollars; none where no price is known.
    pub cost_usd: Option<f64>,
    /// When it began.
    pub started_ms: i64,
    /// When it ended; none while it is open.
    pub ended_ms: Option<i64>,
    /// Whether it could not undo what it did, so that a person has to.
    pub needs_cleaning: bool,
}

/// The runs that began on one day.
#[derive(Clone, Copy, Debug)]
pub struct DayCount {
    /// Any moment of the day (UTC).
    pub day_ms: i64,
    /// Runs that ended as they should, or are still open.
    pub well: u64,
    /// Runs that failed, or reviewed only a part.
    pub troubled: u64,
}
