//! The change between two trees: which files, what happened to each, its patch or why there is none.

use gix::bstr::BStr;
use gix::diff::Rewrites;
use gix::object::tree::EntryMode;
use gix::{ObjectId, Repository, Tree};
use holdfast_core::model::change::{Change, ChangedFile, FileKind, FileStatus};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{ReadError, RootEntry, RootKind};

use super::BLOB_MOST;
use super::patch::{Patch, unified};

/// Commit messages that are kept at most, in bytes.
const DESCRIPTION_MOST: usize = 16 * 1024;
/// Commits whose messages are looked at.
const COMMITS_MOST: usize = 50;

/// One side of a file.
#[derive(Clone, Copy)]
struct Version {
    mode: EntryMode,
    id: ObjectId,
}

/// Reads the change. Errors: a commit or tree cannot be read.
pub(super) fn read_change(repository: &Repository, base: &CommitSha, head: &CommitSha) -> Result<Change, ReadError> {
    let (base_id, head_id) = (object_id(base)?, object_id(head)?);
    let (old, new) = (tree(repository, base_id)?, tree(repository, head_id)?);
    let renames = Rewrites {
        copies: None,
        ..Rewrites::default()
    };
    let options = gix::diff::Options::default().with_rewrites(Some(renames));
    let changes = repository
        .diff_tree_to_tree(&old, &new, options)
        .map_err(|error| fail(format!("comparing {} with {}: {error}", base.short(), head.short())))?;
    let mut files = Vec::new();
    let at = |mode: &EntryMode, id: &ObjectId| Some(Version { mode: *mode, id: *id });
    for change in changes {
        use gix::object::tree::diff::ChangeDetached as Found;
        let file = match &change {
            Found::Addition {
                location,
                entry_mode,
                id,
                ..
            } => (location, None, None, at(entry_mode, id)),
            Found::Deletion {
                location,
                entry_mode,
                id,
                ..
            } => (location, None, at(entry_mode, id), None),
            Found::Modification {
                location,
                previous_entry_mode,
                previous_id,
                entry_mode,
                id,
            } => (location, None, at(previous_entry_mode, previous_id), at(entry_mode, id)),
            Found::Rewrite {
                source_location,
                source_entry_mode,
                source_id,
                location,
                entry_mode,
                id,
                ..
            } => (
                location,
                Some(source_location),
                at(source_entry_mode, source_id),
                at(entry_mode, id),
            ),
        };
        let (location, source, old, new) = file;
        if old.or(new).is_some_and(|version| version.mode.is_tree()) {
            continue;
        }
        files.push(read_changed(
            repository,
            text(location.as_ref()),
            source.map(|source| text(source.as_ref())),
            old,
            new,
        )?);
    }
    files.sort_by(|a, b| a.path.cmp(&b.path));
    let commit = repository
        .find_commit(head_id)
        .map_err(|error| fail(format!("commit {}: {error}", head.short())))?;
    let title = commit
        .message()
        .map(|message| message.summary().to_string())
        .unwrap_or_default();
    let author = commit.author().ok().map(|author| author.name.to_string());
    Ok(Change {
        base: base.clone(),
        head: head.clone(),
        title,
        description: messages(repository, base_id, head_id),
        author,
        url: None,
        files_total: u64::try_from(files.len()).unwrap_or(u64::MAX),
        files,
    })
}

/// A file's bytes at a commit. Errors: the commit cannot be read.
pub(super) fn read_file(repository: &Repository, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
    let tree = tree(repository, object_id(at)?)?;
    let entry = tree
        .lookup_entry_by_path(path)
        .map_err(|error| fail(format!("{path} at {}: {error}", at.short())))?;
    match entry {
        Some(entry) if entry.mode().is_blob() => {
            Ok(blob(repository, entry.object_id())?.filter(|bytes| bytes.len() as u64 <= BLOB_MOST))
        }
        _ => Ok(None),
    }
}

/// Lists the root folder. Errors: the commit cannot be read.
pub(super) fn read_root(repository: &Repository, at: &CommitSha) -> Result<Vec<RootEntry>, ReadError> {
    let tree = tree(repository, object_id(at)?)?;
    let entries = tree.iter().map(|entry| {
        let entry = entry.map_err(|error| fail(format!("the root at {}: {error}", at.short())))?;
        let kind = match entry.mode() {
            mode if mode.is_blob() => RootKind::File,
            mode if mode.is_link() => RootKind::Link,
            _ => RootKind::Folder,
        };
        let header = (kind == RootKind::File)
            .then(|| repository.find_header(entry.object_id()).ok())
            .flatten();
        Ok(RootEntry {
            name: entry.filename().to_string(),
            kind,
            bytes: header.map(|header| header.size()),
        })
    });
    entries.collect()
}

fn read_changed(
    repository: &Repository,
    path: String,
    source: Option<String>,
    old: Option<Version>,
    new: Option<Version>,
) -> Result<ChangedFile, ReadError> {
    let mut file = ChangedFile {
        path,
        previous_path: source,
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
        return Ok(file);
    }
    // A type change to or from a submodule has no content on one side.
    let content = |side: Option<Version>| {
        side.filter(|side| !side.mode.is_commit())
            .map(|side| blob(repository, side.id))
            .transpose()
            .map(Option::flatten)
    };
    if old.map(|side| side.id) == new.map(|side| side.id) {
        if file.previous_path.is_none() {
            file.status = FileStatus::ModeChanged;
        }
        return Ok(file);
    }
    let (before, after) = (content(old)?.unwrap_or_default(), content(new)?.unwrap_or_default());
    match unified(&before, &after) {
        Patch::Binary => file.kind = FileKind::Binary,
        Patch::TooLarge(bytes) => file.omitted = Some(format!("too large to show: {bytes} bytes")),
        Patch::Text {
            text,
            additions,
            deletions,
        } => {
            (file.additions, file.deletions) = (additions, deletions);
            file.patch = Some(text).filter(|text| !text.is_empty());
        }
    }
    Ok(file)
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

fn blob(repository: &Repository, id: ObjectId) -> Result<Option<Vec<u8>>, ReadError> {
    let found = repository
        .try_find_object(id)
        .map_err(|error| fail(format!("object {id}: {error}")))?;
    found.map(|object| object.detach().data).map_or_else(
        || {
            Err(fail(format!(
                "object {id} is missing: the clone is partial or damaged (git fsck)"
            )))
        },
        |data| Ok(Some(data)),
    )
}

fn tree(repository: &Repository, id: ObjectId) -> Result<Tree<'_>, ReadError> {
    if id.is_empty_tree() {
        return Ok(repository.empty_tree());
    }
    repository
        .find_object(id)
        .and_then(gix::Object::peel_to_tree)
        .map_err(|error| fail(format!("the tree of {id} cannot be read: {error}")))
}

/// Messages of the commits from base to head, newest first, within a bound.
fn messages(repository: &Repository, base: ObjectId, head: ObjectId) -> String {
    let mut out = String::new();
    let Ok(walk) = repository.rev_walk([head]).with_hidden([base]).all() else {
        return out;
    };
    for commit in walk
        .take(COMMITS_MOST)
        .filter_map(Result::ok)
        .filter_map(|info| info.object().ok())
    {
        let message = commit.message_raw_sloppy().to_string();
        if out.len() + message.len() > DESCRIPTION_MOST {
            break;
        }
        out.push_str(message.trim());
        out.push_str("\n\n");
    }
    out.truncate(out.trim_end().len());
    out
}

fn object_id(sha: &CommitSha) -> Result<ObjectId, ReadError> {
    ObjectId::from_hex(sha.as_str().as_bytes()).map_err(|error| fail(format!("{sha}: {error}")))
}

fn text(path: &BStr) -> String {
    path.to_string()
}

fn fail(message: String) -> ReadError {
    ReadError::Repository(message)
}
