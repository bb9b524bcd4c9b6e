//! The tables of the database, their version, and how a database is opened and checked.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags, OptionalExtension};

use super::error::EngineError;
use super::lock::private_file;

/// The database's file in the data directory.
pub(super) const DATABASE_FILE: &str = "engine.sqlite";

/// Each entry brings the schema from its position to the next version. Entries are never changed, only added.
const MIGRATIONS: &[&str] = &[r"
CREATE TABLE definitions (
    sha256 TEXT PRIMARY KEY,
    text   TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE executions (
    id          INTEGER PRIMARY KEY,
    arn         TEXT NOT NULL UNIQUE,
    name        TEXT NOT NULL UNIQUE,
    machine_arn TEXT NOT NULL,
    role_arn    TEXT NOT NULL,
    definition  TEXT NOT NULL REFERENCES definitions (sha256),
    input       TEXT NOT NULL,
    status      TEXT NOT NULL,
    output      TEXT,
    error       TEXT,
    cause       TEXT,
    started_ms  INTEGER NOT NULL,
    stopped_ms  INTEGER,
    map_run     INTEGER REFERENCES map_runs (id),
    map_index   INTEGER,
    item        TEXT
) STRICT;
CREATE INDEX executions_by_start ON executions (started_ms) WHERE map_run IS NULL;
CREATE UNIQUE INDEX executions_by_map_run ON executions (map_run, map_index) WHERE map_run IS NOT NULL;
CREATE INDEX executions_open ON executions (id) WHERE status = 'RUNNING';

CREATE TABLE map_runs (
    id         INTEGER PRIMARY KEY,
    arn        TEXT NOT NULL UNIQUE,
    parent     INTEGER NOT NULL REFERENCES executions (id),
    key        INTEGER NOT NULL,
    state      TEXT NOT NULL,
    total      INTEGER NOT NULL,
    status     TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    stopped_ms INTEGER,
    UNIQUE (parent, key)
) STRICT;

CREATE TABLE events (
    execution INTEGER NOT NULL REFERENCES executions (id),
    id        INTEGER NOT NULL,
    json      TEXT NOT NULL,
    PRIMARY KEY (execution, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE tokens (
    token     TEXT PRIMARY KEY,
    execution INTEGER NOT NULL REFERENCES executions (id),
    state     TEXT NOT NULL,
    closed    INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX tokens_open ON tokens (execution) WHERE closed = 0;
"];

/// The newest version that this program knows.
const KNOWN_VERSION: i64 = MIGRATIONS.len() as i64;

/// Opens the database for writing: made when missing, checked, and brought to the newest version.
pub(super) fn open_writable(directory: &Path, max_pages: Option<u32>) -> Result<(Connection, PathBuf), EngineError> {
    let file = directory.join(DATABASE_FILE);
    // SQLite gives its other files the rights of this one.
    private_file(&file).map_err(|error| EngineError::ReadOnly {
        file: file.clone(),
        detail: error.to_string(),
    })?;
    let connection = connect(&file, max_pages).map_err(|error| EngineError::of_sqlite(&file, &error))?;
    migrate(&connection, &file)?;
    check(&connection, &file)?;
    Ok((connection, file))
}

/// Connects to a database that was opened, and so checked, before.
pub(super) fn connect(file: &Path, max_pages: Option<u32>) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(10))?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    if let Some(pages) = max_pages {
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    connection.set_prepared_statement_cache_capacity(64);
    Ok(connection)
}

/// Opens the database for reading alone, beside whoever writes to it.
pub(super) fn open_readable(directory: &Path) -> Result<(Connection, PathBuf), EngineError> {
    let file = directory.join(DATABASE_FILE);
    if !file.exists() {
        return Err(EngineError::NoData {
            directory: directory.to_path_buf(),
        });
    }
    let open = || {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let connection = Connection::open_with_flags(&file, flags)?;
        connection.busy_timeout(Duration::from_secs(10))?;
        let found = version(&connection)?;
        Ok((connection, found))
    };
    let (connection, found) = open().map_err(|error| EngineError::of_sqlite(&file, &error))?;
    match found {
        Some(found) if found > KNOWN_VERSION => Err(EngineError::SchemaNewer {
            file,
            found,
            known: KNOWN_VERSION,
        }),
        Some(_) => Ok((connection, file)),
        None => Err(EngineError::NoData {
            directory: directory.to_path_buf(),
        }),
    }
}

fn migrate(connection: &Connection, file: &Path) -> Result<(), EngineError> {
    let sqlite = |error: rusqlite::Error| EngineError::of_sqlite(file, &error);
    let transaction = connection.unchecked_transaction().map_err(sqlite)?;
    let found = version(&transaction).map_err(sqlite)?.unwrap_or(0);
    if found > KNOWN_VERSION {
        return Err(EngineError::SchemaNewer {
            file: file.to_path_buf(),
            found,
            known: KNOWN_VERSION,
        });
    }
    if found == KNOWN_VERSION {
        return Ok(());
    }
    let wanted = usize::try_from(found).unwrap_or(0);
    let apply = || {
        transaction.execute_batch("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value ANY) STRICT;")?;
        for migration in MIGRATIONS.iter().skip(wanted) {
            transaction.execute_batch(migration)?;
        }
        transaction.execute(
            "INSERT OR REPLACE INTO meta (key, value) VALUES ('version', ?1)",
            [KNOWN_VERSION],
        )?;
        Ok(())
    };
    apply().map_err(sqlite)?;
    transaction.commit().map_err(sqlite)
}

fn version(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let exists: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'meta'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    match exists {
        Some(_) => connection
            .query_row("SELECT value FROM meta WHERE key = 'version'", [], |row| row.get(0))
            .optional(),
        None => Ok(None),
    }
}

fn check(connection: &Connection, file: &Path) -> Result<(), EngineError> {
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|error| EngineError::of_sqlite(file, &error))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(EngineError::Corrupt {
        file: file.to_path_buf(),
        detail: verdict,
    })
}
