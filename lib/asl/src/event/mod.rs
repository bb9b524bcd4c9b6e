//! The events of a history: AWS's types, and the private record that makes replay free of evaluation.
//! How they look in `GetExecutionHistory` is in `aws`.

mod aws;
mod record;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use record::{Batcher, BranchId, Failure, MapPlan, Record, Retrial};

/// An event's number in its history, from 1.
pub type EventId = u64;

/// Milliseconds since the Unix epoch.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// The moment `milliseconds` later; the last one there is on overflow.
    pub fn after_ms(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

/// One event of a history. Its JSON (serde) is for storage; `to_aws` is for people and tools.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct HistoryEvent {
    /// Its number: one more than that of the event stored before it.
    pub id: EventId,
    /// The event that led to it, as AWS counts; 0 for none.
    pub previous: EventId,
    /// When it happened.
    pub at: Timestamp,
    /// What happened.
    #[serde(flatten)]
    pub kind: EventKind,
    /// What only the fold needs.
    #[serde(default, skip_serializing_if = "Record::is_empty")]
    pub(crate) record: Record,
}

impl HistoryEvent {
    /// An event that another engine tells: to be looked at. A fold of it lacks what only that engine noted.
    pub fn told(id: EventId, previous: EventId, at: Timestamp, kind: EventKind) -> Self {
        let record = Record::default();
        Self {
            id,
            previous,
            at,
            kind,
            record,
        }
    }
}

/// The kinds of state, as `Type` names them.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the variants are the language's own names")]
pub enum StateKind {
    Task,
    Choice,
    Wait,
    Pass,
    Succeed,
    Fail,
    Map,
    Parallel,
}

impl StateKind {
    /// The name as definitions write it in `Type`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Task => "Task",
            Self::Choice => "Choice",
            Self::Wait => "Wait",
            Self::Pass => "Pass",
            Self::Succeed => "Succeed",
            Self::Fail => "Fail",
            Self::Map => "Map",
            Self::Parallel => "Parallel",
        }
    }
}

/// What happened, with AWS's details as values (AWS renders payloads as JSON strings).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "details")]
#[expect(missing_docs, reason = "the fields are AWS's own; see GetExecutionHistory")]
pub enum EventKind {
    ExecutionStarted {
        input: Value,
        role_arn: String,
    },
    ExecutionSucceeded {
        output: Value,
    },
    ExecutionFailed {
        error: Option<String>,
        cause: Option<String>,
    },
    ExecutionTimedOut {
        error: Option<String>,
        cause: Option<String>,
    },
    ExecutionAborted {
        error: Option<String>,
        cause: Option<String>,
    },
    ExecutionRedriven {
        redrive_count: u64,
    },

    /// `TaskStateEntered`, `ChoiceStateEntered`, … by `state`.
    StateEntered {
        state: StateKind,
        name: String,
        input: Value,
    },
    /// `TaskStateExited`, `ChoiceStateExited`, … by `state`.
    StateExited {
        state: StateKind,
        name: String,
        output: Value,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        assigned: Map<String, Value>,
    },
    EvaluationFailed {
        state: String,
        error: String,
        cause: String,
        location: Option<String>,
    },

    /// A service integration was scheduled. `resource` is `invoke` or `invoke.waitForTaskToken`.
    TaskScheduled {
        resource: String,
        region: String,
        parameters: Value,
        timeout_seconds: Option<u64>,
        heartbeat_seconds: Option<u64>,
    },
    TaskStarted {
        resource: String,
    },
    TaskSubmitted {
        resource: String,
        output: Value,
    },
    TaskSucceeded {
        resource: String,
        output: Value,
    },
    TaskFailed {
        resource: String,
        error: String,
        cause: Option<String>,
    },
    TaskTimedOut {
        resource: String,
        error: String,
        cause: Option<String>,
    },

    /// A function's own ARN was scheduled.
    LambdaFunctionScheduled {
        resource: String,
        input: Value,
        timeout_seconds: Option<u64>,
    },
    LambdaFunctionStarted,
    LambdaFunctionSucceeded {
        output: Value,
    },
    LambdaFunctionFailed {
        error: String,
        cause: Option<String>,
    },
    LambdaFunctionTimedOut {
        error: String,
        cause: Option<String>,
    },

    /// `length` is 0 for items that a reader has yet to read.
    MapStateStarted {
        length: u64,
    },
    MapStateSucceeded,
    MapStateFailed,
    MapIterationStarted {
        name: String,
        index: u64,
    },
    MapIterationSucceeded {
        name: String,
        index: u64,
    },
    MapIterationFailed {
        name: String,
        index: u64,
    },
    MapRunStarted {
        map_run_arn: String,
    },
    MapRunRedriven {
        map_run_arn: String,
        redrive_count: u64,
    },
    MapRunSucceeded,
    MapRunFailed {
        error: String,
        cause: Option<String>,
    },

    ParallelStateStarted,
    ParallelStateSucceeded,
    ParallelStateFailed,

    /// A branch failed and the Parallel state is tried again. Not an AWS event: it has no place in `to_aws` nor in its
    /// numbering.
    ParallelStateRetried,
    /// A heartbeat moved a deadline. Not an AWS event: it has no place in `to_aws` nor in its numbering.
    HeartbeatReceived,
}

impl EventKind {
    /// Whether AWS has events of this kind: others have no number there.
    pub(crate) fn is_numbered(&self) -> bool {
        !matches!(self, Self::HeartbeatReceived | Self::ParallelStateRetried)
    }
}
