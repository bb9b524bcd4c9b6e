//! Runs in AWS Step Functions: each run is one execution of one state machine, and has the same name.

mod read;

use std::collections::HashMap;
use std::error::Error;

use async_trait::async_trait;
use aws_sdk_sfn::Client;
use aws_sdk_sfn::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sfn::types::ExecutionStatus;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::run::Run;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::{
    AnswerTask, ExecutionError, FailedRun, ListFailedRuns, StartRun, StartedRun, StopRun, TaskAnswer,
};
use serde_json::Value;

use crate::account;

pub use read::{EventFound, EventFoundKind, ExecutionFound, Payloads};

/// The statuses of executions that ended without success.
const FAILED: [ExecutionStatus; 3] = [
    ExecutionStatus::Failed,
    ExecutionStatus::TimedOut,
    ExecutionStatus::Aborted,
];
/// Maximum number of executions in one answer.
const MAX_PAGE_EXECUTIONS: i32 = 100;
/// Maximum length of a cause in Step Functions, in characters.
const MAX_CAUSE_CHARS: usize = 32_768;

/// Runs of one state machine. The SDK retries nothing: the workflow does.
#[derive(Clone, Debug)]
pub struct StepFunctionsRuns {
    client: Client,
    state_machine: String,
    alias: Option<String>,
}

impl StepFunctionsRuns {
    /// Uses the state machine with this unqualified ARN, and the account, region, limits and retries of `config`.
    pub fn new(config: &aws_config::SdkConfig, state_machine: impl Into<String>) -> Self {
        Self {
            client: Client::new(config),
            state_machine: state_machine.into(),
            alias: None,
        }
    }

    /// Starts runs by an alias of the state machine: runs in flight keep their version.
    #[must_use]
    pub fn started_by(mut self, alias: impl Into<String>) -> Self {
        self.alias = Some(alias.into());
        self
    }

    /// Returns the result of an answer to a task.
    fn task_answer<T, E>(&self, sent: Result<T, SdkError<E>>) -> Result<TaskAnswer, ExecutionError>
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        let Err(error) = sent else {
            return Ok(TaskAnswer::Accepted);
        };
        match error.code() {
            Some("TaskDoesNotExist" | "TaskTimedOut" | "InvalidToken") => Ok(TaskAnswer::NotWaiting),
            _ => Err(self.failed("*", "sent a decision", &error)),
        }
    }

    fn execution_arn(&self, run: &RunName) -> String {
        let executions = self.state_machine.replacen(":stateMachine:", ":execution:", 1);
        format!("{executions}:{run}")
    }

    fn failed<E>(&self, run: &str, doing: &str, error: &SdkError<E>) -> ExecutionError
    where
        E: ProvideErrorMetadata + Error + 'static,
    {
        ExecutionError {
            run: run.to_owned(),
            detail: format!(
                "cannot be {doing}: {}. Check that {} exists and that the role may do it",
                account::failure_line(error),
                self.state_machine
            ),
        }
    }
}

#[async_trait]
impl StopRun for StepFunctionsRuns {
    async fn stop_run(&self, run: &RunName, error: ErrorName, cause: &str) -> Result<(), ExecutionError> {
        let cause: String = cause.chars().take(MAX_CAUSE_CHARS).collect();
        let stop = self.client.stop_execution().execution_arn(self.execution_arn(run));
        match stop.error(error.as_str()).cause(cause).send().await {
            Ok(_) => Ok(()),
            Err(SdkError::ServiceError(answer)) if answer.err().is_execution_does_not_exist() => Ok(()),
            Err(other) => Err(self.failed(run.as_str(), "stopped", &other)),
        }
    }
}

#[async_trait]
impl StartRun for StepFunctionsRuns {
    async fn start_run(&self, run: &Run) -> Result<StartedRun, ExecutionError> {
        let name = &run.run;
        let found = self
            .client
            .describe_execution()
            .execution_arn(self.execution_arn(name))
            .send();
        match found.await {
            Ok(found) if found.status == ExecutionStatus::Running => return Ok(StartedRun::Running),
            Ok(_) => return Ok(StartedRun::Ended),
            Err(SdkError::ServiceError(answer)) if answer.err().is_execution_does_not_exist() => {}
            Err(other) => return Err(self.failed(name.as_str(), "described", &other)),
        }
        let machine = match &self.alias {
            Some(alias) => format!("{}:{alias}", self.state_machine),
            None => self.state_machine.clone(),
        };
        let input = serde_json::json!(run).to_string();
        let start = self
            .client
            .start_execution()
            .state_machine_arn(machine)
            .name(name.as_str())
            .input(input);
        match start.send().await {
            Ok(_) => Ok(StartedRun::New),
            // Another delivery started it meanwhile.
            Err(SdkError::ServiceError(answer)) if answer.err().is_execution_already_exists() => {
                Ok(StartedRun::Running)
            }
            Err(other) => Err(self.failed(name.as_str(), "started", &other)),
        }
    }
}

#[async_trait]
impl AnswerTask for StepFunctionsRuns {
    async fn succeed_task(&self, token: &str, output: Value) -> Result<TaskAnswer, ExecutionError> {
        let send = self
            .client
            .send_task_success()
            .task_token(token)
            .output(output.to_string());
        self.task_answer(send.send().await)
    }

    async fn fail_task(&self, token: &str, error: ErrorName, cause: &str) -> Result<TaskAnswer, ExecutionError> {
        let cause: String = cause.chars().take(MAX_CAUSE_CHARS).collect();
        let send = self
            .client
            .send_task_failure()
            .task_token(token)
            .error(error.as_str())
            .cause(cause);
        self.task_answer(send.send().await)
    }
}

#[async_trait]
impl ListFailedRuns for StepFunctionsRuns {
    async fn failed_runs(&self, most: usize) -> Result<Vec<FailedRun>, ExecutionError> {
        // From lists only: describing each run would use up the account's rate, which starting runs needs too.
        let mut newest: HashMap<RunName, (i64, FailedRun)> = HashMap::new();
        for status in FAILED {
            let mut pages = self.client.list_executions().state_machine_arn(&self.state_machine);
            pages = pages.status_filter(status.clone()).max_results(MAX_PAGE_EXECUTIONS);
            let mut pages = pages.into_paginator().items().send();
            let mut listed = 0;
            while let Some(execution) = pages.next().await {
                let execution = execution.map_err(|error| self.failed("*", "listed", &error))?;
                listed += 1;
                if let Some(name) = RunName::of_listed(&execution.name) {
                    let run = FailedRun {
                        run: name.clone(),
                        started_with: Value::Null,
                        error: status.as_str().to_owned(),
                        cause: None,
                    };
                    newest.insert(name, (execution.start_date.secs(), run));
                }
                if listed >= most {
                    break;
                }
            }
        }
        let mut found: Vec<(i64, FailedRun)> = newest.into_values().collect();
        found.sort_by(|one, other| other.0.cmp(&one.0).then_with(|| one.1.run.cmp(&other.1.run)));
        Ok(found.into_iter().take(most).map(|(_, run)| run).collect())
    }

    async fn detail(&self, run: FailedRun) -> Result<FailedRun, ExecutionError> {
        let described = self.client.describe_execution();
        let described = described.execution_arn(self.execution_arn(&run.run)).send().await;
        let described = described.map_err(|error| self.failed(run.run.as_str(), "described", &error))?;
        let input = described.input.as_deref().unwrap_or_default();
        Ok(FailedRun {
            started_with: serde_json::from_str(input).unwrap_or(Value::Null),
            error: described.error.unwrap_or(run.error),
            cause: described.cause,
            run: run.run,
        })
    }
}
