//! Cancelling a run stops it and undoes its effects on the pull request. When GitHub refuses an undo, the same command
//! tries it again. A run that failed and couldn't clean up after itself is cleaned up the same way.

use std::path::Path;
use std::sync::Arc;

use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::settings::Settings;
use holdfast_core::port::{FailedRun, KeepRows, PublishReview, StoreArtifact};
use holdfast_core::sweep;

use crate::access::Access;
use crate::deployment::Deployment;
use crate::failure::Failure;
use crate::find_run;
use crate::machine::{self, Opened};
use crate::run_summary::{LocalRuns, ReadRuns, RunSummary};
use holdfast_engine::ExecutionStatus;

/// The cause that is stored with a run that this command cancels. The check on the pull request shows it.
const CAUSE: &str = "a person who runs Holdfast cancelled it";

/// Cancels a run of a data directory.
///
/// # Errors
/// There is no such run, or it has succeeded; a setting is invalid; the undo fails.
pub async fn on_machine(data: &Path, name: &RunName) -> Result<(), Failure> {
    let record = find(&LocalRuns::open(data).await?, name.as_str()).await?;
    let settings = machine::read_settings()?;
    // Before the run is stopped: a run whose effects can't be undone afterwards is better left running.
    machine::check_writable(data, &settings, &record, "the undo").await?;
    if !record.row.status.is_final() {
        stop(data, &record.run, &settings).await?;
    }
    let stages = machine::stage_functions(data, &settings, Arc::default()).await?;
    let (publish, rows, store) = (stages.publish.as_ref(), stages.rows.as_ref(), stages.store.as_ref());
    undo(record, "", publish, rows, store).await
}

/// Cancels a run of a deployment; returns its whole name.
///
/// # Errors
/// There is no such run, or it has succeeded; the undo fails.
pub async fn on_deployment(deployment: &dyn Deployment, beginning: &str) -> Result<RunName, Failure> {
    let record = find(deployment, beginning).await?;
    let name = record.run.clone();
    // Before the run is stopped: a run whose effects can't be undone afterwards is better left running.
    let github = deployment.github().await?;
    if !record.row.status.is_final() {
        let stopped = deployment
            .workflow()
            .stop_run(&record.run, ErrorName::RunCancelled, CAUSE);
        stopped.await.map_err(Failure::incomplete)?;
    }
    let (rows, store) = (deployment.rows(), deployment.store());
    undo(record, &deployment.option(), &github.publish, rows, store).await?;
    Ok(name)
}

/// Cancels a run of an engine that is open, or cleans up after it.
///
/// # Errors
/// The run cannot be stopped, or the undo fails.
pub async fn in_engine(opened: &Opened, record: RunSummary, cause: String) -> Result<(), Failure> {
    let error = ErrorName::RunCancelled;
    let cancelled = FailedRun::ended(record.run, record.row.input, error, cause);
    let (stop, stages) = (opened.runs.as_ref(), &opened.stages);
    let (publish, rows, store) = (stages.publish.as_ref(), stages.rows.as_ref(), stages.store.as_ref());
    sweep::end(&cancelled, error, stop, publish, rows, store)
        .await
        .map_err(Failure::incomplete)
}

/// Finds the run, unless it has succeeded: then there is nothing to stop or to undo.
async fn find(runs: &dyn ReadRuns, beginning: &str) -> Result<RunSummary, Failure> {
    let name = find_run::find_name(runs, beginning).await?;
    let record = runs.read(&name).await?;
    if record.row.status == ExecutionStatus::Succeeded {
        return Err(Failure::usage(format!(
            "run {name} has already ended: it is {}",
            record.status.as_str()
        )));
    }
    Ok(record)
}

async fn undo(
    record: RunSummary,
    option: &str,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), Failure> {
    let name = record.run.clone();
    let cancelled = FailedRun::ended(record.run, record.row.input, ErrorName::RunCancelled, CAUSE);
    sweep::clean_up(&cancelled, publish, rows, store).await.map_err(|error| {
        Failure::incomplete(format!(
            "run {name} is stopped, but its effects could not be undone: {error}; run holdfast{option} cancel {name} again"
        ))
    })
}

async fn stop(data: &Path, name: &RunName, settings: &Settings) -> Result<(), Failure> {
    let (engine, _recovered) = machine::open_engine(data, settings, Access::to_stop(name)).await?;
    let error = ErrorName::RunCancelled.to_string();
    let stopped = engine.stop(name.as_str(), Some(error), Some(CAUSE.to_owned())).await;
    engine.shutdown().await;
    stopped.map_err(Failure::incomplete)
}
