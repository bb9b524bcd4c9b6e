//! The parts of events that the fold needs and AWS does not have: everything that was decided when an event was made.

use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::Timestamp;
use crate::command::{ItemSource, ResultWriter};
use crate::error_name::ErrorName;

/// A thread of control: 0 is the execution's own, others are numbered in the order in which they began.
pub(crate) type BranchId = u64;

/// The next attempt of a failed state.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Retrial {
    /// The retrier's position in `Retry`.
    pub retrier: usize,
    /// The time of the attempt.
    pub at: Timestamp,
}

/// The reason why a state or a thread of control failed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Failure {
    /// The error's name; a Fail state may have none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// The explanation for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
    /// The field of the failed expression, if one failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<String>,
    /// A second name that matches in Retry and Catch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub also: Option<String>,
}

impl Failure {
    /// Returns a failure that no expression caused; an empty name counts as none.
    pub(crate) fn of(error: &str, cause: Option<String>) -> Self {
        Self {
            error: (!error.is_empty()).then(|| error.to_owned()),
            cause,
            ..Self::default()
        }
    }

    /// Returns true if an entry of an `ErrorEquals` matches.
    pub(crate) fn is_one_of(&self, patterns: &[String]) -> bool {
        let error = self.error.as_deref().unwrap_or_default();
        patterns
            .iter()
            .any(|pattern| ErrorName::matches(pattern, error) || self.also.as_ref() == Some(pattern))
    }
}

/// The failure of a Map or a Parallel, or of one of its children, and what follows from it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct StateFailure {
    /// The reason.
    pub failure: Failure,
    /// The next attempt, if a retrier has one left.
    pub retrial: Option<Retrial>,
}

/// The end of a Wait, evaluated on its entry.
#[derive(Clone, Debug, PartialEq)]
pub enum WaitEnd {
    /// The time.
    At(Timestamp),
    /// The expression for it failed.
    Failed(Failure),
}

/// The times at which a scheduled task times out.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Deadlines {
    /// For the whole task.
    pub timeout_at: Option<Timestamp>,
    /// For the next heartbeat.
    pub heartbeat_at: Option<Timestamp>,
    /// The time allowed between heartbeats.
    pub heartbeat_ms: Option<i64>,
}

/// The fields of a Map, evaluated when it started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct MapPlan {
    /// The items, or where to read them.
    pub items: ItemSource,
    /// The maximum number of items that a reader takes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    /// `ItemBatcher`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batcher: Option<Batcher>,
    /// The maximum number of children in flight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_concurrency: Option<u64>,
    /// The number of items that may fail.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated_failure_count: Option<u64>,
    /// The share of items that may fail, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tolerated_failure_percentage: Option<f64>,
    /// Where the results go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result_writer: Option<ResultWriter>,
}

impl MapPlan {
    /// Returns a plan without items: the placeholder while a stored event is read.
    pub(super) fn unread() -> Box<Self> {
        Box::new(Self {
            items: ItemSource::Inline(Vec::new()),
            max_items: None,
            batcher: None,
            max_concurrency: None,
            tolerated_failure_count: None,
            tolerated_failure_percentage: None,
            result_writer: None,
        })
    }
}

/// The limits by which a map groups its items into batches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Batcher {
    /// The maximum number of items in a batch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_items: Option<u64>,
    /// The maximum size of a child's input, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_bytes: Option<u64>,
    /// `BatchInput`, which every batch holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub input: Option<Value>,
}

/// The content of an event that AWS has without details. Storage keeps it in the event's `record`; serde reads nothing
/// here.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InRecord<T>(pub T);

impl<'de, T: Default> Deserialize<'de> for InRecord<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An option may be absent, as the details of these events are.
        Option::<serde::de::IgnoredAny>::deserialize(deserializer).map(|_| Self::default())
    }
}
