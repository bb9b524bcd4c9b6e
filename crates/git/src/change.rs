//! Reads the change between two trees: its files, the status of each, and its patch or the reason why there is none.

use std::collections::HashMap;

use gix::objs::tree::EntryMode;
use gix::{ObjectId, Repository};
use holdfast_core::content::fill_content;
use holdfast_core::model::change::{Change, ChangedFile, FileKind, FileStatus};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{ReadError, RootEntry, RootKind};
use holdfast_core::render::size;

use super::MAX_BLOB_BYTES;
use super::budget::{Budget, Exceeded, Limits};
use super::limits::is_within;
use super::object::{Clone, NoObject, Unread, object_size, read_object};
use super::path::{path_bytes, path_text};
use super::rename::join_renames;
use super::revision::fail;
use super::snapshot::Remarks;
use super::tree_diff::{Difference, Version, compare_trees};
use super::wording::limits;
use holdfast_core::diff::coarse_note;

/// Maximum size of the commit messages in the description, in bytes.
const MAX_DESCRIPTION_BYTES: usize = 16 * 1024;
/// Maximum number of commits whose messages are read.
const MAX_COMMITS: usize = 50;
/// Maximum size of a commit, in bytes.
const MAX_COMMIT_BYTES: u64 = 1024 * 1024;

/// The ends of a change and its limits by path.
pub(super) struct Reviewed<'a> {
    pub base: &'a CommitSha,
    pub head: &'a CommitSha,
    /// The files and folders that are read; empty for all.
    pub only: &'a [String],
    /// The remarks of the head, if it is a snapshot.
    pub remarks: &'a Remarks,
}

/// Reads the change within the limits.
///
/// # Errors
///
/// A commit or its tree can't be read. A file that can't be read is part of the change, with its reason.
pub(super) fn read_change(
    repository: &Repository,
    reviewed: &Reviewed<'_>,
    limits: Limits,
) -> Result<Change, ReadError> {
    let Reviewed {
        base,
        head,
        only,
        remarks,
    } = *reviewed;
    let (base_id, head_id) = (object_id(base)?, object_id(head)?);
    let mut budget = Budget::new(limits);
    let old = root_tree(repository, base_id)?;
    let new = root_tree(repository, head_id)?;
    let mut found = compare_trees(repository, Some(old), Some(new), &mut budget)?;
    let mut notes = remarks.notes.clone();
    notes.append(&mut found.unlisted);
    let listed = found.files.len();
    found.files.retain(|file| is_within(&file.path, only));
    notes.extend(outside_note(listed - found.files.len(), only));
    notes.extend(join_renames(repository, &mut found.files, &mut budget));
    let mut reader = FileReader {
        repository,
        clone: Clone::of(repository),
        budget,
        coarse: Vec::new(),
        remarks,
    };
    let files: Vec<ChangedFile> = found.files.iter().map(|file| reader.read_changed(file)).collect();
    notes.extend(coarse_note(&reader.coarse));
    let (title, author) = head_line(repository, head_id);
    Ok(Change {
        base: base.clone(),
        base_tip: None,
        is_branch_here: false,
        head: head.clone(),
        title,
        description: messages(repository, base_id, head_id),
        author,
        url: None,
        files_total: files.len() as u64 + found.unlisted_count + remarks.unlisted,
        files,
        notes,
    })
}

/// Returns the note on changed files outside of the limits by path.
fn outside_note(outside: usize, only: &[String]) -> Option<String> {
    if only.is_empty() {
        return None;
    }
    let places = limits(only);
    Some(match outside {
        0 => format!("limited to {places}: no changed file is outside of it"),
        1 => format!("limited to {places}: 1 changed file is outside of it and is not reviewed"),
        count => format!("limited to {places}: {count} changed files are outside of it and are not reviewed"),
    })
}

/// Returns the files' bytes at a commit, in order; `None` for a missing file, a link, a folder, and a file over the
/// limit. A folder is read once for all files in it.
///
/// # Errors
///
/// The commit, a folder of a path or a file's content can't be read.
pub(super) fn read_files(
    repository: &Repository,
    paths: &[String],
    at: &CommitSha,
) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
    let mut folders = Folders {
        repository,
        read: HashMap::new(),
        bytes_left: Limits::default().tree_bytes,
    };
    let root = root_tree(repository, object_id(at)?)?;
    let read = |path: &String| {
        let Some(id) = folders.find_file(root, path)? else {
            return Ok(None);
        };
        match read_object(repository, id, MAX_BLOB_BYTES) {
            Ok(data) => Ok(Some(data)),
            Err(NoObject::TooLarge(_)) => Ok(None),
            Err(problem) => Err(problem.of("the file's content", id, Clone::of(repository)).into()),
        }
    };
    paths.iter().map(read).collect()
}

/// A bounded cache of folders.
struct Folders<'a> {
    repository: &'a Repository,
    read: HashMap<ObjectId, Vec<u8>>,
    bytes_left: u64,
}

impl Folders<'_> {
    /// Returns the blob of a path below a root folder; `None` unless it is a file.
    fn find_file(&mut self, root: ObjectId, path: &str) -> Result<Option<ObjectId>, ReadError> {
        let path = path_bytes(path);
        let mut parts = path.split(|byte| *byte == b'/').peekable();
        let mut id = root;
        while let Some(part) = parts.next() {
            match self.entry(id, part)? {
                Some((mode, child)) if parts.peek().is_some() && mode.is_tree() => id = child,
                Some((mode, child)) if parts.peek().is_none() && mode.is_blob() => return Ok(Some(child)),
                _ => return Ok(None),
            }
        }
        Ok(None)
    }

    fn entry(&mut self, id: ObjectId, name: &[u8]) -> Result<Option<(EntryMode, ObjectId)>, ReadError> {
        if id.is_empty_tree() {
            return Ok(None);
        }
        let find = |tree: &[u8]| {
            gix::objs::TreeRefIter::from_bytes(tree, id.kind())
                .filter_map(Result::ok)
                .find(|entry| entry.filename == name)
                .map(|entry| (entry.mode, entry.oid.to_owned()))
        };
        if let Some(tree) = self.read.get(&id) {
            return Ok(find(tree));
        }
        let tree = read_object(self.repository, id, Limits::default().tree_bytes)
            .map_err(|problem| problem.of("a folder of the path", id, Clone::of(self.repository)))?;
        let found = find(&tree);
        if tree.len() as u64 <= self.bytes_left {
            self.bytes_left -= tree.len() as u64;
            self.read.insert(id, tree);
        }
        Ok(found)
    }
}

/// Lists the root folder.
///
/// # Errors
///
/// The commit or its tree can't be read.
pub(super) fn read_root(repository: &Repository, at: &CommitSha) -> Result<Vec<RootEntry>, ReadError> {
    list(repository, root_tree(repository, object_id(at)?)?, "the root's tree")
}

/// Lists a folder in the root folder; nothing if it is missing.
///
/// # Errors
///
/// As [`read_root`].
pub(super) fn read_folder(repository: &Repository, name: &str, at: &CommitSha) -> Result<Vec<RootEntry>, ReadError> {
    let root = root_tree(repository, object_id(at)?)?;
    let mut folders = Folders {
        repository,
        read: HashMap::new(),
        bytes_left: 0,
    };
    match folders.entry(root, &path_bytes(name))? {
        Some((mode, id)) if mode.is_tree() => list(repository, id, "a folder's tree"),
        _ => Ok(Vec::new()),
    }
}

fn list(repository: &Repository, id: ObjectId, name: &'static str) -> Result<Vec<RootEntry>, ReadError> {
    if id.is_empty_tree() {
        return Ok(Vec::new());
    }
    let unread = |problem: NoObject| problem.of(name, id, Clone::of(repository));
    let tree = read_object(repository, id, Limits::default().tree_bytes).map_err(unread)?;
    let entries = gix::objs::TreeRefIter::from_bytes(&tree, id.kind()).map(|entry| {
        let entry = entry.map_err(|error| unread(NoObject::Unreadable(error.to_string())))?;
        let kind = match entry.mode {
            mode if mode.is_blob() => RootKind::File,
            mode if mode.is_link() => RootKind::Link,
            _ => RootKind::Folder,
        };
        Ok(RootEntry {
            name: path_text(entry.filename),
            kind,
            bytes: (kind == RootKind::File)
                .then(|| object_size(repository, entry.oid.to_owned()).ok())
                .flatten(),
        })
    });
    entries.collect()
}

/// Reads the content of changed files, one after the other, within the budget.
struct FileReader<'a> {
    repository: &'a Repository,
    clone: Clone,
    budget: Budget,
    /// Files with a coarse patch.
    coarse: Vec<String>,
    remarks: &'a Remarks,
}

/// The reason why a changed file has no patch.
#[derive(Debug, thiserror::Error)]
enum Omitted {
    /// Both in bytes.
    #[error("too large: {}, and at most {} are read", size(*largest), size(*max_bytes))]
    TooLarge { largest: u64, max_bytes: u64 },
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    #[error(transparent)]
    Unread(#[from] Unread),
}

impl FileReader<'_> {
    fn read_changed(&mut self, found: &Difference) -> ChangedFile {
        let (old, new) = (found.old, found.new);
        let mut file = ChangedFile {
            path: path_text(&found.path),
            previous_path: found.source.as_ref().map(|source| path_text(source)),
            status: status(old, new),
            kind: kind_of(new.or(old)),
            additions: 0,
            deletions: 0,
            patch: None,
            omitted: None,
            secrets: Vec::new(),
        };
        if file.previous_path.is_some() && file.status == FileStatus::Modified {
            file.status = FileStatus::Renamed;
        }
        if file.kind == FileKind::Submodule {
            let name = |side: Option<Version>| {
                side.map_or_else(|| "none".to_owned(), |side| side.id.to_hex_with_len(12).to_string())
            };
            file.omitted = Some(format!("submodule {}..{}", name(old), name(new)));
            return file;
        }
        if old.map(|side| side.id) == new.map(|side| side.id) {
            if file.previous_path.is_none() && file.status == FileStatus::Modified {
                file.status = FileStatus::ModeChanged;
            }
            return file;
        }
        let reason = match self.remarks.omitted.get(&file.path) {
            Some(reason) => Some(reason.clone()),
            None => self
                .read_content(&mut file, old, new)
                .err()
                .map(|reason| reason.to_string()),
        };
        if let Some(reason) = reason {
            // A deleted file adds no secret.
            file.omitted = Some(match new {
                Some(_) => format!("not searched for secrets: {reason}"),
                None => reason,
            });
        }
        file
    }

    /// Sets the patch, or the kind of the content.
    fn read_content(
        &mut self,
        file: &mut ChangedFile,
        old: Option<Version>,
        new: Option<Version>,
    ) -> Result<(), Omitted> {
        // A type change to or from a submodule has no content on one side.
        let content = |side: Option<Version>| side.filter(|side| !side.mode.is_commit()).map(|side| side.id);
        let (old, new) = (content(old), content(new));
        let (repository, clone) = (self.repository, self.clone);
        let bytes_of = |id: Option<ObjectId>, what| {
            id.map_or(Ok(0), |id| {
                object_size(repository, id).map_err(|problem| problem.of(what, id, clone))
            })
        };
        let (old_size, new_size) = (bytes_of(old, "its old content")?, bytes_of(new, "its content")?);
        let (largest, max_bytes) = (old_size.max(new_size), self.budget.limits.searched_bytes);
        if largest > max_bytes {
            return Err(Omitted::TooLarge { largest, max_bytes });
        }
        self.budget.spend(old_size + new_size)?;
        let read = |id: Option<ObjectId>, what| {
            id.map_or_else(
                || Ok(Vec::new()),
                |id| read_object(repository, id, max_bytes).map_err(|problem| problem.of(what, id, clone)),
            )
        };
        let (before, after) = (read(old, "its old content")?, read(new, "its content")?);
        if fill_content(file, &before, &after) {
            self.coarse.push(file.path.clone());
        }
        Ok(())
    }
}

fn status(old: Option<Version>, new: Option<Version>) -> FileStatus {
    match (old, new) {
        (None, _) => FileStatus::Added,
        (_, None) => FileStatus::Deleted,
        (Some(old), Some(new)) if kind_of(Some(old)) != kind_of(Some(new)) => FileStatus::TypeChanged,
        _ => FileStatus::Modified,
    }
}

fn kind_of(version: Option<Version>) -> FileKind {
    match version {
        Some(version) if version.mode.is_commit() => FileKind::Submodule,
        Some(version) if version.mode.is_link() => FileKind::Symlink,
        _ => FileKind::Text,
    }
}

/// Returns the tree of a commit. The name of a tree, such as the empty one, returns that tree.
pub(super) fn root_tree(repository: &Repository, id: ObjectId) -> Result<ObjectId, ReadError> {
    if id.is_empty_tree() {
        return Ok(id);
    }
    let unread = |problem: NoObject| problem.of("the commit", id, Clone::of(repository));
    // The size first: a commit can have any size.
    let size = object_size(repository, id).map_err(unread)?;
    if size > MAX_COMMIT_BYTES {
        return Err(unread(NoObject::TooLarge(size)).into());
    }
    let unreadable = |error: gix::Error| unread(NoObject::Unreadable(error.to_string()));
    let object = repository.find_object(id).map_err(unreadable)?;
    if object.kind.is_tree() {
        return Ok(id);
    }
    let commit = object.try_into_commit().map_err(unreadable)?;
    Ok(commit.tree_id().map_err(unreadable)?.detach())
}

/// Returns the head's subject and author.
fn head_line(repository: &Repository, head: ObjectId) -> (String, Option<String>) {
    let Ok(commit) = repository.find_commit(head) else {
        return (String::new(), None);
    };
    let title = commit
        .message()
        .map(|message| message.summary().to_string())
        .unwrap_or_default();
    let author = commit.author().ok().map(|author| author.name.to_string());
    (title, author)
}

/// Returns the messages of the commits from base to head, newest first, within a limit.
fn messages(repository: &Repository, base: ObjectId, head: ObjectId) -> String {
    let mut out = String::new();
    let Ok(walk) = repository.rev_walk([head]).with_hidden([base]).all() else {
        return out;
    };
    for commit in walk
        .take(MAX_COMMITS)
        .filter_map(Result::ok)
        .filter(|info| object_size(repository, info.id).is_ok_and(|size| size <= MAX_COMMIT_BYTES))
        .filter_map(|info| info.object().ok())
    {
        let message = commit.message_raw_sloppy().to_string();
        if out.len() + message.len() > MAX_DESCRIPTION_BYTES {
            break;
        }
        out.push_str(message.trim());
        out.push_str("\n\n");
    }
    out.truncate(out.trim_end().len());
    out
}

pub(super) fn object_id(sha: &CommitSha) -> Result<ObjectId, ReadError> {
    ObjectId::from_hex(sha.as_str().as_bytes()).map_err(|error| fail(format!("{sha}: {error}")))
}
