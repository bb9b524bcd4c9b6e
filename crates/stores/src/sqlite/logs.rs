//! Logs in the tables' file. An append is one transaction: it never conflicts.

use async_trait::async_trait;
use holdfast_core::port::row_form::{LOG_BYTES, failed, log_full, read_value, split_key, write_base, write_entry};
use holdfast_core::port::{KeepLogs, Log, RowError};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde_json::Value;

use super::SqliteKeepRows;

/// A log in the file.
#[derive(Default)]
struct Stored {
    folded: i64,
    base: Option<String>,
    /// The entries, each as one line that ends with a line feed.
    entries: String,
}

impl SqliteKeepRows {
    fn log(&self, key: &str, stored: &Stored) -> Result<Log, RowError> {
        let table = self.table.file.display().to_string();
        let read = |text: &str| read_value(key, text, &table);
        Ok(Log {
            folded: stored.folded.cast_unsigned(),
            base: stored.base.as_deref().map(read).transpose()?,
            entries: stored.entries.lines().map(read).collect::<Result<_, _>>()?,
        })
    }
}

#[async_trait]
impl KeepLogs for SqliteKeepRows {
    async fn read(&self, key: &str) -> Result<Log, RowError> {
        split_key(key)?;
        let wanted = key.to_owned();
        let stored = self.run(key, move |connection| select(connection, &wanted)).await?;
        self.log(key, &stored)
    }

    async fn append(&self, key: &str, entry: &Value) -> Result<Log, RowError> {
        split_key(key)?;
        let line = format!("{}\n", write_entry(key, entry)?);
        let wanted = key.to_owned();
        let appended = self
            .run(key, move |connection| append(connection, &wanted, &line))
            .await?;
        self.log(key, &appended.ok_or_else(|| log_full(key))?)
    }

    async fn fold(&self, key: &str, folded: u64, count: usize, base: &Value) -> Result<bool, RowError> {
        split_key(key)?;
        let base = write_base(key, base, count)?;
        let folded = i64::try_from(folded).map_err(|_| failed(key, "its number of folded entries is too large"))?;
        let wanted = key.to_owned();
        self.run(key, move |connection| fold(connection, &wanted, folded, count, base))
            .await
    }
}

/// Returns a log; an empty one if it is missing.
fn select(connection: &Connection, key: &str) -> rusqlite::Result<Stored> {
    let mut statement = connection.prepare_cached("SELECT folded, base, entries FROM logs WHERE key = ?1")?;
    let stored = statement.query_row([key], |row| {
        Ok(Stored {
            folded: row.get(0)?,
            base: row.get(1)?,
            entries: row.get(2)?,
        })
    });
    Ok(stored.optional()?.unwrap_or_default())
}

/// Appends a line, and returns the log; none if it would be too large.
fn append(connection: &mut Connection, key: &str, line: &str) -> rusqlite::Result<Option<Stored>> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut stored = select(&transaction, key)?;
    stored.entries.push_str(line);
    let bytes: usize = stored.entries.lines().chain(stored.base.as_deref()).map(str::len).sum();
    if bytes > LOG_BYTES {
        return Ok(None);
    }
    write(&transaction, key, &stored)?;
    transaction.commit()?;
    Ok(Some(stored))
}

/// Replaces the base and removes `count` entries. Returns false if the log isn't as expected.
fn fold(connection: &mut Connection, key: &str, folded: i64, count: usize, base: String) -> rusqlite::Result<bool> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut stored = select(&transaction, key)?;
    let Some((end, _)) = stored.entries.match_indices('\n').nth(count - 1) else {
        return Ok(false);
    };
    if stored.folded != folded {
        return Ok(false);
    }
    stored.entries.drain(..=end);
    stored.folded = folded.saturating_add(i64::try_from(count).unwrap_or(i64::MAX));
    stored.base = Some(base);
    write(&transaction, key, &stored)?;
    transaction.commit()?;
    Ok(true)
}

fn write(connection: &Connection, key: &str, stored: &Stored) -> rusqlite::Result<()> {
    let sql = "INSERT OR REPLACE INTO logs (key, folded, base, entries, written_s)
               VALUES (?1, ?2, ?3, ?4, unixepoch())";
    let values = params![key, stored.folded, stored.base, stored.entries];
    connection.prepare_cached(sql)?.execute(values)?;
    Ok(())
}
