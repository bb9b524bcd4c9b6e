//! Logs in memory, with faults: a port to logs whose calls fail, lose their answers or see old data.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use holdfast_core::port::row_form::{LOG_BYTES, failed, log_full, split_key, write_base, write_entry};
use holdfast_core::port::{KeepLogs, Log, RowError};
use serde_json::Value;

/// The fate of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFault {
    /// It does nothing and fails.
    NotDone,
    /// It is done, and its answer is lost.
    AnswerLost,
    /// A read returns the log before its last write; a fold finds that another caller folded. An append is never stale.
    Stale,
}

/// A log with its state before the last write.
#[derive(Clone, Debug, Default)]
struct Kept {
    log: Log,
    before: Log,
}

#[derive(Debug, Default)]
struct Table {
    logs: BTreeMap<String, Kept>,
    faults: VecDeque<Option<LogFault>>,
    calls: usize,
}

/// Logs in memory, with the guarantees of the port. Clones share the logs.
#[derive(Clone, Debug, Default)]
pub struct MemoryLogs(Arc<Mutex<Table>>);

impl MemoryLogs {
    /// Sets the fates of the next calls, in order; those after them succeed.
    pub fn fail_next(&self, faults: impl IntoIterator<Item = Option<LogFault>>) {
        self.table().faults = faults.into_iter().collect();
    }

    /// Returns the number of calls since the last call of this function.
    pub fn take_calls(&self) -> usize {
        std::mem::take(&mut self.table().calls)
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a call with its fate. `work` gets true if it is stale.
    fn call<T>(
        &self,
        key: &str,
        work: impl FnOnce(&mut BTreeMap<String, Kept>, bool) -> Result<T, RowError>,
    ) -> Result<T, RowError> {
        split_key(key)?;
        let mut table = self.table();
        table.calls += 1;
        let fault = table.faults.pop_front().flatten();
        if fault == Some(LogFault::NotDone) {
            return Err(failed(key, "the table can't be reached"));
        }
        let done = work(&mut table.logs, fault == Some(LogFault::Stale))?;
        match fault {
            Some(LogFault::AnswerLost) => Err(failed(key, "the table's answer was lost")),
            _ => Ok(done),
        }
    }
}

#[async_trait]
impl KeepLogs for MemoryLogs {
    async fn read(&self, key: &str) -> Result<Log, RowError> {
        self.call(key, |logs, is_stale| {
            let kept = logs.get(key).cloned().unwrap_or_default();
            Ok(if is_stale { kept.before } else { kept.log })
        })
    }

    async fn append(&self, key: &str, entry: &Value) -> Result<Log, RowError> {
        split_key(key)?;
        write_entry(key, entry)?;
        self.call(key, |logs, _| {
            let mut log = logs.get(key).map(|kept| kept.log.clone()).unwrap_or_default();
            log.entries.push(entry.clone());
            let texts = log.base.iter().chain(&log.entries).map(|value| value.to_string().len());
            if texts.sum::<usize>() > LOG_BYTES {
                return Err(log_full(key));
            }
            store(logs, key, log.clone());
            Ok(log)
        })
    }

    async fn fold(&self, key: &str, folded: u64, count: usize, base: &Value) -> Result<bool, RowError> {
        split_key(key)?;
        write_base(key, base, count)?;
        self.call(key, |logs, is_stale| {
            let mut log = logs.get(key).map(|kept| kept.log.clone()).unwrap_or_default();
            if is_stale || log.folded != folded || log.entries.len() < count {
                return Ok(false);
            }
            log.entries.drain(..count);
            log.folded += count as u64;
            log.base = Some(base.clone());
            store(logs, key, log);
            Ok(true)
        })
    }
}

fn store(logs: &mut BTreeMap<String, Kept>, key: &str, log: Log) {
    let kept = logs.entry(key.to_owned()).or_default();
    kept.before = std::mem::replace(&mut kept.log, log);
}
