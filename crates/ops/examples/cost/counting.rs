//! The stages with counters around them: each invocation's requests to the store and the table, and its computing time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use async_trait::async_trait;
use holdfast_core::port::{KeepLogs, KeepRows, Log, Precondition, Row, RowError, StoreArtifact, StoreError, Written};
use holdfast_engine::{FunctionFailure, Functions, Invocation};
use holdfast_ops::functions::StageFunctions;
use serde_json::{Value, json};

/// Duration of a request to S3 or DynamoDB within the region, in seconds: an assumption.
pub const REQUEST_S: f64 = 0.02;

tokio::task_local! {
    /// Number of requests of the running invocation.
    static ASKED: Arc<AtomicU64>;
}

/// The requests of a run.
#[derive(Debug, Default)]
pub struct Counts {
    pub gets: AtomicU64,
    pub puts: AtomicU64,
    pub bytes: AtomicU64,
    pub reads: AtomicU64,
    pub writes: AtomicU64,
    /// The units that DynamoDB charges for the writes.
    pub write_units: AtomicU64,
    pub functions: Mutex<BTreeMap<String, Invoked>>,
}

/// All invocations of one function.
#[derive(Clone, Copy, Debug, Default)]
pub struct Invoked {
    pub times: u64,
    pub seconds: f64,
    pub requests: u64,
    /// The longest invocation, in seconds, with its requests to the store and the table.
    pub longest_s: f64,
    /// The longest payload and answer, in bytes.
    pub longest_bytes: usize,
}

fn count(counter: &AtomicU64, by: u64) {
    counter.fetch_add(by, Ordering::Relaxed);
    // Outside of an invocation there is no counter.
    let _ = ASKED.try_with(|asked| asked.fetch_add(1, Ordering::Relaxed));
}

/// Artifacts, counted.
pub struct CountedStore {
    pub inner: Arc<dyn StoreArtifact>,
    pub counts: Arc<Counts>,
}

#[async_trait]
impl StoreArtifact for CountedStore {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        count(&self.counts.puts, 1);
        self.counts.bytes.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.inner.put(key, bytes).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        count(&self.counts.gets, 1);
        self.inner.get(key).await
    }
}

/// Rows, counted.
pub struct CountedRows {
    pub inner: Arc<dyn KeepRows>,
    pub counts: Arc<Counts>,
}

#[async_trait]
impl KeepRows for CountedRows {
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError> {
        count(&self.counts.reads, 1);
        self.inner.get(key).await
    }

    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError> {
        count(&self.counts.writes, 1);
        self.counts.write_units.fetch_add(1, Ordering::Relaxed);
        self.inner.put(key, value, expect).await
    }

    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError> {
        count(&self.counts.writes, 1);
        self.counts.write_units.fetch_add(1, Ordering::Relaxed);
        self.inner.delete(key, version).await
    }

    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError> {
        count(&self.counts.reads, 1);
        self.inner.list(prefix, most).await
    }
}

/// Logs in the same table, counted as DynamoDB charges for them: an update costs a unit for each KB of the whole row.
pub struct CountedLogs {
    pub inner: Arc<dyn KeepLogs>,
    pub counts: Arc<Counts>,
}

impl CountedLogs {
    fn count(&self, log: &Log) {
        let bytes = json!([log.base, log.entries]).to_string().len() as u64;
        count(&self.counts.writes, 1);
        self.counts
            .write_units
            .fetch_add(bytes.div_ceil(1_024), Ordering::Relaxed);
    }
}

#[async_trait]
impl KeepLogs for CountedLogs {
    async fn read(&self, key: &str) -> Result<Log, RowError> {
        count(&self.counts.reads, 1);
        self.inner.read(key).await
    }

    async fn append(&self, key: &str, entry: &Value) -> Result<Log, RowError> {
        let log = self.inner.append(key, entry).await?;
        self.count(&log);
        Ok(log)
    }

    async fn fold(&self, key: &str, folded: u64, count: usize, base: &Value) -> Result<bool, RowError> {
        let is_folded = self.inner.fold(key, folded, count, base).await?;
        let base = Some(base.clone());
        self.count(&Log { base, ..Log::default() });
        Ok(is_folded)
    }
}

/// The stages, each invocation counted.
pub struct CountedFunctions {
    pub inner: Arc<StageFunctions>,
    pub counts: Arc<Counts>,
}

#[async_trait]
impl Functions for CountedFunctions {
    async fn invoke(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        let (asked, began) = (Arc::new(AtomicU64::new(0)), Instant::now());
        let sent = payload.to_string().len();
        let answer = ASKED.scope(Arc::clone(&asked), self.inner.invoke(function, payload, invocation));
        let answer = answer.await;
        let mut functions = self.counts.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let invoked = functions.entry(function.to_owned()).or_default();
        invoked.times += 1;
        let (seconds, requests) = (began.elapsed().as_secs_f64(), asked.load(Ordering::Relaxed));
        invoked.seconds += seconds;
        invoked.requests += requests;
        invoked.longest_s = invoked.longest_s.max(seconds + requests as f64 * REQUEST_S);
        let received = answer.as_ref().map_or(0, |answer| answer.to_string().len());
        invoked.longest_bytes = invoked.longest_bytes.max(sent).max(received);
        answer
    }
}
