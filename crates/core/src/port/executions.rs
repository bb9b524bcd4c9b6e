//! The executions of runs, as the workflow's engine has them.

use async_trait::async_trait;
use serde_json::Value;

use crate::model::error_name::ErrorName;
use crate::model::run::Run;

/// The engine did not do it, or did not say.
#[derive(Debug, thiserror::Error)]
#[error("the execution of run {run}: {detail}")]
pub struct ExecutionError {
    /// The run.
    pub run: String,
    /// What went wrong, and where.
    pub detail: String,
}

/// How a run stands that was to be started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartedRun {
    /// It has just begun.
    New,
    /// It was under way already.
    Running,
    /// A run of that name has ended.
    Ended,
}

/// Starts runs.
#[async_trait]
pub trait StartRun: Send + Sync {
    /// Starts a run; durable when it returns. Started again, it is the same run. Errors: the engine cannot be reached, or
    /// cannot store it.
    async fn start_run(&self, run: &Run) -> Result<StartedRun, ExecutionError>;
}

/// Stops runs.
#[async_trait]
pub trait StopRun: Send + Sync {
    /// Stops a run's execution, with an error's name and one line for people. One that has ended, or that this engine
    /// never had, counts as stopped. Errors: the engine cannot be reached, or cannot store it.
    async fn stop_run(&self, run: &str, error: ErrorName, cause: &str) -> Result<(), ExecutionError>;
}

/// A run whose execution failed, timed out or was stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedRun {
    /// Its name.
    pub run: String,
    /// The execution's input.
    pub started_with: Value,
    /// The error's name, as the execution ended with it.
    pub error: String,
    /// What was said about it.
    pub cause: Option<String>,
}

impl FailedRun {
    /// A run that somebody ends.
    pub fn ended(run: impl Into<String>, started_with: Value, error: ErrorName, cause: impl Into<String>) -> Self {
        Self {
            run: run.into(),
            started_with,
            error: error.to_string(),
            cause: Some(cause.into()),
        }
    }
}

/// Lists runs.
#[async_trait]
pub trait ListFailedRuns: Send + Sync {
    /// The newest runs whose execution ended without success, at most `most`. What each was started with, and why it ended,
    /// may be left out: see [`ListFailedRuns::detail`]. Errors: the engine cannot be reached.
    async fn failed_runs(&self, most: usize) -> Result<Vec<FailedRun>, ExecutionError>;
    /// A listed run with all that is known of it. Errors: the engine cannot be reached.
    async fn detail(&self, run: FailedRun) -> Result<FailedRun, ExecutionError> {
        Ok(run)
    }
}

/// What came of an answer to a waiting task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskAnswer {
    /// The workflow goes on with it.
    Taken,
    /// Nothing waits for it any more: it was answered, timed out, or its execution has ended.
    NotWaiting,
}

/// Answers tasks that wait for a token.
#[async_trait]
pub trait AnswerTask: Send + Sync {
    /// The task is done. Errors: the engine cannot be reached, or cannot store it.
    async fn succeed_task(&self, token: &str, output: Value) -> Result<TaskAnswer, ExecutionError>;
    /// The task failed, with an error's name and a cause for people. Errors: the engine cannot be reached, or cannot store it.
    async fn fail_task(&self, token: &str, error: ErrorName, cause: &str) -> Result<TaskAnswer, ExecutionError>;
}
