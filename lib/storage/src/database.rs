//! SQLite databases: opened for durable writing, or read-only beside the process that writes.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, ffi};

use crate::file::{self, FileError};

/// Time that a statement waits for other processes that write.
pub const LOCK_TIMEOUT: Duration = Duration::from_secs(10);

/// The options of opening a database for writing.
#[derive(Clone, Copy, Debug)]
pub struct WriteOptions {
    /// Maximum number of pages of the file; `None` for SQLite's own limit.
    pub max_pages: Option<u32>,
    /// Size of the page cache in KiB; `None` for SQLite's default.
    pub cache_kib: Option<u32>,
    /// Maximum number of cached prepared statements.
    pub statements: usize,
}

impl Default for WriteOptions {
    fn default() -> Self {
        Self {
            max_pages: None,
            cache_kib: None,
            statements: 64,
        }
    }
}

/// Creates an empty private file if it is missing. The file is made under another name and renamed once it is closed:
/// closing a file that SQLite has open in the same process would release SQLite's locks.
///
/// # Errors
/// The file or its directory cannot be created.
pub fn create_empty(path: &Path) -> Result<(), FileError> {
    match path.exists() {
        true => Ok(()),
        false => file::create(path, &[]).map(drop),
    }
}

/// Opens an existing database without changing any setting of it: to check it before use, or to copy it.
///
/// # Errors
/// SQLite cannot open it.
pub fn open_unchanged(path: &Path) -> rusqlite::Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_WRITE)
}

/// Opens an existing database for reading only.
///
/// # Errors
/// SQLite cannot open it.
pub fn open_read_only(path: &Path) -> rusqlite::Result<Connection> {
    connect(path, OpenFlags::SQLITE_OPEN_READ_ONLY)
}

/// Opens an existing database for writing: with a write-ahead log, each commit on the disk before it returns, and
/// foreign keys checked.
///
/// # Errors
/// SQLite cannot open it, or its file system doesn't support a write-ahead log.
pub fn open_writable(path: &Path, options: &WriteOptions) -> rusqlite::Result<Connection> {
    let connection = open_unchanged(path)?;
    make_writable(&connection, options)?;
    Ok(connection)
}

/// Turns a connection of [`open_unchanged`] into one for writing, like [`open_writable`].
///
/// # Errors
/// The file cannot be written, or its file system doesn't support a write-ahead log.
pub fn make_writable(connection: &Connection, options: &WriteOptions) -> rusqlite::Result<()> {
    use_write_ahead_log(connection)?;
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", true)?;
    if let Some(kib) = options.cache_kib {
        connection.pragma_update(None, "cache_size", -i64::from(kib))?;
    }
    if let Some(pages) = options.max_pages {
        connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()))?;
    }
    connection.set_prepared_statement_cache_capacity(options.statements);
    Ok(())
}

/// Checks a database's pages. Returns a description of the damage in one line, if there is any.
///
/// # Errors
/// The check itself fails.
pub fn find_damage(connection: &Connection) -> rusqlite::Result<Option<String>> {
    let verdict: String = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    let line = verdict.split_whitespace().collect::<Vec<_>>().join(" ");
    Ok((line != "ok").then_some(line))
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(LOCK_TIMEOUT)?;
    Ok(connection)
}

/// Turns the write-ahead log on. If two processes do so at once, SQLite refuses one of them without waiting, and this
/// function retries.
fn use_write_ahead_log(connection: &Connection) -> rusqlite::Result<()> {
    let give_up = Instant::now() + LOCK_TIMEOUT;
    let mode: String = loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < give_up => {
                thread::sleep(Duration::from_millis(10));
            }
            done => break done?,
        }
    };
    match mode.as_str() {
        "wal" => Ok(()),
        other => Err(rusqlite::Error::SqliteFailure(
            ffi::Error::new(ffi::SQLITE_CANTOPEN),
            Some(format!(
                "its file system does not support a write-ahead log (the journal mode stays {other:?})"
            )),
        )),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_read_only_connection_sees_commits_and_cannot_write() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("new/a.sqlite");
        create_empty(&path).unwrap();
        create_empty(&path).unwrap();
        let writer = open_writable(&path, &WriteOptions::default()).unwrap();
        writer
            .execute_batch("CREATE TABLE a (b); INSERT INTO a VALUES (1)")
            .unwrap();
        let reader = open_read_only(&path).unwrap();
        let count =
            |connection: &Connection| connection.query_row("SELECT count(*) FROM a", [], |row| row.get::<_, i64>(0));
        assert_eq!(count(&reader).unwrap(), 1);
        assert!(reader.execute("INSERT INTO a VALUES (2)", []).is_err());
        assert_eq!(find_damage(&reader).unwrap(), None);
        for name in ["a.sqlite", "a.sqlite-wal"] {
            let mode = path.with_file_name(name).metadata().unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600, "{name}");
        }
    }

    #[test]
    fn a_limit_of_pages_holds_and_a_missing_file_is_not_created() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        assert!(open_writable(&path, &WriteOptions::default()).is_err() && !path.exists());
        create_empty(&path).unwrap();
        let options = WriteOptions {
            max_pages: Some(4),
            ..WriteOptions::default()
        };
        let writer = open_writable(&path, &options).unwrap();
        writer.execute_batch("CREATE TABLE a (b)").unwrap();
        let full = writer
            .execute("INSERT INTO a VALUES (zeroblob(100000))", [])
            .unwrap_err();
        assert_eq!(full.sqlite_error_code(), Some(ErrorCode::DiskFull));
    }

    #[test]
    fn damage_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.sqlite");
        std::fs::write(&path, vec![b'x'; 8_192]).unwrap();
        let opened = open_writable(&path, &WriteOptions::default());
        assert_eq!(opened.unwrap_err().sqlite_error_code(), Some(ErrorCode::NotADatabase));
    }
}
