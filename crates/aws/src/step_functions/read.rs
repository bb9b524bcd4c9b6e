//! Runs as Step Functions tells them: what is listed, how one stands, its history, the executions of its maps.

use aws_sdk_sfn::operation::describe_execution::DescribeExecutionOutput;
use aws_sdk_sfn::primitives::DateTime;
use aws_sdk_sfn::types::{ExecutionListItem, HistoryEvent, HistoryEventType};
use holdfast_core::port::ExecutionError;
use serde_json::Value;

use super::{PAGE, StepFunctionsRuns};

/// Events that one call gives at most.
const EVENTS: i32 = 1_000;

/// An execution.
#[derive(Clone, Debug, PartialEq)]
pub struct ExecutionFound {
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its status, as AWS writes it.
    pub status: String,
    /// Its input; of one that was listed, nothing.
    pub input: Value,
    /// The error's name, where it ended with one; of one that was listed, nothing.
    pub error: Option<String>,
    /// The error's cause, as far as the error is known.
    pub cause: Option<String>,
    /// When it was started, in ms since 1970.
    pub started_ms: i64,
    /// When it ended.
    pub stopped_ms: Option<i64>,
}

/// An event of a history.
#[derive(Clone, Debug, PartialEq)]
pub struct EventFound {
    /// Its number, from 1.
    pub id: u64,
    /// The event that led to it.
    pub previous: u64,
    /// When it happened, in ms since 1970.
    pub at_ms: i64,
    /// What happened.
    pub kind: EventFoundKind,
}

/// What happened, as far as it is asked for.
#[derive(Clone, Debug, PartialEq)]
pub enum EventFoundKind {
    /// The execution began, with this input where it was asked for.
    Started(Value),
    /// A state was entered: its type and its name.
    Entered(String, String),
    /// A state was left: its type and its name.
    Left(String, String),
    /// A task failed or timed out.
    TaskFailed,
    /// The execution ended.
    Ended,
    /// Anything else.
    Other,
}

impl StepFunctionsRuns {
    /// The state machine's executions, newest first, at most `most`. Errors: it cannot be asked.
    pub async fn executions(&self, most: usize) -> Result<Vec<ExecutionFound>, ExecutionError> {
        let pages = self.client.list_executions().state_machine_arn(&self.state_machine);
        let mut pages = pages.max_results(PAGE).into_paginator().items().send();
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

    /// The execution of a run, if there is one. Errors: it cannot be asked for.
    pub async fn execution(&self, run: &str) -> Result<Option<ExecutionFound>, ExecutionError> {
        let described = self.client.describe_execution().execution_arn(self.execution_arn(run));
        match described.send().await {
            Ok(found) => Ok(Some(described_as(found, run))),
            Err(error) => match error.as_service_error() {
                Some(answer) if answer.is_execution_does_not_exist() => Ok(None),
                // A name that none can have.
                Some(answer) if answer.is_invalid_arn() => Ok(None),
                _ => Err(self.failed(run, "described", &error)),
            },
        }
    }

    /// The executions of a run's maps, each map's in the order in which they began. Errors: they cannot be asked for.
    pub async fn children(&self, run: &str) -> Result<Vec<ExecutionFound>, ExecutionError> {
        let maps = self.client.list_map_runs().execution_arn(self.execution_arn(run));
        let mut maps = maps.into_paginator().items().send();
        let mut map_runs = Vec::new();
        while let Some(map) = maps.next().await {
            map_runs.push(map.map_err(|error| self.failed(run, "asked for its maps", &error))?);
        }
        map_runs.sort_by_key(|map| millis(&map.start_date));
        let mut children = Vec::new();
        for map in map_runs {
            let pages = self.client.list_executions().map_run_arn(&map.map_run_arn);
            let mut pages = pages.max_results(PAGE).into_paginator().items().send();
            let mut of_map = Vec::new();
            while let Some(item) = pages.next().await {
                let item = item.map_err(|error| self.failed(run, "asked for its units", &error))?;
                of_map.push(listed(&item));
            }
            of_map.sort_by(|one, other| (one.started_ms, &one.name).cmp(&(other.started_ms, &other.name)));
            children.extend(of_map);
        }
        Ok(children)
    }

    /// The history of an execution with this ARN, in order; `with_data`, with the input that it began with. Without, no
    /// payload leaves AWS: a task's token is in one. Errors: it cannot be asked for.
    pub async fn history(&self, arn: &str, with_data: bool) -> Result<Vec<EventFound>, ExecutionError> {
        let pages = self.client.get_execution_history().execution_arn(arn);
        let pages = pages.max_results(EVENTS).include_execution_data(with_data);
        let mut pages = pages.into_paginator().items().send();
        let mut found = Vec::new();
        while let Some(event) = pages.next().await {
            let name = arn.rsplit(':').next().unwrap_or(arn);
            found.push(event_found(
                &event.map_err(|error| self.failed(name, "asked for its history", &error))?,
            ));
        }
        Ok(found)
    }

    /// The definition that a run was started with. Errors: it cannot be asked for.
    pub async fn definition(&self, run: &str) -> Result<String, ExecutionError> {
        let asked = self.client.describe_state_machine_for_execution();
        let asked = asked.execution_arn(self.execution_arn(run)).send().await;
        let found = asked.map_err(|error| self.failed(run, "asked for its definition", &error))?;
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
        started_ms: millis(&item.start_date),
        stopped_ms: item.stop_date.as_ref().map(millis),
    }
}

fn described_as(found: DescribeExecutionOutput, run: &str) -> ExecutionFound {
    ExecutionFound {
        input: json(found.input.as_deref()),
        name: found.name.unwrap_or_else(|| run.to_owned()),
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
        (_, Some(details), _) => EventFoundKind::Entered(kind.replace("StateEntered", ""), details.name.clone()),
        (_, _, Some(details)) => EventFoundKind::Left(kind.replace("StateExited", ""), details.name.clone()),
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

/// In ms since 1970, rounded: it comes as a number of seconds, which is not exact.
fn millis(at: &DateTime) -> i64 {
    i64::try_from((at.as_nanos() + 500_000).div_euclid(1_000_000)).unwrap_or_default()
}
