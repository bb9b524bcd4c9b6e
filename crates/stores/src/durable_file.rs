//! Files that are there whole or not at all, and stay when the machine stops: written beside their place, synced,
//! renamed. What they hold is their owners' affair.

use std::fs::{DirBuilder, File};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};

/// What failed, where, and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("cannot {doing} {}: {source}{}", path.display(), remedy(source))]
pub struct FileError {
    doing: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => {
            ". Make room there, or choose another directory with --data"
        }
        ErrorKind::PermissionDenied => ". Give the program's user that right, or choose another directory with --data",
        ErrorKind::ReadOnlyFilesystem => ". Choose a directory that can be written to with --data",
        ErrorKind::NotADirectory | ErrorKind::IsADirectory => ". Something else lies in its way: move it",
        _ => "",
    }
}

fn failed(doing: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError {
        doing,
        path: path.to_owned(),
        source,
    }
}

/// Writes a file (0600) and the directories above it (0700); durable when it returns.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let dir = parent(path);
    create_dirs(dir)?;
    let mut temp = tempfile::Builder::new()
        .prefix(".tmp-")
        .tempfile_in(dir)
        .map_err(failed("create a file in", dir))?;
    temp.write_all(bytes).map_err(failed("write", path))?;
    temp.as_file().sync_all().map_err(failed("write", path))?;
    temp.persist(path).map_err(|error| failed("write", path)(error.error))?;
    sync_dir(dir)
}

/// Reads a file; none where there is none.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    match std::fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(failed("read", path)(error)),
    }
}

/// Names of the files in a directory, but for those being written; none where there is no directory.
pub fn names(dir: &Path) -> Result<Vec<String>, FileError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", dir)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(failed("list", dir))?;
        names.extend(
            entry
                .file_name()
                .into_string()
                .ok()
                .filter(|name| !name.starts_with('.')),
        );
    }
    Ok(names)
}

/// A relative file's directory may be the current one.
fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Each new directory is synced into the one above it, or a power cut takes the file along with it.
pub fn create_dirs(dir: &Path) -> Result<(), FileError> {
    if dir.is_dir() {
        return Ok(());
    }
    create_dirs(parent(dir))?;
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Ok(()) => sync_dir(parent(dir)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) => Err(failed("create the directory", dir)(error)),
    }
}

/// Syncs a directory, so that the names in it stay.
pub fn sync_dir(dir: &Path) -> Result<(), FileError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("sync the directory", dir))
}
