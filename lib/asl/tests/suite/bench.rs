//! A test bench: one execution in virtual time, with stimuli, functions, timers and its history.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdfast_asl::{
    Command, Entropy, Evaluated, EvaluationKey, Execution, HistoryEvent, Identity, Moment, NotRedrivable, StateMachine,
    Status, Stimulus, StimulusRejected, TaskFailure, TimerKey, Timestamp,
};
use serde_json::{Value, json};

/// The time of every execution's start.
pub const START_MS: i64 = 1_800_000_000_000;

/// Reproducible bytes from a small generator, so that tokens and jitter differ from draw to draw.
#[derive(Clone)]
pub struct Counter(pub u64);

impl Entropy for Counter {
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

pub struct Bench {
    pub machine: Arc<StateMachine>,
    pub identity: Identity,
    pub execution: Execution,
    pub history: Vec<HistoryEvent>,
    pub now: i64,
    entropy: Counter,
}

/// The behaviour of a function in a test.
pub enum Reply {
    Answer(Value),
    Fail(&'static str),
    Never,
}

pub fn identity(input: Value) -> Identity {
    Identity {
        execution_arn: "arn:aws:states:eu-west-1:123456789012:execution:Review:run-1".into(),
        execution_name: "run-1".into(),
        state_machine_arn: "arn:aws:states:eu-west-1:123456789012:stateMachine:Review".into(),
        state_machine_name: "Review".into(),
        role_arn: "arn:aws:iam::123456789012:role/review".into(),
        start: Timestamp(START_MS),
        input,
        map_item: None,
    }
}

/// Returns a definition of these states, which starts at the first one.
pub fn machine(states: Value) -> Value {
    let start = states.as_object().unwrap().keys().next().unwrap().clone();
    json!({ "QueryLanguage": "JSONata", "StartAt": start, "States": states })
}

impl Bench {
    pub fn new(definition: &Value, input: Value) -> Self {
        let machine = match StateMachine::parse(&definition.to_string()) {
            Ok(machine) => Arc::new(machine),
            Err(errors) => panic!("{errors}"),
        };
        let identity = identity(input);
        let execution = Execution::new(Arc::clone(&machine), identity.clone());
        Self {
            machine,
            identity,
            execution,
            history: Vec::new(),
            now: START_MS,
            entropy: Counter(1),
        }
    }

    /// Returns a started execution.
    pub fn start(definition: &Value, input: Value) -> Self {
        let mut bench = Self::new(definition, input);
        bench.send(Stimulus::Start).unwrap();
        bench
    }

    /// Returns a started execution of these states.
    pub fn of(states: Value, input: Value) -> Self {
        Self::start(&machine(states), input)
    }

    pub fn send(&mut self, stimulus: Stimulus) -> Result<usize, StimulusRejected> {
        let mut moment = Moment {
            now: Timestamp(self.now),
            entropy: &mut self.entropy,
        };
        let events = self.execution.advance(stimulus, &mut moment)?;
        let count = events.len();
        self.history.extend(events);
        Ok(count)
    }

    pub fn answer(&mut self, key: EvaluationKey, answer: Evaluated) -> Result<(), StimulusRejected> {
        let mut moment = Moment {
            now: Timestamp(self.now),
            entropy: &mut self.entropy,
        };
        let events = self.execution.answer(key, answer, &mut moment)?;
        self.history.extend(events);
        Ok(())
    }

    pub fn redrive(&mut self) -> Result<(), NotRedrivable> {
        let events = self.execution.redrive(&mut Moment {
            now: Timestamp(self.now),
            entropy: &mut self.entropy,
        })?;
        self.history.extend(events);
        Ok(())
    }

    /// Answers functions, by state and payload, and fires timers until nothing is outstanding.
    pub fn drive(&mut self, mut reply: impl FnMut(&str, &Value) -> Reply) {
        let mut ignored = BTreeSet::new();
        loop {
            let commands = self.execution.commands();
            let invocation = commands.iter().find_map(|command| match command {
                Command::InvokeFunction {
                    key, state, payload, ..
                } if !ignored.contains(key) => Some((*key, state.clone(), payload.clone())),
                _ => None,
            });
            if let Some((key, state, payload)) = invocation {
                self.send(Stimulus::TaskStarted { key }).unwrap();
                let answer = match reply(&state, &payload) {
                    Reply::Answer(output) => Stimulus::TaskSucceeded { key, output },
                    Reply::Fail(error) => Stimulus::TaskFailed {
                        key,
                        failure: failure(error),
                    },
                    Reply::Never => {
                        ignored.insert(key);
                        continue;
                    }
                };
                self.send(answer).unwrap();
                continue;
            }
            let Some((key, at)) = self.timers().into_iter().min_by_key(|(_, at)| *at) else {
                return;
            };
            self.now = self.now.max(at.0);
            self.send(Stimulus::TimerFired { key }).unwrap();
        }
    }

    /// Runs an execution without functions to its end.
    pub fn finish(states: Value, input: Value) -> Self {
        let mut bench = Self::of(states, input);
        bench.drive(|state, _| panic!("{state} invoked a function"));
        bench
    }

    pub fn timers(&self) -> Vec<(TimerKey, Timestamp)> {
        let timer = |command| match command {
            Command::FireAt { key, at } => Some((key, at)),
            _ => None,
        };
        self.execution.commands().into_iter().filter_map(timer).collect()
    }

    /// Returns the only outstanding invocation: key, payload, token.
    pub fn invocation(&self) -> (u64, Value, Option<String>) {
        let found = self.execution.commands().into_iter().find_map(|command| match command {
            Command::InvokeFunction {
                key, payload, token, ..
            } => Some((key, payload, token)),
            _ => None,
        });
        found.unwrap()
    }

    pub fn types(&self) -> Vec<String> {
        self.history.iter().map(|event| event.kind.aws_type()).collect()
    }

    pub fn output(&self) -> Value {
        match self.execution.status() {
            Status::Succeeded { output } => output.clone(),
            other => panic!("not succeeded: {other:?}"),
        }
    }

    /// Returns the error and cause of a failed execution.
    pub fn error(&self) -> (String, String) {
        match self.execution.status() {
            Status::Failed { error, cause } => (error.clone().unwrap_or_default(), cause.clone().unwrap_or_default()),
            other => panic!("not failed: {other:?}"),
        }
    }

    /// Returns the AWS form of the nth event of a type.
    pub fn aws(&self, kind: &str) -> Vec<Value> {
        let events = self.history.iter().filter(|event| event.kind.aws_type() == kind);
        events.map(|event| event.to_aws().unwrap()).collect()
    }
}

pub fn failure(error: &str) -> TaskFailure {
    TaskFailure {
        error: error.to_owned(),
        cause: Some(format!("{error} happened")),
    }
}

/// Returns a `lambda:invoke` state with extra fields.
pub fn invoke(payload: Value, extra: Value) -> Value {
    let mut state = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": { "FunctionName": "worker", "Payload": payload },
    });
    state
        .as_object_mut()
        .unwrap()
        .extend(extra.as_object().unwrap().clone());
    state
}
