//! What the engine reads back from its database: open executions, waiting children, finished ones.

use std::str::FromStr;

use holdfast_asl::HistoryEvent;
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Row};
use serde_json::Value;

use super::archive::ExecutionStatus;

/// An execution that goes on.
pub(super) struct OpenExecution {
    pub id: i64,
    pub arn: String,
    pub name: String,
    pub machine_arn: String,
    pub role_arn: String,
    pub definition: String,
    pub started_ms: i64,
    pub input: Value,
    pub child_of: Option<(i64, u64)>,
    /// The item before `ItemSelector`, where that is not the input.
    pub item: Option<Value>,
    pub events: Vec<HistoryEvent>,
}

/// A map run that goes on.
pub(super) struct OpenMapRun {
    pub id: i64,
    pub arn: String,
    pub parent: i64,
    pub key: u64,
    pub state: String,
    pub total: u64,
    pub pending: u64,
    pub failed: u64,
}

/// Everything that goes on, and where the numbers go on.
pub(super) struct OpenWork {
    pub executions: Vec<OpenExecution>,
    pub map_runs: Vec<OpenMapRun>,
    pub tokens: Vec<(String, i64, String)>,
    pub last_execution: i64,
    pub last_map_run: i64,
}

/// A waiting child.
pub(super) struct PendingChild {
    pub id: i64,
    pub arn: String,
    pub name: String,
    pub machine_arn: String,
    pub role_arn: String,
    pub definition: String,
    pub index: u64,
    pub input: Value,
    pub item: Option<Value>,
}

/// How a root execution of some name stands.
pub(super) struct Standing {
    pub status: ExecutionStatus,
    pub input: Value,
    pub output: Option<Value>,
    pub error: Option<String>,
    pub cause: Option<String>,
}

const EXECUTION: &str = "id, arn, name, machine_arn, role_arn, definition, started_ms, input, map_run, map_index, item";

/// Reads everything that goes on. Parents come before their children.
pub(super) fn open_work(connection: &Connection) -> rusqlite::Result<OpenWork> {
    let mut executions = connection
        .prepare_cached(&format!(
            "SELECT {EXECUTION} FROM executions WHERE status = 'RUNNING' ORDER BY id"
        ))?
        .query_map([], |row| {
            let run: Option<i64> = row.get(8)?;
            let index: Option<i64> = row.get(9)?;
            Ok(OpenExecution {
                id: row.get(0)?,
                arn: row.get(1)?,
                name: row.get(2)?,
                machine_arn: row.get(3)?,
                role_arn: row.get(4)?,
                definition: row.get(5)?,
                started_ms: row.get(6)?,
                input: json(row, 7)?,
                child_of: run.zip(index.map(i64::cast_unsigned)),
                item: optional_json(row, 10)?,
                events: Vec::new(),
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    for execution in &mut executions {
        execution.events = history(connection, execution.id)?;
    }
    let map_runs = connection
        .prepare_cached(
            "SELECT id, arn, parent, key, state, total,
                    (SELECT count(*) FROM executions WHERE map_run = map_runs.id AND status = 'PENDING'),
                    (SELECT count(*) FROM executions WHERE map_run = map_runs.id
                        AND status IN ('FAILED', 'TIMED_OUT', 'ABORTED'))
             FROM map_runs WHERE status = 'RUNNING' ORDER BY id",
        )?
        .query_map([], |row| {
            Ok(OpenMapRun {
                id: row.get(0)?,
                arn: row.get(1)?,
                parent: row.get(2)?,
                key: unsigned(row, 3)?,
                state: row.get(4)?,
                total: unsigned(row, 5)?,
                pending: unsigned(row, 6)?,
                failed: unsigned(row, 7)?,
            })
        })?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let tokens = connection
        .prepare_cached(
            "SELECT token, execution, state FROM tokens
             WHERE closed = 0 AND execution IN (SELECT id FROM executions WHERE status = 'RUNNING')",
        )?
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?
        .collect::<rusqlite::Result<Vec<_>>>()?;
    let last = |table: &str| {
        connection.query_row(&format!("SELECT coalesce(max(id), 0) FROM {table}"), [], |row| {
            row.get::<_, i64>(0)
        })
    };
    Ok(OpenWork {
        executions,
        map_runs,
        tokens,
        last_execution: last("executions")?,
        last_map_run: last("map_runs")?,
    })
}

/// Reads one history in order.
pub(super) fn history(connection: &Connection, execution: i64) -> rusqlite::Result<Vec<HistoryEvent>> {
    connection
        .prepare_cached("SELECT json FROM events WHERE execution = ?1 ORDER BY id")?
        .query_map([execution], |row| {
            let text = row.get_ref(0)?.as_str()?;
            serde_json::from_str(text).map_err(|error| invalid(0, error))
        })?
        .collect()
}

/// Reads the text of a definition.
pub(super) fn definition(connection: &Connection, sha256: &str) -> rusqlite::Result<String> {
    connection
        .prepare_cached("SELECT text FROM definitions WHERE sha256 = ?1")?
        .query_row([sha256], |row| row.get(0))
}

/// Reads the next waiting children of a map run, in item order.
pub(super) fn pending_children(
    connection: &Connection,
    map_run: i64,
    from_index: u64,
    most: u64,
) -> rusqlite::Result<Vec<PendingChild>> {
    connection
        .prepare_cached(
            "SELECT id, arn, name, machine_arn, role_arn, definition, map_index, input, item FROM executions
             WHERE map_run = ?1 AND map_index >= ?2 AND status = 'PENDING' ORDER BY map_index LIMIT ?3",
        )?
        .query_map((map_run, from_index.cast_signed(), most.cast_signed()), |row| {
            Ok(PendingChild {
                id: row.get(0)?,
                arn: row.get(1)?,
                name: row.get(2)?,
                machine_arn: row.get(3)?,
                role_arn: row.get(4)?,
                definition: row.get(5)?,
                index: unsigned(row, 6)?,
                input: json(row, 7)?,
                item: optional_json(row, 8)?,
            })
        })?
        .collect()
}

/// Finds a root execution by its name.
pub(super) fn standing(connection: &Connection, name: &str) -> rusqlite::Result<Option<Standing>> {
    connection
        .prepare_cached(
            "SELECT status, input, output, error, cause FROM executions WHERE name = ?1 AND map_run IS NULL",
        )?
        .query_row([name], |row| {
            Ok(Standing {
                status: parsed(row, 0)?,
                input: json(row, 1)?,
                output: optional_json(row, 2)?,
                error: row.get(3)?,
                cause: row.get(4)?,
            })
        })
        .optional()
}

/// Whether a token was ever given out.
pub(super) fn token_exists(connection: &Connection, token: &str) -> rusqlite::Result<bool> {
    connection
        .prepare_cached("SELECT 1 FROM tokens WHERE token = ?1")?
        .exists([token])
}

/// Reads a column of JSON.
pub(super) fn json(row: &Row<'_>, column: usize) -> rusqlite::Result<Value> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| invalid(column, error))
}

/// Reads a column of JSON that may be null.
pub(super) fn optional_json(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Value>> {
    match row.get_ref(column)?.as_str_or_null()? {
        Some(text) => serde_json::from_str(text)
            .map(Some)
            .map_err(|error| invalid(column, error)),
        None => Ok(None),
    }
}

/// Reads a column of text that is a name of something.
pub(super) fn parsed<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    row.get_ref(column)?
        .as_str()?
        .parse()
        .map_err(|error| invalid(column, error))
}

/// Reads a column of a number that is never negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

fn invalid(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
