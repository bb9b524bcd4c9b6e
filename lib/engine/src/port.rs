//! The ports that the engine needs: functions, objects, time and randomness.

use std::fmt::Debug;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_asl::Timestamp;
use serde_json::{Value, json};

/// Runs the functions that a definition names.
#[async_trait]
pub trait Functions: Send + Sync {
    /// Runs one function and returns its answer. Called at least once for each attempt: after a crash, an attempt whose
    /// answer was not stored is repeated.
    ///
    /// # Errors
    /// The function's own failure, with its error type and message.
    async fn invoke(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure>;
}

/// The task that an invocation belongs to.
#[derive(Clone, PartialEq, Eq)]
pub struct Invocation {
    /// The execution's name; a map's child has one of its own.
    pub execution: String,
    /// The execution's ARN.
    pub execution_arn: String,
    /// The Task state.
    pub state: String,
    /// The event that scheduled it. The pair of ARN and key is the same for each repetition of this attempt.
    pub key: u64,
    /// The time that the state's `TimeoutSeconds` leaves the attempt at its invocation; `None` without a time-out.
    pub time_left: Option<Duration>,
    /// The task token, for `.waitForTaskToken`. A credential: `Debug` leaves it out.
    pub token: Option<String>,
}

impl Debug for Invocation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Invocation")
            .field("execution", &self.execution)
            .field("state", &self.state)
            .field("key", &self.key)
            .field("has_token", &self.token.is_some())
            .finish_non_exhaustive()
    }
}

/// The failure of a function, in Lambda's form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FunctionFailure {
    /// The error's name, matched by `ErrorEquals`.
    pub error_type: String,
    /// A text for people.
    pub message: String,
}

impl FunctionFailure {
    /// Converts to the failure that a Task state sees: the cause is a JSON text.
    pub(super) fn into_task_failure(self) -> holdfast_asl::TaskFailure {
        let cause = json!({ "errorMessage": self.message, "errorType": self.error_type });
        holdfast_asl::TaskFailure {
            error: self.error_type,
            cause: Some(cause.to_string()),
        }
    }
}

/// Reads the items of maps and stores their results.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Reads a whole object.
    ///
    /// # Errors
    /// The object doesn't exist or cannot be read; the message distinguishes them.
    async fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ObjectFailure>;

    /// Stores a whole object and replaces one of the same key.
    ///
    /// # Errors
    /// The object cannot be stored; the message holds the reason.
    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), ObjectFailure>;
}

/// No objects: for definitions whose maps read and write none.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObjects;

#[async_trait]
impl Objects for NoObjects {
    async fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ObjectFailure> {
        Err(ObjectFailure {
            message: format!("there is no object {key} in {bucket}: this engine has no objects"),
        })
    }

    async fn put(&self, bucket: &str, key: &str, _: Vec<u8>) -> Result<(), ObjectFailure> {
        Err(ObjectFailure {
            message: format!("{key} cannot be stored in {bucket}: this engine has no objects"),
        })
    }
}

/// The failure to read or store an object.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ObjectFailure {
    /// The operation that failed, with bucket, key and reason.
    pub message: String,
}

/// A clock, and waiting by it.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Returns the time of the wall clock.
    fn now(&self) -> Timestamp;

    /// Returns the milliseconds since a fixed moment, by a clock that nobody sets. The default is the wall clock.
    fn steady_ms(&self) -> i64 {
        self.now().0
    }

    /// Sleeps until `at`. May return sooner or later: the caller checks `now` again.
    async fn sleep_until(&self, at: Timestamp);

    /// Sleeps like `sleep_until`, while nothing is in flight: only time can cause the next event.
    async fn sleep_idle_until(&self, at: Timestamp) {
        self.sleep_until(at).await;
    }
}
