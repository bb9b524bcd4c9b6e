//! Snapshots: commits of uncommitted work, in a repository of the data directory. Everything after it reads a snapshot
//! by its commit, like any other head. Objects that the reviewed repository has are read from there (git's alternates);
//! only new content, its folders and the commit are written, and nothing is written to the reviewed repository.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::actor::Signature;
use gix::bstr::BString;
use gix::objs::{Commit, Kind, Tree, Write as _, WriteTo, compute_hash, tree};
use gix::{ObjectId, Repository};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadError;
use holdfast_storage::file::{self, FileError};
use serde::{Deserialize, Serialize};

use super::object::Clone;
use super::revision::{fail, sha};
use super::tree_diff::Version;

/// The folder of a data directory that holds the snapshots' repositories, one for each reviewed repository.
const FOLDER: &str = "snapshots";
/// The commit's header field that holds its [`Remarks`].
const REMARKS: &str = "holdfast-remarks";
/// Size of a snapshots' repository from which it is made again as soon as no open run needs it, in bytes.
const MAX_SNAPSHOT_BYTES: u64 = 1024 * 1024 * 1024;

/// The files of a tree by path. A path that ends with `/` names a whole folder.
pub(super) type Files = BTreeMap<BString, Version>;

/// Facts about uncommitted work that its objects can't hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Remarks {
    /// Changed files whose content isn't in the snapshot, each with the reason, by the path's text.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub omitted: BTreeMap<String, String>,
    /// Notes for the reader of the review.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
    /// Number of places below which files may have changed that are not listed.
    #[serde(default)]
    pub unlisted: u64,
}

impl Remarks {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Writes snapshots of one repository.
pub(super) struct Snapshot<'a> {
    reviewed: &'a Repository,
    /// The place of the snapshots' repository, which is created before the first write.
    place: PathBuf,
    store: Option<Repository>,
}

impl<'a> Snapshot<'a> {
    /// Prepares snapshots of `reviewed`, whose root is `root`, in a data directory.
    pub fn new(reviewed: &'a Repository, root: &Path, data: &Path) -> Result<Self, ReadError> {
        Ok(Self {
            reviewed,
            place: place(data, root)?,
            store: None,
        })
    }

    /// Returns the snapshots' repository, with the objects of the reviewed one.
    pub fn store(&mut self) -> Result<&Repository, ReadError> {
        let store = match self.store.take() {
            Some(store) => store,
            None => {
                create(&self.place, self.reviewed)?;
                open(&self.place)?
            }
        };
        Ok(self.store.insert(store))
    }

    /// Stores a file's content.
    pub fn write_blob(&mut self, content: &[u8]) -> Result<ObjectId, ReadError> {
        self.write(Kind::Blob, content)
    }

    /// Stores a tree and the trees below it; returns the root.
    pub fn write_tree(&mut self, files: &Files) -> Result<ObjectId, ReadError> {
        let files: Vec<(&[u8], Version)> = files.iter().map(|(path, file)| (path.as_slice(), *file)).collect();
        self.write_folder(&files, 0)
    }

    /// Stores the folder of sorted files whose paths are the same up to `start`.
    fn write_folder(&mut self, files: &[(&[u8], Version)], start: usize) -> Result<ObjectId, ReadError> {
        let mut entries = Vec::new();
        let mut rest = files;
        while let Some((path, file)) = rest.first() {
            let below = path.get(start..).unwrap_or_default();
            let Some(end) = below.iter().position(|byte| *byte == b'/') else {
                entries.push(entry(below, *file));
                rest = &rest[1..];
                continue;
            };
            let (name, after) = (&below[..end], start + end + 1);
            if path.len() == after {
                entries.push(entry(name, *file));
                rest = &rest[1..];
                continue;
            }
            let prefix = &path[..after];
            let count = rest.iter().take_while(|(path, _)| path.starts_with(prefix)).count();
            let id = self.write_folder(&rest[..count], after)?;
            let mode = tree::EntryKind::Tree.into();
            entries.push(entry(name, Version { mode, id }));
            rest = &rest[count..];
        }
        self.write_object(&Tree { entries })
    }

    /// Stores the commit of a tree on top of `parent`. The same content has the same commit: author and time are the
    /// parent's.
    pub fn write_commit(
        &mut self,
        tree: ObjectId,
        parent: Option<ObjectId>,
        subject: &str,
        remarks: &Remarks,
    ) -> Result<CommitSha, ReadError> {
        let signature = parent.and_then(|id| self.author(id)).unwrap_or_default();
        let extra_headers = match remarks.is_empty() {
            true => Vec::new(),
            false => {
                let text = serde_json::to_string(remarks).map_err(|error| fail(error.to_string()))?;
                vec![(REMARKS.into(), text.into())]
            }
        };
        let id = self.write_object(&Commit {
            tree,
            parents: parent.into_iter().collect(),
            author: signature.clone(),
            committer: signature,
            encoding: None,
            message: format!("{subject}\n").into(),
            extra_headers,
        })?;
        sha(id)
    }

    fn author(&self, commit: ObjectId) -> Option<Signature> {
        let commit = self.reviewed.find_commit(commit).ok()?;
        commit.committer().ok()?.to_owned().ok()
    }

    fn write_object(&mut self, object: &dyn WriteTo) -> Result<ObjectId, ReadError> {
        let mut bytes = Vec::new();
        object.write_to(&mut bytes).map_err(|error| fail(error.to_string()))?;
        self.write(object.kind(), &bytes)
    }

    /// Stores an object unless the reviewed repository has it. One that a power cut has damaged is written again.
    fn write(&mut self, kind: Kind, bytes: &[u8]) -> Result<ObjectId, ReadError> {
        let id = compute_hash(self.reviewed.object_hash(), kind, bytes).map_err(|error| fail(error.to_string()))?;
        if id.is_empty_tree() || self.reviewed.has_object(id) {
            return Ok(id);
        }
        let place = self.place.clone();
        let store = self.store()?;
        let stored = store.try_find_object(id);
        if stored.is_ok_and(|stored| stored.is_some_and(|object| object.kind == kind && object.data == bytes)) {
            return Ok(id);
        }
        let written = store.objects.write_buf(kind, bytes);
        written.map_err(|error| unusable(&place, &error))
    }
}

fn entry(name: &[u8], file: Version) -> tree::Entry {
    tree::Entry {
        mode: file.mode,
        filename: name.into(),
        oid: file.id,
    }
}

/// Opens the repository that holds a commit's snapshot, with its remarks. None if there is no such snapshot.
///
/// # Errors
///
/// The data directory can't be read.
pub(super) fn find(root: &Path, data: &Path, commit: ObjectId) -> Result<Option<(Repository, Remarks)>, ReadError> {
    let place = place(data, root)?;
    if !place.is_dir() {
        return Ok(None);
    }
    let store = open(&place)?;
    let remarks = match store.try_find_object(commit) {
        Ok(Some(object)) => {
            let decoded = gix::objs::CommitRef::from_bytes(&object.data, object.id.kind());
            let decoded = decoded.map_err(|error| unusable(&place, &error))?;
            let text = decoded.extra_headers().find(REMARKS).map(ToOwned::to_owned);
            let read = text.map(|text| serde_json::from_slice(&text)).transpose();
            read.map_err(|error| unusable(&place, &error))?.unwrap_or_default()
        }
        Ok(None) => return Ok(None),
        Err(error) => return Err(unusable(&place, &error)),
    };
    Ok(Some((store, remarks)))
}

/// Returns whether the snapshots of a data directory are so large that they are to be removed.
pub fn are_snapshots_large(data: &Path) -> bool {
    bytes_below(&data.join(FOLDER)) > MAX_SNAPSHOT_BYTES
}

/// Removes the snapshots of a data directory. Call it only while no run is open: the snapshot of an open run is needed.
///
/// # Errors
///
/// They can't be removed.
pub fn remove_snapshots(data: &Path) -> Result<(), ReadError> {
    let folder = data.join(FOLDER);
    fs::remove_dir_all(&folder).map_err(|error| unusable(&folder, &error))
}

fn bytes_below(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
    let size = |entry: fs::DirEntry| match entry.metadata() {
        Ok(found) if found.is_dir() => bytes_below(&entry.path()),
        Ok(found) => found.len(),
        Err(_) => 0,
    };
    entries.map(size).sum()
}

/// Returns the place of the snapshots of one repository in a data directory, which several may share.
fn place(data: &Path, root: &Path) -> Result<PathBuf, ReadError> {
    let name = compute_hash(gix::hash::Kind::Sha1, Kind::Blob, root.as_os_str().as_bytes());
    let name = name.map_err(|error| fail(error.to_string()))?;
    Ok(data.join(FOLDER).join(format!("{name}.git")))
}

/// Creates the snapshots' repository, or updates what it knows of the reviewed one: its objects and where its history
/// ends.
fn create(place: &Path, reviewed: &Repository) -> Result<(), ReadError> {
    let failed = |error: FileError| fail(error.to_string());
    for folder in ["objects/info", "objects/pack", "refs"] {
        file::create_dir(&place.join(folder)).map_err(failed)?;
    }
    let objects = reviewed.objects.store_ref().path();
    let objects = objects
        .canonicalize()
        .map_err(|error| fail(format!("{} cannot be read: {error}", objects.display())))?;
    let path = objects.as_os_str().as_bytes();
    if path.contains(&b'\n') || !path.starts_with(b"/") {
        return Err(fail(format!(
            "{} has a line feed in its path, so its uncommitted work cannot be reviewed: --committed, or move it",
            objects.display()
        )));
    }
    let mut config = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n".to_owned();
    if Clone::of(reviewed) == Clone::Partial {
        config.push_str("[remote \"origin\"]\n\tpromisor = true\n");
    }
    let shallow = reviewed.common_dir().join("shallow");
    let shallow = match reviewed.is_shallow().unwrap_or(false) {
        true => fs::read(&shallow).unwrap_or_default(),
        false => Vec::new(),
    };
    write_if_new(&place.join("shallow"), &shallow).map_err(failed)?;
    write_if_new(&place.join("objects/info/alternates"), &[path, b"\n"].concat()).map_err(failed)?;
    write_if_new(&place.join("config"), config.as_bytes()).map_err(failed)?;
    write_if_new(&place.join("HEAD"), b"ref: refs/heads/none\n").map_err(failed)
}

fn write_if_new(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    let is_same = file::read(path)?.is_some_and(|found| found == bytes);
    if is_same || (bytes.is_empty() && !path.exists()) {
        return Ok(());
    }
    file::write(path, bytes)
}

fn open(place: &Path) -> Result<Repository, ReadError> {
    gix::open_opts(place, gix::open::Options::isolated()).map_err(|error| unusable(place, &error))
}

fn unusable(place: &Path, error: &dyn std::fmt::Display) -> ReadError {
    fail(format!(
        "the snapshots in {} cannot be used: {error}. Remove that folder while no review runs: it is made again",
        place.display()
    ))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn snapshots_are_large_only_above_the_limit() {
        let data = tempfile::tempdir().unwrap();
        assert!(!are_snapshots_large(data.path()), "there are none");
        let place = data.path().join(FOLDER).join("a/b");
        file::write(&place, b"").unwrap();
        let sparse = fs::File::options().write(true).open(&place).unwrap();
        for (bytes, is_large) in [(MAX_SNAPSHOT_BYTES, false), (MAX_SNAPSHOT_BYTES + 1, true)] {
            sparse.set_len(bytes).unwrap();
            assert_eq!(are_snapshots_large(data.path()), is_large);
        }
        remove_snapshots(data.path()).unwrap();
        assert!(!data.path().join(FOLDER).exists());
    }
}
