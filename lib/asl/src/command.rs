//! The actions that an execution needs now. The embedding engine performs them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::{EventId, Timestamp};

/// One outstanding action, derived only from the execution's state: it is the same before and after a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Command {
    /// Run a function; answer with `TaskSucceeded` or `TaskFailed` under the same key.
    InvokeFunction {
        /// Id of the event that scheduled the task. It never changes.
        key: EventId,
        /// Name of the Task state.
        state: String,
        /// The function as the definition names it: a plain name or an ARN, unresolved.
        function: String,
        /// The function's input.
        payload: Value,
        /// The task token, for `.waitForTaskToken` only. A credential: never logged.
        token: Option<String>,
    },
    /// Send `TimerFired` with this key at or after `at`. A later command with the same key replaces the earlier one.
    FireAt {
        /// The timer.
        key: TimerKey,
        /// When it is due.
        at: Timestamp,
    },
    /// Run a distributed map: send `MapRunStarted`, run a child execution for each item, send `MapRunFinished`.
    StartMapRun {
        /// Id of the event that started the map. It never changes.
        key: EventId,
        /// Name of the Map state.
        state: String,
        /// Where the items are; pass them through `Execution::map_inputs`.
        items: ItemSource,
        /// The maximum number of children in flight; `None` or 0 for no limit.
        max_concurrency: Option<u64>,
        /// Failed children above this number fail the map.
        tolerated_failure_count: Option<u64>,
        /// Failed children above this share of all items (0 to 100) fail the map.
        tolerated_failure_percentage: Option<f64>,
        /// Names the map run in its ARN.
        label: String,
        /// Where the children's results are written; `None` to return them.
        result_writer: Option<ResultWriter>,
        /// Set once `MapRunStarted` has been recorded.
        map_run_arn: Option<String>,
    },
}

/// The items of a distributed map.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ItemSource {
    /// The items themselves.
    Inline(Vec<Value>),
    /// An object that holds them.
    Object {
        /// The object's bucket.
        bucket: String,
        /// The object's key.
        key: String,
        /// The object's format.
        input_type: InputType,
    },
}

/// The format of an `ItemReader`'s object.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputType {
    /// One JSON array.
    Json,
    /// One JSON value a line.
    Jsonl,
}

/// Where and how a distributed map writes its children's results.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResultWriter {
    /// The bucket written to.
    pub bucket: String,
    /// The prefix of the keys; the map run's id follows.
    pub prefix: String,
    /// The form of the files.
    pub output_type: OutputType,
    /// The part of each child that is written.
    pub transformation: Transformation,
}

/// The form of a `ResultWriter`'s files.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputType {
    /// One JSON array.
    Json,
    /// One JSON value a line.
    Jsonl,
}

/// The part of each child that a `ResultWriter` writes.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Transformation {
    /// The execution's description, with input and output as JSON strings.
    None,
    /// Only the output.
    Compact,
    /// Only the output; the items of an array are written one by one.
    Flatten,
}

/// Names a timer: the event that set it and what it is for.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TimerKey {
    /// Id of the event that set the timer.
    pub event: EventId,
    /// Its purpose.
    pub purpose: TimerPurpose,
}

/// The purpose of a timer.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TimerPurpose {
    /// A Wait state's end.
    Wait,
    /// The next attempt of a retried state.
    Backoff,
    /// A task's `TimeoutSeconds`.
    Timeout,
    /// A task's `HeartbeatSeconds`.
    Heartbeat,
    /// The execution's `TimeoutSeconds`.
    ExecutionTimeout,
}
