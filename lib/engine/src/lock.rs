//! The data directory: private to the user, and locked by one writer at a time through the operating system.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use holdfast_storage::file;

use super::error::EngineError;

/// The file that is locked.
pub(super) const LOCK_FILE: &str = "lock";
/// Maximum number of bytes that are read from it.
const MAX_LOCK_BYTES: u64 = 4_096;

/// The lock of a data directory. It is released with the value, and with the process in any case.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock, with a note for those who find it taken. The error names the process that holds it.
    pub(super) fn acquire(directory: &Path, note: Option<&str>) -> Result<Self, EngineError> {
        let unusable = |error: std::io::Error| EngineError::DirectoryUnusable {
            directory: directory.to_path_buf(),
            detail: error.to_string(),
        };
        file::create_dir(directory).map_err(|error| EngineError::DirectoryUnusable {
            directory: directory.to_path_buf(),
            detail: error.to_string(),
        })?;
        let path = directory.join(LOCK_FILE);
        let mut file = file::open(&path).map_err(unusable)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
            Err(TryLockError::Error(error)) => return Err(unusable(error)),
        }
        // Only the lock counts; the process id and the note in the file are for people.
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| match note {
                Some(note) => write!(file, "{}\n{note}\n", std::process::id()),
                None => write!(file, "{}", std::process::id()),
            });
        if let Err(error) = written {
            tracing::warn!(directory = %directory.display(), %error, "the lock file does not show who holds it");
        }
        Ok(Self { _file: file })
    }
}

/// Returns the error for a directory whose lock another process holds.
fn in_use(directory: &Path, file: &mut File) -> EngineError {
    let mut text = Vec::new();
    let read = file.take(MAX_LOCK_BYTES).read_to_end(&mut text);
    let text = read.map_or_else(|_| String::new(), |_| String::from_utf8_lossy(&text).into_owned());
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    EngineError::DirectoryInUse {
        directory: directory.to_path_buf(),
        holder: lines
            .next()
            .map_or_else(|| "another process".to_owned(), |process| format!("process {process}")),
        note: lines.next().map(str::to_owned),
    }
}

/// Fails if another process writes to a data directory.
pub(super) fn check_free(directory: &Path) -> Result<(), EngineError> {
    let path = directory.join(LOCK_FILE);
    if !path.exists() {
        return Ok(());
    }
    let mut file = file::open(&path).map_err(|error| EngineError::DirectoryUnusable {
        directory: directory.to_path_buf(),
        detail: error.to_string(),
    })?;
    match file.try_lock_shared() {
        Err(TryLockError::WouldBlock) => Err(in_use(directory, &mut file)),
        // Opening the engine reports any other problem with the lock.
        Ok(()) | Err(TryLockError::Error(_)) => Ok(()),
    }
}
