//! The port to rows that many callers change at the same time without conflicts: each appends an entry and computes its
//! own answer from the entries up to it. [`KeepRows`](super::KeepRows) holds the rows with conditional writes.

use async_trait::async_trait;
use serde_json::Value;

use super::RowError;

/// A log: the base that the oldest entries were folded into, and the entries after it in the order of their writes.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Log {
    /// The number of entries folded into the base so far.
    pub folded: u64,
    /// The folded entries as one JSON object; none before the first fold.
    pub base: Option<Value>,
    /// The entries after the base, oldest first: JSON objects of at most 4 KiB.
    pub entries: Vec<Value>,
}

/// Stores logs by key, each for [`ROW_DAYS`](super::ROW_DAYS) from its last write.
///
/// Keys have the form and limits of [`KeepRows`](super::KeepRows); a group holds either rows or logs. Reads see every
/// write that has returned. The order of a log's entries is the same for every caller.
#[async_trait]
pub trait KeepLogs: Send + Sync {
    /// Reads a log. A missing one is empty.
    ///
    /// # Errors
    ///
    /// The table can't be reached.
    async fn read(&self, key: &str) -> Result<Log, RowError>;
    /// Appends an entry with one unconditional write, and returns the log as of that write: its last entry is this one.
    ///
    /// # Errors
    ///
    /// The table can't be reached; the entry isn't an object or exceeds 4 KiB; the log would exceed 300 KiB.
    async fn append(&self, key: &str, entry: &Value) -> Result<Log, RowError>;
    /// Replaces the base, and removes the first `count` entries, which the new base contains. Returns false, and
    /// changes nothing, if another number of entries than `folded` was folded meanwhile. Doesn't conflict with appends.
    ///
    /// # Errors
    ///
    /// The table can't be reached; the base isn't an object or exceeds 200 KiB; `count` is 0 or above 100.
    async fn fold(&self, key: &str, folded: u64, count: usize, base: &Value) -> Result<bool, RowError>;
}
