//! Runs a case in virtual time: functions answer at once, timers fire in the order of their times, and a distributed
//! map's children run one after the other. Stops and answers to tokens come as they were recorded.

use std::sync::Arc;

use holdfast_asl::{
    Command, Entropy, Execution, HistoryEvent, Identity, ItemSource, MapItem, Moment, StateMachine, Status, Stimulus,
    TaskFailure, TimerKey, Timestamp,
};
use serde_json::{Value, json};

use crate::case::{Case, Function};
use crate::normal;

/// The time of every execution's start.
const START_MS: i64 = 1_700_000_000_000;
/// The maximum number of stimuli of an execution.
const MAX_STIMULI: usize = 200_000;

/// An execution after its run.
pub struct Run {
    /// Its status.
    pub status: Status,
    /// Its events, in AWS's form.
    pub history: Vec<Value>,
}

/// Runs a case.
pub fn run(case: &Case, machine: Arc<StateMachine>) -> Result<Run, String> {
    let mut world = World {
        case,
        now: Timestamp(START_MS),
        entropy: Sequence(0x5eed),
        children: 0,
        token: None,
    };
    let identity = Identity {
        execution_arn: "arn:aws:states:us-east-1:111111111111:execution:Recorded:recorded-1".into(),
        execution_name: "recorded-1".into(),
        state_machine_arn: "arn:aws:states:us-east-1:111111111111:stateMachine:Recorded".into(),
        state_machine_name: "Recorded".into(),
        role_arn: "arn:aws:iam::111111111111:role/recorded".into(),
        start: world.now,
        input: case.input.clone(),
        map_item: None,
    };
    let (execution, events) = world.finish(machine, identity)?;
    Ok(Run {
        status: execution.status().clone(),
        history: events.iter().filter_map(HistoryEvent::to_aws).collect(),
    })
}

/// The time, the functions and the randomness that all executions of a case share.
struct World<'a> {
    case: &'a Case,
    now: Timestamp,
    entropy: Sequence,
    children: u64,
    /// The last task token.
    token: Option<String>,
}

impl World<'_> {
    /// Runs an execution until it ends or nothing can happen.
    fn finish(
        &mut self,
        machine: Arc<StateMachine>,
        identity: Identity,
    ) -> Result<(Execution, Vec<HistoryEvent>), String> {
        let mut execution = Execution::new(Arc::clone(&machine), identity.clone());
        let mut events = Vec::new();
        let mut next = Some(Stimulus::Start);
        for _ in 0..MAX_STIMULI {
            let Some(stimulus) = next else {
                return Ok((execution, events));
            };
            let mut moment = Moment {
                now: self.now,
                entropy: &mut self.entropy,
            };
            let made = execution.advance(stimulus.clone(), &mut moment);
            events.extend(made.map_err(|rejected| format!("{stimulus:?} was rejected: {rejected}"))?);
            next = match self.outside(&identity, &execution, &events) {
                Some(stimulus) => Some(stimulus),
                None => self.next(&machine, &identity, &execution, &events)?,
            };
        }
        Err("the execution does not end".to_owned())
    }

    /// Returns the stimulus from outside that the recording has next. Children of maps have no recording.
    fn outside(&self, identity: &Identity, execution: &Execution, events: &[HistoryEvent]) -> Option<Stimulus> {
        if identity.execution_arn.contains('/') || *execution.status() != Status::Running {
            return None;
        }
        let recorded = self.case.event(events.last()?.aws_id() + 1)?;
        let text = |details: &str, name: &str| recorded[details][name].as_str().map(str::to_owned);
        match recorded["type"].as_str()? {
            "ExecutionAborted" => Some(Stimulus::Stop {
                error: text("executionAbortedEventDetails", "error"),
                cause: text("executionAbortedEventDetails", "cause"),
            }),
            "TaskSucceeded" if text("taskSucceededEventDetails", "resource")?.ends_with(".waitForTaskToken") => {
                Some(Stimulus::TokenSucceeded {
                    token: self.token.clone()?,
                    output: normal::payload(&recorded["taskSucceededEventDetails"]["output"]),
                })
            }
            "TaskFailed" if text("taskFailedEventDetails", "resource")?.ends_with(".waitForTaskToken") => {
                Some(Stimulus::TokenFailed {
                    token: self.token.clone()?,
                    failure: TaskFailure {
                        error: text("taskFailedEventDetails", "error")?,
                        cause: text("taskFailedEventDetails", "cause"),
                    },
                })
            }
            _ => None,
        }
    }

    /// Returns the next stimulus: a function starts or answers, a map runs, or the next timer fires.
    fn next(
        &mut self,
        machine: &StateMachine,
        identity: &Identity,
        execution: &Execution,
        events: &[HistoryEvent],
    ) -> Result<Option<Stimulus>, String> {
        let mut timer: Option<(TimerKey, Timestamp)> = None;
        for command in execution.commands() {
            match command {
                Command::InvokeFunction {
                    key,
                    function,
                    payload,
                    token,
                    ..
                } => {
                    self.token = token;
                    let started = events
                        .iter()
                        .rev()
                        .take_while(|event| event.id > key)
                        .any(|event| event.previous == key && event.kind.aws_type().ends_with("Started"));
                    return Ok(Some(if started {
                        self.answer(key, &function, payload)
                    } else {
                        Stimulus::TaskStarted { key }
                    }));
                }
                Command::StartMapRun {
                    key,
                    label,
                    map_run_arn: None,
                    ..
                } => {
                    let id = self.id();
                    return Ok(Some(Stimulus::MapRunStarted {
                        key,
                        map_run_arn: format!("arn:aws:states:us-east-1:111111111111:mapRun:Recorded/{label}:{id}"),
                    }));
                }
                Command::StartMapRun {
                    key,
                    state,
                    items,
                    tolerated_failure_count,
                    tolerated_failure_percentage,
                    result_writer,
                    map_run_arn: Some(arn),
                    ..
                } => {
                    let mut result = match items {
                        ItemSource::Object { .. } => Err(failed("States.ItemReaderFailed", "There is no such object.")),
                        ItemSource::Inline(items) => {
                            let tolerance = (tolerated_failure_count, tolerated_failure_percentage);
                            self.children(machine, identity, execution, (key, &state), items, tolerance)?
                        }
                    };
                    if let (Some(writer), Ok(_)) = (result_writer, &result) {
                        let id = arn.rsplit(':').next().unwrap_or_default();
                        let folder = writer.prefix.trim_end_matches('/');
                        let key = format!("{folder}/{id}/manifest.json");
                        result = Ok(json!({
                            "MapRunArn": arn,
                            "ResultWriterDetails": { "Bucket": writer.bucket, "Key": key.trim_start_matches('/') },
                        }));
                    }
                    return Ok(Some(Stimulus::MapRunFinished { key, result }));
                }
                Command::FireAt { key, at } => {
                    if timer.is_none_or(|(_, earliest)| at < earliest) {
                        timer = Some((key, at));
                    }
                }
            }
        }
        Ok(timer.map(|(key, at)| {
            self.now = self.now.max(at);
            Stimulus::TimerFired { key }
        }))
    }

    fn answer(&mut self, key: u64, function: &str, payload: Value) -> Stimulus {
        match self.case.function(function) {
            Some(Function::Echo) => Stimulus::TaskSucceeded { key, output: payload },
            Some(Function::Fail {
                error_type,
                error_message,
            }) => {
                let cause = json!({
                    "errorMessage": error_message, "errorType": error_type, "requestId": self.id(), "stackTrace": [],
                });
                Stimulus::TaskFailed {
                    key,
                    failure: failed(error_type, &cause.to_string()),
                }
            }
            Some(Function::Unknown) | None => {
                let cause = format!(
                    "Function not found: {function} (Service: AWSLambda; Status Code: 404; Error Code: \
                     ResourceNotFoundException; Request ID: {}; Proxy: null)",
                    self.id()
                );
                Stimulus::TaskFailed {
                    key,
                    failure: failed("Lambda.ResourceNotFoundException", &cause),
                }
            }
        }
    }

    /// Runs a distributed map's children and returns their outputs.
    fn children(
        &mut self,
        machine: &StateMachine,
        parent: &Identity,
        execution: &Execution,
        (key, state): (u64, &str),
        items: Vec<Value>,
        (most, most_percent): (Option<u64>, Option<f64>),
    ) -> Result<Result<Value, TaskFailure>, String> {
        let child = machine.item_processor(state).ok_or("the map has no machine")?;
        let total = items.len() as f64;
        let children = match execution.map_children(key, items) {
            Ok(children) => children,
            Err(failure) => return Ok(Err(failure)),
        };
        let (mut outputs, mut lost) = (Vec::new(), 0);
        for (index, map_child) in (0..).zip(children) {
            let id = self.id();
            let identity = Identity {
                execution_arn: format!("{}/{id}", parent.execution_arn),
                execution_name: id,
                start: self.now,
                input: map_child.input,
                map_item: map_child.item.map(|value| MapItem { index, value }),
                ..parent.clone()
            };
            match self.finish(Arc::clone(&child), identity)?.0.status() {
                Status::Succeeded { output } => outputs.push(output.clone()),
                _ => lost += map_child.items,
            }
        }
        // Without any tolerance, one failure is too many.
        let over_count = lost > most.unwrap_or(if most_percent.is_some() { u64::MAX } else { 0 });
        let over_share = most_percent.is_some_and(|most| lost as f64 * 100.0 > most * total);
        if lost > 0 && (over_count || over_share) {
            let cause = "The specified tolerated failure threshold was exceeded";
            return Ok(Err(failed("States.ExceedToleratedFailureThreshold", cause)));
        }
        Ok(Ok(Value::Array(outputs)))
    }

    fn id(&mut self) -> String {
        self.children += 1;
        format!("00000000-0000-4000-8000-{:012}", self.children)
    }
}

fn failed(error: &str, cause: &str) -> TaskFailure {
    TaskFailure {
        error: error.to_owned(),
        cause: Some(cause.to_owned()),
    }
}

/// Returns the same bytes in every run.
struct Sequence(u64);

impl Entropy for Sequence {
    fn fill(&mut self, bytes: &mut [u8]) {
        for byte in bytes {
            self.0 = self
                .0
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            *byte = (self.0 >> 33) as u8;
        }
    }
}
