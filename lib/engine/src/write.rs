//! The writes of a turn, and their SQL. One turn is one transaction.

use std::collections::BTreeMap;
use std::sync::Arc;

use holdfast_asl::{HistoryEvent, Status};
use rusqlite::{Connection, params};

use super::archive::ExecutionStatus;
use super::journal;
use super::map_limits::MapRunLimits;
use super::read::WaitTimers;
use super::time::StoredTime;

/// All changes of a turn to the database.
#[derive(Default)]
pub(super) struct Writes {
    changes: Vec<Write>,
    /// New events, by execution.
    events: BTreeMap<i64, Vec<Arc<HistoryEvent>>>,
}

impl Writes {
    pub(super) fn push(&mut self, change: Write) {
        self.changes.push(change);
    }

    /// Adds events that follow the stored ones.
    pub(super) fn add_events(&mut self, execution: i64, events: impl IntoIterator<Item = Arc<HistoryEvent>>) {
        self.events.entry(execution).or_default().extend(events);
    }

    /// Returns the number of changes.
    pub(super) fn len(&self) -> usize {
        self.changes.len() + self.events.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.changes.is_empty() && self.events.is_empty()
    }
}

impl Extend<Write> for Writes {
    fn extend<T: IntoIterator<Item = Write>>(&mut self, changes: T) {
        self.changes.extend(changes);
    }
}

/// One change to the database, other than new events.
pub(super) enum Write {
    /// A definition, unless it is already stored.
    Definition { sha256: String, text: String },
    /// A new execution.
    Execution(Box<NewExecution>),
    /// A pending child begins.
    ChildStarted { execution: i64, started_ms: i64 },
    /// An ended execution is redriven.
    Redriven { execution: i64, now_ms: i64 },
    /// A child that was to be redriven fails instead.
    ChildNotRedriven {
        execution: i64,
        reason: String,
        stopped_ms: i64,
    },
    /// An ended map run is redriven: its unsuccessful children are pending again.
    MapRunRedriven { map_run: i64 },
    /// An open execution only waits from now on, with these timers; without timers, it no longer only waits.
    WaitChanged { execution: i64, timers: Option<WaitTimers> },
    /// The engine's time.
    Clock(StoredTime),
    /// An execution ended.
    Ended {
        execution: i64,
        status: Status,
        stopped_ms: i64,
    },
    /// A map run began.
    MapRun {
        id: i64,
        arn: String,
        parent: i64,
        key: u64,
        state: String,
        total: u64,
        started_ms: i64,
        limits: MapRunLimits,
    },
    /// The limits of a map run were changed.
    MapRunLimits { map_run: i64, limits: MapRunLimits },
    /// A map run ended.
    MapRunEnded {
        map_run: i64,
        status: ExecutionStatus,
        stopped_ms: i64,
    },
    /// The children of a map run that have not begun, and never will.
    PendingAborted { map_run: i64, stopped_ms: i64 },
    /// A token was issued.
    Token {
        token: String,
        execution: i64,
        state: String,
    },
    /// A token is closed.
    TokenClosed { token: String },
}

/// A row of `executions`.
pub(super) struct NewExecution {
    pub id: i64,
    pub arn: String,
    pub name: String,
    pub machine_arn: String,
    pub role_arn: String,
    pub definition: String,
    pub input: String,
    pub status: ExecutionStatus,
    pub started_ms: i64,
    /// The map run and the index in it.
    pub child_of: Option<(i64, u64)>,
    /// The item before `ItemSelector`, if it differs from the input.
    pub item: Option<String>,
    /// Number of items of a map's child; 1 for others.
    pub items: u64,
}

/// Writes everything in one transaction. Returns when it is on the disk.
pub(super) fn commit(connection: &mut Connection, writes: &Writes) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    for change in &writes.changes {
        apply(&transaction, change)?;
    }
    journal::append(&transaction, writes.events.iter())?;
    transaction.commit()
}

/// Writes a little, to see whether the disk works.
pub(super) fn probe(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('probe', zeroblob(16384))",
        [],
    )?;
    transaction.execute("DELETE FROM meta WHERE key = 'probe'", [])?;
    transaction.commit()
}

fn apply(connection: &Connection, write: &Write) -> rusqlite::Result<()> {
    match write {
        Write::Definition { sha256, text } => connection
            .prepare_cached("INSERT OR IGNORE INTO definitions (sha256, text) VALUES (?1, ?2)")?
            .execute(params![sha256, text])
            .map(drop),
        Write::Execution(new) => insert_execution(connection, new),
        Write::ChildStarted { execution, started_ms } => connection
            .prepare_cached("UPDATE executions SET status = 'RUNNING', started_ms = ?2 WHERE id = ?1")?
            .execute(params![execution, started_ms])
            .map(drop),
        Write::Redriven { execution, now_ms } => connection
            .prepare_cached(
                "UPDATE executions SET status = 'RUNNING', output = NULL, error = NULL, cause = NULL, stopped_ms = NULL,
                     redrives = redrives + 1, redriven_ms = ?2 WHERE id = ?1",
            )?
            .execute(params![execution, now_ms])
            .map(drop),
        Write::ChildNotRedriven {
            execution,
            reason,
            stopped_ms,
        } => connection
            .prepare_cached(
                "UPDATE executions SET status = 'FAILED', error = 'States.Runtime', cause = ?2, stopped_ms = ?3
                 WHERE id = ?1",
            )?
            .execute(params![execution, reason, stopped_ms])
            .map(drop),
        Write::MapRunRedriven { map_run } => redrive_map_run(connection, *map_run),
        Write::WaitChanged { execution, timers } => connection
            .prepare_cached("UPDATE executions SET waits = ?2, due_ms = ?3, resume_ms = ?4 WHERE id = ?1")?
            .execute(params![
                execution,
                timers.is_some(),
                timers.and_then(|timers| timers.due_ms),
                timers.and_then(|timers| timers.resume_ms)
            ])
            .map(drop),
        Write::Clock(time) => {
            let ahead = serde_json::to_string(&time.ahead)
                .map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
            connection
                .prepare_cached("INSERT OR REPLACE INTO meta (key, value) VALUES ('clock_ms', ?1), ('clock_ahead', ?2)")?
                .execute(params![time.now.map(|now| now.0), ahead])
                .map(drop)
        }
        Write::Ended {
            execution,
            status,
            stopped_ms,
        } => end_execution(connection, *execution, status, *stopped_ms),
        Write::MapRun {
            id,
            arn,
            parent,
            key,
            state,
            total,
            started_ms,
            limits,
        } => connection
            .prepare_cached(
                "INSERT INTO map_runs (id, arn, parent, key, state, total, status, started_ms, max_concurrency,
                                       tolerated_failure_count, tolerated_failure_percentage)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, 'RUNNING', ?7, ?8, ?9, ?10)",
            )?
            .execute(params![
                id,
                arn,
                parent,
                key.cast_signed(),
                state,
                total.cast_signed(),
                started_ms,
                limits.max_concurrency.map(u64::cast_signed),
                limits.tolerated_failure_count.map(u64::cast_signed),
                limits.tolerated_failure_percentage,
            ])
            .map(drop),
        Write::MapRunLimits { map_run, limits } => connection
            .prepare_cached(
                "UPDATE map_runs SET max_concurrency = ?2, tolerated_failure_count = ?3,
                     tolerated_failure_percentage = ?4 WHERE id = ?1",
            )?
            .execute(params![
                map_run,
                limits.max_concurrency.map(u64::cast_signed),
                limits.tolerated_failure_count.map(u64::cast_signed),
                limits.tolerated_failure_percentage,
            ])
            .map(drop),
        Write::MapRunEnded {
            map_run,
            status,
            stopped_ms,
        } => connection
            .prepare_cached("UPDATE map_runs SET status = ?2, stopped_ms = ?3 WHERE id = ?1")?
            .execute(params![map_run, status.as_str(), stopped_ms])
            .map(drop),
        Write::PendingAborted { map_run, stopped_ms } => connection
            .prepare_cached(
                "UPDATE executions SET status = 'ABORTED', stopped_ms = ?2 WHERE map_run = ?1 AND status = 'PENDING'",
            )?
            .execute(params![map_run, stopped_ms])
            .map(drop),
        Write::Token {
            token,
            execution,
            state,
        } => connection
            .prepare_cached("INSERT OR IGNORE INTO tokens (token, execution, state) VALUES (?1, ?2, ?3)")?
            .execute(params![token, execution, state])
            .map(drop),
        Write::TokenClosed { token } => connection
            .prepare_cached("UPDATE tokens SET closed = 1 WHERE token = ?1")?
            .execute([token])
            .map(drop),
    }
}

fn insert_execution(connection: &Connection, new: &NewExecution) -> rusqlite::Result<()> {
    let (map_run, map_index) = new.child_of.map(|(run, index)| (run, index.cast_signed())).unzip();
    connection
        .prepare_cached(
            "INSERT INTO executions (id, arn, name, machine_arn, role_arn, definition, input, status, started_ms,
                                     map_run, map_index, item, items)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        )?
        .execute(params![
            new.id,
            new.arn,
            new.name,
            new.machine_arn,
            new.role_arn,
            new.definition,
            new.input,
            new.status.as_str(),
            new.started_ms,
            map_run,
            map_index,
            new.item,
            new.items.cast_signed(),
        ])
        .map(drop)
}

fn redrive_map_run(connection: &Connection, map_run: i64) -> rusqlite::Result<()> {
    // The list shows which of the children have a history.
    journal::list(connection)?;
    connection
        .prepare_cached(
            "UPDATE map_runs SET status = 'RUNNING', stopped_ms = NULL, redrives = redrives + 1 WHERE id = ?1",
        )?
        .execute([map_run])?;
    connection
        .prepare_cached(
            "UPDATE executions SET status = 'PENDING', output = NULL, error = NULL, cause = NULL, stopped_ms = NULL
             WHERE map_run = ?1 AND status IN ('FAILED', 'TIMED_OUT', 'ABORTED')",
        )?
        .execute([map_run])
        .map(drop)
}

fn end_execution(connection: &Connection, execution: i64, status: &Status, stopped_ms: i64) -> rusqlite::Result<()> {
    let (output, error, cause) = match status {
        Status::Running => (None, None, None),
        Status::Succeeded { output } => (Some(output.to_string()), None, None),
        Status::Failed { error, cause } | Status::TimedOut { error, cause } | Status::Aborted { error, cause } => {
            (None, error.as_ref(), cause.as_ref())
        }
    };
    connection
        .prepare_cached(
            "UPDATE executions SET status = ?2, output = ?3, error = ?4, cause = ?5, stopped_ms = ?6, waits = 0,
                 due_ms = NULL, resume_ms = NULL WHERE id = ?1",
        )?
        .execute(params![
            execution,
            ExecutionStatus::of(status).as_str(),
            output,
            error,
            cause,
            stopped_ms
        ])
        .map(drop)
}
