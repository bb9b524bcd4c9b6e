//! What an event records for the fold alone: everything that was decided when it was made.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{EventId, Timestamp};
use crate::command::{ItemSource, ResultWriter};
use crate::error_name::ErrorName;

/// A thread of control: 0 is the execution's own, others are numbered by the order in which they began.
pub(crate) type BranchId = u64;

/// The private part of an event. Empty fields are not stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Record {
    /// The thread of control that the event belongs to.
    #[serde(skip_serializing_if = "is_zero")]
    pub branch: BranchId,
    /// On a state's exit: the state that follows; none at an end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
    /// On a failure: when and by which retrier the state is tried again.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retrial: Option<Retrial>,
    /// On the entry of a Wait that cannot be carried out, on a missed heartbeat, and where a child's failure reaches its
    /// parent: why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// On `EvaluationFailed`: the failure goes past Retry and Catch.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub uncaught: bool,
    /// On `EvaluationFailed` of a Map or Parallel: its own failure event does not follow.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub announced: bool,
    /// On the entry of a Wait: when it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due: Option<Timestamp>,
    /// On a scheduled task: its token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// On a scheduled task and on `ExecutionStarted`: when it times out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub timeout_at: Option<Timestamp>,
    /// On a scheduled task, its submission and each heartbeat: when the next heartbeat is due.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_at: Option<Timestamp>,
    /// On a scheduled task: the time allowed between heartbeats.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub heartbeat_ms: Option<i64>,
    /// On `MapStateStarted`: what is to be run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub map: Option<Box<MapPlan>>,
    /// On `MapIterationStarted` and `ParallelStateStarted`: the children's input.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
    /// On `MapRunSucceeded`: the Map state's result.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// How many events before this one AWS's numbering leaves out.
    #[serde(skip_serializing_if = "is_zero")]
    pub unnumbered: u64,
    /// The same for the event in `previous`.
    #[serde(skip_serializing_if = "is_zero")]
    pub unnumbered_previous: u64,
}

impl Record {
    /// Whether there is nothing to store.
    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

fn is_zero(number: &EventId) -> bool {
    *number == 0
}

/// The next attempt of a state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Retrial {
    /// The retrier's position in `Retry`.
    pub retrier: usize,
    /// When the attempt is due.
    pub at: Timestamp,
}

/// Why a state or a thread of control failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Failure {
    /// The error's name; a Fail state may have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The field that failed, where an expression did.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// A second name that Retry and Catch know the error by.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<String>,
}

impl Failure {
    /// A failure that no expression caused; an empty name is none.
    pub fn of(error: &str, cause: Option<String>) -> Self {
        Self {
            error: (!error.is_empty()).then(|| error.to_owned()),
            cause,
            ..Self::default()
        }
    }

    /// Whether one of the entries of an `ErrorEquals` matches.
    pub fn is_one_of(&self, patterns: &[String]) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        patterns
            .iter()
            .any(|pattern| ErrorName::matches(pattern, error) || self.also.as_ref() == Some(pattern))
    }
}

/// A map as evaluated when it started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct MapPlan {
    pub items: ItemSource,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batcher: Option<Batcher>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated_failure_count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated_failure_percentage: Option<f64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_writer: Option<ResultWriter>,
}

/// How a map's items are put together for its children.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Batcher {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
}
