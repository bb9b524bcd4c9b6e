//! The AWS Step Functions API over the embedded engine, for AWS's own clients: `holdfast engine`, and `holdfast serve`
//! with `--step-functions`. It has no authentication: it only listens on loopback addresses.

mod arn;
mod diagnostic;
mod error;
mod executions;
mod history;
mod lists;
mod machines;
mod map_runs;
mod masked_tokens;
mod page;
mod server;
mod store;
mod tags;
mod tasks;
mod test_state;
mod versions;
mod wire;

pub use server::{OpenServer, Server, ServerError, keep_region};

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::Semaphore;

use holdfast_engine::{Archive, Clock, Engine, ExecutionDetails, SystemClock};

use error::ApiError;
use executions::ArnLocks;
use masked_tokens::MaskedTokens;
use store::Store;

/// The API's state. The actions block: each runs on its own thread.
pub(crate) struct Api {
    engine: Engine,
    data: PathBuf,
    store: Mutex<Store>,
    /// The ARN of the machine that the program provides, and the mask that replaces its executions' tokens.
    masked: Option<(String, String)>,
    /// The executions that are being started or redriven.
    locks: ArnLocks,
    /// Limits the states that are tested at once.
    tests: Semaphore,
    runtime: Handle,
}

/// A state machine that the program provides: it always exists, and clients cannot change or delete it.
#[derive(Clone, Debug)]
pub struct ProvidedMachine {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub definition: String,
    /// The text that replaces the task tokens of its executions, since a token is enough to answer the task. `None`
    /// shows them, like AWS does.
    pub token_mask: Option<String>,
}

impl Api {
    /// Creates the API of an engine on its data directory. Fails if the API's own database cannot be used.
    pub fn new(engine: Engine, data: &Path, store: Store, provided: Option<ProvidedMachine>) -> Result<Self, ApiError> {
        let naming = engine.naming();
        let masked = provided.as_ref().and_then(|provided| {
            let mask = provided.token_mask.clone()?;
            Some((naming.machine_arn(&provided.name), mask))
        });
        let api = Self {
            engine,
            data: data.to_path_buf(),
            store: Mutex::new(store),
            masked,
            locks: ArnLocks::default(),
            tests: Semaphore::new(test_state::MAX_TESTS),
            runtime: Handle::current(),
        };
        if let Some(provided) = &provided {
            api.provide(provided)?;
        }
        Ok(api)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // Each change to it is one transaction, so a panic leaves it consistent.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn archive(&self) -> Result<Archive, ApiError> {
        Archive::open(&self.data).map_err(|error| ApiError::of_engine(&error, ""))
    }

    /// Waits for the engine, on a thread that may block.
    fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    /// Returns the tokens to mask in the description of an execution.
    fn masked_tokens(&self, archive: &Archive, found: &ExecutionDetails) -> Result<MaskedTokens, ApiError> {
        let Some((machine_arn, mask)) = &self.masked else {
            return Ok(MaskedTokens::default());
        };
        let rest = found.machine_arn.strip_prefix(machine_arn.as_str());
        if !rest.is_some_and(|label| label.is_empty() || label.starts_with('/')) {
            return Ok(MaskedTokens::default());
        }
        let tokens = archive.task_tokens(found.record.id);
        let tokens = tokens.map_err(|error| ApiError::of_engine(&error, &found.record.arn))?;
        Ok(MaskedTokens::new(tokens, mask))
    }

    fn machine_arn(&self, name: &str) -> String {
        self.engine.naming().machine_arn(name)
    }
}

/// Returns a required field.
fn required<'a>(value: Option<&'a String>, field: &str) -> Result<&'a str, ApiError> {
    value.map(String::as_str).ok_or_else(|| ApiError::missing(field))
}

/// Converts a time to AWS's form: seconds since 1970.
fn seconds(ms: i64) -> Value {
    json!(ms as f64 / 1_000.0)
}

/// Returns the time now, in ms since 1970.
fn now_ms() -> i64 {
    SystemClock.now().0
}

/// Returns 32 random hexadecimal digits.
fn random_hex() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex::encode(bytes),
        // Secrets must not be made without randomness.
        Err(error) => {
            tracing::error!(%error, "the system gives no random bytes");
            std::process::abort()
        }
    }
}

/// Returns a random id in the form of a UUID.
fn random_id() -> String {
    let hex = random_hex();
    let (variant, rest) = hex[16..].split_at(1);
    let variant = ["8", "9", "a", "b"][usize::from(variant.as_bytes()[0] % 4)];
    format!(
        "{}-{}-4{}-{variant}{}-{}",
        &hex[..8],
        &hex[8..12],
        &hex[13..16],
        &rest[..3],
        &hex[20..]
    )
}

/// Removes the fields of an object that are null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}
