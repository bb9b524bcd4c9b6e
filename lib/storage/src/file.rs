//! Private files that exist completely or not at all, and survive a power cut.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::{Builder, NamedTempFile};

/// Maximum size of a text in a file, in bytes.
pub const MAX_TEXT_BYTES: u64 = 65_536;

/// A failed operation on a file, with its path and the remedy.
#[derive(Debug, thiserror::Error)]
#[error("cannot {action} {}: {source}{}", .path.display(), remedy(.source))]
pub struct FileError {
    action: &'static str,
    path: PathBuf,
    source: io::Error,
}

impl FileError {
    /// Returns the kind of the system's error.
    pub fn kind(&self) -> ErrorKind {
        self.source.kind()
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded => ". Free space there",
        ErrorKind::PermissionDenied => ". Give the program's user that right",
        ErrorKind::ReadOnlyFilesystem => ". Choose a directory that can be written to",
        ErrorKind::NotADirectory | ErrorKind::IsADirectory | ErrorKind::AlreadyExists => {
            ". Another kind of file has this path: move it away"
        }
        _ if is_link(error) => ". It is a symbolic link, which is not followed: put the file itself there",
        _ => "",
    }
}

/// Returns true if the system refused to follow a link.
fn is_link(error: &io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::LOOP.raw_os_error())
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError {
        action,
        path: path.to_owned(),
        source,
    }
}

/// Creates a directory and its missing parents, for their owner only (0700). The parent of each new directory is
/// synced, so that a power cut doesn't remove it.
///
/// # Errors
/// A directory cannot be created, or a file has its name.
pub fn create_dir(dir: &Path) -> Result<(), FileError> {
    if dir.is_dir() {
        return Ok(());
    }
    create_dir(parent(dir))?;
    let mut builder = DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    match builder.create(dir) {
        Ok(()) => sync_dir(parent(dir)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        Err(error) => Err(failed("create the directory", dir)(error)),
    }
}

/// Opens a file for reading and writing. Creates it empty if it is missing.
///
/// # Errors
/// It cannot be opened, or is a link.
pub fn open(path: &Path) -> io::Result<File> {
    options().read(true).write(true).create(true).truncate(false).open(path)
}

/// Returns a file's bytes, or `None` if it is missing.
///
/// # Errors
/// It cannot be read, or is a link.
pub fn read(path: &Path) -> Result<Option<Vec<u8>>, FileError> {
    read_limited(path, u64::MAX)
}

/// Returns a file's text without white space around it, or `None` if it is missing.
///
/// # Errors
/// It cannot be read, is a link, longer than [`MAX_TEXT_BYTES`] or not UTF-8.
pub fn read_text(path: &Path) -> Result<Option<String>, FileError> {
    let Some(bytes) = read_limited(path, MAX_TEXT_BYTES + 1)? else {
        return Ok(None);
    };
    if bytes.len() as u64 > MAX_TEXT_BYTES {
        let why = format!("it has more than {MAX_TEXT_BYTES} bytes");
        return Err(failed("read", path)(io::Error::new(ErrorKind::FileTooLarge, why)));
    }
    match String::from_utf8(bytes) {
        Ok(text) => Ok(Some(text.trim().to_owned())),
        Err(_) => Err(failed("read", path)(io::Error::new(
            ErrorKind::InvalidData,
            "it is not UTF-8",
        ))),
    }
}

fn read_limited(path: &Path, max_bytes: u64) -> Result<Option<Vec<u8>>, FileError> {
    let found = match options().read(true).open(path) {
        Ok(found) => found,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed("read", path)(error)),
    };
    let mut bytes = Vec::new();
    found
        .take(max_bytes)
        .read_to_end(&mut bytes)
        .map_err(failed("read", path))?;
    Ok(Some(bytes))
}

/// Writes a file and replaces an existing one, completely or not at all. The file is durable when this returns. Missing
/// parent directories are created. A link in its place is replaced, not followed.
///
/// # Errors
/// It cannot be written.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let draft = draft(path, bytes)?;
    draft
        .persist(path)
        .map_err(|error| failed("write", path)(error.error))?;
    sync_dir(parent(path))
}

/// Writes a file if it is missing. Returns true if it did. If two processes call it at once, only one of them writes
/// the file.
///
/// # Errors
/// It cannot be written.
pub fn create(path: &Path, bytes: &[u8]) -> Result<bool, FileError> {
    match draft(path, bytes)?.persist_noclobber(path) {
        Ok(_) => sync_dir(parent(path)).map(|()| true),
        Err(error) if error.error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(failed("write", path)(error.error)),
    }
}

/// Returns a file's text. If the file is missing, creates it with the text that `make` returns. If two processes create
/// it at once, both get the same text.
///
/// # Errors
/// It cannot be read or written.
pub fn read_or_create(path: &Path, make: impl FnOnce() -> String) -> Result<String, FileError> {
    if let Some(found) = read_text(path)? {
        return Ok(found);
    }
    create(path, format!("{}\n", make()).as_bytes())?;
    let found = read_text(path)?;
    found.ok_or_else(|| failed("read", path)(io::Error::from(ErrorKind::NotFound)))
}

/// Returns the names of the files in a directory, without unfinished ones. Empty if there is no directory.
///
/// # Errors
/// It cannot be listed.
pub fn names(dir: &Path) -> Result<Vec<String>, FileError> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed("list", dir)(error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry.map_err(failed("list", dir))?.file_name().into_string();
        names.extend(name.ok().filter(|name| !name.starts_with('.')));
    }
    Ok(names)
}

/// Makes the names in a directory durable.
///
/// # Errors
/// It cannot be synced.
pub fn sync_dir(dir: &Path) -> Result<(), FileError> {
    File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed("sync the directory", dir))
}

/// Writes and syncs a file in the same directory, under a name that begins with a dot.
fn draft(path: &Path, bytes: &[u8]) -> Result<NamedTempFile, FileError> {
    let dir = parent(path);
    create_dir(dir)?;
    let mut draft = Builder::new()
        .prefix(".tmp-")
        .tempfile_in(dir)
        .map_err(failed("create a file in", dir))?;
    draft.write_all(bytes).map_err(failed("write", path))?;
    draft.as_file().sync_all().map_err(failed("write", path))?;
    Ok(draft)
}

/// Options for a private file that follow no link.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
    }
    options
}

/// Returns a file's directory; for a plain name, the current one.
fn parent(path: &Path) -> &Path {
    path.parent()
        .filter(|dir| !dir.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_created_once_for_its_owner_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new/deep/session.key");
        assert_eq!(read(&file).unwrap(), None);
        assert_eq!(read_or_create(&file, || "one".to_owned()).unwrap(), "one");
        assert_eq!(read_or_create(&file, || "two".to_owned()).unwrap(), "one");
        assert!(!create(&file, b"two").unwrap());
        write(&file, b"three").unwrap();
        assert_eq!(read_text(&file).unwrap().as_deref(), Some("three"));
        let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&file), mode(parent(&file))), (0o600, 0o700));
        let link = parent(&file).join("link");
        symlink(&file, &link).unwrap();
        assert!(read(&link).is_err() && open(&link).is_err() && read_or_create(&link, String::new).is_err());
        assert!(read(&link).unwrap_err().to_string().contains("symbolic link"));
        assert!(!create(&link, b"four").unwrap());
        write(&link, b"four").unwrap();
        assert_eq!(
            read_text(&file).unwrap().as_deref(),
            Some("three"),
            "the link's target is unchanged"
        );
        assert_eq!(names(parent(&file)).unwrap().len(), 2, "no drafts are left");
    }

    #[test]
    fn errors_name_the_file_and_the_remedy() {
        let folder = tempfile::tempdir().unwrap();
        let blocked = folder.path().join("file");
        write(&blocked, b"").unwrap();
        let error = write(&blocked.join("below"), b"").unwrap_err().to_string();
        assert!(error.contains("file: ") && error.contains("move it away"), "{error}");
        let long = folder.path().join("long");
        write(&long, &vec![b'a'; 70_000]).unwrap();
        let error = read_text(&long).unwrap_err().to_string();
        assert!(error.contains("long") && error.contains("65536 bytes"), "{error}");
        write(&long, &[0xff]).unwrap();
        assert!(read_text(&long).unwrap_err().to_string().contains("UTF-8"));
    }
}
