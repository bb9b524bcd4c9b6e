//! The events of a history: AWS's types and details, and what was decided when each event was made, so that a fold
//! evaluates nothing. The form in `GetExecutionHistory` is in `aws`, the form in storage in `stored`.

mod aws;
mod decided;
mod stored;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

pub(crate) use decided::BranchId;
pub use decided::{Batcher, Deadlines, Failure, InRecord, MapPlan, Retrial, StateFailure, WaitEnd};

/// An event's number in its history, from 1.
pub type EventId = u64;

/// Milliseconds since the Unix epoch.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// Returns the time `milliseconds` later; the maximum on overflow.
    pub fn after_ms(self, milliseconds: i64) -> Self {
        Self(self.0.saturating_add(milliseconds))
    }
}

/// One event of a history. Its JSON (serde) is for storage; `to_aws` gives the form for people and tools.
#[derive(Clone, Debug, PartialEq)]
pub struct HistoryEvent {
    /// Its number: one more than that of the event stored before it.
    pub id: EventId,
    /// The event that led to it, in the order of AWS's `previousEventId`; 0 for none.
    pub previous: EventId,
    /// The time.
    pub at: Timestamp,
    /// The type and content.
    pub kind: EventKind,
    /// The thread of control that the event belongs to.
    pub(crate) branch: BranchId,
    /// The number of earlier events that AWS's numbering leaves out.
    pub(crate) unnumbered: u64,
    /// The same number for the event in `previous`.
    pub(crate) unnumbered_previous: u64,
}

impl HistoryEvent {
    /// Returns an event from another engine's history, for display. Such events all belong to the execution's own
    /// thread of control.
    pub fn foreign(id: EventId, previous: EventId, at: Timestamp, kind: EventKind) -> Self {
        Self {
            id,
            previous,
            at,
            kind,
            branch: 0,
            unnumbered: 0,
            unnumbered_previous: 0,
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
    /// Returns the name that definitions write in `Type`.
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

/// An event's type, with AWS's details as values (AWS renders payloads as JSON strings). Fields marked `skip` are not
/// AWS's: they hold what was decided when the event was made, and are stored in the event's `record`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", content = "details")]
#[expect(missing_docs, reason = "the fields are AWS's own; see GetExecutionHistory")]
pub enum EventKind {
    ExecutionStarted {
        input: Value,
        role_arn: String,
        /// When the execution times out.
        #[serde(skip)]
        timeout_at: Option<Timestamp>,
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
        /// When the execution times out.
        #[serde(skip)]
        timeout_at: Option<Timestamp>,
    },

    /// `TaskStateEntered`, `ChoiceStateEntered`, … by `state`.
    StateEntered {
        state: StateKind,
        name: String,
        input: Value,
        /// For a Wait: when it ends.
        #[serde(skip)]
        wait: Option<WaitEnd>,
    },
    /// `TaskStateExited`, `ChoiceStateExited`, … by `state`.
    StateExited {
        state: StateKind,
        name: String,
        output: Value,
        #[serde(default, skip_serializing_if = "Map::is_empty")]
        assigned: Map<String, Value>,
        /// The state that follows; none at an end.
        #[serde(skip)]
        next: Option<String>,
    },
    EvaluationFailed {
        state: String,
        error: String,
        cause: String,
        location: Option<String>,
        #[serde(skip)]
        retrial: Option<Retrial>,
        /// The failure bypasses Retry and Catch.
        #[serde(skip)]
        uncaught: bool,
        /// For a Map or Parallel: its own failure event does not follow.
        #[serde(skip)]
        announced: bool,
    },

    /// A service integration was scheduled. `resource` is `invoke` or `invoke.waitForTaskToken`.
    TaskScheduled {
        resource: String,
        region: String,
        parameters: Value,
        timeout_seconds: Option<u64>,
        heartbeat_seconds: Option<u64>,
        /// A credential: its holder can answer the task.
        #[serde(skip)]
        token: Option<String>,
        #[serde(skip)]
        deadlines: Deadlines,
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
        #[serde(skip)]
        retrial: Option<Retrial>,
    },
    TaskTimedOut {
        resource: String,
        error: String,
        cause: Option<String>,
        #[serde(skip)]
        retrial: Option<Retrial>,
        /// For a missed heartbeat: the failure with both of its names.
        #[serde(skip)]
        failure: Option<Failure>,
    },

    /// A function's own ARN was scheduled.
    LambdaFunctionScheduled {
        resource: String,
        input: Value,
        timeout_seconds: Option<u64>,
        #[serde(skip)]
        deadlines: Deadlines,
    },
    LambdaFunctionStarted,
    LambdaFunctionSucceeded {
        output: Value,
    },
    LambdaFunctionFailed {
        error: String,
        cause: Option<String>,
        #[serde(skip)]
        retrial: Option<Retrial>,
    },
    LambdaFunctionTimedOut {
        error: String,
        cause: Option<String>,
        #[serde(skip)]
        retrial: Option<Retrial>,
        /// For a missed heartbeat: the failure with both of its names.
        #[serde(skip)]
        failure: Option<Failure>,
    },

    /// `length` is 0 when a reader has yet to read the items.
    MapStateStarted {
        length: u64,
        #[serde(skip, default = "MapPlan::unread")]
        plan: Box<MapPlan>,
    },
    MapStateSucceeded,
    MapStateFailed(#[serde(skip)] InRecord<StateFailure>),
    MapIterationStarted {
        name: String,
        index: u64,
        /// The iteration's input.
        #[serde(skip)]
        input: Value,
    },
    MapIterationSucceeded {
        name: String,
        index: u64,
    },
    MapIterationFailed {
        name: String,
        index: u64,
        #[serde(skip)]
        failure: StateFailure,
    },
    MapRunStarted {
        map_run_arn: String,
    },
    MapRunRedriven {
        map_run_arn: String,
        redrive_count: u64,
    },
    /// Holds the Map state's result.
    MapRunSucceeded(#[serde(skip)] InRecord<Value>),
    MapRunFailed {
        error: String,
        cause: Option<String>,
        #[serde(skip)]
        retrial: Option<Retrial>,
    },

    /// Holds the branches' input.
    ParallelStateStarted(#[serde(skip)] InRecord<Value>),
    ParallelStateSucceeded,
    ParallelStateFailed(#[serde(skip)] InRecord<StateFailure>),

    /// A branch failed and a retrier runs the Parallel state again. Not an AWS event: `to_aws` and AWS's numbering
    /// leave it out.
    ParallelStateRetried(#[serde(skip)] InRecord<StateFailure>),
    /// A heartbeat moved a deadline. Holds the time at which the next one is due. Not an AWS event: `to_aws` and AWS's
    /// numbering leave it out.
    HeartbeatReceived(#[serde(skip)] InRecord<Timestamp>),
}

impl EventKind {
    /// Returns true for the kinds that AWS has: the others have no number there.
    pub(crate) fn is_numbered(&self) -> bool {
        !matches!(self, Self::HeartbeatReceived(_) | Self::ParallelStateRetried(_))
    }

    /// Returns true if the event ends the execution.
    pub(crate) fn is_end(&self) -> bool {
        matches!(
            self,
            Self::ExecutionSucceeded { .. }
                | Self::ExecutionFailed { .. }
                | Self::ExecutionTimedOut { .. }
                | Self::ExecutionAborted { .. }
        )
    }
}
