//! The port to rows that two writers may want at the same time: claims, leases, decisions. Each write names the version
//! that it expects and fails on any other: the first writer wins, and the second one gets a conflict.

use async_trait::async_trait;
use serde_json::Value;

/// A stored row.
#[derive(Clone, Debug, PartialEq)]
pub struct Row {
    /// Grows by one with each write of this key, from 1. Starts at 1 again after the row was deleted.
    pub version: u64,
    /// A JSON object of at most 100 KiB.
    pub value: Value,
}

/// The condition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Precondition {
    /// No row of that key.
    Absent,
    /// The row in this version.
    Version(u64),
}

/// The outcome of a conditional write.
#[derive(Clone, Debug, PartialEq)]
pub enum Written {
    /// The row is stored.
    Done {
        /// The row's version now.
        version: u64,
    },
    /// The condition does not hold; nothing was changed.
    Conflict {
        /// The row of this key, if there is one.
        found: Option<Row>,
    },
}

/// The table failed: the write may or may not have happened.
#[derive(Debug, thiserror::Error)]
#[error("row {key}: {detail}")]
pub struct RowError {
    /// The row's key.
    pub key: String,
    /// What failed, and where.
    pub detail: String,
}

/// Days that a row is stored after its last write. An execution lasts at most 14 days, so a claim always outlives the
/// run that it fences.
pub const ROW_DAYS: u32 = 90;

/// The group of the rows that never expire.
pub const ROWS_KEPT: &str = "audit";

/// Stores rows by key, each for [`ROW_DAYS`] from its last write; rows of [`ROWS_KEPT`] never expire.
///
/// A key is `GROUP/NAME`, at most 900 bytes without control characters. The group has no `/`; the name is not empty and
/// may have some. Reads see every write that has returned. A key or value beyond these limits fails before anything is
/// sent.
#[async_trait]
pub trait KeepRows: Send + Sync {
    /// Reads one row.
    ///
    /// # Errors
    ///
    /// The table can't be reached.
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError>;
    /// Writes one row if its condition holds. Durable when it returns.
    ///
    /// # Errors
    ///
    /// The table can't be reached, is full or refuses the value.
    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError>;
    /// Deletes one row of this version and returns `Done` with the version; a missing row counts as deleted. Returns
    /// `Conflict` where the row has another version.
    ///
    /// # Errors
    ///
    /// The table can't be reached.
    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError>;
    /// Lists the rows whose keys begin with `prefix`, which has a whole group (`GROUP/…`), in the order of the keys'
    /// bytes, at most `most`.
    ///
    /// # Errors
    ///
    /// The table can't be reached.
    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError>;
}
