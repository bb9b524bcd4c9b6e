//! The tables' file: made private, opened and checked, brought to the schema that this program knows, and what it can
//! fail with. What is written to it is above.

use std::io;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rusqlite::{Connection, ErrorCode, OpenFlags, Transaction, TransactionBehavior};

use crate::durable_file;

/// The tables' file in the data directory.
pub const TABLES_FILE: &str = "tables.sqlite";

/// How long a call waits for other processes that write.
const PATIENCE: Duration = Duration::from_secs(10);

/// Each entry brings the schema from its position to the next version. Entries are never changed, only added.
const MIGRATIONS: &[&str] = &[
    r"
CREATE TABLE rows (
    key     TEXT PRIMARY KEY NOT NULL,
    version INTEGER NOT NULL CHECK (version >= 1),
    value   TEXT NOT NULL
) STRICT;
",
    r"
ALTER TABLE rows ADD COLUMN written_s INTEGER NOT NULL DEFAULT 0;
UPDATE rows SET written_s = unixepoch();
CREATE INDEX rows_by_age ON rows (written_s);
",
];

/// The newest version that this program knows; the file holds its own as `user_version`.
const KNOWN_VERSION: i64 = MIGRATIONS.len() as i64;

/// Why the tables cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TablesError {
    /// A newer program wrote the file.
    #[error("{} has schema version {found}, and this program knows versions up to {known}. Use the newer program that wrote it, or another directory with --data", .file.display())]
    SchemaNewer {
        /// The tables' file.
        file: PathBuf,
        /// The version found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The file is damaged.
    #[error("{} is damaged: {detail}. Restore it from a backup; or move it away, with those beside it that begin with its name, to begin anew without the claims and decisions in it", .file.display())]
    Damaged {
        /// The tables' file.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// No space is left, or the file has reached its limit.
    #[error("no space is left to write {}. Nothing was changed: free space, and try again", .file.display())]
    Full {
        /// The tables' file.
        file: PathBuf,
    },
    /// The file or its directory cannot be made or written.
    #[error("{} cannot be used: {detail}. Make the file and its directory writable for this user, or choose another directory with --data", .file.display())]
    Unusable {
        /// The tables' file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Another process has been writing for longer than a call waits.
    #[error("{} is locked: another process has been writing to it for {} s. Wait for that process, or stop it", .file.display(), PATIENCE.as_secs())]
    Locked {
        /// The tables' file.
        file: PathBuf,
    },
    /// Any other failure of the disk or the database.
    #[error("reading or writing {} failed: {detail}. Check the disk", .file.display())]
    Failed {
        /// The tables' file.
        file: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// The program was ending.
    #[error("the tables' task ended early: {0}")]
    Ended(String),
}

impl TablesError {
    /// Tells SQLite's errors apart.
    pub(super) fn of_sqlite(file: &Path, error: &rusqlite::Error) -> Self {
        let (file, detail) = (file.to_path_buf(), error.to_string());
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => Self::Full { file },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged { file, detail },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::Unusable { file, detail }
            }
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Self::Locked { file },
            _ => Self::Failed { file, detail },
        }
    }
}

/// Opens the file for its first time in this process: made when missing, checked, brought to the newest version.
pub(super) fn open(directory: &Path, most_pages: Option<u32>) -> Result<(Connection, PathBuf), TablesError> {
    let file = directory.join(TABLES_FILE);
    make_private(directory, &file)?;
    let mut connection = connect(&file, most_pages)?;
    migrate(&mut connection).map_err(|error| TablesError::of_sqlite(&file, &error))?;
    check(&connection, &file)?;
    Ok((connection, file))
}

/// Connects to the file, unless a newer program has written it.
pub(super) fn connect(file: &Path, most_pages: Option<u32>) -> Result<Connection, TablesError> {
    let told = |error: rusqlite::Error| TablesError::of_sqlite(file, &error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(file, flags).map_err(told)?;
    connection.busy_timeout(PATIENCE).map_err(told)?;
    let found = version(&connection).map_err(told)?;
    if found > KNOWN_VERSION {
        return Err(TablesError::SchemaNewer {
            file: file.to_path_buf(),
            found,
            known: KNOWN_VERSION,
        });
    }
    let mode = use_wal(&connection).map_err(told)?;
    if mode != "wal" {
        return Err(TablesError::Unusable {
            file: file.to_path_buf(),
            detail: format!("its file system takes no write-ahead log (the journal stays {mode:?})"),
        });
    }
    connection.pragma_update(None, "synchronous", "FULL").map_err(told)?;
    if let Some(pages) = most_pages {
        let set = connection.pragma_update_and_check(None, "max_page_count", pages, |_| Ok(()));
        set.map_err(told)?;
    }
    Ok(connection)
}

/// An empty private file where there is none. It is made elsewhere and given its name when it is closed: whoever closes
/// a file that SQLite has open in the same process takes its locks away.
fn make_private(directory: &Path, file: &Path) -> Result<(), TablesError> {
    let unusable = |detail: String| TablesError::Unusable {
        file: file.to_path_buf(),
        detail,
    };
    if file.exists() {
        return Ok(());
    }
    durable_file::create_dirs(directory).map_err(|error| unusable(error.to_string()))?;
    let temp = tempfile::Builder::new().prefix(".tmp-").tempfile_in(directory);
    let temp = temp.map_err(|error| unusable(error.to_string()))?.into_temp_path();
    match temp.persist_noclobber(file) {
        Ok(()) => durable_file::sync_dir(directory).map_err(|error| unusable(error.to_string())),
        Err(error) if error.error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(unusable(error.error.to_string())),
    }
}

/// Turns the write-ahead log on, and gives the journal's mode. Where two processes do so at once, SQLite refuses one
/// without waiting.
fn use_wal(connection: &Connection) -> rusqlite::Result<String> {
    let give_up = Instant::now() + PATIENCE;
    loop {
        match connection.pragma_update_and_check(None, "journal_mode", "WAL", |row| row.get(0)) {
            Err(error) if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) && Instant::now() < give_up => {
                thread::sleep(Duration::from_millis(10));
            }
            done => return done,
        }
    }
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if version(connection)? >= KNOWN_VERSION {
        return Ok(());
    }
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    // Another process may have been faster.
    let found = usize::try_from(version(&transaction)?).unwrap_or(0);
    for migration in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    if found < MIGRATIONS.len() {
        transaction.pragma_update(None, "user_version", KNOWN_VERSION)?;
    }
    transaction.commit()
}

fn version(connection: &Connection) -> rusqlite::Result<i64> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

fn check(connection: &Connection, file: &Path) -> Result<(), TablesError> {
    let verdict: rusqlite::Result<String> = connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0));
    match verdict {
        Ok(verdict) if verdict == "ok" => Ok(()),
        Ok(verdict) => Err(TablesError::Damaged {
            file: file.to_path_buf(),
            detail: verdict.replace('\n', " "),
        }),
        Err(error) => Err(TablesError::of_sqlite(file, &error)),
    }
}
