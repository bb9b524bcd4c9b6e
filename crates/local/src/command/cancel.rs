//! `holdfast cancel`: stops a run and undoes what it did. The undo can be asked for again, should GitHub refuse it at
//! first; a run that failed and could not clean up after itself is cleaned up the same way.

use std::path::Path;
use std::sync::Arc;

use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::settings::Settings;
use holdfast_core::port::{FailedRun, KeepRows, PublishReview, StopRun, StoreArtifact};
use holdfast_core::sweep;

use crate::cli::DecideArgs;
use crate::deployment::Deployment;
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output;
use crate::reach::Reach;
use crate::record::{self, ReadRuns, Record, Records};
use holdfast_engine::ExecutionStatus;

/// What the run's record says.
const CAUSE: &str = "holdfast cancel";

/// Runs the command. Errors: no such run, or it has ended; the undo fails.
pub async fn run(args: &DecideArgs) -> Result<Exit, Failure> {
    let (directory, name) = args.data.find_run(&args.run).await?;
    let data = directory.path.as_path();
    let record = find(&Records::open(data).await?, &name).await?;
    let settings = machine::read_settings()?;
    if !record.row.status.is_final() {
        stop(data, &record.run, &settings).await?;
    }
    let stages = machine::stage_functions(data, &settings, Arc::default()).await?;
    let (publish, rows, store) = (stages.publish.as_ref(), stages.rows.as_ref(), stages.store.as_ref());
    undo(record, "", publish, rows, store).await
}

/// The same on a deployment.
pub async fn run_on(deployment: &Deployment, args: &DecideArgs) -> Result<Exit, Failure> {
    let record = find(deployment, &args.run).await?;
    // Before anything is stopped: what cannot be undone afterwards is better left running.
    let github = deployment.github().await?;
    if !record.row.status.is_final() {
        let stopped = deployment.runs.stop_run(&record.run, ErrorName::RunCancelled, CAUSE);
        stopped.await.map_err(Failure::incomplete)?;
    }
    let (rows, store) = (&deployment.rows, &deployment.store);
    undo(record, &deployment.option(), &github.publish, rows, store).await
}

/// The run, if there is something to stop or to undo.
async fn find(runs: &dyn ReadRuns, beginning: &str) -> Result<Record, Failure> {
    let name = record::find_name(runs, beginning).await?;
    let record = runs.read(&name).await?;
    if record.row.status == ExecutionStatus::Succeeded {
        return Err(Failure::usage(format!(
            "run {name} has ended already: it is {}",
            record.status.as_str()
        )));
    }
    Ok(record)
}

async fn undo(
    record: Record,
    option: &str,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<Exit, Failure> {
    let name = record.run.clone();
    let cancelled = FailedRun::ended(record.run, record.row.input, ErrorName::RunCancelled, CAUSE);
    sweep::clean_up(&cancelled, publish, rows, store).await.map_err(|error| {
        Failure::incomplete(format!(
            "run {name} is stopped, but what it did could not be undone: {error}; start holdfast{option} cancel {name} again"
        ))
    })?;
    output::print(&format!("{name}: cancelled\n")).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

async fn stop(data: &Path, name: &str, settings: &Settings) -> Result<(), Failure> {
    let (engine, _recovered) = machine::open_engine(data, settings, Reach::nothing()).await?;
    let error = ErrorName::RunCancelled.to_string();
    let stopped = engine.stop(name, Some(error), Some(CAUSE.to_owned())).await;
    engine.shutdown().await;
    stopped.map_err(Failure::incomplete)
}
