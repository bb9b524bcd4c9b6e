//! Counts an ended run from its execution, its report and its units.

use std::path::Path;

use holdfast_core::model::finding::Finding;
use holdfast_core::model::key;
use holdfast_core::model::report::{EarlierState, Outcome, Report, RunStatus};
use holdfast_core::model::run_name::RunName;
use holdfast_core::stage::{PullState, Reconciliation};
use holdfast_engine::ExecutionStatus;
use serde_json::Value;

use super::registry::Metrics;
use super::table;
use super::units::{self, ModelCalls};
use crate::failure::Failure;
use crate::run_log;
use crate::run_summary::{LocalRuns, ReadRuns, RunSummary, read_json, read_report, wall_ms};

/// An ended run.
struct EndedRun {
    summary: RunSummary,
    report: Option<Report>,
    calls: ModelCalls,
    /// Number of published findings that people dismissed since the earlier review.
    dismissed: usize,
}

/// Counts a run that ended, and logs it.
///
/// # Errors
/// It can't be read.
pub async fn count(metrics: &Metrics, data: &Path, run: &RunName) -> Result<(), Failure> {
    let runs = LocalRuns::with_rows(data, None)?;
    let summary = runs.read(run).await?;
    let report = read_report(&summary, runs.store()).await?;
    run_log::log_end(&summary, report.as_ref());
    let mut ended = EndedRun {
        calls: units::read(&runs, &summary).await?,
        summary,
        report,
        dismissed: 0,
    };
    if ended.is_published() {
        ended.dismissed = dismissed(&runs, run).await?;
    }
    ended.count(metrics);
    Ok(())
}

async fn dismissed(runs: &LocalRuns, run: &RunName) -> Result<usize, Failure> {
    let before: Option<PullState> = read_json(runs.store(), &key::pull_state(run)).await?;
    let after: Option<Reconciliation> = read_json(runs.store(), &key::reconciled(run)).await?;
    Ok(match (before, after) {
        (Some(before), Some(after)) => before.new_dismissals(&after.ledger),
        _ => 0,
    })
}

impl EndedRun {
    /// Returns whether its review is on the pull request. A partial one stays partial.
    fn is_published(&self) -> bool {
        self.summary.publishes()
            && self.summary.row.status == ExecutionStatus::Succeeded
            && !matches!(self.summary.status, RunStatus::Rejected | RunStatus::Superseded)
    }

    fn count(&self, metrics: &Metrics) {
        metrics.increment(&table::RUNS_ENDED, &[self.summary.status.as_str()]);
        metrics.observe(&table::RUN_DURATION, &[], wall_ms(&self.summary.row) as f64 / 1000.0);
        self.calls.count(metrics);
        let Some(report) = &self.report else { return };
        for entry in &report.coverage {
            metrics.increment(&table::FILES, &[entry.outcome.as_str()]);
            if entry.outcome == Outcome::Unreviewed {
                let word = entry.failure.map(|failure| serde_json::json!(failure));
                let word = word.as_ref().and_then(Value::as_str).unwrap_or("other");
                metrics.increment(&table::FILES_UNREVIEWED, &[word]);
            }
        }
        for finding in &report.findings {
            metrics.increment(&table::FINDINGS, &[finding.severity.as_str()]);
        }
        let number = |of: &dyn Fn(&Finding) -> bool| report.findings.iter().filter(|finding| of(finding)).count();
        let outcomes = match self.summary.status {
            RunStatus::Rejected => vec![("rejected", number(&Finding::needs_approval))],
            _ if self.is_published() => {
                let withheld = usize::try_from(report.withheld).unwrap_or(usize::MAX);
                let fixed = report
                    .earlier
                    .iter()
                    .filter(|finding| finding.state == EarlierState::Fixed);
                vec![
                    ("published", number(&Finding::is_unpublished).saturating_sub(withheld)),
                    ("fixed", fixed.count()),
                    ("dismissed", self.dismissed),
                ]
            }
            _ => Vec::new(),
        };
        for (outcome, number) in outcomes {
            metrics.add(&table::FINDING_OUTCOMES, &[outcome], number as f64);
        }
    }
}
