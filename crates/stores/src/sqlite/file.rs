//! The tables' file: creates it as a private file, opens and checks it, migrates its schema; and its errors. The parent
//! module reads and writes rows.

use std::path::{Path, PathBuf};

use holdfast_storage::database::{self, LOCK_TIMEOUT, WriteOptions};
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

/// The tables' file in the data directory.
pub const TABLES_FILE: &str = "tables.sqlite";

/// Migrations: each entry brings the schema from the version at its position to the next. Entries are only added, never
/// changed.
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
    r"
CREATE TABLE logs (
    key       TEXT PRIMARY KEY NOT NULL,
    folded    INTEGER NOT NULL CHECK (folded >= 0),
    base      TEXT,
    entries   TEXT NOT NULL,
    written_s INTEGER NOT NULL
) STRICT;
",
];

/// The newest schema version that this program knows. The file stores its version as `user_version`.
const KNOWN_VERSION: i64 = MIGRATIONS.len() as i64;

/// An unusable tables file.
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
    #[error("{} is damaged: {detail}. Restore it from a backup; or move it away, with the files beside it whose names begin with its name, to start again without its claims and decisions", .file.display())]
    Damaged {
        /// The tables' file.
        file: PathBuf,
        /// The damage.
        detail: String,
    },
    /// The disk is full, or the file has reached its limit.
    #[error("no space is left to write {}. Nothing was changed: free space, and try again", .file.display())]
    Full {
        /// The tables' file.
        file: PathBuf,
    },
    /// The file or its directory can't be created or written.
    #[error("{} cannot be used: {detail}. Make the file and its directory writable for this user, or choose another directory with --data", .file.display())]
    Unusable {
        /// The tables' file.
        file: PathBuf,
        /// The system's reason.
        detail: String,
    },
    /// Another process holds the write lock for longer than a call waits.
    #[error("{} is locked: another process has been writing to it for {} s. Wait for that process, or stop it", .file.display(), LOCK_TIMEOUT.as_secs())]
    Locked {
        /// The tables' file.
        file: PathBuf,
    },
    /// Any other failure of the disk or the database.
    #[error("reading or writing {} failed: {detail}. Check the disk", .file.display())]
    Failed {
        /// The tables' file.
        file: PathBuf,
        /// SQLite's reason.
        detail: String,
    },
    /// The program is exiting.
    #[error("the tables' task ended early: {0}")]
    Ended(String),
}

impl TablesError {
    /// Classifies an error of SQLite.
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

/// Opens the file for the first time in this process: creates it if it is missing, migrates and checks it.
pub(super) fn open(directory: &Path, max_pages: Option<u32>) -> Result<(Connection, PathBuf), TablesError> {
    let file = directory.join(TABLES_FILE);
    database::create_empty(&file).map_err(|error| TablesError::Unusable {
        file: file.clone(),
        detail: error.to_string(),
    })?;
    let mut connection = connect(&file, max_pages)?;
    migrate(&mut connection).map_err(|error| TablesError::of_sqlite(&file, &error))?;
    check(&connection, &file)?;
    Ok((connection, file))
}

/// Connects to the file. Fails if a newer program wrote it.
pub(super) fn connect(file: &Path, max_pages: Option<u32>) -> Result<Connection, TablesError> {
    let failed = |error: rusqlite::Error| TablesError::of_sqlite(file, &error);
    let options = WriteOptions {
        max_pages,
        ..WriteOptions::default()
    };
    let connection = database::open_unchanged(file).map_err(failed)?;
    let found = version(&connection).map_err(failed)?;
    if found > KNOWN_VERSION {
        return Err(TablesError::SchemaNewer {
            file: file.to_path_buf(),
            found,
            known: KNOWN_VERSION,
        });
    }
    database::make_writable(&connection, &options).map_err(failed)?;
    Ok(connection)
}

fn migrate(connection: &mut Connection) -> rusqlite::Result<()> {
    if version(connection)? >= KNOWN_VERSION {
        return Ok(());
    }
    let transaction = Transaction::new(connection, TransactionBehavior::Immediate)?;
    // Another process may have migrated it meanwhile.
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
    match database::find_damage(connection) {
        Ok(None) => Ok(()),
        Ok(Some(detail)) => Err(TablesError::Damaged {
            file: file.to_path_buf(),
            detail,
        }),
        Err(error) => Err(TablesError::of_sqlite(file, &error)),
    }
}
