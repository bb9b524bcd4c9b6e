//! What the engine can fail with: each error says what happened, where, and what to do about it.

use std::path::{Path, PathBuf};

use holdfast_asl::DefinitionErrors;
use rusqlite::ErrorCode;
use thiserror::Error;

/// An error of the durable runner.
#[derive(Clone, Debug, Error)]
pub enum EngineError {
    /// The data directory cannot be made or used.
    #[error("the data directory {} cannot be used: {detail}. Make it writable for this user", .directory.display())]
    DirectoryUnusable {
        /// The directory.
        directory: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Another process writes to the data directory.
    #[error("the data directory {} is in use by {holder}. Wait for it to end, or stop it", .directory.display())]
    DirectoryInUse {
        /// The directory.
        directory: PathBuf,
        /// The process that holds it, as far as known.
        holder: String,
    },
    /// The data directory was written by a newer version.
    #[error("{} has schema version {found}, and this program knows versions up to {known}. Use the newer program that wrote it", .file.display())]
    SchemaNewer {
        /// The database file.
        file: PathBuf,
        /// The version found.
        found: i64,
        /// The newest version that this program knows.
        known: i64,
    },
    /// The database file is damaged.
    #[error("{} is damaged: {detail}. Restore it from a backup, or move it away to begin anew", .file.display())]
    Corrupt {
        /// The database file.
        file: PathBuf,
        /// What is wrong with it.
        detail: String,
    },
    /// The database file cannot be written.
    #[error("{} cannot be written: {detail}. Make the file and its directory writable for this user", .file.display())]
    ReadOnly {
        /// The database file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// There is no database in the data directory.
    #[error("there are no runs in {}: nothing has been started with this data directory yet", .directory.display())]
    NoData {
        /// The directory.
        directory: PathBuf,
    },
    /// The disk is full, or the database has reached its size limit.
    #[error("no space is left to write {}. Nothing new is started and nothing is lost: free space, and it goes on by itself", .file.display())]
    DiskFull {
        /// The database file.
        file: PathBuf,
    },
    /// The disk failed.
    #[error("reading or writing {} failed: {detail}. Check the disk; nothing new is started until it works again", .file.display())]
    DiskFailed {
        /// The database file.
        file: PathBuf,
        /// What the system said.
        detail: String,
    },
    /// Any other failure of the database.
    #[error("the database {} failed: {detail}", .file.display())]
    Database {
        /// The database file.
        file: PathBuf,
        /// What SQLite said.
        detail: String,
    },
    /// A stored value cannot be read.
    #[error("{what} in {} cannot be read: {detail}. It was written by another version or damaged", .file.display())]
    StoredValueInvalid {
        /// The database file.
        file: PathBuf,
        /// Which value.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
    /// The definition has problems.
    #[error(transparent)]
    Definition(#[from] DefinitionErrors),
    /// The name of an execution is not allowed.
    #[error("{name:?} is no name for an execution: 1 to 80 letters, digits, '-', '_' or '.' are allowed")]
    NameInvalid {
        /// The name.
        name: String,
    },
    /// The input is too large.
    #[error("the input of execution {name} has {bytes} bytes, and at most {limit} are allowed")]
    InputTooLarge {
        /// The execution.
        name: String,
        /// The size of its JSON.
        bytes: usize,
        /// The most allowed.
        limit: usize,
    },
    /// The input nests too deep.
    #[error(
        "the input of execution {name} nests deeper than 100 levels. Flatten it, or pass the inner part as a string"
    )]
    InputTooDeep {
        /// The execution.
        name: String,
    },
    /// Another execution has the name.
    #[error("an execution named {name} exists already, with another input")]
    ExecutionAlreadyExists {
        /// The name.
        name: String,
    },
    /// No execution has the name.
    #[error("there is no execution named {name}")]
    ExecutionUnknown {
        /// The name.
        name: String,
    },
    /// The execution ended before.
    #[error("execution {name} has ended")]
    ExecutionEnded {
        /// The name.
        name: String,
    },
    /// A backup could not be made.
    #[error("no backup was made in {}: {detail}. Name an empty or new directory on a disk with room", .to.display())]
    BackupFailed {
        /// The destination.
        to: PathBuf,
        /// What is wrong.
        detail: String,
    },
    /// The execution cannot be redriven.
    #[error("execution {name} cannot be redriven: {reason}")]
    NotRedrivable {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The stored execution cannot go on with this version.
    #[error("execution {name} cannot go on: {reason}")]
    ExecutionUnreadable {
        /// The name.
        name: String,
        /// Why.
        reason: String,
    },
    /// No task has the token. The token itself is a credential and stands in no message.
    #[error("the task token belongs to no task of this engine")]
    TokenUnknown,
    /// The task of the token was answered, timed out or stopped.
    #[error("the task of that token was answered before, has timed out or was stopped")]
    TokenClosed,
    /// The engine was shut down.
    #[error("the engine has been shut down; what was stored goes on when it is opened again")]
    Stopped,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {detail}")]
    EntropyUnavailable {
        /// What the system said.
        detail: String,
    },
}

impl EngineError {
    /// Whether it is the storage that failed: the work goes on by itself once it works again.
    pub fn is_storage(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. } | Self::DiskFailed { .. } | Self::Database { .. } | Self::ReadOnly { .. }
        )
    }

    /// Whether another data directory would do: a remedy that the program can name, with the option that chooses it.
    pub fn is_about_directory(&self) -> bool {
        matches!(
            self,
            Self::DirectoryUnusable { .. } | Self::DirectoryInUse { .. } | Self::SchemaNewer { .. }
        )
    }

    /// Tells SQLite's errors apart.
    pub(super) fn of_sqlite(file: &Path, error: &rusqlite::Error) -> Self {
        let (file, detail) = (file.to_path_buf(), error.to_string());
        match error.sqlite_error_code() {
            None => Self::StoredValueInvalid {
                file,
                what: "a stored value".to_owned(),
                detail,
            },
            Some(ErrorCode::DiskFull) => Self::DiskFull { file },
            Some(ErrorCode::SystemIoFailure) => Self::DiskFailed { file, detail },
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt { file, detail },
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
                Self::ReadOnly { file, detail }
            }
            _ => Self::Database { file, detail },
        }
    }
}
