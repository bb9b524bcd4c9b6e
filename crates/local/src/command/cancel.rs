//! `holdfast cancel`: stops a run and undoes what it did. The undo can be asked for again, should GitHub refuse it at
//! first; a run that failed and could not clean up after itself is cleaned up the same way.

use std::path::Path;

use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::settings::Settings;
use holdfast_core::stage::{StageError, report_failure, withdraw_announcement};
use serde_json::Value;

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
    undo(data, &name, record.row.input, &settings).await.map_err(|error| {
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

/// The same stages that the workflow takes when it undoes a review, in the same order.
async fn undo(data: &Path, name: &str, started_with: Value, settings: &Settings) -> Result<(), StageError> {
    let stages = machine::stage_functions(data, settings)
        .await
        .map_err(|failure| StageError::new(ErrorName::ArtifactUnavailable, failure.message))?;
    let (publish, rows, store) = (stages.publish.as_ref(), stages.rows.as_ref(), stages.store.as_ref());
    let error = ErrorName::RunCancelled.to_string();
    let input = withdraw_announcement::Input {
        run: name.to_owned(),
        started_with: started_with.clone(),
        error: error.clone(),
    };
    withdraw_announcement::withdraw_announcement(&input, publish, rows, store).await?;
    let input = report_failure::Input {
        run: name.to_owned(),
        started_with,
        error,
        cause: Some(CAUSE.to_owned()),
    };
    report_failure::report_failure(&input, publish, store).await?;
    Ok(())
}
