//! Redriving a review that failed or stayed partial: by a person's command, or by itself once an outage is over. The failed run's effects on the pull request are undone by then,
//! so the review continues as its next attempt: it is announced again and reuses every model answer that was paid for.

use std::path::Path;
use std::time::Duration;

use holdfast_core::model::report::RunStatus;
use holdfast_core::model::run::Run;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{ReadPull, StartedRun};
use holdfast_core::redrive::{self, Ports, Redriven};
use serde_json::json;

use crate::attempt::{self, Choice};
use crate::deadline::Until;
use crate::deployment::Deployment;
use crate::failure::Failure;
use crate::find_run;
use crate::machine::{self, Opened};
use crate::run_summary::{MAX_RUNS, RunSummary};
use crate::workflow;
use holdfast_engine::{Archive, Engine};

/// Time limit of one look for runs to retry.
const DUE_TIME: Duration = Duration::from_mins(10);

/// Starts the next attempt of each run of an open engine that an outage or a limit ended and whose outage is over.
///
/// # Errors
/// The table or the store can't be read.
pub async fn start_due(opened: &Opened, pulls: &dyn ReadPull) -> Result<Redriven, Failure> {
    let stages = &opened.stages;
    let (rows, store) = (stages.rows.as_ref(), stages.store.as_ref());
    let deadline = &Until::after(DUE_TIME);
    let is_off = stages.retries.within_ms.is_none();
    if !is_off {
        redrive::try_models(stages.model.as_ref(), rows, store, deadline, machine::now_ms())
            .await
            .map_err(Failure::incomplete)?;
    }
    let ports = Ports {
        pulls,
        publish: stages.publish.as_ref(),
        runs: opened.runs.as_ref(),
        rows,
        store,
        deadline,
        now_ms: machine::now_ms(),
        is_off,
    };
    redrive::start_due(ports).await.map_err(Failure::incomplete)
}

/// Returns whether a run can be redriven: it has ended, failed or partial. A run without its artifacts may have
/// published.
pub fn is_redrivable(record: &RunSummary) -> bool {
    !record.lacks_artifacts
        && record.row.status.is_final()
        && matches!(record.status, RunStatus::Failed | RunStatus::Partial)
}

/// The attempt that continues a review.
enum Next {
    /// An attempt that is running already.
    Open(RunName),
    /// A new attempt.
    Begin(Box<Run>),
}

/// Starts the next attempt of a run that failed or stayed partial, unless it is running already; returns its name.
///
/// # Errors
/// The run is in flight or complete; the attempt cannot be started.
pub async fn start_next(data: &Path, engine: &Engine, record: RunSummary) -> Result<RunName, Failure> {
    let existing = Archive::open(data)
        .and_then(|archive| archive.executions(MAX_RUNS))
        .map_err(Failure::incomplete)?;
    let existing = existing.iter().map(|row| (row.name.as_str(), !row.status.is_final()));
    let run = match next(record, existing)? {
        Next::Open(name) => return Ok(name),
        Next::Begin(run) => run,
    };
    engine
        .start(run.run.as_str(), workflow::definition(), json!(run))
        .await
        .map_err(Failure::incomplete)?;
    Ok(run.run)
}

/// Starts the next attempt of a run of a deployment; returns the run's whole name and the attempt's. It does not wait
/// for the review's end.
///
/// # Errors
/// There is no such run; it is in flight or complete; the attempt cannot be started.
pub async fn on_deployment(deployment: &dyn Deployment, beginning: &str) -> Result<(RunName, RunName), Failure> {
    let name = find_run::find_name(deployment, beginning).await?;
    let record = deployment.read(&name).await?;
    let found = deployment.runs_in_flight().await?;
    let existing = found.iter().map(|(name, is_in_flight)| (name.as_str(), *is_in_flight));
    let attempt = match next(record, existing)? {
        Next::Open(open) => open,
        Next::Begin(run) => {
            let started = deployment.workflow().start_run(&run).await;
            let started = started.map_err(Failure::incomplete)?;
            // AWS's list lags behind: this attempt exists and has ended.
            if started == StartedRun::Ended {
                return Err(Failure::usage(format!(
                    "run {} has already ended: redrive that run, if it is failed or partial",
                    run.run
                )));
            }
            run.run
        }
    };
    Ok((name, attempt))
}

/// Refuses a run that can't be redriven.
///
/// # Errors
/// The run is in flight or complete.
pub fn check(record: &RunSummary) -> Result<(), Failure> {
    if is_redrivable(record) {
        return Ok(());
    }
    let remedy = match record.row.status.is_final() {
        true if record.lacks_artifacts => " (its artifacts are missing here)",
        true => "",
        false => ". If its process was stopped, start the same holdfast review again: it resumes the run",
    };
    Err(Failure::usage(format!(
        "run {} is {}: only a failed or a partial run can be redriven{remedy}",
        record.run,
        record.status.as_str()
    )))
}

fn next<'a>(record: RunSummary, existing: impl Iterator<Item = (&'a str, bool)>) -> Result<Next, Failure> {
    check(&record)?;
    let name = record.run;
    let before: Run = serde_json::from_value(record.row.input).map_err(|error| {
        Failure::usage(format!(
            "run {name} cannot be redriven with this version: its input has another shape: {error}"
        ))
    })?;
    Ok(match attempt::choose(name.stem(), existing) {
        Choice::Resume(open) => Next::Open(open),
        Choice::Start { attempt, .. } => {
            let run = RunName::of_attempt(name.stem(), attempt).map_err(Failure::usage)?;
            Next::Begin(Box::new(Run { run, ..before }))
        }
    })
}
