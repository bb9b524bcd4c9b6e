//! The runs of the engine on this machine: the workflow's functions start, stop and answer runs through them.

use std::path::PathBuf;

use async_trait::async_trait;
use holdfast_asl::TaskFailure;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::run::Run;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{
    AnswerTask, ExecutionError, FailedRun, ListFailedRuns, StartRun, StartedRun, StopRun, TaskAnswer,
};
use serde_json::{Value, json};
use tokio::sync::SetOnce;

use crate::run_summary::MAX_RUNS;
use crate::workflow;
use holdfast_engine::{Archive, Engine, EngineError, ExecutionStatus, Started, WeakEngine};

/// Runs of a data directory. The engine is set once it is open; functions that need it earlier wait for it.
#[derive(Default)]
pub struct EngineExecutions {
    engine: SetOnce<WeakEngine>,
}

impl EngineExecutions {
    /// Sets the engine that has the runs.
    pub fn set(&self, engine: &Engine) {
        // A second call sets the same engine: its error means nothing.
        drop(self.engine.set(engine.downgrade()));
    }

    async fn engine(&self, run: &str) -> Result<Engine, ExecutionError> {
        let engine = self.engine.wait().await.upgrade();
        engine.ok_or_else(|| failed(run, "the engine is closed".to_owned()))
    }
}

#[async_trait]
impl StopRun for EngineExecutions {
    async fn stop_run(&self, run: &RunName, error: ErrorName, cause: &str) -> Result<(), ExecutionError> {
        match self
            .engine(run.as_str())
            .await?
            .stop(run.as_str(), Some(error.to_string()), Some(cause.to_owned()))
            .await
        {
            Ok(()) | Err(EngineError::ExecutionEnded { .. } | EngineError::ExecutionUnknown { .. }) => Ok(()),
            Err(error) => Err(failed(run.as_str(), format!("cannot be stopped: {error}"))),
        }
    }
}

#[async_trait]
impl StartRun for EngineExecutions {
    async fn start_run(&self, run: &Run) -> Result<StartedRun, ExecutionError> {
        let name = run.run.as_str();
        let engine = self.engine(name).await?;
        match engine.start(name, workflow::definition(), json!(run)).await {
            Ok(Started::New) => Ok(StartedRun::New),
            Ok(Started::AlreadyRunning) => Ok(StartedRun::Running),
            // A run of this name with another input belongs to other settings. For this run it counts as ended.
            Ok(Started::AlreadyFinished) | Err(EngineError::ExecutionAlreadyExists { .. }) => Ok(StartedRun::Ended),
            Err(error) => Err(failed(name, format!("cannot be started: {error}"))),
        }
    }
}

#[async_trait]
impl AnswerTask for EngineExecutions {
    async fn succeed_task(&self, token: &str, output: Value) -> Result<TaskAnswer, ExecutionError> {
        taken(self.engine("*").await?.send_task_success(token, output).await)
    }

    async fn fail_task(&self, token: &str, error: ErrorName, cause: &str) -> Result<TaskAnswer, ExecutionError> {
        let failure = TaskFailure {
            error: error.to_string(),
            cause: Some(cause.to_owned()),
        };
        taken(self.engine("*").await?.send_task_failure(token, failure).await)
    }
}

fn taken(answer: Result<(), EngineError>) -> Result<TaskAnswer, ExecutionError> {
    match answer {
        Ok(()) => Ok(TaskAnswer::Accepted),
        Err(EngineError::TokenClosed | EngineError::TokenUnknown) => Ok(TaskAnswer::NotWaiting),
        Err(error) => Err(failed("*", format!("did not accept the answer: {error}"))),
    }
}

fn failed(run: &str, detail: String) -> ExecutionError {
    ExecutionError {
        run: run.to_owned(),
        detail,
    }
}

/// Failed runs of a data directory, read from disk.
pub struct ArchivedRuns {
    /// The data directory.
    pub data: PathBuf,
}

#[async_trait]
impl ListFailedRuns for ArchivedRuns {
    async fn failed_runs(&self, most: usize) -> Result<Vec<FailedRun>, ExecutionError> {
        let rows = Archive::open(&self.data)
            .and_then(|archive| archive.executions(MAX_RUNS))
            .map_err(|error| ExecutionError {
                run: "*".to_owned(),
                detail: error.to_string(),
            })?;
        let failed = rows
            .into_iter()
            .filter(|row| row.status.is_final() && row.status != ExecutionStatus::Succeeded);
        let listed = failed.filter_map(|row| {
            Some(FailedRun {
                run: RunName::of_listed(&row.name)?,
                started_with: row.input,
                error: row.error.unwrap_or_else(|| row.status.as_str().to_owned()),
                cause: row.cause,
            })
        });
        Ok(listed.take(most).collect())
    }
}
