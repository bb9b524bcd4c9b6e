//! Events as JSON in storage: AWS's details under `details`, what was decided under `record`. Histories of every
//! version have this form.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use serde_json::Value;

use super::{
    BranchId, Deadlines, EventId, EventKind, Failure, HistoryEvent, InRecord, MapPlan, Retrial, StateFailure,
    Timestamp, WaitEnd,
};

#[derive(Serialize, Deserialize)]
struct Stored<'a, K> {
    id: EventId,
    previous: EventId,
    at: Timestamp,
    #[serde(flatten)]
    kind: K,
    #[serde(default, skip_serializing_if = "Record::is_empty")]
    record: Record<'a>,
}

/// Everything that a kind of event may have beside AWS's details. Empty fields are not stored.
#[derive(Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
struct Record<'a> {
    #[serde(skip_serializing_if = "is_zero")]
    branch: BranchId,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    retrial: Option<Cow<'a, Retrial>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<Cow<'a, Failure>>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    uncaught: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    announced: bool,
    /// The end of a Wait.
    #[serde(skip_serializing_if = "Option::is_none")]
    due: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    heartbeat_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    map: Option<Cow<'a, MapPlan>>,
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    input: Option<Cow<'a, Value>>,
    #[serde(deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    result: Option<Cow<'a, Value>>,
    #[serde(skip_serializing_if = "is_zero")]
    unnumbered: u64,
    #[serde(skip_serializing_if = "is_zero")]
    unnumbered_previous: u64,
}

impl Serialize for HistoryEvent {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Stored {
            id: self.id,
            previous: self.previous,
            at: self.at,
            kind: &self.kind,
            record: Record {
                branch: self.branch,
                unnumbered: self.unnumbered,
                unnumbered_previous: self.unnumbered_previous,
                ..Record::of(&self.kind)
            },
        }
        .serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for HistoryEvent {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut stored = Stored::<EventKind>::deserialize(deserializer)?;
        let record = &mut stored.record;
        let (branch, unnumbered, unnumbered_previous) = (record.branch, record.unnumbered, record.unnumbered_previous);
        let kind = stored.record.complete(stored.kind).map_err(de::Error::missing_field)?;
        Ok(Self {
            id: stored.id,
            previous: stored.previous,
            at: stored.at,
            kind,
            branch,
            unnumbered,
            unnumbered_previous,
        })
    }
}

impl<'a> Record<'a> {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the part of an event's content that belongs in its record.
    fn of(kind: &'a EventKind) -> Self {
        let mut record = Self::default();
        match kind {
            EventKind::ExecutionStarted { timeout_at, .. } | EventKind::ExecutionRedriven { timeout_at, .. } => {
                record.timeout_at = *timeout_at;
            }
            EventKind::StateEntered { wait, .. } => match wait {
                Some(WaitEnd::At(at)) => record.due = Some(*at),
                Some(WaitEnd::Failed(failure)) => record.failure = Some(Cow::Borrowed(failure)),
                None => {}
            },
            EventKind::StateExited { next, .. } => record.next = next.as_deref().map(Cow::Borrowed),
            EventKind::EvaluationFailed {
                retrial,
                uncaught,
                announced,
                ..
            } => {
                record.retrial = retrial.as_ref().map(Cow::Borrowed);
                record.uncaught = *uncaught;
                record.announced = *announced;
            }
            EventKind::TaskScheduled { token, deadlines, .. } => {
                record.token = token.as_deref().map(Cow::Borrowed);
                record.set_deadlines(deadlines);
            }
            EventKind::LambdaFunctionScheduled { deadlines, .. } => record.set_deadlines(deadlines),
            EventKind::TaskFailed { retrial, .. }
            | EventKind::LambdaFunctionFailed { retrial, .. }
            | EventKind::MapRunFailed { retrial, .. } => record.retrial = retrial.as_ref().map(Cow::Borrowed),
            EventKind::TaskTimedOut { retrial, failure, .. }
            | EventKind::LambdaFunctionTimedOut { retrial, failure, .. } => {
                record.retrial = retrial.as_ref().map(Cow::Borrowed);
                record.failure = failure.as_ref().map(Cow::Borrowed);
            }
            EventKind::MapStateStarted { plan, .. } => record.map = Some(Cow::Borrowed(plan)),
            EventKind::MapStateFailed(InRecord(failed))
            | EventKind::MapIterationFailed { failure: failed, .. }
            | EventKind::ParallelStateFailed(InRecord(failed))
            | EventKind::ParallelStateRetried(InRecord(failed)) => {
                record.failure = Some(Cow::Borrowed(&failed.failure));
                record.retrial = failed.retrial.as_ref().map(Cow::Borrowed);
            }
            EventKind::MapIterationStarted { input, .. } | EventKind::ParallelStateStarted(InRecord(input)) => {
                record.input = Some(Cow::Borrowed(input));
            }
            EventKind::MapRunSucceeded(InRecord(result)) => record.result = Some(Cow::Borrowed(result)),
            EventKind::HeartbeatReceived(InRecord(at)) => record.heartbeat_at = Some(*at),
            EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed { .. }
            | EventKind::ExecutionTimedOut { .. }
            | EventKind::ExecutionAborted { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskSubmitted { .. }
            | EventKind::TaskSucceeded { .. }
            | EventKind::LambdaFunctionStarted
            | EventKind::LambdaFunctionSucceeded { .. }
            | EventKind::MapStateSucceeded
            | EventKind::MapIterationSucceeded { .. }
            | EventKind::MapRunStarted { .. }
            | EventKind::MapRunRedriven { .. }
            | EventKind::ParallelStateSucceeded => {}
        }
        record
    }

    fn set_deadlines(&mut self, deadlines: &Deadlines) {
        self.timeout_at = deadlines.timeout_at;
        self.heartbeat_at = deadlines.heartbeat_at;
        self.heartbeat_ms = deadlines.heartbeat_ms;
    }
}

impl Record<'_> {
    /// Moves the record's fields into the kind that they belong to. Fails with the name of a missing field.
    fn complete(self, mut kind: EventKind) -> Result<EventKind, &'static str> {
        let own_deadlines = Deadlines {
            timeout_at: self.timeout_at,
            heartbeat_at: self.heartbeat_at,
            heartbeat_ms: self.heartbeat_ms,
        };
        let own_retrial = self.retrial.map(Cow::into_owned);
        let own_failure = self.failure.map(Cow::into_owned);
        match &mut kind {
            EventKind::ExecutionStarted { timeout_at, .. } | EventKind::ExecutionRedriven { timeout_at, .. } => {
                *timeout_at = own_deadlines.timeout_at;
            }
            EventKind::StateEntered { wait, .. } => {
                let failed = own_failure.map(WaitEnd::Failed);
                *wait = failed.or(self.due.map(WaitEnd::At));
            }
            EventKind::StateExited { next, .. } => *next = self.next.map(Cow::into_owned),
            EventKind::EvaluationFailed {
                retrial,
                uncaught,
                announced,
                ..
            } => {
                *retrial = own_retrial;
                *uncaught = self.uncaught;
                *announced = self.announced;
            }
            EventKind::TaskScheduled { token, deadlines, .. } => {
                *token = self.token.map(Cow::into_owned);
                *deadlines = own_deadlines;
            }
            EventKind::LambdaFunctionScheduled { deadlines, .. } => *deadlines = own_deadlines,
            EventKind::TaskFailed { retrial, .. }
            | EventKind::LambdaFunctionFailed { retrial, .. }
            | EventKind::MapRunFailed { retrial, .. } => *retrial = own_retrial,
            EventKind::TaskTimedOut { retrial, failure, .. }
            | EventKind::LambdaFunctionTimedOut { retrial, failure, .. } => {
                *retrial = own_retrial;
                *failure = own_failure;
            }
            EventKind::MapStateStarted { plan, .. } => **plan = self.map.ok_or("record.map")?.into_owned(),
            EventKind::MapStateFailed(InRecord(failed))
            | EventKind::MapIterationFailed { failure: failed, .. }
            | EventKind::ParallelStateFailed(InRecord(failed))
            | EventKind::ParallelStateRetried(InRecord(failed)) => {
                *failed = StateFailure {
                    failure: own_failure.ok_or("record.failure")?,
                    retrial: own_retrial,
                };
            }
            EventKind::MapIterationStarted { input, .. } | EventKind::ParallelStateStarted(InRecord(input)) => {
                *input = self.input.ok_or("record.input")?.into_owned();
            }
            EventKind::MapRunSucceeded(InRecord(result)) => {
                *result = self.result.ok_or("record.result")?.into_owned();
            }
            EventKind::HeartbeatReceived(InRecord(at)) => *at = self.heartbeat_at.ok_or("record.heartbeat_at")?,
            EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed { .. }
            | EventKind::ExecutionTimedOut { .. }
            | EventKind::ExecutionAborted { .. }
            | EventKind::TaskStarted { .. }
            | EventKind::TaskSubmitted { .. }
            | EventKind::TaskSucceeded { .. }
            | EventKind::LambdaFunctionStarted
            | EventKind::LambdaFunctionSucceeded { .. }
            | EventKind::MapStateSucceeded
            | EventKind::MapIterationSucceeded { .. }
            | EventKind::MapRunStarted { .. }
            | EventKind::MapRunRedriven { .. }
            | EventKind::ParallelStateSucceeded => {}
        }
        Ok(kind)
    }
}

/// Reads a field that is present, so that a stored `null` is a value and not a missing field.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Cow<'static, Value>>, D::Error> {
    Value::deserialize(deserializer).map(|value| Some(Cow::Owned(value)))
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}
