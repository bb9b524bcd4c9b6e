//! What an event makes of one thread of control. Nothing is evaluated or decided here.

use serde_json::Value;

use super::branch::{Branch, Children, MapRun, Phase, TaskRun};
use crate::command::ItemSource;
use crate::definition::State;
use crate::event::{EventId, EventKind, Failure, HistoryEvent, MapPlan, StateKind, Timestamp};

/// Most iterations of an inline Map at once, also where its `MaxConcurrency` is 0 or higher.
const MAX_CONCURRENT_ITERATIONS: u64 = 40;

impl Branch {
    /// The open task's token.
    pub(super) fn token(&self) -> Option<&str> {
        match &self.phase {
            Phase::Task(task) => task.token.as_deref(),
            _ => None,
        }
    }

    /// Folds an event that concerns this thread of control.
    pub(super) fn fold(&mut self, event: &HistoryEvent, state: Option<&State>) {
        let record = &event.record;
        match event.kind {
            // AWS's chain leaves these out.
            EventKind::MapStateSucceeded | EventKind::HeartbeatReceived => {}
            EventKind::MapIterationFailed { .. } | EventKind::ParallelStateRetried => self.last = event.previous,
            _ => self.last = event.id,
        }
        match &event.kind {
            EventKind::StateEntered { name, input, .. } => self.enter(event, name, input),
            EventKind::StateExited { output, assigned, .. } => {
                self.variables
                    .extend(assigned.iter().map(|(name, value)| (name.clone(), value.clone())));
                self.phase = match &record.next {
                    Some(next) => Phase::Leaving {
                        next: next.clone(),
                        input: output.clone(),
                    },
                    None => Phase::Finished { output: output.clone() },
                };
            }
            EventKind::TaskScheduled { parameters, .. } => {
                let function = parameters
                    .get("FunctionName")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                let payload = parameters
                    .get("Payload")
                    .cloned()
                    .unwrap_or_else(|| Value::Object(Default::default()));
                self.phase = Phase::Task(TaskRun::new(event, function, payload));
            }
            EventKind::LambdaFunctionScheduled { resource, input, .. } => {
                self.phase = Phase::Task(TaskRun::new(event, resource, input.clone()));
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
            EventKind::HeartbeatReceived => {
                if let Phase::Task(task) = &mut self.phase {
                    task.heartbeat_at = record.heartbeat_at;
                }
            }
            EventKind::TaskSucceeded { output, .. } | EventKind::LambdaFunctionSucceeded { output } => {
                self.phase = Phase::Resulted { result: output.clone() };
            }
            EventKind::TaskFailed { error, cause, .. }
            | EventKind::TaskTimedOut { error, cause, .. }
            | EventKind::LambdaFunctionFailed { error, cause }
            | EventKind::LambdaFunctionTimedOut { error, cause } => {
                let failure = record.failure.clone();
                self.fail(
                    event,
                    failure.unwrap_or_else(|| Failure::of(error, cause.clone())),
                    true,
                );
            }
            EventKind::EvaluationFailed { error, cause, .. } => {
                let compound = state.is_some_and(|state| matches!(state.kind, StateKind::Map | StateKind::Parallel));
                self.fail(
                    event,
                    Failure::of(error, Some(cause.clone())),
                    !compound || record.announced,
                );
            }
            EventKind::MapRunFailed { error, cause } => {
                self.fail(event, Failure::of(error, cause.clone()), false);
            }
            EventKind::MapIterationFailed { .. } | EventKind::ParallelStateRetried => {
                self.fail(event, record.failure.clone().unwrap_or_default(), false);
            }
            EventKind::MapStateFailed | EventKind::ParallelStateFailed => {
                let failure = match (&record.failure, &self.phase) {
                    (Some(failure), _) | (None, Phase::Failing { failure, .. }) => failure.clone(),
                    _ => Failure::default(),
                };
                self.fail(event, failure, true);
            }
            EventKind::MapStateStarted { .. } => {
                if let Some(plan) = &record.map {
                    self.phase = self.begin_map(event.id, plan.as_ref().clone(), state);
                }
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
            EventKind::MapRunSucceeded => {
                self.phase = Phase::Succeeding {
                    result: record.result.clone().unwrap_or(Value::Null),
                };
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

    fn enter(&mut self, event: &HistoryEvent, name: &str, input: &Value) {
        self.state = name.to_owned();
        self.input = input.clone();
        self.entered = event.id;
        self.entered_after = event.previous;
        self.entered_at = event.at;
        self.retry_count = 0;
        self.retries.clear();
        self.phase = match (&event.record.failure, event.record.due) {
            (Some(failure), _) => Phase::Unable(failure.clone()),
            (None, Some(at)) => Phase::Waiting { key: event.id, at },
            (None, None) => Phase::Entered,
        };
    }

    fn begin_map(&self, key: EventId, plan: MapPlan, state: Option<&State>) -> Phase {
        let inline = state.and_then(State::inline).is_some();
        match plan.items {
            ItemSource::Inline(items) if inline => Phase::Children(Children {
                most: match plan.max_concurrency {
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

    fn fail(&mut self, event: &HistoryEvent, failure: Failure, announced: bool) {
        self.phase = match &event.record.retrial {
            Some(retrial) => {
                *self.retries.entry(retrial.retrier).or_default() += 1;
                self.retry_count += 1;
                Phase::BackingOff {
                    key: event.id,
                    at: retrial.at,
                }
            }
            None => Phase::Failing {
                failure,
                announced,
                uncaught: event.record.uncaught,
            },
        };
    }
}

impl TaskRun {
    fn new(event: &HistoryEvent, function: &str, payload: Value) -> Self {
        let record = &event.record;
        Self {
            key: event.id,
            function: function.to_owned(),
            payload,
            token: record.token.clone(),
            timeout_at: record.timeout_at,
            timeout_ms: record.timeout_at.map(|at| at.0.saturating_sub(event.at.0)),
            heartbeat_at: record.heartbeat_at,
            heartbeat_ms: record.heartbeat_ms,
            started: false,
            submitted: false,
        }
    }
    /// Gives a function that is invoked again its whole time: none of it has passed while nothing ran it.
    pub(super) fn begin_again(&mut self, now: Timestamp) {
        // A token may be answered while no process runs: its time goes on.
        if self.token.is_none() {
            self.timeout_at = self.timeout_ms.map(|ms| now.after_ms(ms));
        }
    }
}
