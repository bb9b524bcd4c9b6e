//! The data directory: private to the user, and locked by one writer at a time through the operating system.

use std::fs::{File, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::Path;

use holdfast_storage::file;

use super::error::EngineError;

/// The file that is locked.
pub(super) const LOCK_FILE: &str = "lock";

/// The lock of a data directory. It is released with the value, and with the process in any case.
#[derive(Debug)]
pub(super) struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock. The error names the process that holds it.
    pub(super) fn acquire(directory: &Path) -> Result<Self, EngineError> {
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
        // Only the lock counts; the process id in the file is for people.
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| write!(file, "{}", std::process::id()));
        if let Err(error) = written {
            tracing::warn!(directory = %directory.display(), %error, "the lock file does not show who holds it");
        }
        Ok(Self { _file: file })
    }
}

fn in_use(directory: &Path, file: &mut File) -> EngineError {
    let mut text = String::new();
    let holder = match file.read_to_string(&mut text) {
        Ok(_) if !text.trim().is_empty() => format!("process {}", text.trim()),
        _ => "another process".to_owned(),
    };
    EngineError::DirectoryInUse {
        directory: directory.to_path_buf(),
        holder,
    }
}
