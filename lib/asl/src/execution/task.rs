//! The life of a Task: it is scheduled, answered, fails, times out, or sends heartbeats.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::Execution;
use super::accept::later;
use super::advance::Advance;
use super::branch::Phase;
use super::failure::too_large;
use super::scope::{AddedFields, exceeds_limit};
use crate::definition::{Resource, StateBody, TaskState};
use crate::error_name::ErrorName;
use crate::event::{BranchId, Deadlines, EventKind, Failure, InRecord};
use crate::expression::{Fault, Session};
use crate::stimulus::TaskFailure;

/// Random bytes in a task token.
const TOKEN_BYTES: usize = 48;
/// The longest time-out of a task, in seconds.
const MAX_TIMEOUT_SECONDS: u64 = 99_999_999;

/// The evaluated fields of a task.
struct Schedule {
    arguments: Value,
    timeout_seconds: Option<u64>,
    heartbeat_seconds: Option<u64>,
}

impl Execution {
    /// Schedules one attempt of a Task.
    pub(super) fn schedule(&mut self, advance: &mut Advance<'_>, id: BranchId, task: &TaskState) {
        let Some(branch) = self.branches.get(&id) else { return };
        let token = task
            .resource
            .waits_for_token()
            .then(|| URL_SAFE_NO_PAD.encode(advance.random::<TOKEN_BYTES>()));
        let added = AddedFields {
            token: token.as_deref(),
            ..AddedFields::default()
        };
        let mut session = self.session(branch, added, advance.now, || advance.random());
        let schedule = match evaluate(&mut session, task, &branch.input) {
            Ok(schedule) => schedule,
            Err(fault) => return self.evaluation_failed(advance, id, fault),
        };
        if exceeds_limit(&schedule.arguments) {
            let failure = self.too_large(id);
            return self.state_failed(advance, id, failure);
        }
        let heartbeat_at = schedule.heartbeat_seconds.map(|seconds| later(advance.now, seconds));
        let deadlines = Deadlines {
            timeout_at: schedule.timeout_seconds.map(|seconds| later(advance.now, seconds)),
            heartbeat_at,
            heartbeat_ms: heartbeat_at.map(|at| at.0.saturating_sub(advance.now.0)),
        };
        let kind = match &task.resource {
            Resource::Function(arn) => EventKind::LambdaFunctionScheduled {
                resource: arn.clone(),
                input: schedule.arguments,
                timeout_seconds: schedule.timeout_seconds,
                deadlines,
            },
            invoke => {
                if let Some(problem) = malformed(&schedule.arguments) {
                    let failure = Failure {
                        location: Some("Arguments".to_owned()),
                        ..Failure::of(ErrorName::Runtime.as_str(), Some(problem.to_owned()))
                    };
                    return self.state_failed(advance, id, failure);
                }
                EventKind::TaskScheduled {
                    resource: invoke.event_name().to_owned(),
                    region: self.region(),
                    parameters: schedule.arguments,
                    timeout_seconds: schedule.timeout_seconds,
                    heartbeat_seconds: schedule.heartbeat_seconds,
                    token,
                    deadlines,
                }
            }
        };
        self.push(advance, id, kind);
    }

    /// Returns the event of a dispatched task.
    pub(super) fn task_started(&self, id: BranchId) -> EventKind {
        match self.resource(id) {
            Resource::Function(_) => EventKind::LambdaFunctionStarted,
            invoke => EventKind::TaskStarted {
                resource: invoke.event_name().to_owned(),
            },
        }
    }

    /// Records a function's answer: the task's result, or only its submission if it has a token.
    pub(super) fn task_answered(&mut self, advance: &mut Advance<'_>, id: BranchId, answer: Value, submits: bool) {
        let resource = self.resource(id);
        if matches!(resource, Resource::Invoke { .. }) {
            // The service's own answer to an invocation, without its HTTP headers.
            let output = json!({ "ExecutedVersion": "$LATEST", "Payload": answer, "StatusCode": 200 });
            if submits && !exceeds_limit(&output) {
                let resource = resource.event_name().to_owned();
                let kind = EventKind::TaskSubmitted { resource, output };
                return self.push(advance, id, kind);
            }
            return self.task_succeeded(advance, id, output);
        }
        self.task_succeeded(advance, id, answer);
    }

    /// Records a task's result.
    pub(super) fn task_succeeded(&mut self, advance: &mut Advance<'_>, id: BranchId, output: Value) {
        if exceeds_limit(&output) {
            // AWS names the service here, not the state.
            let task = match self.resource(id) {
                Resource::Function(arn) => arn,
                Resource::Invoke { .. } => "lambda".to_owned(),
            };
            let Failure { error, cause, .. } = too_large(&task);
            let failure = TaskFailure {
                error: error.unwrap_or_default(),
                cause,
            };
            return self.task_failed(advance, id, failure);
        }
        let kind = match self.resource(id) {
            Resource::Function(_) => EventKind::LambdaFunctionSucceeded { output },
            invoke => EventKind::TaskSucceeded {
                resource: invoke.event_name().to_owned(),
                output,
            },
        };
        self.push(advance, id, kind);
    }

    /// Records a task's failure.
    pub(super) fn task_failed(&mut self, advance: &mut Advance<'_>, id: BranchId, failure: TaskFailure) {
        let TaskFailure { error, cause } = failure.cut();
        let retrial = self.retrial(advance, id, &Failure::of(&error, None));
        let kind = match self.resource(id) {
            Resource::Function(_) => EventKind::LambdaFunctionFailed { error, cause, retrial },
            invoke => EventKind::TaskFailed {
                resource: invoke.event_name().to_owned(),
                error,
                cause,
                retrial,
            },
        };
        self.push(advance, id, kind);
    }

    /// Records that a task or its heartbeat took too long: both are `States.Timeout`. `also` is a second name for Retry
    /// and Catch.
    pub(super) fn task_timed_out(&mut self, advance: &mut Advance<'_>, id: BranchId, also: Option<ErrorName>) {
        let error = ErrorName::Timeout.as_str().to_owned();
        let failure = Failure {
            also: also.map(|name| name.as_str().to_owned()),
            ..Failure::of(&error, None)
        };
        let retrial = self.retrial(advance, id, &failure);
        let failure = failure.also.is_some().then_some(failure);
        let kind = match self.resource(id) {
            Resource::Function(_) => EventKind::LambdaFunctionTimedOut {
                error,
                cause: None,
                retrial,
                failure,
            },
            invoke => EventKind::TaskTimedOut {
                resource: invoke.event_name().to_owned(),
                error,
                cause: None,
                retrial,
                failure,
            },
        };
        self.push(advance, id, kind);
    }

    /// Records a heartbeat and moves its deadline.
    pub(super) fn heartbeat(&mut self, advance: &mut Advance<'_>, id: BranchId) {
        let Some(Phase::Task(task)) = self.branches.get(&id).map(|branch| &branch.phase) else {
            return;
        };
        if let Some(allowed_ms) = task.heartbeat_ms {
            let next_due = advance.now.after_ms(allowed_ms);
            self.push(advance, id, EventKind::HeartbeatReceived(InRecord(next_due)));
        }
    }

    fn resource(&self, id: BranchId) -> Resource {
        let state = self
            .branches
            .get(&id)
            .and_then(|branch| self.machine.state(&branch.state));
        match state.map(|state| &state.body) {
            Some(StateBody::Task(task)) => task.resource.clone(),
            _ => Resource::Invoke { wait_for_token: false },
        }
    }
}

fn evaluate(session: &mut Session, task: &TaskState, input: &Value) -> Result<Schedule, Fault> {
    let arguments = match &task.arguments {
        Some(arguments) => session.evaluate(arguments, "Arguments")?,
        None => input.clone(),
    };
    let mut seconds = |template, location| {
        session.typed(template, location, "integer", |value| {
            value
                .as_u64()
                .filter(|seconds| (1..=MAX_TIMEOUT_SECONDS).contains(seconds))
        })
    };
    Ok(Schedule {
        arguments,
        timeout_seconds: task
            .timeout_seconds
            .as_ref()
            .map(|template| seconds(template, "TimeoutSeconds"))
            .transpose()?,
        heartbeat_seconds: task
            .heartbeat_seconds
            .as_ref()
            .map(|template| seconds(template, "HeartbeatSeconds"))
            .transpose()?,
    })
}

/// Returns the problem of an invocation's arguments, if they have one.
fn malformed(arguments: &Value) -> Option<&'static str> {
    let Some(object) = arguments.as_object() else {
        return Some("The arguments of lambda:invoke must be an object.");
    };
    if !object.get("FunctionName").is_some_and(Value::is_string) {
        return Some("The argument FunctionName of lambda:invoke must be a string.");
    }
    let known = ["FunctionName", "Payload"];
    object
        .keys()
        .any(|name| !known.contains(&name.as_str()))
        .then_some("Only the arguments FunctionName and Payload of lambda:invoke are supported.")
}
