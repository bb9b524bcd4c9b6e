//! `holdfast cancel`: stops a run and undoes what it did. The undo can be asked for again, should GitHub refuse it at
//! first; a run that failed and could not clean up after itself is cleaned up the same way.

use std::path::Path;
use std::sync::Arc;

use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::settings::Settings;
use holdfast_core::port::FailedRun;
use holdfast_core::sweep;

use crate::cli::DecideArgs;
use crate::engine::ExecutionStatus;
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output;
use crate::record;

/// What the run's record says.
const CAUSE: &str = "holdfast cancel";

/// Runs the command. Errors: no such run, or it has ended; the undo fails.
pub async fn run(args: &DecideArgs) -> Result<Exit, Failure> {
    let data = args.data.data.as_path();
    let name = record::find_name(data, &args.run)?;
    let settings = machine::read_settings()?;
    let record = record::read(data, &name).await?;
    let is_open = !record.row.status.is_final();
    let is_undone_again = matches!(
        record.row.status,
        ExecutionStatus::Aborted | ExecutionStatus::Failed | ExecutionStatus::TimedOut
    );
    if !is_open && !is_undone_again {
        return Err(Failure::usage(format!(
            "run {name} has ended already: it is {}",
            record.status.as_str()
        )));
    }
    if is_open {
        stop(data, &name, &settings).await?;
    }
    let cancelled = FailedRun {
        run: name.clone(),
        started_with: record.row.input,
        error: ErrorName::RunCancelled.to_string(),
        cause: Some(CAUSE.to_owned()),
    };
    let stages = machine::stage_functions(data, &settings, Arc::default()).await?;
    let (publish, rows, store) = (stages.publish.as_ref(), stages.rows.as_ref(), stages.store.as_ref());
    sweep::clean_up(&cancelled, publish, rows, store).await.map_err(|error| {
        Failure::incomplete(format!(
            "run {name} is stopped, but what it did could not be undone: {error}; start holdfast cancel {name} again"
        ))
    })?;
    output::print(&format!("{name}: cancelled\n")).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

async fn stop(data: &Path, name: &str, settings: &Settings) -> Result<(), Failure> {
    let (engine, _recovered) = machine::open_engine(data, settings).await?;
    let error = ErrorName::RunCancelled.to_string();
    let stopped = engine.stop(name, Some(error), Some(CAUSE.to_owned())).await;
    engine.shutdown().await;
    stopped.map_err(Failure::incomplete)
}
