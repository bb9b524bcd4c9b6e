//! Secrets in files of the data directory: made once, for this user only, and never through a link.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use crate::machine::random_hex;

/// The longest file that is read.
const MAX_BYTES: u64 = 4_096;

/// Returns the file's text; none where there is no file.
///
/// # Errors
/// It cannot be read, or is a link.
pub fn read(file: &Path) -> io::Result<Option<String>> {
    let opened = OpenOptions::new().read(true).custom_flags(no_follow()).open(file);
    let found = match opened {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let mut text = String::new();
    found.take(MAX_BYTES).read_to_string(&mut text)?;
    Ok(Some(text.trim().to_owned()))
}

/// Returns the file's text, which `make` gives where there is no file yet. Of two processes that make it at once, both get
/// the first one's.
///
/// # Errors
/// It cannot be read or made.
pub fn read_or_make(file: &Path, make: impl FnOnce() -> String) -> io::Result<String> {
    if let Some(found) = read(file)? {
        return Ok(found);
    }
    let draft = draft(file, &make())?;
    let linked = std::fs::hard_link(&draft, file);
    std::fs::remove_file(&draft)?;
    match linked {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    read(file)?.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
}

/// Puts `text` in the file's place, as a whole or not at all.
///
/// # Errors
/// It cannot be written.
pub fn replace(file: &Path, text: &str) -> io::Result<()> {
    let draft = draft(file, text)?;
    std::fs::rename(&draft, file)?;
    match file.parent() {
        Some(directory) => File::open(directory)?.sync_all(),
        None => Ok(()),
    }
}

/// 64 random hexadecimal digits.
pub fn random_key() -> String {
    random_hex() + &random_hex()
}

fn draft(file: &Path, text: &str) -> io::Result<std::path::PathBuf> {
    let draft = file.with_extension(format!("draft-{}", random_hex()));
    let mut written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .custom_flags(no_follow())
        .open(&draft)?;
    writeln!(written, "{text}")?;
    written.sync_all()?;
    Ok(draft)
}

const fn no_follow() -> i32 {
    rustix::fs::OFlags::NOFOLLOW.bits().cast_signed()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_secret_is_made_once_for_its_owner_and_a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("session.key");
        assert_eq!(read(&file).unwrap(), None);
        assert_eq!(read_or_make(&file, || "one".to_owned()).unwrap(), "one");
        assert_eq!(read_or_make(&file, || "two".to_owned()).unwrap(), "one");
        replace(&file, "three").unwrap();
        assert_eq!(read(&file).unwrap().as_deref(), Some("three"));
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        assert!(read(&link).is_err() && read_or_make(&link, String::new).is_err());
        replace(&link, "four").unwrap();
        assert_eq!(
            read(&file).unwrap().as_deref(),
            Some("three"),
            "what the link led to is as it was"
        );
        let names: Vec<_> = std::fs::read_dir(folder.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name())
            .collect();
        assert_eq!(names.len(), 2, "no drafts are left: {names:?}");
    }
}
