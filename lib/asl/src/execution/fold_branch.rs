//! The effect of an event on one thread of control. Nothing is evaluated or decided here.

use serde_json::Value;

use super::branch::{Branch, Children, MapRun, Phase, TaskRun};
use crate::command::ItemSource;
use crate::definition::State;
use crate::event::{
    Deadlines, EventId, EventKind, Failure, HistoryEvent, InRecord, MapPlan, Retrial, StateKind, Timestamp, WaitEnd,
};

/// The maximum number of an inline Map's iterations in flight, also if its `MaxConcurrency` is 0 or higher.
const MAX_CONCURRENT_ITERATIONS: u64 = 40;

impl Branch {
    /// Returns the open task's token.
    pub(super) fn token(&self) -> Option<&str> {
        match &self.phase {
            Phase::Task(task) => task.token.as_deref(),
            _ => None,
        }
    }

    /// Folds an event that concerns this thread of control.
    pub(super) fn fold(&mut self, event: &HistoryEvent, state: Option<&State>) {
        match event.kind {
            // No `previousEventId` points to these, so `last` stays.
            EventKind::MapStateSucceeded | EventKind::HeartbeatReceived(_) => {}
            EventKind::MapIterationFailed { .. } | EventKind::ParallelStateRetried(_) => self.last = event.previous,
            _ => self.last = event.id,
        }
        match &event.kind {
            EventKind::StateEntered { name, input, wait, .. } => self.enter(event, name, input, wait.as_ref()),
            EventKind::StateExited {
                output, assigned, next, ..
            } => {
                self.variables
                    .extend(assigned.iter().map(|(name, value)| (name.clone(), value.clone())));
                self.phase = match next {
                    Some(next) => Phase::Leaving {
                        next: next.clone(),
                        input: output.clone(),
                    },
                    None => Phase::Finished { output: output.clone() },
                };
            }
            EventKind::TaskScheduled {
                parameters,
                token,
                deadlines,
                ..
            } => {
                let function = parameters
                    .get("FunctionName")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let payload = parameters
                    .get("Payload")
                    .cloned()
                    .unwrap_or_else(|| Value::Object(Default::default()));
                self.phase = Phase::Task(TaskRun {
                    token: token.clone(),
                    ..TaskRun::new(event, function, payload, deadlines)
                });
            }
            EventKind::LambdaFunctionScheduled {
                resource,
                input,
                deadlines,
                ..
            } => {
                self.phase = Phase::Task(TaskRun::new(event, resource, input.clone(), deadlines));
            }
            EventKind::TaskStarted { .. } | EventKind::LambdaFunctionStarted => {
                if let Phase::Task(task) = &mut self.phase {
                    task.started = true;
                }
            }
            EventKind::TaskSubmitted { .. } => {
                if let Phase::Task(task) = &mut self.phase {
                    task.submitted = true;
                }
            }
            EventKind::HeartbeatReceived(InRecord(at)) => {
                if let Phase::Task(task) = &mut self.phase {
                    task.heartbeat_at = Some(*at);
                }
            }
            EventKind::TaskSucceeded { output, .. } | EventKind::LambdaFunctionSucceeded { output } => {
                self.phase = Phase::Resulted { result: output.clone() };
            }
            EventKind::TaskFailed {
                error, cause, retrial, ..
            }
            | EventKind::LambdaFunctionFailed { error, cause, retrial } => {
                self.fail(event.id, Failure::of(error, cause.clone()), retrial.as_ref(), true);
            }
            EventKind::TaskTimedOut {
                error,
                cause,
                retrial,
                failure,
                ..
            }
            | EventKind::LambdaFunctionTimedOut {
                error,
                cause,
                retrial,
                failure,
            } => {
                let failure = failure.clone().unwrap_or_else(|| Failure::of(error, cause.clone()));
                self.fail(event.id, failure, retrial.as_ref(), true);
            }
            EventKind::EvaluationFailed {
                error,
                cause,
                retrial,
                uncaught,
                announced,
                ..
            } => {
                let compound = state.is_some_and(|state| matches!(state.kind, StateKind::Map | StateKind::Parallel));
                let failure = Failure::of(error, Some(cause.clone()));
                self.fail(event.id, failure, retrial.as_ref(), !compound || *announced);
                if let (Phase::Failing { uncaught: passes, .. }, true) = (&mut self.phase, *uncaught) {
                    *passes = true;
                }
            }
            EventKind::MapRunFailed { error, cause, retrial } => {
                self.fail(event.id, Failure::of(error, cause.clone()), retrial.as_ref(), false);
            }
            EventKind::MapIterationFailed { failure: failed, .. }
            | EventKind::ParallelStateRetried(InRecord(failed)) => {
                self.fail(event.id, failed.failure.clone(), failed.retrial.as_ref(), false);
            }
            EventKind::MapStateFailed(InRecord(failed)) | EventKind::ParallelStateFailed(InRecord(failed)) => {
                self.fail(event.id, failed.failure.clone(), failed.retrial.as_ref(), true);
            }
            EventKind::MapStateStarted { plan, .. } => {
                self.phase = self.begin_map(event.id, plan.as_ref().clone(), state);
            }
            EventKind::MapRunStarted { map_run_arn } => {
                if let Phase::MapRun(run) = &mut self.phase {
                    run.map_run_arn = Some(map_run_arn.clone());
                }
            }
            EventKind::MapRunRedriven { redrive_count, .. } => {
                if let Phase::MapRun(run) = &mut self.phase {
                    run.redrives = *redrive_count;
                    run.to_announce = false;
                }
            }
            EventKind::MapRunSucceeded(InRecord(result)) => {
                self.phase = Phase::Succeeding { result: result.clone() };
            }
            EventKind::MapStateSucceeded => {
                let result = match &self.phase {
                    Phase::Succeeding { result } => result.clone(),
                    Phase::Children(children) => Value::Array(children.results.iter().flatten().cloned().collect()),
                    _ => Value::Null,
                };
                self.phase = Phase::Resulted { result };
            }
            _ => {}
        }
    }

    fn enter(&mut self, event: &HistoryEvent, name: &str, input: &Value, wait: Option<&WaitEnd>) {
        self.state = name.to_owned();
        self.input = input.clone();
        self.entered = event.id;
        self.entered_after = event.previous;
        self.entered_at = event.at;
        self.retry_count = 0;
        self.retries.clear();
        self.phase = match wait {
            Some(WaitEnd::Failed(failure)) => Phase::CannotRun(failure.clone()),
            Some(WaitEnd::At(at)) => Phase::Waiting { key: event.id, at: *at },
            None => Phase::Entered,
        };
    }

    fn begin_map(&self, key: EventId, plan: MapPlan, state: Option<&State>) -> Phase {
        let inline = state.and_then(State::inline).is_some();
        match plan.items {
            ItemSource::Inline(items) if inline => Phase::Children(Children {
                max_active: match plan.max_concurrency {
                    Some(most @ 1..=MAX_CONCURRENT_ITERATIONS) => most,
                    _ => MAX_CONCURRENT_ITERATIONS,
                },
                begun: 0,
                results: vec![None; items.len()],
                items,
            }),
            _ => Phase::MapRun(MapRun {
                key,
                plan,
                map_run_arn: None,
                redrives: 0,
                to_announce: false,
            }),
        }
    }

    fn fail(&mut self, event: EventId, failure: Failure, retrial: Option<&Retrial>, announced: bool) {
        self.phase = match retrial {
            Some(retrial) => {
                *self.retries.entry(retrial.retrier).or_default() += 1;
                self.retry_count += 1;
                Phase::BackingOff {
                    key: event,
                    at: retrial.at,
                }
            }
            None => Phase::Failing {
                failure,
                announced,
                uncaught: false,
            },
        };
    }
}

impl TaskRun {
    fn new(event: &HistoryEvent, function: &str, payload: Value, deadlines: &Deadlines) -> Self {
        Self {
            key: event.id,
            function: function.to_owned(),
            payload,
            token: None,
            timeout_at: deadlines.timeout_at,
            timeout_ms: deadlines.timeout_at.map(|at| at.0.saturating_sub(event.at.0)),
            heartbeat_at: deadlines.heartbeat_at,
            heartbeat_ms: deadlines.heartbeat_ms,
            started: false,
            submitted: false,
        }
    }

    /// Restarts the time limit of a function that is invoked again after a restart: no process ran it in the meantime.
    pub(super) fn begin_again(&mut self, now: Timestamp) {
        // A token may be answered while no process runs: its time limit stays.
        if self.token.is_none() {
            self.timeout_at = self.timeout_ms.map(|ms| now.after_ms(ms));
        }
    }
}
