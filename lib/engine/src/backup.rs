//! A copy of a data directory while it is in use: first the engine's database, through SQLite's online backup, then the
//! files and databases beside it. A file is stored before the event that names it, so every file that the copied database
//! names is in the copy.

use std::ffi::OsStr;
use std::fs;
use std::path::Path;
use std::time::Duration;

use holdfast_storage::{database, file};
use rusqlite::Connection;
use rusqlite::backup::Backup;

use super::error::EngineError;
use super::lock::LOCK_FILE;
use super::schema::{self, DATABASE_FILE};

/// Pages copied at once before others may use the file.
const PAGES_AT_ONCE: i32 = 1_024;
const PAUSE: Duration = Duration::ZERO;
/// The name of an unfinished copy.
const UNFINISHED: &str = "engine.sqlite.unfinished";

/// The sizes of a backup.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackedUp {
    /// Bytes of the database.
    pub database_bytes: u64,
    /// Number of the files beside it: artifacts, approval questions and others.
    pub files: u64,
    /// Bytes of these files.
    pub file_bytes: u64,
}

/// Copies a data directory to another one, which can be used in its place. Writers continue meanwhile: the copy of the
/// engine's database holds the state at the beginning, other files may be newer. Blocks.
///
/// # Errors
/// There is no database, or the destination isn't empty or cannot be written.
pub fn back_up(data_dir: &Path, to: &Path) -> Result<BackedUp, EngineError> {
    let failed = |error: std::io::Error| EngineError::BackupFailed {
        to: to.to_path_buf(),
        detail: error.to_string(),
    };
    let (source, ..) = schema::open_readable(data_dir)?;
    if is_within(to, data_dir).map_err(failed)? {
        return Err(EngineError::BackupFailed {
            to: to.to_path_buf(),
            detail: format!(
                "it is in the data directory {} itself, and would be lost with it",
                data_dir.display()
            ),
        });
    }
    file::create_dir(to).map_err(|error| failed(std::io::Error::other(error)))?;
    if fs::read_dir(to).map_err(failed)?.next().is_some() {
        return Err(EngineError::BackupFailed {
            to: to.to_path_buf(),
            detail: "it is not empty, and a backup replaces nothing".to_owned(),
        });
    }
    // An existing empty directory may be accessible to others; the copy holds keys.
    make_private(to).map_err(failed)?;
    let unfinished = to.join(UNFINISHED);
    copy_database(&source, &unfinished).map_err(|error| EngineError::BackupFailed {
        to: to.to_path_buf(),
        detail: error.to_string(),
    })?;
    let mut copied = BackedUp::default();
    copy_files(data_dir, to, true, &mut copied).map_err(failed)?;
    copied.database_bytes = fs::metadata(&unfinished).map_err(failed)?.len();
    // The database gets its name last: without it, the directory isn't a data directory.
    fs::rename(&unfinished, to.join(DATABASE_FILE)).map_err(failed)?;
    fs::File::open(to)
        .and_then(|directory| directory.sync_all())
        .map_err(failed)?;
    Ok(copied)
}

fn make_private(directory: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(directory, fs::Permissions::from_mode(0o700))?;
    }
    Ok(())
}

fn copy_database(source: &Connection, to: &Path) -> rusqlite::Result<()> {
    file::open(to).map_err(|error| rusqlite::Error::ToSqlConversionFailure(Box::new(error)))?;
    let mut target = database::open_unchanged(to)?;
    target.pragma_update(None, "synchronous", "FULL")?;
    // One snapshot of the source for the whole copy: writers neither wait nor make the copy start over.
    let view = source.unchecked_transaction()?;
    view.query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get::<_, i64>(0))?;
    Backup::new(source, &mut target)?.run_to_completion(PAGES_AT_ONCE, PAUSE, None)?;
    view.finish()
}

/// Copies the files below a directory; at the top, without the database's own files and the lock.
fn copy_files(from: &Path, to: &Path, is_top: bool, copied: &mut BackedUp) -> std::io::Result<()> {
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        let kind = entry.file_type()?;
        if is_top && is_own(&entry.file_name()) {
            continue;
        }
        if kind.is_dir() {
            copy_files(&path, &target, false, copied)?;
        } else if kind.is_file() {
            file::create_dir(to).map_err(std::io::Error::other)?;
            if is_top && path.extension().is_some_and(|extension| extension == "sqlite") {
                let source = database::open_read_only(&path).map_err(std::io::Error::other)?;
                copy_database(&source, &target).map_err(std::io::Error::other)?;
                copied.files += 1;
                copied.file_bytes += fs::metadata(&target)?.len();
                continue;
            }
            // A file that has disappeared was temporary: nothing in the copied database names it.
            let bytes = match fs::copy(&path, &target) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                bytes => bytes?,
            };
            fs::File::open(&target)?.sync_all()?;
            copied.files += 1;
            copied.file_bytes += bytes;
        }
    }
    Ok(())
}

fn is_own(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| {
        name == LOCK_FILE
            || name.starts_with(DATABASE_FILE)
            || [".sqlite-wal", ".sqlite-shm"].iter().any(|end| name.ends_with(end))
    })
}

/// Returns true if a path, which needn't exist, is a directory or in it.
fn is_within(path: &Path, directory: &Path) -> std::io::Result<bool> {
    let path = std::path::absolute(path)?;
    // The meaning of `..` behind a missing folder isn't known yet: the nearest existing folder decides.
    let existing = path.ancestors().find_map(|ancestor| ancestor.canonicalize().ok());
    let directory = directory.canonicalize()?;
    Ok(existing.is_some_and(|existing| existing.starts_with(directory)))
}
