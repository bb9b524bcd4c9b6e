//! Rows that two writers may want at the same time: claims, leases, decisions. Each write says what it expects to find,
//! and is refused when that is not there: who is first wins, and the other one learns it.

use async_trait::async_trait;
use serde_json::Value;

/// A row as it stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Grows by one with each write of this key, from 1; starts anew when the row was deleted.
    pub version: u64,
    /// What it holds: a JSON object of at most 100 KiB.
    pub value: Value,
}

/// What has to be there for a write to happen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// No row of that key.
    Absent,
    /// The row in this version.
    Version(u64),
}

/// How a conditional write ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// It is stored, in this version.
    Done {
        /// The row's version now.
        version: u64,
    },
    /// Something else was there; nothing was changed.
    Conflict {
        /// The row that was found, if there is one.
        found: Option<Row>,
    },
}

/// The table failed: the write may or may not have happened.
#[derive(Debug, thiserror::Error)]
#[error("row {key}: {detail}")]
pub struct RowError {
    /// The row's key.
    pub key: String,
    /// What went wrong, and where.
    pub detail: String,
}

/// How long a row lives from its last write, in days: far longer than an execution may last (14). Nothing that is still
/// fenced by a claim outlives it, and no claim outlives this.
pub const ROW_DAYS: u32 = 90;

/// The group of the rows that are kept for ever.
pub const ROWS_KEPT: &str = "audit";

/// Keeps rows by key, each for [`ROW_DAYS`] from its last write, those of [`ROWS_KEPT`] for ever. A key is `GROUP/NAME`: the group has no `/`, the name is not empty and may have some; at most 900
/// bytes together, without control characters. Reads see every write that has returned. A key or value beyond these
/// limits is refused before anything is sent.
#[async_trait]
pub trait KeepRows: Send + Sync {
    /// Reads one row. Errors: the table cannot be reached.
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError>;
    /// Writes one row if what is expected is there. Durable when it returns. Errors: the table cannot be reached, is full
    /// or refuses the value.
    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError>;
    /// Deletes one row in this version, and gives `Done` with it; a row that is not there counts as deleted. Gives
    /// `Conflict` where it has another version. Errors: the table cannot be reached.
    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError>;
    /// The keys that begin with `prefix`, which holds a whole group (`GROUP/…`), with their rows, in the order of the
    /// keys' bytes, at most `most`. Errors: the table cannot be reached.
    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError>;
}
