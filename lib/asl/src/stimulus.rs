//! The inputs of an execution: stimuli from outside, time and randomness.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use thiserror::Error;

use crate::command::TimerKey;
use crate::event::{EventId, Timestamp};

/// Time and randomness for one call of `advance`. Events record their results, so a replay needs neither.
pub struct Moment<'a> {
    /// The time of all events that this call produces.
    pub now: Timestamp,
    /// Source of task tokens, `$uuid`, `$random` and jitter.
    pub entropy: &'a mut dyn Entropy,
}

/// A source of random bytes. Task tokens are credentials: use a cryptographic one.
pub trait Entropy {
    /// Fills `bytes` with random bytes.
    fn fill(&mut self, bytes: &mut [u8]);
}

/// An error's name and cause, as Retry and Catch see them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskFailure {
    /// The error's name, matched by `ErrorEquals`; empty for none.
    pub error: String,
    /// A text or JSON for people.
    pub cause: Option<String>,
}

impl TaskFailure {
    /// The longest error name that AWS allows, in characters.
    const MAX_ERROR_CHARACTERS: usize = 256;
    /// The longest cause that AWS allows, in characters.
    const MAX_CAUSE_CHARACTERS: usize = 32_768;

    /// Cuts the texts to the lengths that AWS allows.
    pub(crate) fn cut(self) -> Self {
        let cut = |text: String, most| match text.char_indices().nth(most) {
            Some((end, _)) => text[..end].to_owned(),
            None => text,
        };
        Self {
            error: cut(self.error, Self::MAX_ERROR_CHARACTERS),
            cause: self.cause.map(|cause| cut(cause, Self::MAX_CAUSE_CHARACTERS)),
        }
    }
}

/// Something that happened to an execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Stimulus {
    /// Start the execution. Once only.
    Start,
    /// Resume after a restart. Completes a batch of events that was stored only in part; usually causes no event.
    Resume,
    /// A function was dispatched.
    TaskStarted {
        /// The key of `InvokeFunction`.
        key: EventId,
    },
    /// A function answered. A task with a token is then submitted, and its state keeps waiting for the token.
    TaskSucceeded {
        /// The key of `InvokeFunction`.
        key: EventId,
        /// The function's plain answer.
        output: Value,
    },
    /// A function failed.
    TaskFailed {
        /// The key of `InvokeFunction`.
        key: EventId,
        /// The reason.
        failure: TaskFailure,
    },
    /// A timer is due.
    TimerFired {
        /// The key of `FireAt`.
        key: TimerKey,
    },
    /// `SendTaskSuccess`.
    TokenSucceeded {
        /// The task token.
        token: String,
        /// The task's result.
        output: Value,
    },
    /// `SendTaskFailure`.
    TokenFailed {
        /// The task token.
        token: String,
        /// The reason.
        failure: TaskFailure,
    },
    /// `SendTaskHeartbeat`.
    TokenHeartbeat {
        /// The task token.
        token: String,
    },
    /// A map run was created.
    MapRunStarted {
        /// The key of `StartMapRun`.
        key: EventId,
        /// The map run's ARN.
        map_run_arn: String,
    },
    /// A map run ended.
    MapRunFinished {
        /// The key of `StartMapRun`.
        key: EventId,
        /// The Map state's result, or why it failed.
        result: Result<Value, TaskFailure>,
    },
    /// `StopExecution`.
    Stop {
        /// An error's name.
        error: Option<String>,
        /// A text for people.
        cause: Option<String>,
    },
}

/// The reason why a stimulus changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum StimulusRejected {
    /// `Start` came twice.
    #[error("the execution was started before")]
    AlreadyStarted,
    /// `Start` with an input that no state could take.
    #[error("the input exceeds 262144 bytes of JSON or nests deeper than 100 levels")]
    InputTooLarge,
    /// Something came before `Start`.
    #[error("the execution has not been started")]
    NotStarted,
    /// The execution has ended.
    #[error("the execution has ended: nothing changes it any more")]
    Ended,
    /// Nothing outstanding has this key: it was answered, timed out or never existed.
    #[error("nothing outstanding was scheduled by event {0}")]
    NotOutstanding(EventId),
    /// A timer fired before its time.
    #[error("the timer of event {} is not due before {} ms", .key.event, .at.0)]
    NotDue {
        /// The timer.
        key: TimerKey,
        /// When it is due.
        at: Timestamp,
    },
    /// No task of this execution ever had this token.
    #[error("this execution never gave out that task token")]
    TokenUnknown,
    /// The token's task was answered or timed out before.
    #[error("the task of that token was answered or timed out before")]
    TokenClosed,
}
