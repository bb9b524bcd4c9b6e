//! The AWS Step Functions API over the embedded engine, for AWS's own clients: `holdfast engine`, and `holdfast serve` with
//! `--step-functions`. It has no authentication: it listens on this machine alone.

mod arn;
mod diagnostic;
mod error;
mod executions;
mod history;
mod lists;
mod machines;
mod map_runs;
mod page;
mod server;
mod store;
mod tags;
mod tasks;
mod versions;
mod wire;
mod withheld;

pub use server::{Server, ServerError, keep_region};

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::{Value, json};
use tokio::runtime::Handle;

use holdfast_engine::{Archive, Clock, Engine, SystemClock};

use error::ApiError;
use executions::Turns;
use store::Store;

/// What requests are answered with. The actions block: each runs on a thread of its own.
pub(crate) struct Api {
    engine: Engine,
    data: PathBuf,
    store: Mutex<Store>,
    /// The name of the machine that the program brings: its tokens are withheld.
    given: Option<String>,
    /// What is started or redriven now.
    turns: Turns,
    runtime: Handle,
}

/// A state machine that the program brings.
pub struct Given {
    /// Its name.
    pub name: String,
    /// Its definition.
    pub definition: String,
}

impl Api {
    /// The API of an engine on its data directory. Errors: the API's own file cannot be used.
    pub fn new(engine: Engine, data: &Path, store: Store, given: Option<&Given>) -> Result<Self, ApiError> {
        let api = Self {
            engine,
            data: data.to_path_buf(),
            store: Mutex::new(store),
            given: given.map(|given| given.name.clone()),
            turns: Turns::default(),
            runtime: Handle::current(),
        };
        if let Some(given) = given {
            api.bring(given)?;
        }
        Ok(api)
    }

    fn store(&self) -> MutexGuard<'_, Store> {
        // Each change of it is one transaction, whoever panicked.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn archive(&self) -> Result<Archive, ApiError> {
        Archive::open(&self.data).map_err(|error| ApiError::of_engine(&error, ""))
    }

    /// Waits for the engine, on a thread that may block.
    fn wait<T>(&self, answer: impl Future<Output = T>) -> T {
        self.runtime.block_on(answer)
    }

    /// Whether the tokens of a machine's executions are withheld.
    fn withholds(&self, machine_arn: &str) -> bool {
        let own = self.given.as_deref().map(|name| self.machine_arn(name));
        own.is_some_and(|own| own == machine_arn || machine_arn.starts_with(&format!("{own}/")))
    }

    fn machine_arn(&self, name: &str) -> String {
        self.engine.naming().machine_arn(name)
    }
}

/// A field that has to be there.
fn required<'a>(value: Option<&'a String>, field: &str) -> Result<&'a str, ApiError> {
    value.map(String::as_str).ok_or_else(|| ApiError::missing(field))
}

/// A time as AWS writes it: seconds since 1970.
fn seconds(ms: i64) -> Value {
    json!(ms as f64 / 1_000.0)
}

/// Now, in ms since 1970.
fn now_ms() -> i64 {
    SystemClock.now().0
}

/// 32 random hexadecimal digits.
fn random_hex() -> String {
    let mut bytes = [0; 16];
    match getrandom::fill(&mut bytes) {
        Ok(()) => hex::encode(bytes),
        // Nothing secret may be made without randomness.
        Err(error) => {
            tracing::error!(%error, "the system gives no random bytes");
            std::process::abort()
        }
    }
}

/// A random id in the form of a UUID.
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

/// An object without the fields that are null.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields.into_iter().filter(|(_, value)| !value.is_null()).collect(),
        other => other,
    }
}
