//! The tables of the database and their version; opening, checking and migrating a database.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use holdfast_storage::database::{self, WriteOptions};
use rusqlite::{Connection, OptionalExtension};

use super::error::EngineError;

/// The database's file in the data directory.
pub(super) const DATABASE_FILE: &str = "engine.sqlite";

/// Step `n` migrates a database from version `n` to version `n + 1`, in its own transaction. Steps are never changed,
/// only added.
const STEPS: &[&str] = &[
    include_str!("migration/0001_first.sql"),
    include_str!("migration/0002_waiting_and_redrive.sql"),
    include_str!("migration/0003_journal.sql"),
    include_str!("migration/0004_lists.sql"),
    include_str!("migration/0005_map_run_limits.sql"),
];

/// The version from which histories are in the journal.
pub(super) const JOURNAL_VERSION: i64 = 3;

/// Size of the writer's page cache.
const CACHE_KIB: u32 = 4_096;

/// Length of the write-ahead log before SQLite starts it over: its 1,000 pages, and some more.
const LOG_BYTES: u64 = 4_200_000;

/// The newest version that this program knows.
const KNOWN_VERSION: i64 = STEPS.len() as i64;

/// Opens the database for writing: creates it if missing, checks it, and migrates it to the newest version.
pub(super) fn open_writable(directory: &Path, max_pages: Option<u32>) -> Result<(Connection, PathBuf), EngineError> {
    let file = directory.join(DATABASE_FILE);
    if file.exists() {
        check_begun(&file)?;
    } else {
        create(directory, &file, max_pages)?;
    }
    let connection = connect(&file, max_pages).map_err(|error| EngineError::of_sqlite(&file, &error))?;
    migrate(&connection, &file)?;
    check(&connection, &file)?;
    lengthen_log(&file);
    Ok((connection, file))
}

/// Creates a new database under another name and renames it once it has its tables. So an existing file without tables
/// is damaged.
fn create(directory: &Path, file: &Path, max_pages: Option<u32>) -> Result<(), EngineError> {
    let log = file.with_extension("sqlite-wal");
    if log.exists() {
        return Err(EngineError::Corrupt {
            file: file.to_path_buf(),
            detail: format!("it is missing, but its log {} exists", log.display()),
        });
    }
    let failed = |error: io::Error| EngineError::ReadOnly {
        file: file.to_path_buf(),
        detail: error.to_string(),
    };
    let unfinished = file.with_extension("sqlite-new");
    for leftover in ["sqlite-new", "sqlite-new-wal", "sqlite-new-shm"] {
        match fs::remove_file(file.with_extension(leftover)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            _ => {}
        }
    }
    // SQLite gives its other files the permissions of this one.
    drop(holdfast_storage::file::open(&unfinished).map_err(failed)?);
    let sqlite = |error: rusqlite::Error| EngineError::of_sqlite(file, &error);
    let connection = connect(&unfinished, max_pages).map_err(sqlite)?;
    migrate(&connection, file)?;
    // Without the log, everything is in the one file that is renamed.
    connection
        .pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))
        .map_err(sqlite)?;
    connection.close().map_err(|(_, error)| sqlite(error))?;
    fs::rename(&unfinished, file).map_err(failed)?;
    File::open(directory)
        .and_then(|directory| directory.sync_all())
        .map_err(failed)
}

/// Refuses a file that is no longer a database, or never was one.
fn check_begun(file: &Path) -> Result<(), EngineError> {
    check_not_empty(file)?;
    let sqlite = |error: rusqlite::Error| EngineError::of_sqlite(file, &error);
    // Opened with write permission: SQLite may have to recover the log first.
    let connection = database::open_unchanged(file).map_err(sqlite)?;
    let Some(version) = version(&connection).map_err(sqlite)? else {
        return Err(without_tables(file));
    };
    if version > KNOWN_VERSION {
        return Ok(());
    }
    for table in ["executions", "map_runs", "tokens", "definitions"] {
        let exists = connection
            .prepare("SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?1")
            .and_then(|mut statement| statement.exists([table]))
            .map_err(sqlite)?;
        if !exists {
            return Err(corrupt(
                file,
                &format!("its table {table} is missing: it was shortened"),
            ));
        }
    }
    Ok(())
}

fn check_not_empty(file: &Path) -> Result<(), EngineError> {
    let found = fs::metadata(file).map_err(|error| EngineError::ReadOnly {
        file: file.to_path_buf(),
        detail: error.to_string(),
    })?;
    match found.len() {
        0 => Err(corrupt(
            file,
            "it is empty (0 bytes): its executions were lost, or a copy was not finished",
        )),
        _ => Ok(()),
    }
}

fn without_tables(file: &Path) -> EngineError {
    corrupt(
        file,
        "its tables are missing: it was shortened, or is another program's",
    )
}

fn corrupt(file: &Path, detail: &str) -> EngineError {
    EngineError::Corrupt {
        file: file.to_path_buf(),
        detail: detail.to_owned(),
    }
}

/// Returns true if a data directory has a database.
pub fn has_runs(directory: &Path) -> bool {
    directory.join(DATABASE_FILE).exists()
}

/// Extends the write-ahead log to its usual length at once: SQLite skips bytes that it did not write. If the log grew
/// with each commit, the file system would write its own journal each time, too, and each commit would take twice as
/// long.
fn lengthen_log(file: &Path) {
    let log = file.with_extension("sqlite-wal");
    let lengthened = OpenOptions::new().append(true).open(&log).and_then(|mut log| {
        let missing = LOG_BYTES.saturating_sub(log.metadata()?.len());
        io::copy(&mut io::repeat(0).take(missing), &mut log)?;
        log.sync_all()
    });
    if let Err(error) = lengthened {
        tracing::debug!(log = %log.display(), %error, "the log was not extended: it grows with each write");
    }
}

/// Connects to a database that was already opened and checked.
pub(super) fn connect(file: &Path, max_pages: Option<u32>) -> rusqlite::Result<Connection> {
    // The newest entries of the journal are read again when they are listed: a cache makes that cheap.
    let options = WriteOptions {
        max_pages,
        cache_kib: Some(CACHE_KIB),
        statements: 64,
    };
    database::open_writable(file, &options)
}

/// Opens the database for reading only, beside a process that writes to it. Also returns its version.
pub(super) fn open_readable(directory: &Path) -> Result<(Connection, PathBuf, i64), EngineError> {
    let file = directory.join(DATABASE_FILE);
    if !file.exists() {
        return Err(EngineError::NoData {
            directory: directory.to_path_buf(),
        });
    }
    check_not_empty(&file)?;
    let open = || {
        let connection = database::open_read_only(&file)?;
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
        Some(found) => Ok((connection, file, found)),
        None => Err(without_tables(&file)),
    }
}

/// Migrates the database to the newest version, step by step: a step that fails leaves the version before it.
fn migrate(connection: &Connection, file: &Path) -> Result<(), EngineError> {
    let sqlite = |error: rusqlite::Error| EngineError::of_sqlite(file, &error);
    let found = version(connection).map_err(sqlite)?.unwrap_or(0);
    if found > KNOWN_VERSION {
        return Err(EngineError::SchemaNewer {
            file: file.to_path_buf(),
            found,
            known: KNOWN_VERSION,
        });
    }
    for (step, reached) in STEPS.iter().zip(1..).skip_while(|(_, reached)| *reached <= found) {
        apply(connection, step, reached).map_err(sqlite)?;
        if found > 0 {
            tracing::info!(file = %file.display(), version = reached, "the database was migrated");
        }
    }
    Ok(())
}

fn apply(connection: &Connection, step: &str, reached: i64) -> rusqlite::Result<()> {
    let transaction = connection.unchecked_transaction()?;
    transaction.execute_batch("CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value ANY) STRICT;")?;
    transaction.execute_batch(step)?;
    transaction.execute(
        "INSERT OR REPLACE INTO meta (key, value) VALUES ('version', ?1)",
        [reached],
    )?;
    transaction.commit()
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
    match database::find_damage(connection).map_err(|error| EngineError::of_sqlite(file, &error))? {
        None => Ok(()),
        Some(detail) => Err(EngineError::Corrupt {
            file: file.to_path_buf(),
            detail,
        }),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
pub(super) mod tests {
    use super::*;

    /// Returns SQLite's plan for a query, on a new database.
    pub(in super::super) fn plan(sql: &str) -> String {
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, Path::new("memory")).unwrap();
        let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
        let (mut rows, mut lines) = (statement.raw_query(), Vec::new());
        while let Some(row) = rows.next().unwrap() {
            lines.push(row.get::<_, String>(3).unwrap());
        }
        lines.join("\n")
    }
}
