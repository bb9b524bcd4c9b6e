//! Reads runs from Step Functions: lists, a run's status, its history, the executions of its maps.

use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::{ExecutionListItem, HistoryEvent, HistoryEventType};
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::ExecutionError;
use serde_json::Value;

use super::{MAX_PAGE_EXECUTIONS, StepFunctionsRuns};

/// Maximum number of events in one answer.
const MAX_PAGE_EVENTS: i32 = 1_000;

/// An execution.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionFound {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its status, as AWS writes it.
    pub status: String,
    /// Its input; `null` in a list.
    pub input: Value,
    /// The error's name, if it ended with one; `None` in a list.
    pub error: Option<String>,
    /// The error's cause, if there is an error.
    pub cause: Option<String>,
    /// Its output, once it succeeded; `null` in a list.
    pub output: Value,
    /// Its start, in ms since 1970.
    pub started_ms: i64,
    /// Its end, in ms since 1970.
    pub stopped_ms: Option<i64>,
}

/// An event of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct EventFound {
    /// Its number, from 1.
    pub id: u64,
    /// The number of the event that led to it.
    pub previous: u64,
    /// Its time, in ms since 1970.
    pub at_ms: i64,
    /// Its kind.
    pub kind: EventFoundKind,
}

/// The kind of an event.
#[derive(Clone, Debug, PartialEq)]
pub enum EventFoundKind {
    /// The execution started, with this input; `null` in a history without data.
    Started(Value),
    /// A state was entered.
    Entered {
        /// The state's type.
        state_type: String,
        /// The state's name.
        name: String,
    },
    /// A state was left.
    Left {
        /// The state's type.
        state_type: String,
        /// The state's name.
        name: String,
    },
    /// A task failed or timed out.
    TaskFailed,
    /// The execution ended.
    Ended,
    /// Anything else.
    Other,
}

/// The payloads of a history.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payloads {
    /// AWS sends them.
    Included,
    /// AWS sends none: a task's token is part of one.
    LeftOut,
}

impl StepFunctionsRuns {
    /// Lists the state machine's executions, newest first, at most `most`.
    ///
    /// # Errors
    ///
    /// The request fails.
    pub async fn executions(&self, most: usize) -> Result<Vec<ExecutionFound>, ExecutionError> {
        let pages = self.client.list_executions().state_machine_arn(&self.state_machine);
        let mut pages = pages.max_results(MAX_PAGE_EXECUTIONS).into_paginator().items().send();
        let mut found = Vec::new();
        while found.len() < most {
            match pages.next().await {
                Some(Ok(item)) => found.push(listed(&item)),
                Some(Err(error)) => return Err(self.failed("*", "listed", &error)),
                None => break,
            }
        }
        Ok(found)
    }

    /// Returns the execution of a run, if there is one.
    ///
    /// # Errors
    ///
    /// The request fails.
    pub async fn execution(&self, run: &RunName) -> Result<Option<ExecutionFound>, ExecutionError> {
        let described = self.client.describe_execution().execution_arn(self.execution_arn(run));
        match described.send().await {
            Ok(found) => Ok(Some(described_as(found, run))),
            Err(error) => match error.as_service_error() {
                Some(answer) if answer.is_execution_does_not_exist() => Ok(None),
                // No execution can have this name.
                Some(answer) if answer.is_invalid_arn() => Ok(None),
                _ => Err(self.failed(run.as_str(), "described", &error)),
            },
        }
    }

    /// Lists the executions of a run's maps, in the order of their start in each map.
    ///
    /// # Errors
    ///
    /// A request fails.
    pub async fn children(&self, run: &RunName) -> Result<Vec<ExecutionFound>, ExecutionError> {
        let maps = self.client.list_map_runs().execution_arn(self.execution_arn(run));
        let mut maps = maps.into_paginator().items().send();
        let mut map_runs = Vec::new();
        while let Some(map) = maps.next().await {
            map_runs.push(map.map_err(|error| self.failed(run.as_str(), "queried for its maps", &error))?);
        }
        map_runs.sort_by_key(|map| millis(&map.start_date));
        let mut children = Vec::new();
        for map in map_runs {
            let pages = self.client.list_executions().map_run_arn(&map.map_run_arn);
            let mut pages = pages.max_results(MAX_PAGE_EXECUTIONS).into_paginator().items().send();
            let mut of_map = Vec::new();
            while let Some(item) = pages.next().await {
                let item = item.map_err(|error| self.failed(run.as_str(), "queried for its units", &error))?;
                of_map.push(listed(&item));
            }
            of_map.sort_by(|one, other| (one.started_ms, &one.name).cmp(&(other.started_ms, &other.name)));
            children.extend(of_map);
        }
        Ok(children)
    }

    /// Returns the history of the execution with this ARN, in order. Only with payloads it has the execution's input.
    ///
    /// # Errors
    ///
    /// A request fails.
    pub async fn history(&self, arn: &str, payloads: Payloads) -> Result<Vec<EventFound>, ExecutionError> {
        let pages = self.client.get_execution_history().execution_arn(arn);
        let pages = pages
            .max_results(MAX_PAGE_EVENTS)
            .include_execution_data(payloads == Payloads::Included);
        let mut pages = pages.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(event) = pages.next().await {
            let name = arn.rsplit(':').next().unwrap_or(arn);
            found.push(event_found(
                &event.map_err(|error| self.failed(name, "queried for its history", &error))?,
            ));
        }
        Ok(found)
    }

    /// Returns the definition that a run was started with.
    ///
    /// # Errors
    ///
    /// The request fails.
    pub async fn definition(&self, run: &RunName) -> Result<String, ExecutionError> {
        let request = self.client.describe_state_machine_for_execution();
        let answer = request.execution_arn(self.execution_arn(run)).send().await;
        let found = answer.map_err(|error| self.failed(run.as_str(), "queried for its definition", &error))?;
        Ok(found.definition)
    }
}

fn listed(item: &ExecutionListItem) -> ExecutionFound {
    ExecutionFound {
        arn: item.execution_arn.clone(),
        name: item.name.clone(),
        status: item.status.as_str().to_owned(),
        input: Value::Null,
        error: None,
        cause: None,
        output: Value::Null,
        started_ms: millis(&item.start_date),
        stopped_ms: item.stop_date.as_ref().map(millis),
    }
}

fn described_as(found: DescribeExecutionOutput, run: &RunName) -> ExecutionFound {
    ExecutionFound {
        input: json(found.input.as_deref()),
        output: json(found.output.as_deref()),
        name: found.name.unwrap_or_else(|| run.to_string()),
        status: found.status.as_str().to_owned(),
        started_ms: millis(&found.start_date),
        stopped_ms: found.stop_date.as_ref().map(millis),
        arn: found.execution_arn,
        error: found.error,
        cause: found.cause,
    }
}

fn event_found(event: &HistoryEvent) -> EventFound {
    let kind = event.r#type.as_str();
    let entered = event.state_entered_event_details.as_ref();
    let left = event.state_exited_event_details.as_ref();
    let kind = match (&event.r#type, entered, left) {
        (_, Some(details), _) => EventFoundKind::Entered {
            state_type: kind.replace("StateEntered", ""),
            name: details.name.clone(),
        },
        (_, _, Some(details)) => EventFoundKind::Left {
            state_type: kind.replace("StateExited", ""),
            name: details.name.clone(),
        },
        (HistoryEventType::ExecutionStarted, ..) => {
            let details = event.execution_started_event_details.as_ref();
            EventFoundKind::Started(json(details.and_then(|details| details.input.as_deref())))
        }
        (
            HistoryEventType::TaskFailed
            | HistoryEventType::TaskTimedOut
            | HistoryEventType::LambdaFunctionFailed
            | HistoryEventType::LambdaFunctionTimedOut,
            ..,
        ) => EventFoundKind::TaskFailed,
        (
            HistoryEventType::ExecutionSucceeded
            | HistoryEventType::ExecutionFailed
            | HistoryEventType::ExecutionTimedOut
            | HistoryEventType::ExecutionAborted,
            ..,
        ) => EventFoundKind::Ended,
        _ => EventFoundKind::Other,
    };
    EventFound {
        id: event.id.unsigned_abs(),
        previous: event.previous_event_id.unsigned_abs(),
        at_ms: millis(&event.timestamp),
        kind,
    }
}

fn json(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// Returns a time in ms since 1970, rounded: AWS sends an inexact number of seconds.
fn millis(at: &DateTime) -> i64 {
    i64::try_from((at.as_nanos() + 500_000).div_euclid(1_000_000)).unwrap_or_default()
}
