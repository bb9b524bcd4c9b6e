//! A thread of control: where it stands, what it knows, what it waits for.

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
    /// The variables assigned in it.
    pub variables: Map<String, Value>,
    /// The item of the iteration that it is.
    pub item: Option<MapItem>,
    /// The event that the next one follows, as AWS counts.
    pub last: EventId,
    /// The state it is in, or was in last.
    pub state: String,
    pub input: Value,
    /// The event of the state's entry, the one that it followed, and its time.
    pub entered: EventId,
    pub entered_after: EventId,
    pub entered_at: Timestamp,
    /// Retries of the state so far, in all and for each retrier.
    pub retry_count: u64,
    pub retries: BTreeMap<usize, u64>,
    pub phase: Phase,
}

impl Branch {
    /// A thread about to enter its first state.
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

/// What a thread of control does or waits for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Phase {
    /// About to enter a state.
    Leaving { next: String, input: Value },
    /// In a state, and about to carry it out.
    Entered,
    /// In a state that cannot be carried out.
    Unable(Failure),
    /// Until a moment, for a Wait.
    Waiting { key: EventId, at: Timestamp },
    /// Until a moment, for the next attempt.
    BackingOff { key: EventId, at: Timestamp },
    /// For a task's result.
    Task(TaskRun),
    /// For a distributed map's result.
    MapRun(MapRun),
    /// For children of its own.
    Children(Children),
    /// A map or its run succeeded; AWS's event for that is still to come.
    Succeeding { result: Value },
    /// The state has a result.
    Resulted { result: Value },
    /// The state failed, and is not tried again.
    Failing {
        failure: Failure,
        /// Whether the state's own failure event has been written, where the type has one.
        announced: bool,
        /// Whether Catch is out of question.
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
    /// Whether its dispatch has been recorded.
    pub started: bool,
    /// Whether its function has answered, so that only the token is awaited.
    pub submitted: bool,
}

/// A distributed map under way.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct MapRun {
    pub key: EventId,
    pub plan: MapPlan,
    pub map_run_arn: Option<String>,
    /// How often it was redriven, and whether that is still to be recorded.
    pub redrives: u64,
    pub to_announce: bool,
}

/// The children of an inline Map or a Parallel.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Children {
    /// The items of a Map; empty for a Parallel.
    pub items: Vec<Value>,
    /// Most children of a Map at once.
    pub most: u64,
    /// Children begun so far.
    pub begun: usize,
    /// The results so far, by position.
    pub results: Vec<Option<Value>>,
}
