//! The engine's queries: open executions, pending children, finished executions.

use std::collections::HashMap;
use std::str::FromStr;

use holdfast_asl::{HistoryEvent, Timestamp};
use rusqlite::types::Type;
use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde_json::Value;

use super::archive::ExecutionStatus;
use super::map_limits::MapRunLimits;
use super::request::PendingToken;
use super::time::StoredTime;
use super::{journal, read_due};

/// A stored execution with its history.
pub(super) struct StoredExecution {
    pub id: i64,
    pub arn: String,
    pub name: String,
    pub machine_arn: String,
    pub role_arn: String,
    pub definition: String,
    pub started_ms: i64,
    pub input: Value,
    pub child_of: Option<(i64, u64)>,
    /// The item before `ItemSelector`, if it differs from the input.
    pub item: Option<Value>,
    /// Number of items, for a map's child.
    pub items: u64,
    /// Its timers, if it only waits.
    pub wait_timers: Option<WaitTimers>,
    pub events: Vec<HistoryEvent>,
    /// State and token of all open tokens.
    pub tokens: Vec<(String, String)>,
}

/// A stored execution, or the name of one that cannot be read and the reason.
pub(super) type Reading = Result<Box<StoredExecution>, (String, String)>;

/// The timers of an open execution that only waits.
#[derive(Copy, Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct WaitTimers {
    /// Its earliest timer.
    pub due_ms: Option<i64>,
    /// Its earliest timer that advances it: not a timeout or a heartbeat.
    pub resume_ms: Option<i64>,
}

/// An open map run.
pub(super) struct OpenMapRun {
    pub id: i64,
    pub arn: String,
    pub parent: i64,
    pub key: u64,
    pub state: String,
    /// Number of items of all children.
    pub items: u64,
    pub pending: u64,
    /// Number of items of the children that ended without success.
    pub failed: u64,
    /// Number of children that ended without success.
    pub unsuccessful: u64,
    /// The running children.
    pub running: Vec<i64>,
    /// The stored limits.
    pub limits: MapRunLimits,
}

/// All open executions except those that only wait, and the last ids.
pub(super) struct OpenWork {
    pub batch: Batch,
    pub map_runs: Vec<OpenMapRun>,
    /// Number of executions that only wait.
    pub waiting: u64,
    pub last_execution: i64,
    pub last_map_run: i64,
    /// The last stored time.
    pub clock: StoredTime,
}

/// Executions that were read together.
#[derive(Default)]
pub(super) struct Batch {
    pub executions: Vec<Reading>,
    /// The texts of their definitions, by hash.
    pub definitions: HashMap<String, String>,
}

/// A pending child.
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
    /// Number of its items.
    pub items: u64,
    /// True if it began before: then it is redriven.
    pub has_history: bool,
}

/// A pending child whose row cannot be read.
pub(super) struct UnreadableChild {
    pub id: i64,
    pub index: u64,
    pub items: u64,
    pub reason: String,
}

/// The state of a root execution.
pub(super) struct RootState {
    pub id: i64,
    pub status: ExecutionStatus,
    pub input: Value,
    pub output: Option<Value>,
    pub error: Option<String>,
    pub cause: Option<String>,
}

const EXECUTION: &str = "id, arn, name, machine_arn, role_arn, definition, started_ms, input, map_run, map_index, item,
    waits, due_ms, resume_ms, items";

/// Reads all open executions except those that only wait. Parents come before their children.
pub(super) fn open_work(connection: &Connection) -> rusqlite::Result<OpenWork> {
    let batch = executions(connection, "status = 'RUNNING' AND waits = 0 ORDER BY id", [])?;
    let number = |sql: &str| connection.query_row(sql, [], |row| row.get::<_, i64>(0));
    Ok(OpenWork {
        batch,
        map_runs: open_map_runs(connection)?,
        waiting: number("SELECT count(*) FROM executions WHERE status = 'RUNNING' AND waits = 1")?.cast_unsigned(),
        last_execution: number("SELECT coalesce(max(id), 0) FROM executions")?,
        last_map_run: number("SELECT coalesce(max(id), 0) FROM map_runs")?,
        clock: read_due::stored_time(connection)?,
    })
}

fn open_map_runs(connection: &Connection) -> rusqlite::Result<Vec<OpenMapRun>> {
    let mut runs = map_runs(connection, "status = 'RUNNING' ORDER BY id", [])?;
    for run in &mut runs {
        run.running = connection
            .prepare_cached("SELECT id FROM executions WHERE map_run = ?1 AND status = 'RUNNING'")?
            .query_map([run.id], |row| row.get(0))?
            .collect::<rusqlite::Result<_>>()?;
    }
    Ok(runs)
}

/// Reads map runs, without the list of their running children.
pub(super) fn map_runs(connection: &Connection, rest: &str, params: impl Params) -> rusqlite::Result<Vec<OpenMapRun>> {
    connection
        .prepare_cached(&format!(
            "SELECT id, arn, parent, key, state,
                    (SELECT coalesce(sum(items), 0) FROM executions WHERE map_run = map_runs.id),
                    (SELECT count(*) FROM executions WHERE map_run = map_runs.id AND status = 'PENDING'),
                    (SELECT coalesce(sum(items), 0) FROM executions WHERE map_run = map_runs.id
                        AND status IN ('FAILED', 'TIMED_OUT', 'ABORTED')),
                    (SELECT count(*) FROM executions WHERE map_run = map_runs.id
                        AND status IN ('FAILED', 'TIMED_OUT', 'ABORTED')),
                    max_concurrency, tolerated_failure_count, tolerated_failure_percentage
             FROM map_runs WHERE {rest}"
        ))?
        .query_map(params, |row| {
            Ok(OpenMapRun {
                id: row.get(0)?,
                arn: row.get(1)?,
                parent: row.get(2)?,
                key: unsigned(row, 3)?,
                state: row.get(4)?,
                items: unsigned(row, 5)?,
                pending: unsigned(row, 6)?,
                failed: unsigned(row, 7)?,
                unsuccessful: unsigned(row, 8)?,
                running: Vec::new(),
                limits: map_run_limits(row, 9)?,
            })
        })?
        .collect()
}

/// Reads the limits of a map run, from three columns.
pub(super) fn map_run_limits(row: &Row<'_>, first: usize) -> rusqlite::Result<MapRunLimits> {
    Ok(MapRunLimits {
        max_concurrency: row.get::<_, Option<i64>>(first)?.map(i64::cast_unsigned),
        tolerated_failure_count: row.get::<_, Option<i64>>(first + 1)?.map(i64::cast_unsigned),
        tolerated_failure_percentage: row.get(first + 2)?,
    })
}

/// Returns the id of a map run.
pub(super) fn map_run_id(connection: &Connection, arn: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM map_runs WHERE arn = ?1")?
        .query_row([arn], |row| row.get(0))
        .optional()
}

/// Reads an execution if it is open.
pub(super) fn open_execution(connection: &Connection, id: i64) -> rusqlite::Result<Batch> {
    executions(connection, "id = ?1 AND status = 'RUNNING'", [id])
}

/// Reads an execution in any status.
pub(super) fn any_execution(connection: &Connection, id: i64) -> rusqlite::Result<Batch> {
    executions(connection, "id = ?1", [id])
}

/// Returns the ids of all executions that only wait.
pub(super) fn waiting(connection: &Connection) -> rusqlite::Result<Vec<i64>> {
    connection
        .prepare_cached("SELECT id FROM executions WHERE status = 'RUNNING' AND waits = 1")?
        .query_map([], |row| row.get(0))?
        .collect()
}

/// Reads the name of the top-level execution of a family, given any execution in it.
pub(super) fn top_name(connection: &Connection, id: i64) -> rusqlite::Result<Option<String>> {
    connection
        .prepare_cached(
            "WITH RECURSIVE above (id, name, map_run) AS (
                SELECT id, name, map_run FROM executions WHERE id = ?1
                UNION
                SELECT executions.id, executions.name, executions.map_run FROM above
                JOIN map_runs ON map_runs.id = above.map_run
                JOIN executions ON executions.id = map_runs.parent
            )
            SELECT name FROM above WHERE map_run IS NULL",
        )?
        .query_row([id], |row| row.get(0))
        .optional()
}

fn executions(connection: &Connection, rest: &str, params: impl Params) -> rusqlite::Result<Batch> {
    journal::prepare_reading(connection)?;
    let rows = connection
        .prepare_cached(&format!("SELECT {EXECUTION} FROM executions WHERE {rest}"))?
        .query_map(params, |row| {
            let name: String = row.get(2)?;
            match stored_execution(row) {
                Err(error) if is_about_value(&error) => Ok(Err((name, error.to_string()))),
                read => read.map(|execution| Ok(Box::new(execution))),
            }
        })?
        .collect::<rusqlite::Result<Vec<Reading>>>()?;
    let mut batch = Batch::default();
    for mut reading in rows {
        if let Ok(execution) = &mut reading {
            match journal::history(connection, execution.id) {
                Ok(events) => execution.events = events,
                // A history that cannot be read doesn't keep other executions from resuming.
                Err(error) if is_about_value(&error) => {
                    batch.executions.push(Err((execution.name.clone(), error.to_string())));
                    continue;
                }
                Err(error) => return Err(error),
            }
            execution.tokens = connection
                .prepare_cached("SELECT state, token FROM tokens WHERE execution = ?1 AND closed = 0")?
                .query_map([execution.id], |row| Ok((row.get(0)?, row.get(1)?)))?
                .collect::<rusqlite::Result<_>>()?;
            if execution.child_of.is_none() && !batch.definitions.contains_key(&execution.definition) {
                match definition(connection, &execution.definition) {
                    Ok(text) => {
                        batch.definitions.insert(execution.definition.clone(), text);
                    }
                    // A missing definition is reported where it is needed.
                    Err(error) if is_about_value(&error) => {}
                    Err(error) => return Err(error),
                }
            }
        }
        batch.executions.push(reading);
    }
    Ok(batch)
}

fn stored_execution(row: &Row<'_>) -> rusqlite::Result<StoredExecution> {
    let run: Option<i64> = row.get(8)?;
    let index: Option<i64> = row.get(9)?;
    let timers = WaitTimers {
        due_ms: row.get(12)?,
        resume_ms: row.get(13)?,
    };
    Ok(StoredExecution {
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
        items: unsigned(row, 14)?,
        wait_timers: row.get::<_, bool>(11)?.then_some(timers),
        events: Vec::new(),
        tokens: Vec::new(),
    })
}

/// Reads the text of a definition.
pub(super) fn definition(connection: &Connection, sha256: &str) -> rusqlite::Result<String> {
    connection
        .prepare_cached("SELECT text FROM definitions WHERE sha256 = ?1")?
        .query_row([sha256], |row| row.get(0))
}

/// Reads the next pending children of a map run, in item order.
pub(super) fn pending_children(
    connection: &Connection,
    map_run: i64,
    from_index: u64,
    limit: u64,
) -> rusqlite::Result<Vec<Result<PendingChild, UnreadableChild>>> {
    connection
        .prepare_cached(
            "SELECT id, arn, name, machine_arn, role_arn, definition, map_index, input, item, items,
                    EXISTS (SELECT 1 FROM journal_list WHERE execution = executions.id)
             FROM executions WHERE map_run = ?1 AND map_index >= ?2 AND status = 'PENDING' ORDER BY map_index LIMIT ?3",
        )?
        .query_map(
            (map_run, from_index.cast_signed(), limit.cast_signed()),
            |row| match pending_child(row) {
                Err(error) if is_about_value(&error) => Ok(Err(UnreadableChild {
                    id: row.get(0)?,
                    index: unsigned(row, 6)?,
                    items: unsigned(row, 9)?,
                    reason: error.to_string(),
                })),
                read => read.map(Ok),
            },
        )?
        .collect()
}

fn pending_child(row: &Row<'_>) -> rusqlite::Result<PendingChild> {
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
        items: unsigned(row, 9)?,
        has_history: row.get(10)?,
    })
}

/// Returns the id of an open root execution whose other columns may be unreadable.
pub(super) fn running(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    connection
        .prepare_cached("SELECT id FROM executions WHERE name = ?1 AND map_run IS NULL AND status = 'RUNNING'")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Returns true if an error concerns one stored value, and so one execution, and not the database.
fn is_about_value(error: &rusqlite::Error) -> bool {
    !matches!(error, rusqlite::Error::SqliteFailure(..))
}

/// Finds a root execution by its name. The inner error is the reason why it cannot be read.
pub(super) fn root_state(connection: &Connection, name: &str) -> rusqlite::Result<Option<Result<RootState, String>>> {
    let read = connection
        .prepare_cached(
            "SELECT status, input, output, error, cause, id FROM executions WHERE name = ?1 AND map_run IS NULL",
        )?
        .query_row([name], |row| {
            Ok(RootState {
                id: row.get(5)?,
                status: parsed(row, 0)?,
                input: json(row, 1)?,
                output: optional_json(row, 2)?,
                error: row.get(3)?,
                cause: row.get(4)?,
            })
        })
        .optional();
    match read {
        Err(error) if is_about_value(&error) => Ok(Some(Err(error.to_string()))),
        read => read.map(|root_state| root_state.map(Ok)),
    }
}

/// Returns the execution of a token, if the token was ever issued, and true if it is open.
pub(super) fn token_owner(connection: &Connection, token: &str) -> rusqlite::Result<Option<(i64, bool)>> {
    connection
        .prepare_cached("SELECT execution, closed = 0 FROM tokens WHERE token = ?1")?
        .query_row([token], |row| Ok((row.get(0)?, row.get(1)?)))
        .optional()
}

/// The execution and all its open descendants, for use in a `WITH RECURSIVE`.
const OPEN_FAMILY: &str = "family (id) AS (
    VALUES (?1)
    UNION
    SELECT executions.id FROM family
    JOIN map_runs ON map_runs.parent = family.id AND map_runs.status = 'RUNNING'
    JOIN executions ON executions.map_run = map_runs.id AND executions.status = 'RUNNING'
)";

/// Returns the tasks that an execution and its descendants wait for.
pub(super) fn pending_tokens(connection: &Connection, root: i64) -> rusqlite::Result<Vec<PendingToken>> {
    connection
        .prepare_cached(&format!(
            "WITH RECURSIVE {OPEN_FAMILY}
             SELECT executions.name, tokens.state, tokens.token
             FROM family JOIN tokens ON tokens.execution = family.id AND tokens.closed = 0
             JOIN executions ON executions.id = family.id ORDER BY executions.id"
        ))?
        .query_map([root], |row| {
            Ok(PendingToken {
                execution: row.get(0)?,
                state: row.get(1)?,
                token: row.get(2)?,
            })
        })?
        .collect()
}

/// Returns true if the execution or a descendant only waits and has a timer by `bound` that advances it.
pub(super) fn resumes_by(connection: &Connection, root: i64, bound: Timestamp) -> rusqlite::Result<bool> {
    connection
        .prepare_cached(&format!(
            "WITH RECURSIVE {OPEN_FAMILY}
             SELECT 1 FROM family JOIN executions ON executions.id = family.id
             WHERE executions.waits = 1 AND executions.resume_ms <= ?2"
        ))?
        .exists((root, bound.0))
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

/// Reads a column of JSON that may be null. Damaged JSON is returned as its text.
pub(super) fn json_or_text(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<Value>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    Ok(text.map(|text| serde_json::from_str(text).unwrap_or_else(|_| text.into())))
}

/// Reads a column of text that parses to a value.
pub(super) fn parsed<T: FromStr<Err: std::error::Error + Send + Sync + 'static>>(
    row: &Row<'_>,
    column: usize,
) -> rusqlite::Result<T> {
    row.get_ref(column)?
        .as_str()?
        .parse()
        .map_err(|error| invalid(column, error))
}

/// Reads a column that is never negative.
pub(super) fn unsigned(row: &Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// Makes the error of a stored value that cannot be read.
pub(super) fn invalid(column: usize, error: impl std::error::Error + Send + Sync + 'static) -> rusqlite::Error {
    rusqlite::Error::FromSqlConversionFailure(column, Type::Text, Box::new(error))
}
