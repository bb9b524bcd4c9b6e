//! The data of a parsed state.

use std::sync::Arc;

use serde_json::Value;

use super::StateMachine;
use crate::command::{InputType, OutputType, Transformation};
use crate::event::StateKind;
use crate::expression::{ReadableData, Template};

/// The states of a machine, a branch or an iteration.
#[derive(Debug, Default)]
pub(crate) struct Flow {
    pub start_at: String,
    /// The states' names, in the definition's order.
    pub names: Vec<String>,
}

/// One state.
#[derive(Debug)]
pub(crate) struct State {
    pub name: String,
    pub kind: StateKind,
    pub body: StateBody,
    /// The way out when it succeeds; for a Choice, when no rule matches.
    pub exit: Exit,
    pub retry: Vec<Retrier>,
    pub catch: Vec<Catcher>,
    /// The data that its expressions may read.
    pub readable_data: ReadableData,
}

impl State {
    /// Returns the flow of an inline Map's iterations.
    pub fn inline(&self) -> Option<&Flow> {
        match &self.body {
            StateBody::Map(map) => match &map.mode {
                Mode::Inline(flow) => Some(flow),
                Mode::Distributed(_) => None,
            },
            _ => None,
        }
    }

    /// Returns the machine of a distributed Map's children.
    pub fn distributed(&self) -> Option<&Arc<StateMachine>> {
        match &self.body {
            StateBody::Map(map) => match &map.mode {
                Mode::Distributed(child) => Some(child),
                Mode::Inline(_) => None,
            },
            _ => None,
        }
    }
}

/// The way out of a state.
#[derive(Debug, Default)]
pub(crate) struct Exit {
    /// Variables to assign.
    pub assign: Option<Template>,
    pub output: Option<Template>,
    /// The state that follows; none at an end.
    pub next: Option<String>,
}

/// The fields of one type of state.
#[derive(Debug)]
pub(crate) enum StateBody {
    Task(TaskState),
    Choice {
        rules: Vec<ChoiceRule>,
    },
    Wait(WaitUntil),
    Pass {
        result: Option<Value>,
    },
    Succeed,
    Fail {
        error: Option<Template>,
        cause: Option<Template>,
    },
    Map(Box<MapState>),
    Parallel {
        branches: Vec<Flow>,
        arguments: Option<Template>,
    },
}

#[derive(Debug)]
pub(crate) struct TaskState {
    pub resource: Resource,
    pub arguments: Option<Template>,
    pub timeout_seconds: Option<Template>,
    pub heartbeat_seconds: Option<Template>,
}

/// The action of a Task.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Resource {
    /// `arn:aws:states:::lambda:invoke`, with or without `.waitForTaskToken`.
    Invoke { wait_for_token: bool },
    /// A function's own ARN.
    Function(String),
}

impl Resource {
    /// Returns the name in `resource` of a task's events.
    pub fn event_name(&self) -> &str {
        match self {
            Self::Invoke { wait_for_token: false } => "invoke",
            Self::Invoke { wait_for_token: true } => "invoke.waitForTaskToken",
            Self::Function(arn) => arn,
        }
    }

    /// Returns true if each attempt gets a task token.
    pub fn waits_for_token(&self) -> bool {
        *self == Self::Invoke { wait_for_token: true }
    }
}

#[derive(Debug)]
pub(crate) struct ChoiceRule {
    pub condition: Condition,
    pub exit: Exit,
}

#[derive(Debug)]
pub(crate) enum Condition {
    Constant(bool),
    Expression(Template),
}

#[derive(Debug)]
pub(crate) enum WaitUntil {
    Seconds(Template),
    Timestamp(Template),
}

#[derive(Debug)]
pub(crate) struct MapState {
    pub mode: Mode,
    pub items: Option<Template>,
    pub reader: Option<ItemReader>,
    pub selector: Option<Template>,
    pub batcher: Option<ItemBatcher>,
    pub max_concurrency: Option<Template>,
    pub tolerated_failure_count: Option<Template>,
    pub tolerated_failure_percentage: Option<Template>,
    /// Names the map run: the definition's `Label`, or one derived from the state's name.
    pub label: String,
    pub writer: Option<Writer>,
}

#[derive(Debug)]
pub(crate) enum Mode {
    Inline(Flow),
    Distributed(Arc<StateMachine>),
}

#[derive(Debug)]
pub(crate) struct ItemBatcher {
    /// The maximum number of items of one child; none for no limit.
    pub max_items: Option<Template>,
    /// The maximum size of one child's input in bytes; none for the limit of a payload.
    pub max_bytes: Option<Template>,
    /// The input that every child gets beside its items.
    pub input: Option<Template>,
}

#[derive(Debug)]
pub(crate) struct ItemReader {
    pub input_type: InputType,
    /// The maximum number of items to run; none for no limit.
    pub max_items: Option<Template>,
    pub arguments: Template,
}

#[derive(Debug)]
pub(crate) struct Writer {
    pub arguments: Template,
    pub output_type: OutputType,
    pub transformation: Transformation,
}

#[derive(Clone, Debug)]
pub(crate) struct Retrier {
    pub errors: Vec<String>,
    /// Seconds before the first retry (1..=99999999). Default 1.
    pub interval_seconds: u64,
    /// Factor from one retry to the next (at least 1). Default 2.
    pub backoff_rate: f64,
    /// The maximum number of retries (0..=99999999). Default 3.
    pub max_attempts: u64,
    /// Longest delay in seconds, before jitter (1..31622400).
    pub max_delay_seconds: Option<u64>,
    /// Draws the delay evenly between 0 and the computed one.
    pub full_jitter: bool,
}

#[derive(Debug)]
pub(crate) struct Catcher {
    pub errors: Vec<String>,
    pub exit: Exit,
}
