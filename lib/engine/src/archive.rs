//! Read access to a data directory, beside a process that writes to it: executions, histories, map runs, children.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use holdfast_asl::{HistoryEvent, Status, Timestamp};
use rusqlite::{Connection, OptionalExtension, Params, Row};
use serde::Serialize;
use serde_json::Value;

use super::error::EngineError;
use super::journal::{self, HistoryOrder, HistoryPlace, Storage};
use super::request::PendingToken;
use super::{read, schema};

/// The status of a stored execution or map run.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum ExecutionStatus {
    /// A map's child that has not begun.
    Pending,
    /// Running, or waiting.
    Running,
    /// Ended with an output.
    Succeeded,
    /// Ended with an error.
    Failed,
    /// Ended by its time limit.
    TimedOut,
    /// Stopped.
    Aborted,
}

impl ExecutionStatus {
    /// Returns the name that AWS and the database use.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::TimedOut => "TIMED_OUT",
            Self::Aborted => "ABORTED",
        }
    }

    /// Returns true if the execution has ended.
    pub const fn is_final(self) -> bool {
        !matches!(self, Self::Pending | Self::Running)
    }

    pub(super) const fn of(status: &Status) -> Self {
        match status {
            Status::Running => Self::Running,
            Status::Succeeded { .. } => Self::Succeeded,
            Status::Failed { .. } => Self::Failed,
            Status::TimedOut { .. } => Self::TimedOut,
            Status::Aborted { .. } => Self::Aborted,
        }
    }
}

/// An unknown status in the database.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a status of an execution")]
pub struct StatusUnknown(String);

impl FromStr for ExecutionStatus {
    type Err = StatusUnknown;

    fn from_str(text: &str) -> Result<Self, StatusUnknown> {
        [
            Self::Pending,
            Self::Running,
            Self::Succeeded,
            Self::Failed,
            Self::TimedOut,
            Self::Aborted,
        ]
        .into_iter()
        .find(|status| status.as_str() == text)
        .ok_or_else(|| StatusUnknown(text.to_owned()))
    }
}

/// A stored execution.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct ExecutionRecord {
    /// Its id in this database: the argument of `history` and `map_runs`.
    pub id: i64,
    /// Its ARN.
    pub arn: String,
    /// Its name.
    pub name: String,
    /// Its status.
    pub status: ExecutionStatus,
    /// Its input.
    pub input: Value,
    /// Its output, once it succeeded.
    pub output: Option<Value>,
    /// The error's name, if it ended with one.
    pub error: Option<String>,
    /// The error's cause.
    pub cause: Option<String>,
    /// The time of its start.
    pub started: Timestamp,
    /// The time of its end.
    pub stopped: Option<Timestamp>,
    /// Its index in its map run, for a child.
    pub map_index: Option<u64>,
    /// SHA-256 of its definition, in hex.
    pub definition_sha256: String,
}

/// A stored map run.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct MapRunRecord {
    /// Its id in this database: the argument of `children`.
    pub id: i64,
    /// Its ARN.
    pub arn: String,
    /// The Map state.
    pub state: String,
    /// Its status.
    pub status: ExecutionStatus,
    /// The number of its children.
    pub total: u64,
    /// The time of its start.
    pub started: Timestamp,
    /// The time of its end.
    pub stopped: Option<Timestamp>,
}

/// A data directory, opened for reading only. A process that writes to it may run or not.
#[derive(Debug)]
pub struct Archive {
    connection: Connection,
    file: PathBuf,
    version: i64,
}

const EXECUTION: &str =
    "id, arn, name, status, input, output, error, cause, started_ms, stopped_ms, map_index, definition";

impl Archive {
    /// Opens a data directory. Blocks for a short time, like all methods here.
    ///
    /// # Errors
    /// The directory has no database, or it cannot be read.
    pub fn open(data_dir: &Path) -> Result<Self, EngineError> {
        let (connection, file, version) = schema::open_readable(data_dir)?;
        Ok(Self {
            connection,
            file,
            version,
        })
    }

    /// Returns the top-level executions of the engine's own state machine, newest first.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn executions(&self, limit: u32) -> Result<Vec<ExecutionRecord>, EngineError> {
        // The engine's names of other machines' executions contain a colon.
        let own = "map_run IS NULL AND instr(name, ':') = 0 ORDER BY started_ms DESC, id DESC LIMIT ?1";
        self.select_executions(own, [limit])
    }

    /// Returns the execution of a name. A map's child has its own name.
    ///
    /// # Errors
    /// It doesn't exist, or the database cannot be read.
    pub fn execution(&self, name: &str) -> Result<ExecutionRecord, EngineError> {
        let found = self.select_executions("name = ?1", [name])?;
        found
            .into_iter()
            .next()
            .ok_or_else(|| EngineError::ExecutionUnknown { name: name.to_owned() })
    }

    /// Returns the history of an execution, in order. Empty for a child that has not begun.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn history(&self, execution_id: i64) -> Result<Vec<HistoryEvent>, EngineError> {
        let mut events = Vec::new();
        self.visit_history(execution_id, HistoryOrder::OldestFirst, None, &mut |_, event| {
            events.push(event);
            ControlFlow::Continue(())
        })?;
        Ok(events)
    }

    /// Calls `visit` with the events of an execution, in order and after a place, until it breaks. Reads only these
    /// events and those that were stored together with them.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn visit_history(
        &self,
        execution_id: i64,
        order: HistoryOrder,
        after: Option<HistoryPlace>,
        visit: &mut dyn FnMut(HistoryPlace, HistoryEvent) -> ControlFlow<()>,
    ) -> Result<(), EngineError> {
        let storage = match self.version < schema::JOURNAL_VERSION {
            true => Storage::Rows,
            false => Storage::Journal,
        };
        self.read(|db| journal::visit(db, storage, execution_id, (order, after), visit))
    }

    /// Returns every task token that an execution issued, open or closed. Credentials.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn task_tokens(&self, execution_id: i64) -> Result<Vec<String>, EngineError> {
        self.select("SELECT token FROM tokens WHERE execution = ?1", [execution_id], |row| {
            row.get(0)
        })
    }

    /// Returns the map runs of an execution, in order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn map_runs(&self, execution_id: i64) -> Result<Vec<MapRunRecord>, EngineError> {
        let sql = "SELECT id, arn, state, status, total, started_ms, stopped_ms FROM map_runs
                   WHERE parent = ?1 ORDER BY id";
        self.select(sql, [execution_id], map_run)
    }

    /// Returns the children of a map run, in item order.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn children(&self, map_run_id: i64) -> Result<Vec<ExecutionRecord>, EngineError> {
        self.select_executions("map_run = ?1 ORDER BY map_index", [map_run_id])
    }

    /// Returns the tasks that an execution and its descendants wait for.
    ///
    /// # Errors
    /// The database cannot be read.
    pub fn pending_tokens(&self, execution_id: i64) -> Result<Vec<PendingToken>, EngineError> {
        read::pending_tokens(&self.connection, execution_id).map_err(|error| self.failed(&error))
    }

    /// Returns the text of a definition, by its SHA-256.
    ///
    /// # Errors
    /// It doesn't exist, or the database cannot be read.
    pub fn definition(&self, sha256: &str) -> Result<String, EngineError> {
        let found = read::definition(&self.connection, sha256)
            .optional()
            .map_err(|error| self.failed(&error))?;
        found.ok_or_else(|| EngineError::StoredValueInvalid {
            file: self.file.clone(),
            what: format!("definition {sha256}"),
            detail: "it is not there".to_owned(),
        })
    }

    fn select_executions(&self, rest: &str, params: impl Params) -> Result<Vec<ExecutionRecord>, EngineError> {
        self.select(
            &format!("SELECT {EXECUTION} FROM executions WHERE {rest}"),
            params,
            record,
        )
    }

    fn select<T>(
        &self,
        sql: &str,
        params: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Vec<T>, EngineError> {
        self.read(|db| db.prepare_cached(sql)?.query_map(params, read)?.collect())
    }

    /// Runs a query.
    pub(super) fn read<T>(&self, work: impl FnOnce(&Connection) -> rusqlite::Result<T>) -> Result<T, EngineError> {
        work(&self.connection).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &rusqlite::Error) -> EngineError {
        EngineError::of_sqlite(&self.file, error)
    }
}

/// Reads the children of a map run on the engine's own connection.
pub(super) fn children(connection: &Connection, map_run: i64) -> rusqlite::Result<Vec<ExecutionRecord>> {
    connection
        .prepare_cached(&format!(
            "SELECT {EXECUTION} FROM executions WHERE map_run = ?1 ORDER BY map_index"
        ))?
        .query_map([map_run], record)?
        .collect()
}

pub(super) fn map_run(row: &Row<'_>) -> rusqlite::Result<MapRunRecord> {
    Ok(MapRunRecord {
        id: row.get(0)?,
        arn: row.get(1)?,
        state: row.get(2)?,
        status: read::parsed(row, 3)?,
        total: read::unsigned(row, 4)?,
        started: Timestamp(row.get(5)?),
        stopped: row.get::<_, Option<i64>>(6)?.map(Timestamp),
    })
}

pub(super) fn record(row: &Row<'_>) -> rusqlite::Result<ExecutionRecord> {
    Ok(ExecutionRecord {
        id: row.get(0)?,
        arn: row.get(1)?,
        name: row.get(2)?,
        status: read::parsed(row, 3)?,
        // A damaged text is shown as it is stored.
        input: read::json_or_text(row, 4)?.unwrap_or_default(),
        output: read::json_or_text(row, 5)?,
        error: row.get(6)?,
        cause: row.get(7)?,
        started: Timestamp(row.get(8)?),
        stopped: row.get::<_, Option<i64>>(9)?.map(Timestamp),
        map_index: row.get::<_, Option<i64>>(10)?.map(i64::cast_unsigned),
        definition_sha256: row.get(11)?,
    })
}
