//! Events in the form of `GetExecutionHistory`.

use serde_json::{Map, Value, json};

use super::{EventKind, HistoryEvent};
use crate::payload::payload_text;

impl HistoryEvent {
    /// Returns the event in AWS's form: type, id, previousEventId, timestamp (seconds) and details, payloads as JSON
    /// strings. `None` for kinds that AWS does not have.
    pub fn to_aws(&self) -> Option<Value> {
        if !self.kind.is_numbered() {
            return None;
        }
        let mut event = Map::new();
        event.insert("timestamp".into(), json!(self.at.0 as f64 / 1000.0));
        event.insert("type".into(), json!(self.kind.aws_type()));
        event.insert("id".into(), json!(self.aws_id()));
        event.insert(
            "previousEventId".into(),
            json!(self.previous.saturating_sub(self.unnumbered_previous)),
        );
        if let Some((name, details)) = self.kind.aws_details() {
            event.insert(name.into(), details);
        }
        Some(Value::Object(event))
    }

    /// Returns the task token that the event gave out. It is a credential: its holder can answer the task.
    pub fn task_token(&self) -> Option<&str> {
        match &self.kind {
            EventKind::TaskScheduled { token, .. } => token.as_deref(),
            _ => None,
        }
    }

    /// Returns the event's number in AWS's numbering, which leaves out kinds that AWS does not have.
    pub fn aws_id(&self) -> u64 {
        self.id.saturating_sub(self.unnumbered)
    }
}

impl EventKind {
    /// Returns AWS's name of the event type, such as `TaskStateEntered`.
    pub fn aws_type(&self) -> String {
        let name = match self {
            Self::StateEntered { state, .. } => return format!("{}StateEntered", state.as_str()),
            Self::StateExited { state, .. } => return format!("{}StateExited", state.as_str()),
            Self::ExecutionStarted { .. } => "ExecutionStarted",
            Self::ExecutionSucceeded { .. } => "ExecutionSucceeded",
            Self::ExecutionFailed { .. } => "ExecutionFailed",
            Self::ExecutionTimedOut { .. } => "ExecutionTimedOut",
            Self::ExecutionAborted { .. } => "ExecutionAborted",
            Self::ExecutionRedriven { .. } => "ExecutionRedriven",
            Self::EvaluationFailed { .. } => "EvaluationFailed",
            Self::TaskScheduled { .. } => "TaskScheduled",
            Self::TaskStarted { .. } => "TaskStarted",
            Self::TaskSubmitted { .. } => "TaskSubmitted",
            Self::TaskSucceeded { .. } => "TaskSucceeded",
            Self::TaskFailed { .. } => "TaskFailed",
            Self::TaskTimedOut { .. } => "TaskTimedOut",
            Self::LambdaFunctionScheduled { .. } => "LambdaFunctionScheduled",
            Self::LambdaFunctionStarted => "LambdaFunctionStarted",
            Self::LambdaFunctionSucceeded { .. } => "LambdaFunctionSucceeded",
            Self::LambdaFunctionFailed { .. } => "LambdaFunctionFailed",
            Self::LambdaFunctionTimedOut { .. } => "LambdaFunctionTimedOut",
            Self::MapStateStarted { .. } => "MapStateStarted",
            Self::MapStateSucceeded => "MapStateSucceeded",
            Self::MapStateFailed(_) => "MapStateFailed",
            Self::MapIterationStarted { .. } => "MapIterationStarted",
            Self::MapIterationSucceeded { .. } => "MapIterationSucceeded",
            Self::MapIterationFailed { .. } => "MapIterationFailed",
            Self::MapRunStarted { .. } => "MapRunStarted",
            Self::MapRunRedriven { .. } => "MapRunRedriven",
            Self::MapRunSucceeded(_) => "MapRunSucceeded",
            Self::MapRunFailed { .. } => "MapRunFailed",
            Self::ParallelStateStarted(_) => "ParallelStateStarted",
            Self::ParallelStateSucceeded => "ParallelStateSucceeded",
            Self::ParallelStateFailed(_) => "ParallelStateFailed",
            Self::ParallelStateRetried(_) => "ParallelStateRetried",
            Self::HeartbeatReceived(_) => "HeartbeatReceived",
        };
        name.to_owned()
    }

    /// Returns the name and content of the type's details; none if AWS has none.
    fn aws_details(&self) -> Option<(&'static str, Value)> {
        let details = Details::default();
        Some(match self {
            Self::ExecutionStarted { input, role_arn, .. } => (
                "executionStartedEventDetails",
                details.payload("input", input).text("roleArn", Some(role_arn)).done(),
            ),
            Self::ExecutionSucceeded { output } => (
                "executionSucceededEventDetails",
                details.payload("output", output).done(),
            ),
            Self::ExecutionFailed { error, cause } => (
                "executionFailedEventDetails",
                details.failure(error.as_ref(), cause).done(),
            ),
            Self::ExecutionTimedOut { error, cause } => (
                "executionTimedOutEventDetails",
                details.failure(error.as_ref(), cause).done(),
            ),
            Self::ExecutionAborted { error, cause } => (
                "executionAbortedEventDetails",
                details.failure(error.as_ref(), cause).done(),
            ),
            Self::ExecutionRedriven { redrive_count, .. } => (
                "executionRedrivenEventDetails",
                details.number("redriveCount", Some(*redrive_count)).done(),
            ),
            Self::StateEntered { name, input, .. } => (
                "stateEnteredEventDetails",
                details.text("name", Some(name)).payload("input", input).done(),
            ),
            Self::StateExited {
                name, output, assigned, ..
            } => (
                "stateExitedEventDetails",
                details
                    .text("name", Some(name))
                    .payload("output", output)
                    .variables(assigned)
                    .done(),
            ),
            Self::EvaluationFailed {
                state,
                error,
                cause,
                location,
                ..
            } => (
                "evaluationFailedEventDetails",
                details
                    .text("error", Some(error))
                    .text("cause", Some(cause))
                    .text("location", location.as_ref())
                    .text("state", Some(state))
                    .done(),
            ),
            Self::TaskScheduled {
                resource,
                region,
                parameters,
                timeout_seconds,
                heartbeat_seconds,
                ..
            } => (
                "taskScheduledEventDetails",
                details
                    .service(resource)
                    .text("region", Some(region))
                    .json("parameters", parameters)
                    .number("timeoutInSeconds", *timeout_seconds)
                    .number("heartbeatInSeconds", *heartbeat_seconds)
                    .done(),
            ),
            Self::TaskStarted { resource } => ("taskStartedEventDetails", details.service(resource).done()),
            Self::TaskSubmitted { resource, output } => (
                "taskSubmittedEventDetails",
                details.service(resource).payload("output", output).done(),
            ),
            Self::TaskSucceeded { resource, output } => (
                "taskSucceededEventDetails",
                details.service(resource).payload("output", output).done(),
            ),
            Self::TaskFailed {
                resource, error, cause, ..
            } => (
                "taskFailedEventDetails",
                details.service(resource).failure(named(error), cause).done(),
            ),
            Self::TaskTimedOut {
                resource, error, cause, ..
            } => (
                "taskTimedOutEventDetails",
                details.service(resource).failure(named(error), cause).done(),
            ),
            Self::LambdaFunctionScheduled {
                resource,
                input,
                timeout_seconds,
                ..
            } => (
                "lambdaFunctionScheduledEventDetails",
                details
                    .text("resource", Some(resource))
                    .payload("input", input)
                    .number("timeoutInSeconds", *timeout_seconds)
                    .done(),
            ),
            Self::LambdaFunctionSucceeded { output } => (
                "lambdaFunctionSucceededEventDetails",
                details.payload("output", output).done(),
            ),
            Self::LambdaFunctionFailed { error, cause, .. } => (
                "lambdaFunctionFailedEventDetails",
                details.failure(named(error), cause).done(),
            ),
            Self::LambdaFunctionTimedOut { error, cause, .. } => (
                "lambdaFunctionTimedOutEventDetails",
                details.failure(named(error), cause).done(),
            ),
            Self::MapStateStarted { length, .. } => (
                "mapStateStartedEventDetails",
                details.number("length", Some(*length)).done(),
            ),
            Self::MapIterationStarted { name, index, .. } => {
                ("mapIterationStartedEventDetails", details.iteration(name, *index))
            }
            Self::MapIterationSucceeded { name, index } => {
                ("mapIterationSucceededEventDetails", details.iteration(name, *index))
            }
            Self::MapIterationFailed { name, index, .. } => {
                ("mapIterationFailedEventDetails", details.iteration(name, *index))
            }
            Self::MapRunStarted { map_run_arn } => (
                "mapRunStartedEventDetails",
                details.text("mapRunArn", Some(map_run_arn)).done(),
            ),
            Self::MapRunRedriven {
                map_run_arn,
                redrive_count,
            } => (
                "mapRunRedrivenEventDetails",
                details
                    .text("mapRunArn", Some(map_run_arn))
                    .number("redriveCount", Some(*redrive_count))
                    .done(),
            ),
            Self::MapRunFailed { error, cause, .. } => {
                ("mapRunFailedEventDetails", details.failure(Some(error), cause).done())
            }
            Self::LambdaFunctionStarted
            | Self::MapStateSucceeded
            | Self::MapStateFailed(_)
            | Self::MapRunSucceeded(_)
            | Self::ParallelStateStarted(_)
            | Self::ParallelStateSucceeded
            | Self::ParallelStateFailed(_)
            | Self::ParallelStateRetried(_)
            | Self::HeartbeatReceived(_) => return None,
        })
    }
}

/// Returns an error's name; none if it is empty.
fn named(error: &String) -> Option<&String> {
    (!error.is_empty()).then_some(error)
}

/// Builds an event's details field by field.
#[derive(Default)]
struct Details(Map<String, Value>);

impl Details {
    fn text(mut self, name: &str, value: Option<&String>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.into(), json!(value));
        }
        self
    }

    fn number(mut self, name: &str, value: Option<u64>) -> Self {
        if let Some(value) = value {
            self.0.insert(name.into(), json!(value));
        }
        self
    }

    fn json(mut self, name: &str, value: &Value) -> Self {
        self.0.insert(name.into(), json!(payload_text(value)));
        self
    }

    fn payload(self, name: &str, value: &Value) -> Self {
        let mut details = self.json(name, value);
        details
            .0
            .insert(format!("{name}Details"), json!({ "truncated": false }));
        details
    }

    fn failure(self, error: Option<&String>, cause: &Option<String>) -> Self {
        self.text("error", error).text("cause", cause.as_ref())
    }

    fn service(self, resource: &String) -> Self {
        self.text("resourceType", Some(&"lambda".to_owned()))
            .text("resource", Some(resource))
    }

    fn iteration(self, name: &String, index: u64) -> Value {
        self.text("name", Some(name)).number("index", Some(index)).done()
    }

    fn variables(mut self, assigned: &Map<String, Value>) -> Self {
        if !assigned.is_empty() {
            let rendered: Map<String, Value> = assigned
                .iter()
                .map(|(name, value)| (name.clone(), json!(payload_text(value))))
                .collect();
            self.0.insert("assignedVariables".into(), Value::Object(rendered));
            self.0
                .insert("assignedVariablesDetails".into(), json!({ "truncated": false }));
        }
        self
    }

    fn done(self) -> Value {
        Value::Object(self.0)
    }
}
