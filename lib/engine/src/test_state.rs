//! Runs one state by itself, without an execution in the database: the engine's part of `TestState`.

use std::sync::Arc;
use std::time::Duration;

use holdfast_asl::{
    Command, Entropy, EventKind, Execution, HistoryEvent, Identity, Moment, PAYLOAD_LIMIT_BYTES, StateKind,
    StateMachine, Stimulus, StimulusRejected, TaskFailure, TimerKey, TimerPurpose, Timestamp,
};
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout_at};

use super::clock::{SystemClock, SystemEntropy};
use super::dispatch::panic_message;
use super::error::EngineError;
use super::port::{Clock, FunctionFailure, Invocation};
use super::time::time_between;
use super::{Engine, Naming, Shared};

/// The machine's name in the ARNs of a test.
const MACHINE: &str = "TestState";
/// Time limit of a test, as on AWS.
const TIME_LIMIT: Duration = Duration::from_secs(300);

/// A state to test.
#[derive(Clone, Debug, PartialEq)]
pub struct StateTest {
    /// The state's name.
    pub name: String,
    /// The state's definition.
    pub state: Value,
    /// The `QueryLanguage` of the state machine, if the state comes from one.
    pub query_language: Option<Value>,
    /// The state's input.
    pub input: Value,
    /// The variables that exist before the state.
    pub variables: Map<String, Value>,
    /// The role in `$states.context`; `None` for the engine's own.
    pub role_arn: Option<String>,
}

/// The result of testing a state.
#[derive(Clone, Debug, PartialEq)]
pub struct TestedState {
    /// The status of the state.
    pub status: TestStatus,
    /// The state's output, if it was left.
    pub output: Option<Value>,
    /// The error's name, if it failed.
    pub error: Option<String>,
    /// The error's cause.
    pub cause: Option<String>,
    /// The state that follows, if any.
    pub next_state: Option<String>,
    /// The evaluated `Arguments` of a Task.
    pub arguments: Option<Value>,
    /// The answer of a Task's function.
    pub result: Option<Value>,
    /// The variables after the state.
    pub variables: Map<String, Value>,
}

/// The status of a tested state, with AWS's names.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum TestStatus {
    /// The state succeeded.
    Succeeded,
    /// The state failed, and the execution with it.
    Failed,
    /// The state failed, and a retrier applies.
    Retriable,
    /// The state failed, and a catcher applies.
    CaughtError,
}

impl TestStatus {
    /// Returns AWS's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Retriable => "RETRIABLE",
            Self::CaughtError => "CAUGHT_ERROR",
        }
    }
}

impl Engine {
    /// Runs one state of type Pass, Wait, Choice, Succeed, Fail or Task. A Wait state ends at once; a Task invokes its
    /// function. Nothing is stored. A test takes at most 5 minutes: beyond that, the function's answer is
    /// `States.Timeout`.
    ///
    /// # Errors
    /// The definition is invalid, the state is of another type or waits for a token, the input is too large, or the
    /// engine was shut down meanwhile.
    pub async fn test_state(&self, test: StateTest) -> Result<TestedState, EngineError> {
        let stopped = self.shared.requests.closed();
        tokio::select! {
            tested = run(&self.shared, test) => tested,
            () = stopped => Err(EngineError::Stopped),
        }
    }
}

/// A state machine around the tested state.
struct Harness {
    definition: Value,
    /// The stand-ins of the states that may follow: their names, the names that they stand for, and true for those of
    /// catchers.
    targets: Vec<(String, String, bool)>,
}

impl Harness {
    /// Puts a stand-in in the place of each state that may follow. With variables, a first state assigns them.
    fn new(test: &StateTest) -> Self {
        let prefix = if test.name.starts_with('~') { '^' } else { '~' };
        let mut targets: Vec<(String, String, bool)> = Vec::new();
        let mut replace = |holder: Option<&mut Value>, field: &str, is_catcher: bool| {
            if let Some(Value::String(target)) = holder.and_then(|holder| holder.get_mut(field)) {
                let name = format!("{prefix}{}", targets.len());
                targets.push((name.clone(), std::mem::replace(target, name), is_catcher));
            }
        };
        let mut state = test.state.clone();
        for field in ["Next", "Default"] {
            replace(Some(&mut state), field, false);
        }
        for (list, is_catcher) in [("Choices", false), ("Catch", true)] {
            let entries = state.get_mut(list).and_then(Value::as_array_mut);
            for entry in entries.into_iter().flatten() {
                replace(Some(entry), "Next", is_catcher);
            }
        }
        let mut states = Map::new();
        for (name, ..) in &targets {
            states.insert(name.clone(), json!({ "Type": "Succeed", "QueryLanguage": "JSONata" }));
        }
        let mut start_at = test.name.clone();
        if !test.variables.is_empty() {
            start_at = format!("{prefix}start");
            let assign = test.variables.keys().map(|name| {
                let value = format!("{{% $states.input.variables.`{name}` %}}");
                (name.clone(), Value::String(value))
            });
            let first = json!({
                "Type": "Pass",
                "QueryLanguage": "JSONata",
                "Assign": Value::Object(assign.collect()),
                "Output": "{% $states.input.input %}",
                "Next": test.name,
            });
            states.insert(start_at.clone(), first);
        }
        states.insert(test.name.clone(), state);
        let mut definition = json!({ "StartAt": start_at, "States": states });
        if let Some(language) = &test.query_language {
            definition["QueryLanguage"] = language.clone();
        }
        Self { definition, targets }
    }
}

/// The events of the tested state so far.
#[derive(Default)]
struct Observed {
    arguments: Option<Value>,
    result: Option<Value>,
    /// The last failure of an attempt, with its cause.
    failure: Option<(String, Option<String>)>,
    exited: Option<(Value, Map<String, Value>)>,
    /// The stand-in that was entered after the state.
    target: Option<String>,
    ended: Option<(Option<String>, Option<String>)>,
}

impl Observed {
    fn take(&mut self, tested: &str, events: Vec<HistoryEvent>) {
        for event in events {
            match event.kind {
                EventKind::StateExited {
                    name, output, assigned, ..
                } if name == tested => self.exited = Some((output, assigned)),
                EventKind::StateEntered { name, .. } if self.exited.is_some() => self.target = Some(name),
                EventKind::TaskScheduled {
                    parameters: arguments, ..
                }
                | EventKind::LambdaFunctionScheduled { input: arguments, .. } => self.arguments = Some(arguments),
                EventKind::TaskSucceeded { output, .. } | EventKind::LambdaFunctionSucceeded { output, .. } => {
                    self.result = Some(output);
                }
                EventKind::EvaluationFailed { error, cause, .. } => self.failure = Some((error, Some(cause))),
                EventKind::TaskFailed { error, cause, .. }
                | EventKind::TaskTimedOut { error, cause, .. }
                | EventKind::LambdaFunctionFailed { error, cause, .. }
                | EventKind::LambdaFunctionTimedOut { error, cause, .. } => self.failure = Some((error, cause)),
                EventKind::ExecutionFailed { error, cause, .. } | EventKind::ExecutionTimedOut { error, cause, .. } => {
                    self.ended = Some((error, cause));
                }
                _ => {}
            }
        }
    }

    fn result(self, test: StateTest, targets: &[(String, String, bool)]) -> TestedState {
        let entered = self.target.as_ref();
        let target = entered.and_then(|entered| targets.iter().find(|(name, ..)| name == entered));
        let is_caught = target.is_some_and(|(_, _, is_catcher)| *is_catcher);
        let status = match (&self.exited, &self.ended) {
            (Some(_), _) if is_caught => TestStatus::CaughtError,
            (Some(_), _) => TestStatus::Succeeded,
            (None, Some(_)) => TestStatus::Failed,
            (None, None) => TestStatus::Retriable,
        };
        let failure = self.failure.map(|(error, cause)| (Some(error), cause));
        let (error, cause) = match status {
            TestStatus::Succeeded => (None, None),
            TestStatus::Failed => self.ended.unwrap_or_default(),
            TestStatus::Retriable | TestStatus::CaughtError => failure.unwrap_or_default(),
        };
        let (output, assigned) = self.exited.unzip();
        let mut variables = test.variables;
        variables.extend(assigned.unwrap_or_default());
        TestedState {
            status,
            output,
            error,
            cause,
            next_state: target.map(|(_, name, _)| name.clone()),
            arguments: self.arguments,
            result: self.result,
            variables,
        }
    }
}

async fn run(shared: &Shared, test: StateTest) -> Result<TestedState, EngineError> {
    let deadline = Instant::now() + TIME_LIMIT;
    let harness = Harness::new(&test);
    let machine = Arc::new(StateMachine::parse(&harness.definition.to_string())?);
    check_kind(&machine, &test.name)?;
    let mut entropy = SystemEntropy::new()?;
    let identity = identity(&shared.naming, &test, &mut entropy);
    let mut execution = Execution::new(machine, identity.clone());
    execution.defer_evaluations();
    let mut step = Step {
        shared,
        identity,
        entropy,
        deadline,
    };
    let mut observed = Observed::default();
    let mut events = step.advance(&mut execution, Stimulus::Start, SystemClock.now())?;
    loop {
        observed.take(&test.name, events);
        if observed.exited.is_some() || observed.ended.is_some() {
            break;
        }
        match step.next(&mut execution).await? {
            Some(following) => events = following,
            None => break,
        }
    }
    Ok(observed.result(test, &harness.targets))
}

/// Refuses the states that a test doesn't run.
fn check_kind(machine: &StateMachine, name: &str) -> Result<(), EngineError> {
    let states = machine.states();
    let tested = states.iter().find(|state| state.name == name);
    let waits = |resource: &Option<String>| {
        resource
            .as_ref()
            .is_some_and(|name| name.ends_with(".waitForTaskToken"))
    };
    let reason = match tested {
        Some(state) if matches!(state.kind, StateKind::Map | StateKind::Parallel) => "a Map or Parallel state",
        Some(state) if waits(&state.resource) => "a task with .waitForTaskToken",
        _ => return Ok(()),
    };
    Err(EngineError::StateNotTestable {
        name: name.to_owned(),
        reason,
    })
}

fn identity(naming: &Naming, test: &StateTest, entropy: &mut SystemEntropy) -> Identity {
    let mut bytes = [0; 16];
    entropy.fill(&mut bytes);
    let name = hex::encode(bytes);
    let input = if test.variables.is_empty() {
        test.input.clone()
    } else {
        json!({ "input": test.input, "variables": test.variables })
    };
    Identity {
        execution_arn: naming.execution_arn(MACHINE, &name),
        execution_name: name,
        state_machine_arn: naming.machine_arn(MACHINE),
        state_machine_name: MACHINE.to_owned(),
        role_arn: test.role_arn.clone().unwrap_or_else(|| naming.role_arn()),
        start: SystemClock.now(),
        input,
        map_item: None,
    }
}

/// The steps of a test.
struct Step<'a> {
    shared: &'a Shared,
    identity: Identity,
    entropy: SystemEntropy,
    deadline: Instant,
}

/// A function call of the tested state.
struct Call {
    key: u64,
    state: String,
    function: String,
    payload: Value,
}

impl Step<'_> {
    fn advance(
        &mut self,
        execution: &mut Execution,
        stimulus: Stimulus,
        now: Timestamp,
    ) -> Result<Vec<HistoryEvent>, EngineError> {
        let mut moment = Moment {
            now,
            entropy: &mut self.entropy,
        };
        execution.advance(stimulus, &mut moment).map_err(|rejected| {
            let name = self.identity.execution_name.clone();
            match rejected {
                StimulusRejected::InputTooLarge => EngineError::InputTooLarge {
                    name,
                    bytes: self.identity.input.to_string().len(),
                    limit: PAYLOAD_LIMIT_BYTES,
                },
                rejected => EngineError::ExecutionUnreadable {
                    name,
                    reason: rejected.to_string(),
                },
            }
        })
    }

    /// Takes the next step. `None` if the state would be retried.
    async fn next(&mut self, execution: &mut Execution) -> Result<Option<Vec<HistoryEvent>>, EngineError> {
        let evaluation = execution.evaluations().next();
        if let Some((key, evaluation)) = evaluation.map(|(key, evaluation)| (key, Arc::clone(evaluation))) {
            let machine = self.identity.state_machine_arn.clone();
            let answer = self.shared.evaluator.evaluate(&machine, evaluation).await;
            let mut moment = Moment {
                now: SystemClock.now(),
                entropy: &mut self.entropy,
            };
            // Only this evaluation is outstanding.
            return Ok(execution.answer(key, answer, &mut moment).ok());
        }
        let mut call = None;
        let mut timer: Option<(Timestamp, TimerKey)> = None;
        for command in execution.commands() {
            match command {
                Command::InvokeFunction {
                    key,
                    state,
                    function,
                    payload,
                    ..
                } => {
                    call = Some(Call {
                        key,
                        state,
                        function,
                        payload,
                    });
                }
                Command::FireAt { key, .. } if key.purpose == TimerPurpose::Backoff => return Ok(None),
                Command::FireAt { key, at } => timer = timer.into_iter().chain([(at, key)]).min(),
                Command::StartMapRun { .. } => {}
            }
        }
        match (call, timer) {
            (Some(call), timer) => self.invoke(execution, call, timer).await.map(Some),
            // A Wait state: its time comes at once.
            (None, Some((at, key))) => self.advance(execution, Stimulus::TimerFired { key }, at).map(Some),
            (None, None) => Ok(None),
        }
    }

    /// Invokes the function until it answers, its time limit or the time limit of the test.
    async fn invoke(
        &mut self,
        execution: &mut Execution,
        call: Call,
        timer: Option<(Timestamp, TimerKey)>,
    ) -> Result<Vec<HistoryEvent>, EngineError> {
        let key = call.key;
        let mut events = self.advance(execution, Stimulus::TaskStarted { key }, SystemClock.now())?;
        let functions = Arc::clone(&self.shared.functions);
        let invocation = Invocation {
            execution: self.identity.execution_name.clone(),
            execution_arn: self.identity.execution_arn.clone(),
            state: call.state,
            key,
            time_left: timer.map(|(at, _)| time_between(SystemClock.now(), at)),
            token: None,
        };
        // In a set of its own: dropping it ends the function.
        let mut set = JoinSet::new();
        set.spawn(async move { functions.invoke(&call.function, call.payload, invocation).await });
        let timer_at = timer.map(|(at, _)| Instant::now() + time_between(SystemClock.now(), at));
        let until = timer_at
            .into_iter()
            .chain([self.deadline])
            .min()
            .unwrap_or(self.deadline);
        let (stimulus, now) = match timeout_at(until, set.join_next()).await {
            Ok(Some(Ok(Ok(output)))) => (Stimulus::TaskSucceeded { key, output }, SystemClock.now()),
            Ok(Some(Ok(Err(failure)))) => (failed(key, failure), SystemClock.now()),
            Ok(joined) => {
                let panic = joined.and_then(Result::err).map(panic_message);
                let failure = FunctionFailure {
                    error_type: "Lambda.Unknown".to_owned(),
                    message: panic.unwrap_or_default(),
                };
                (failed(key, failure), SystemClock.now())
            }
            Err(_) => match timer.filter(|_| timer_at.is_some_and(|at| at < self.deadline)) {
                Some((at, key)) => (Stimulus::TimerFired { key }, at.max(SystemClock.now())),
                None => {
                    let failure = TaskFailure {
                        error: "States.Timeout".to_owned(),
                        cause: Some(format!("A test takes at most {} seconds", TIME_LIMIT.as_secs())),
                    };
                    (Stimulus::TaskFailed { key, failure }, SystemClock.now())
                }
            },
        };
        events.extend(self.advance(execution, stimulus, now)?);
        Ok(events)
    }
}

fn failed(key: u64, failure: FunctionFailure) -> Stimulus {
    Stimulus::TaskFailed {
        key,
        failure: failure.into_task_failure(),
    }
}
