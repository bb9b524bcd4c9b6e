//! The list of runs.

use holdfast_core::model::finding::Severity;
use holdfast_core::model::report::RunStatus;

use super::{Frame, PullRequest};

/// One page of the list.
#[derive(Clone, Debug)]
pub struct RunsView {
    /// The frame of the page.
    pub frame: Frame,
    /// The filter.
    pub filter: RunsFilter,
    /// Repositories in the filter, sorted.
    pub repositories: Vec<String>,
    /// The runs of this page, newest first.
    pub rows: Vec<RunRow>,
    /// Number of runs that match the filter, on all pages.
    pub matching: u64,
    /// Number of runs without a filter.
    pub total: u64,
    /// This page, from 1.
    pub page: u32,
    /// Number of pages, from 1.
    pub pages: u32,
    /// Reviews by day, oldest first, without gaps. If empty, no chart is shown.
    pub days: Vec<DayCount>,
    /// Statuses of these reviews, open ones included; those with 0 may be left out.
    pub statuses: Vec<(RunStatus, u64)>,
}

/// The filter of the list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunsFilter {
    /// Only this status.
    pub status: Option<RunStatus>,
    /// Only this repository, by its full name.
    pub repository: Option<String>,
    /// Only runs whose name, repository, title or head contain this text; empty for all.
    pub text: String,
}

impl RunsFilter {
    /// Returns whether every run matches.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// One run in the list.
#[derive(Clone, Debug)]
pub struct RunRow {
    /// Its name.
    pub run: String,
    /// Its status.
    pub status: RunStatus,
    /// `owner/name`, or the work tree's folder.
    pub repository: String,
    /// The pull request, if there is one.
    pub pull_request: Option<PullRequest>,
    /// The full commit under review.
    pub head: String,
    /// The worst finding's severity.
    pub worst: Option<Severity>,
    /// Number of findings; none before there is a report.
    pub findings: Option<u64>,
    /// In US dollars; none if no price is known.
    pub cost_usd: Option<f64>,
    /// Its start.
    pub started_ms: i64,
    /// Its end; none while it is open.
    pub ended_ms: Option<i64>,
    /// Whether it ended without undoing its effects, so that a person or a sweep has to clean up.
    pub needs_cleaning: bool,
}

/// The runs that started on one day.
#[derive(Clone, Copy, Debug)]
pub struct DayCount {
    /// Any time of this day (UTC), in ms since 1970.
    pub day_ms: i64,
    /// Runs that succeeded.
    pub well: u64,
    /// Runs that haven't ended.
    pub open: u64,
    /// Runs that failed or are partial.
    pub troubled: u64,
}
