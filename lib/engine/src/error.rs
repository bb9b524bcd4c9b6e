//! The engine's errors. Each message names what happened, where, and the remedy.

use std::path::{Path, PathBuf};

use holdfast_asl::DefinitionErrors;
use rusqlite::ErrorCode;
use thiserror::Error;

/// An error of the engine.
#[derive(Clone, Debug, Error)]
pub enum EngineError {
    /// The data directory cannot be created or used.
    #[error("the data directory {} cannot be used: {detail}. Make it writable for this user", .directory.display())]
    DirectoryUnusable {
        /// The directory.
        directory: PathBuf,
        /// The system's message.
        detail: String,
    },
    /// Another process writes to the data directory.
    #[error("the data directory {} is in use by {holder}. Wait for it to end, or stop it", .directory.display())]
    DirectoryInUse {
        /// The directory.
        directory: PathBuf,
        /// The process that holds it, if known.
        holder: String,
        /// The text that this process left for others: [`EngineOptions::note`](crate::EngineOptions::note).
        note: Option<String>,
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
    #[error("{} is damaged: {detail}. Restore it from a backup, or move it away to start over", .file.display())]
    Corrupt {
        /// The database file.
        file: PathBuf,
        /// The problem.
        detail: String,
    },
    /// The database file cannot be written.
    #[error("{} cannot be written: {detail}. Make the file and its directory writable for this user", .file.display())]
    ReadOnly {
        /// The database file.
        file: PathBuf,
        /// The system's message.
        detail: String,
    },
    /// There is no database in the data directory.
    #[error("there are no runs in {}: nothing has been started with this data directory yet", .directory.display())]
    NoData {
        /// The directory.
        directory: PathBuf,
    },
    /// The disk is full, or the database has reached its size limit.
    #[error("no space is left to write {}. Nothing new is started and nothing is lost: free space, and the engine continues by itself", .file.display())]
    DiskFull {
        /// The database file.
        file: PathBuf,
    },
    /// The disk failed.
    #[error("reading or writing {} failed: {detail}. Check the disk; nothing new is started until it works again", .file.display())]
    DiskFailed {
        /// The database file.
        file: PathBuf,
        /// The system's message.
        detail: String,
    },
    /// Any other failure of the database.
    #[error("the database {} failed: {detail}", .file.display())]
    Database {
        /// The database file.
        file: PathBuf,
        /// SQLite's message.
        detail: String,
    },
    /// A stored value cannot be read.
    #[error("{what} in {} cannot be read: {detail}. It was written by another version or damaged", .file.display())]
    StoredValueInvalid {
        /// The database file.
        file: PathBuf,
        /// The value's description.
        what: String,
        /// The problem.
        detail: String,
    },
    /// The definition has problems.
    #[error(transparent)]
    Definition(#[from] DefinitionErrors),
    /// The name of an execution is not allowed.
    #[error("{name:?} is not a valid execution name: 1 to 80 letters, digits, '-', '_' or '.' are allowed")]
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
        /// The limit in bytes.
        limit: usize,
    },
    /// The input is nested too deeply.
    #[error(
        "the input of execution {name} nests deeper than 100 levels. Flatten it, or pass the inner part as a string"
    )]
    InputTooDeep {
        /// The execution.
        name: String,
    },
    /// Another execution has the name.
    #[error("an execution named {name} already exists with another input")]
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
    /// The execution has already ended.
    #[error("execution {name} has ended")]
    ExecutionEnded {
        /// The name.
        name: String,
    },
    /// A state that cannot be tested by itself.
    #[error("the state {name} cannot be tested: {reason} is not supported in a test")]
    StateNotTestable {
        /// The state's name.
        name: String,
        /// The unsupported feature.
        reason: &'static str,
    },
    /// No map run has the ARN.
    #[error("there is no map run {arn}")]
    MapRunUnknown {
        /// The ARN.
        arn: String,
    },
    /// The map run has ended, or is about to.
    #[error("map run {arn} is not running: only a running one can be changed")]
    MapRunNotRunning {
        /// The ARN.
        arn: String,
    },
    /// A backup could not be made.
    #[error("no backup was made in {}: {detail}. Name an empty or new directory on a disk with enough space", .to.display())]
    BackupFailed {
        /// The destination.
        to: PathBuf,
        /// The problem.
        detail: String,
    },
    /// The execution cannot be redriven.
    #[error("execution {name} cannot be redriven: {reason}")]
    NotRedrivable {
        /// The name.
        name: String,
        /// The reason.
        reason: String,
    },
    /// The stored execution cannot run with this version.
    #[error("execution {name} cannot run: {reason}")]
    ExecutionUnreadable {
        /// The name.
        name: String,
        /// The reason.
        reason: String,
    },
    /// No task has the token. The token is a credential and appears in no message.
    #[error("the task token belongs to no task of this engine")]
    TokenUnknown,
    /// The task of the token was answered, timed out or stopped.
    #[error("the task of that token was already answered, has timed out or was stopped")]
    TokenClosed,
    /// The engine was shut down.
    #[error("the engine has been shut down; stored executions resume when it is opened again")]
    Stopped,
    /// The operating system gives no random bytes.
    #[error("the operating system gives no random bytes: {detail}")]
    EntropyUnavailable {
        /// The system's message.
        detail: String,
    },
}

impl EngineError {
    /// Returns true if the storage failed: the engine continues by itself once it works again.
    pub fn is_storage(&self) -> bool {
        matches!(
            self,
            Self::DiskFull { .. } | Self::DiskFailed { .. } | Self::Database { .. } | Self::ReadOnly { .. }
        )
    }

    /// Returns true if another data directory would help: a remedy that the program can name, with its option for the
    /// directory.
    pub fn is_about_directory(&self) -> bool {
        matches!(
            self,
            Self::DirectoryUnusable { .. } | Self::DirectoryInUse { .. } | Self::SchemaNewer { .. }
        )
    }

    /// Maps an error of SQLite to its variant.
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
