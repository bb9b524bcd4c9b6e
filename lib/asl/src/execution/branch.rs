//! A thread of control: its state, its variables, and its phase in the state.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::MapItem;
use crate::event::{BranchId, EventId, Failure, MapPlan, Timestamp};

/// A thread of control.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Branch {
    /// The thread whose Map or Parallel state began this one.
    pub parent: Option<BranchId>,
    /// Its position among its siblings.
    pub index: u64,
    /// The variables that its states assigned.
    pub variables: Map<String, Value>,
    /// The item, if it is an iteration.
    pub item: Option<MapItem>,
    /// The event that the next one follows in AWS's order.
    pub last: EventId,
    /// The current or last state.
    pub state: String,
    pub input: Value,
    /// The event of the state's entry, the event before it, and its time.
    pub entered: EventId,
    pub entered_after: EventId,
    pub entered_at: Timestamp,
    /// Retries of the state so far, in total and for each retrier.
    pub retry_count: u64,
    pub retries: BTreeMap<usize, u64>,
    pub phase: Phase,
}

impl Branch {
    /// Creates a thread that is about to enter its first state.
    pub fn new(start_at: &str, input: Value) -> Self {
        Self {
            parent: None,
            index: 0,
            variables: Map::new(),
            item: None,
            last: 0,
            state: String::new(),
            input: Value::Null,
            entered: 0,
            entered_after: 0,
            entered_at: Timestamp::default(),
            retry_count: 0,
            retries: BTreeMap::new(),
            phase: Phase::Leaving {
                next: start_at.to_owned(),
                input,
            },
        }
    }
}

/// The activity of a thread of control.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// About to enter a state.
    Leaving { next: String, input: Value },
    /// In a state, and about to run it.
    Entered,
    /// In a state that cannot run.
    CannotRun(Failure),
    /// Waits for a time, in a Wait state.
    Waiting { key: EventId, at: Timestamp },
    /// Waits for the time of the next attempt.
    BackingOff { key: EventId, at: Timestamp },
    /// Waits for a task's result.
    Task(TaskRun),
    /// Waits for a distributed map's result.
    MapRun(MapRun),
    /// Waits for its own children.
    Children(Children),
    /// A map run succeeded; `MapStateSucceeded` follows.
    Succeeding { result: Value },
    /// The state has a result.
    Resulted { result: Value },
    /// The state failed, and no retrier runs it again.
    Failing {
        failure: Failure,
        /// True once the state's own failure event is written, if its type has one.
        announced: bool,
        /// True if no Catch applies.
        uncaught: bool,
    },
    /// Its last state has ended.
    Finished { output: Value },
}

/// A scheduled task.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct TaskRun {
    pub key: EventId,
    pub function: String,
    pub payload: Value,
    pub token: Option<String>,
    pub timeout_at: Option<Timestamp>,
    pub timeout_ms: Option<i64>,
    pub heartbeat_at: Option<Timestamp>,
    pub heartbeat_ms: Option<i64>,
    /// True once its dispatch is recorded.
    pub started: bool,
    /// True once its function has answered and only the token is missing.
    pub submitted: bool,
}

/// A distributed map in flight.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MapRun {
    pub key: EventId,
    pub plan: MapPlan,
    pub map_run_arn: Option<String>,
    /// The number of its redrives, and true if an event for the last one follows.
    pub redrives: u64,
    pub to_announce: bool,
}

/// The children of an inline Map or a Parallel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Children {
    /// The items of a Map; empty for a Parallel.
    pub items: Vec<Value>,
    /// The maximum number of a Map's children in flight.
    pub max_active: u64,
    /// The number of children that began.
    pub begun: usize,
    /// The results so far, by position.
    pub results: Vec<Option<Value>>,
}
