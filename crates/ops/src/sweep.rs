//! Sweeping: cleans up after runs that ended without undoing what they did, delivers decisions that the workflow did
//! not receive, requests missed webhook deliveries again, and deletes expired rows.

use std::collections::BTreeSet;
use std::path::Path;
use std::time::Duration;

use holdfast_core::approval::undelivered_runs;
use holdfast_core::claim;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::settings::Settings;
use holdfast_core::port::{KeepRows, ListFailedRuns};
use holdfast_core::sweep::{MAX_RUNS, Ports, Swept, sweep};
use holdfast_engine::check_free;
use holdfast_stores::sqlite::SqliteKeepRows;

use crate::access::Access;
use crate::deadline::Until;
use crate::deployment::Deployment;
use crate::executions::ArchivedRuns;
use crate::failure::Failure;
use crate::machine::{self, Opened};

/// One sweep's time, the same as on AWS. The next sweep takes what is left.
const SWEEP_TIME: Duration = Duration::from_mins(10);

/// The effects of one or several sweeps.
#[derive(Debug, Default)]
pub struct SweepSummary {
    /// Runs cleaned, runs that still need cleaning, decisions and webhooks delivered.
    pub swept: Swept,
    /// Number of expired rows that were deleted.
    pub deleted_rows: u64,
}

impl SweepSummary {
    /// Adds the effects of another sweep.
    pub fn add(&mut self, other: Self) {
        self.swept.delivered.extend(other.swept.delivered);
        self.swept.cleaned.extend(other.swept.cleaned);
        self.swept.left.extend(other.swept.left);
        self.swept.redelivered += other.swept.redelivered;
        self.deleted_rows += other.deleted_rows;
    }
}

/// Sweeps a data directory. Of its open runs, it resumes only those with a decision to deliver: the others need the
/// settings that they were started with.
///
/// # Errors
/// The data cannot be read.
pub async fn on_machine(data: &Path, settings: &Settings) -> Result<SweepSummary, Failure> {
    let table = SqliteKeepRows::open(data).await.map_err(Failure::usage)?;
    let decided = undelivered_runs(&table).await.map_err(Failure::incomplete)?;
    check_free(data).await.map_err(Failure::of_engine)?;
    if let Some(run) = run_to_write(data, &table, &decided).await? {
        machine::require_account(settings, &format!("the sweep, which has to clean up after run {run},"))?;
    }
    drop(table);
    let opened = machine::open(data, settings, Access::runs(decided)).await?;
    let swept = in_engine(data, &opened).await;
    opened.engine.shutdown().await;
    swept
}

/// Returns a run for which a sweep has to write to a pull request: one with a decision to deliver, or with effects to
/// undo.
async fn run_to_write(
    data: &Path,
    rows: &dyn KeepRows,
    decided: &BTreeSet<RunName>,
) -> Result<Option<RunName>, Failure> {
    if let Some(run) = decided.first() {
        return Ok(Some(run.clone()));
    }
    let runs = ArchivedRuns {
        data: data.to_path_buf(),
    };
    for run in runs.failed_runs(MAX_RUNS).await.map_err(Failure::incomplete)? {
        if claim::needs_cleaning(rows, &run.run)
            .await
            .map_err(Failure::incomplete)?
        {
            return Ok(Some(run.run));
        }
    }
    Ok(None)
}

/// Sweeps a deployment. AWS deletes its expired rows.
///
/// # Errors
/// The data cannot be read.
pub async fn on_deployment(deployment: &dyn Deployment) -> Result<SweepSummary, Failure> {
    let github = deployment.github().await?;
    let ports = Ports {
        runs: deployment.workflow(),
        tasks: deployment.workflow(),
        deliveries: &github.deliveries,
        publish: &github.publish,
        rows: deployment.rows(),
        store: deployment.store(),
        deadline: &Until::after(SWEEP_TIME),
    };
    let swept = sweep(machine::now_ms(), ports).await.map_err(Failure::incomplete)?;
    Ok(SweepSummary { swept, deleted_rows: 0 })
}

/// Sweeps the data directory of an engine that is open.
///
/// # Errors
/// The runs or the table cannot be read.
pub async fn in_engine(data: &Path, opened: &Opened) -> Result<SweepSummary, Failure> {
    let runs = ArchivedRuns {
        data: data.to_path_buf(),
    };
    let stages = &opened.stages;
    let ports = Ports {
        runs: &runs,
        tasks: opened.runs.as_ref(),
        deliveries: opened.deliveries.as_ref(),
        publish: stages.publish.as_ref(),
        rows: stages.rows.as_ref(),
        store: stages.store.as_ref(),
        deadline: &Until::after(SWEEP_TIME),
    };
    let swept = sweep(machine::now_ms(), ports).await.map_err(Failure::incomplete)?;
    let deleted_rows = opened.table.forget_old().await.map_err(Failure::incomplete)?;
    Ok(SweepSummary { swept, deleted_rows })
}
