//! Rows and logs in an SQLite file of the data directory, for one machine. Several processes may use the file at the same
//! time: SQLite's locks make each write and its condition atomic. `file` creates and checks the file; `logs` has the logs.

mod file;
mod logs;

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use holdfast_core::port::{KeepRows, Precondition, ROW_DAYS, ROWS_KEPT, Row, RowError, Written};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};
use serde_json::Value;

pub use file::{TABLES_FILE, TablesError};

use holdfast_core::port::row_form::{failed, read_value, split_key, split_prefix, write_value};

/// Stores rows and logs in `tables.sqlite` of a data directory, which only its user can read. Clones share the connection.
#[derive(Clone)]
pub struct SqliteKeepRows {
    table: Arc<Table>,
}

struct Table {
    file: PathBuf,
    max_pages: Option<u32>,
    /// Empty while it is in use, and after a failure: the next call then opens a new one.
    connection: Mutex<Option<Connection>>,
}

/// A row in the file.
struct Stored {
    version: i64,
    text: String,
}

/// The result of a write. A conflict has the stored row.
enum Outcome {
    Done(u64),
    Conflict(Option<Stored>),
}

impl fmt::Debug for SqliteKeepRows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SqliteKeepRows")
            .field("file", &self.table.file)
            .finish_non_exhaustive()
    }
}

impl SqliteKeepRows {
    /// Opens the file in `directory`; creates both if they are missing.
    ///
    /// # Errors
    ///
    /// The file can't be used; the error has the remedy.
    pub async fn open(directory: impl Into<PathBuf>) -> Result<Self, TablesError> {
        Self::open_file(directory.into(), None).await
    }

    /// Opens the file with a limit of `max_pages` pages of 4 KiB; beyond it, writes fail as on a full disk.
    ///
    /// # Errors
    ///
    /// The same as [`Self::open`].
    pub async fn open_limited(directory: impl Into<PathBuf>, max_pages: u32) -> Result<Self, TablesError> {
        Self::open_file(directory.into(), Some(max_pages)).await
    }

    /// Deletes the rows and logs older than [`ROW_DAYS`], and returns their number.
    ///
    /// # Errors
    ///
    /// The file can't be written.
    pub async fn forget_old(&self) -> Result<u64, RowError> {
        let forgotten = self.run("*", |connection| {
            let mut forgotten = 0;
            for table in ["rows", "logs"] {
                let sql = format!("DELETE FROM {table} WHERE written_s < unixepoch() - ?1 * 86400 AND NOT key GLOB ?2");
                forgotten += connection.execute(&sql, params![ROW_DAYS, format!("{ROWS_KEPT}/*")])?;
            }
            Ok(forgotten)
        });
        Ok(forgotten.await?.try_into().unwrap_or(u64::MAX))
    }

    async fn open_file(directory: PathBuf, max_pages: Option<u32>) -> Result<Self, TablesError> {
        let opened = tokio::task::spawn_blocking(move || file::open(&directory, max_pages)).await;
        let (connection, file) = opened.map_err(|error| TablesError::Ended(error.to_string()))??;
        let table = Table {
            file,
            max_pages,
            connection: Mutex::new(Some(connection)),
        };
        Ok(Self { table: Arc::new(table) })
    }

    /// Runs `work` off the async threads: a slow disk must not block other tasks.
    async fn run<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T> + Send + 'static,
    ) -> Result<T, RowError> {
        let table = Arc::clone(&self.table);
        let done = tokio::task::spawn_blocking(move || table.run(work)).await;
        done.map_err(|error| TablesError::Ended(error.to_string()))
            .flatten()
            .map_err(|error| failed(key, error.to_string()))
    }

    fn row(&self, key: &str, stored: Stored) -> Result<Row, RowError> {
        Ok(Row {
            version: stored.version.cast_unsigned(),
            value: read_value(key, &stored.text, &self.table.file.display().to_string())?,
        })
    }

    fn written(&self, key: &str, outcome: Outcome) -> Result<Written, RowError> {
        Ok(match outcome {
            Outcome::Done(version) => Written::Done { version },
            Outcome::Conflict(found) => Written::Conflict {
                found: found.map(|stored| self.row(key, stored)).transpose()?,
            },
        })
    }
}

impl Table {
    fn run<T>(&self, work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>) -> Result<T, TablesError> {
        let mut place = self.connection.lock().unwrap_or_else(PoisonError::into_inner);
        let mut connection = match place.take() {
            Some(connection) => connection,
            None => file::connect(&self.file, self.max_pages)?,
        };
        let done = work(&mut connection).map_err(|error| TablesError::of_sqlite(&self.file, &error))?;
        *place = Some(connection);
        Ok(done)
    }
}

#[async_trait]
impl KeepRows for SqliteKeepRows {
    async fn get(&self, key: &str) -> Result<Option<Row>, RowError> {
        split_key(key)?;
        let wanted = key.to_owned();
        let stored = self.run(key, move |connection| select(connection, &wanted)).await?;
        stored.map(|stored| self.row(key, stored)).transpose()
    }

    async fn put(&self, key: &str, value: &Value, expect: Precondition) -> Result<Written, RowError> {
        split_key(key)?;
        let text = write_value(key, value)?;
        let wanted = key.to_owned();
        let outcome = self
            .run(key, move |connection| put(connection, &wanted, &text, expect))
            .await?;
        self.written(key, outcome)
    }

    async fn delete(&self, key: &str, version: u64) -> Result<Written, RowError> {
        split_key(key)?;
        let wanted = key.to_owned();
        let outcome = self
            .run(key, move |connection| delete(connection, &wanted, version))
            .await?;
        self.written(key, outcome)
    }

    async fn list(&self, prefix: &str, most: usize) -> Result<Vec<(String, Row)>, RowError> {
        split_prefix(prefix)?;
        let wanted = prefix.to_owned();
        let found = self
            .run(prefix, move |connection| select_from(connection, &wanted, most))
            .await?;
        let rows = found.into_iter().map(|(key, stored)| {
            let row = self.row(&key, stored)?;
            Ok((key, row))
        });
        rows.collect()
    }
}

fn select(connection: &Connection, key: &str) -> rusqlite::Result<Option<Stored>> {
    let mut statement = connection.prepare_cached("SELECT version, value FROM rows WHERE key = ?1")?;
    let stored = statement.query_row([key], |row| {
        Ok(Stored {
            version: row.get(0)?,
            text: row.get(1)?,
        })
    });
    stored.optional()
}

/// Writes a row if it meets the condition, both in one transaction.
fn put(connection: &mut Connection, key: &str, text: &str, expect: Precondition) -> rusqlite::Result<Outcome> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let (changed, version) = match expect {
        Precondition::Absent => {
            let sql = "INSERT INTO rows (key, version, value, written_s) VALUES (?1, 1, ?2, unixepoch())
                       ON CONFLICT (key) DO NOTHING";
            (transaction.prepare_cached(sql)?.execute(params![key, text])?, 1)
        }
        Precondition::Version(version) => {
            let sql = "UPDATE rows SET version = version + 1, value = ?2, written_s = unixepoch()
                       WHERE key = ?1 AND version = ?3";
            let mut statement = transaction.prepare_cached(sql)?;
            let changed = statement.execute(params![key, text, stored_version(version)])?;
            (changed, version.saturating_add(1))
        }
    };
    if changed == 0 {
        return select(&transaction, key).map(Outcome::Conflict);
    }
    transaction.commit()?;
    Ok(Outcome::Done(version))
}

fn delete(connection: &mut Connection, key: &str, version: u64) -> rusqlite::Result<Outcome> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let sql = "DELETE FROM rows WHERE key = ?1 AND version = ?2";
    let changed = transaction
        .prepare_cached(sql)?
        .execute(params![key, stored_version(version)])?;
    if changed == 0 {
        let found = select(&transaction, key)?;
        return Ok(found.map_or(Outcome::Done(version), |found| Outcome::Conflict(Some(found))));
    }
    transaction.commit()?;
    Ok(Outcome::Done(version))
}

/// Returns the rows whose keys begin with `prefix`. They are adjacent: SQLite compares keys by bytes.
fn select_from(connection: &Connection, prefix: &str, most: usize) -> rusqlite::Result<Vec<(String, Stored)>> {
    let sql = "SELECT key, version, value FROM rows WHERE key >= ?1 ORDER BY key";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query([prefix])?;
    let mut found = Vec::new();
    while found.len() < most {
        let Some(row) = rows.next()? else { break };
        let key: String = row.get(0)?;
        if !key.starts_with(prefix) {
            break;
        }
        let (version, text) = (row.get(1)?, row.get(2)?);
        found.push((key, Stored { version, text }));
    }
    Ok(found)
}

/// Converts a version to SQLite's integers. A version beyond them becomes 0, which no row has.
fn stored_version(version: u64) -> i64 {
    i64::try_from(version).unwrap_or(0)
}
