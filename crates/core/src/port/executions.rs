//! The port to the workflow's engine, which executes runs.

use async_trait::async_trait;
use serde_json::Value;

use crate::model::error_name::ErrorName;
use crate::model::run::Run;
use crate::model::run_name::RunName;

/// The engine failed, or did not answer.
#[derive(Debug, thiserror::Error)]
#[error("the execution of run {run}: {detail}")]
pub struct ExecutionError {
    /// The run's name, for people; `*` where the failure isn't about one run.
    pub run: String,
    /// What failed, and where.
    pub detail: String,
}

/// The state of a run after a request to start it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StartedRun {
    /// It started now.
    New,
    /// It was running already.
    Running,
    /// A run of this name has ended.
    Ended,
}

/// Starts runs.
#[async_trait]
pub trait StartRun: Send + Sync {
    /// Starts a run, which is durable when this returns. A repeated call starts no second run.
    ///
    /// # Errors
    ///
    /// The engine can't be reached, or can't store it.
    async fn start_run(&self, run: &Run) -> Result<StartedRun, ExecutionError>;
}

/// Stops runs.
#[async_trait]
pub trait StopRun: Send + Sync {
    /// Stops a run's execution, with an error's name and one line for people. An execution that has ended, or that this
    /// engine never had, counts as stopped.
    ///
    /// # Errors
    ///
    /// The engine can't be reached, or can't store it.
    async fn stop_run(&self, run: &RunName, error: ErrorName, cause: &str) -> Result<(), ExecutionError>;
}

/// A run whose execution failed, timed out or was stopped.
#[derive(Clone, Debug, PartialEq)]
pub struct FailedRun {
    /// Its name.
    pub run: RunName,
    /// The execution's input.
    pub started_with: Value,
    /// The name of the error that the execution ended with.
    pub error: String,
    /// The error's cause, for people.
    pub cause: Option<String>,
}

impl FailedRun {
    /// Returns a run that something other than its workflow ends, with the error and the cause to record.
    pub fn ended(run: RunName, started_with: Value, error: ErrorName, cause: impl Into<String>) -> Self {
        Self {
            run,
            started_with,
            error: error.to_string(),
            cause: Some(cause.into()),
        }
    }
}

/// Lists runs.
#[async_trait]
pub trait ListFailedRuns: Send + Sync {
    /// Lists the newest runs whose execution ended without success, at most `most`. Their input and their error may be
    /// missing: see [`ListFailedRuns::detail`].
    ///
    /// # Errors
    ///
    /// The engine can't be reached.
    async fn failed_runs(&self, most: usize) -> Result<Vec<FailedRun>, ExecutionError>;
    /// Completes a listed run with its input and its error.
    ///
    /// # Errors
    ///
    /// The engine can't be reached.
    async fn detail(&self, run: FailedRun) -> Result<FailedRun, ExecutionError> {
        Ok(run)
    }
}

/// The outcome of an answer to a waiting task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskAnswer {
    /// The workflow continues with it.
    Accepted,
    /// The task no longer waits: it was answered, timed out, or its execution has ended.
    NotWaiting,
}

/// Answers tasks that wait for a token.
#[async_trait]
pub trait AnswerTask: Send + Sync {
    /// Completes the task.
    ///
    /// # Errors
    ///
    /// The engine can't be reached, or can't store it.
    async fn succeed_task(&self, token: &str, output: Value) -> Result<TaskAnswer, ExecutionError>;
    /// Fails the task, with an error's name and a cause for people.
    ///
    /// # Errors
    ///
    /// The engine can't be reached, or can't store it.
    async fn fail_task(&self, token: &str, error: ErrorName, cause: &str) -> Result<TaskAnswer, ExecutionError>;
}
