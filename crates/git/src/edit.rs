//! Reads and replaces tracked files of a work tree. No link is followed, in no part of a path, and a file is replaced
//! as a whole or not at all.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::Repository;
use gix::bstr::{BString, ByteSlice as _};
use gix::index::entry::Stage;
use holdfast_core::port::ReadError;
use rustix::fs::{FileType, Mode, OFlags};
use rustix::io::Errno;

use super::open::open;
use super::path::{folders_of, is_inside, path_bytes};
use super::revision::{index_of, own_root};
use super::worktree_file::{Attributes, check_rules};

/// Maximum size of a file that is edited, in bytes: that of a reviewed file.
const MAX_FILE_BYTES: u64 = super::MAX_BLOB_BYTES;
/// Maximum number of names that are tried for a temporary file.
const MAX_DRAFT_NAMES: u32 = 100;

/// The reason why a file of the work tree isn't edited.
#[derive(Debug, thiserror::Error)]
pub enum NoEdit {
    /// The index doesn't have it.
    #[error("git does not track its file: git add it first")]
    Untracked,
    /// Git's rules ignore it.
    #[error("git ignores its file: edit it by hand")]
    Ignored,
    /// A path that leaves the work tree or enters git's own folder.
    #[error("its path is outside of the work tree")]
    Outside,
    /// The file, or a folder before it, is a link.
    #[error("its path has a symbolic link, which is not followed: edit the file by hand")]
    Link,
    /// A folder, a pipe, a device.
    #[error("its path is not a regular file")]
    NotRegular,
    /// It was deleted.
    #[error("its file is not there any more")]
    Gone,
    /// Too large.
    #[error("its file is larger than 1 MiB: edit it by hand")]
    TooLarge,
    /// Another encoding, or binary.
    #[error("its file is not UTF-8 text: edit it by hand")]
    NotText,
    /// Somebody else has written it.
    #[error("its file changed meanwhile: start the command again")]
    Changed,
    /// The system refused.
    #[error("its file can't be read or written: {0}; check the permissions and the free space")]
    System(#[from] io::Error),
}

impl From<Errno> for NoEdit {
    fn from(errno: Errno) -> Self {
        match errno {
            Errno::LOOP | Errno::MLINK => Self::Link,
            Errno::NOENT => Self::Gone,
            // A link in the place of a folder, opened as one.
            Errno::NOTDIR => Self::NotRegular,
            other => Self::System(other.into()),
        }
    }
}

/// The content of a file, or the reason why it isn't edited.
pub type Editable = Result<String, NoEdit>;

/// Reads files of the work tree at `root`.
///
/// # Errors
///
/// Git's index or its rules can't be read.
pub async fn read_tracked(root: PathBuf, paths: Vec<String>) -> Result<Vec<Editable>, ReadError> {
    let read = |place: Place, (): &()| place.read().and_then(|(bytes, _)| text(bytes));
    each(root, paths.into_iter().map(|path| (path, ())).collect(), read).await
}

/// The content of a file before and after its replacement.
#[derive(Clone, Debug)]
pub struct Replacement {
    /// The file is replaced only if it still has this content.
    pub before: String,
    /// The new content.
    pub after: String,
}

/// Replaces files of the work tree at `root`. The mode stays.
///
/// # Errors
///
/// Git's index or its rules can't be read.
pub async fn replace_tracked(
    root: PathBuf,
    files: Vec<(String, Replacement)>,
) -> Result<Vec<Result<(), NoEdit>>, ReadError> {
    each(root, files, |place, file| {
        place.replace(file.before.as_bytes(), file.after.as_bytes())
    })
    .await
}

/// Calls `act` for each file that may be edited.
async fn each<F: Send + 'static, T: Send + 'static>(
    root: PathBuf,
    files: Vec<(String, F)>,
    act: impl Fn(Place, &F) -> Result<T, NoEdit> + Send + 'static,
) -> Result<Vec<Result<T, NoEdit>>, ReadError> {
    super::bounded(root, move |place| {
        let repository = open(place)?;
        let root = own_root(&repository)?;
        let index = index_of(&repository)?;
        let mut checks = Checks {
            root: &root,
            index: &index,
            attributes: None,
            repository: &repository,
        };
        let each = |(path, file): &(String, F)| {
            let found = checks.find(&path_bytes(path).into_owned().into())?;
            Ok(found.and_then(|place| act(place, file)))
        };
        files.iter().map(each).collect()
    })
    .await
}

/// Returns the bytes of a path, as git has it.
pub fn bytes_of_path(path: &str) -> Vec<u8> {
    path_bytes(path).into_owned()
}

fn text(bytes: Vec<u8>) -> Result<String, NoEdit> {
    match bytes.contains(&0) {
        true => Err(NoEdit::NotText),
        false => String::from_utf8(bytes).map_err(|_| NoEdit::NotText),
    }
}

/// Git's knowledge of a work tree's files.
struct Checks<'a> {
    repository: &'a Repository,
    root: &'a Path,
    index: &'a gix::index::File,
    /// Read for the first file whose folders are checked.
    attributes: Option<Attributes<'a>>,
}

impl Checks<'_> {
    /// Finds a file that git tracks and doesn't ignore.
    fn find(&mut self, path: &BString) -> Result<Result<Place, NoEdit>, ReadError> {
        let entry = self.index.entry_by_path_and_stage(path.as_ref(), Stage::Unconflicted);
        let refused = match entry.and_then(|entry| entry.mode.to_tree_entry_mode()) {
            _ if !is_inside(path) => Some(NoEdit::Outside),
            None => Some(NoEdit::Untracked),
            Some(mode) if mode.is_link() => Some(NoEdit::Link),
            Some(mode) if !mode.is_blob() => Some(NoEdit::NotRegular),
            Some(_) => None,
        };
        if let Some(refused) = refused {
            return Ok(Err(refused));
        }
        // The folders are opened without following links before git's rules in them are read.
        let place = match Place::find(self.root, path) {
            Ok(place) => place,
            Err(refused) => return Ok(Err(refused)),
        };
        let rules = [".gitattributes".into(), ".gitignore".into()];
        check_rules(self.root, &rules)?;
        for folder in folders_of(path) {
            check_rules(&self.root.join(OsStr::from_bytes(folder)), &rules)?;
        }
        let attributes = match self.attributes.take() {
            Some(attributes) => attributes,
            None => Attributes::of(self.repository, self.index)?,
        };
        // A tracked file that git's rules ignore was added by force.
        let is_ignored = self.attributes.insert(attributes).is_ignored(path.as_ref(), false)?;
        Ok(if is_ignored { Err(NoEdit::Ignored) } else { Ok(place) })
    }
}

/// A file in an open folder.
struct Place {
    folder: File,
    name: BString,
}

impl Place {
    /// Opens the file's folder, one part of the path after the other, without following a link.
    fn find(root: &Path, path: &BString) -> Result<Self, NoEdit> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut folder = File::from(rustix::fs::open(root, flags, Mode::empty())?);
        let mut parts: Vec<&[u8]> = path.split_str("/").collect();
        let name = parts.pop().unwrap_or_default().into();
        for part in parts {
            folder = match rustix::fs::openat(&folder, part, flags, Mode::empty()) {
                Ok(opened) => opened.into(),
                Err(errno) => return Err(no_folder(&folder, part, errno)),
            };
        }
        Ok(Self { folder, name })
    }

    /// Returns the content and the mode of the file, which is regular.
    fn read(&self) -> Result<(Vec<u8>, Mode), NoEdit> {
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let file = rustix::fs::openat(&self.folder, self.name.as_slice(), flags, Mode::empty())?;
        let found = rustix::fs::fstat(&file)?;
        if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
            return Err(NoEdit::NotRegular);
        }
        let mut bytes = Vec::new();
        File::from(file).take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes)?;
        match bytes.len() as u64 > MAX_FILE_BYTES {
            true => Err(NoEdit::TooLarge),
            false => Ok((bytes, Mode::from_raw_mode(found.st_mode))),
        }
    }

    fn replace(&self, before: &[u8], after: &[u8]) -> Result<(), NoEdit> {
        let (_, mode) = self.read()?;
        let (name, draft) = self.draft()?;
        let written = self.fill(&name, draft, mode, before, after);
        if written.is_err() {
            let _stays_if_it_must = rustix::fs::unlinkat(&self.folder, name.as_str(), rustix::fs::AtFlags::empty());
        }
        written
    }

    /// Creates a temporary file beside the file.
    fn draft(&self) -> Result<(String, File), NoEdit> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        for number in 0..MAX_DRAFT_NAMES {
            let name = format!(".holdfast-fix-{}-{number}.tmp", std::process::id());
            match rustix::fs::openat(&self.folder, name.as_str(), flags, Mode::RUSR | Mode::WUSR) {
                Ok(file) => return Ok((name, file.into())),
                Err(Errno::EXIST) => {}
                Err(errno) => return Err(errno.into()),
            }
        }
        Err(io::Error::from(io::ErrorKind::AlreadyExists).into())
    }

    fn fill(&self, name: &str, mut draft: File, mode: Mode, before: &[u8], after: &[u8]) -> Result<(), NoEdit> {
        draft.write_all(after)?;
        rustix::fs::fchmod(&draft, mode & (Mode::RWXU | Mode::RWXG | Mode::RWXO))?;
        draft.sync_all()?;
        if self.read()?.0 != before {
            return Err(NoEdit::Changed);
        }
        rustix::fs::renameat(&self.folder, name, &self.folder, self.name.as_slice())?;
        self.folder.sync_all()?;
        Ok(())
    }
}

/// Returns why a folder can't be opened: systems report a link in its place in different ways.
fn no_folder(parent: &File, name: &[u8], errno: Errno) -> NoEdit {
    let found = rustix::fs::statat(parent, name, rustix::fs::AtFlags::SYMLINK_NOFOLLOW);
    match found.map(|found| FileType::from_raw_mode(found.st_mode)) {
        Ok(FileType::Symlink) => NoEdit::Link,
        _ => errno.into(),
    }
}

#[cfg(test)]
#[path = "edit_tests.rs"]
mod tests;
