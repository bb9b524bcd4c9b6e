//! Decides the kind and the status of each listed file. The list has neither modes nor sizes, and leaves a patch out
//! for several reasons; the trees of both ends show which. They are read only if some file needs them.

use std::collections::HashMap;

use holdfast_core::model::change::{ChangedFile, FileKind, FileStatus};
use holdfast_core::port::{RootEntry, RootKind};
use holdfast_core::render::size;

use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::{CONTENTS_READ, Place};
use super::wire::{File, TreeEntry, TreeListing};

/// Maximum size of a file for which GitHub shows a patch, in bytes: larger texts have none.
const MAX_SHOWN_BYTES: u64 = 500 * 1000;

/// One commit's files by path.
pub(super) struct Tree {
    entries: HashMap<String, TreeEntry>,
    is_whole: bool,
}

/// The trees of both ends.
pub(super) struct Trees {
    pub base: Tree,
    pub head: Tree,
}

/// Returns true if the list doesn't show what a file is.
pub(super) fn is_unclear(file: &File) -> bool {
    match &file.patch {
        None => true,
        // A symbolic link's content is one line without an end.
        Some(patch) => {
            submodule(patch).is_some()
                || file.status == "changed"
                || (patch.contains("\n\\ No newline") && patch.lines().count() <= 5)
        }
    }
}

/// Reads a commit's tree; `None` if GitHub has none, or one that is too large.
pub(super) async fn read_tree(
    connection: &GithubConnection,
    place: Place<'_>,
    commit: &str,
) -> Result<Option<Tree>, Failure> {
    let call = connection
        .get(&place.repository(&["git", "trees", commit]), CONTENTS_READ)
        .query("recursive", "1");
    match connection.json::<TreeListing>(call).await {
        Ok(listing) => Ok(Some(Tree {
            is_whole: !listing.truncated,
            entries: listing
                .tree
                .into_iter()
                .map(|entry| (entry.path.clone(), entry))
                .collect(),
        })),
        Err(Failure {
            kind: Kind::NotFound | Kind::Rejected | Kind::TooLong,
            ..
        }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// Returns the blob of a path in a tree, if it is a file of at most `max_bytes`.
pub(super) fn blob_in(tree: &Tree, path: &str, max_bytes: u64) -> Option<String> {
    let (blob, _) = tree.blob(path).filter(|(_, size)| *size <= max_bytes)?;
    Some(blob.to_owned())
}

impl Tree {
    /// Returns true if no entry is missing.
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    /// Returns the blob of a path that is a file, and its size in bytes.
    pub fn blob(&self, path: &str) -> Option<(&str, u64)> {
        let entry = self.entries.get(path).filter(|entry| entry.mode.starts_with("100"))?;
        Some((&entry.sha, entry.size?))
    }
}

/// Lists a commit's root folder; `None` if GitHub has none, or shows only a part of it.
pub(super) async fn read_root(
    connection: &GithubConnection,
    place: Place<'_>,
    commit: &str,
) -> Result<Option<Vec<RootEntry>>, Failure> {
    let listing = list(connection, place, commit).await?;
    Ok(listing.map(|entries| entries.into_iter().map(root_entry).collect()))
}

/// Lists a folder in a commit's root folder; empty if it is missing; `None` as for [`read_root`].
pub(super) async fn read_folder(
    connection: &GithubConnection,
    place: Place<'_>,
    name: &str,
    commit: &str,
) -> Result<Option<Vec<RootEntry>>, Failure> {
    let Some(root) = list(connection, place, commit).await? else {
        return Ok(None);
    };
    let is_folder = |entry: &&TreeEntry| entry.path == name && matches!(entry.mode.as_str(), "040000" | "40000");
    let Some(folder) = root.iter().find(is_folder) else {
        return Ok(Some(Vec::new()));
    };
    let listing = list(connection, place, &folder.sha).await?;
    Ok(listing.map(|entries| entries.into_iter().map(root_entry).collect()))
}

/// Lists the entries directly in a tree; `None` if GitHub has none, or shows only a part of it.
async fn list(connection: &GithubConnection, place: Place<'_>, tree: &str) -> Result<Option<Vec<TreeEntry>>, Failure> {
    let call = connection.get(&place.repository(&["git", "trees", tree]), CONTENTS_READ);
    let listing = match connection.json::<TreeListing>(call).await {
        Ok(listing) if !listing.truncated => listing,
        Ok(_)
        | Err(Failure {
            kind: Kind::NotFound | Kind::Rejected | Kind::TooLong,
            ..
        }) => return Ok(None),
        Err(failure) => return Err(failure),
    };
    let entries = listing.tree.into_iter().filter(|entry| !entry.path.contains('/'));
    Ok(Some(entries.collect()))
}

fn root_entry(entry: TreeEntry) -> RootEntry {
    RootEntry {
        kind: match entry.mode.as_str() {
            "120000" => RootKind::Link,
            "040000" | "40000" | "160000" => RootKind::Folder,
            _ => RootKind::File,
        },
        name: entry.path,
        bytes: entry.size,
    }
}

/// Converts a listed file to a changed file.
pub(super) fn classify(file: File, trees: Option<&Trees>) -> ChangedFile {
    let (old, new) = trees.map_or((None, None), |trees| ends(&file, trees));
    let is_known = trees.is_some_and(|trees| {
        (old.is_some() || file.status == "added" || trees.base.is_whole) && (new.is_some() || file.status == "removed")
    });
    let link = file.patch.as_deref().and_then(submodule);
    let kind = match new.or(old).map(kind_of) {
        Some(kind) => kind,
        None if link.is_some() => FileKind::Submodule,
        None => FileKind::Text,
    };
    let mut changed = ChangedFile {
        status: status(&file, old, new),
        kind,
        additions: file.additions,
        deletions: file.deletions,
        path: file.filename,
        previous_path: file.previous_filename,
        patch: file.patch,
        omitted: None,
        secrets: Vec::new(),
    };
    if changed.kind == FileKind::Submodule {
        let name = |sha: Option<&str>| sha.map_or_else(|| "none".to_owned(), |sha| sha.chars().take(12).collect());
        let (from, to) = match &link {
            Some((from, to)) => (from.as_deref(), to.as_deref()),
            None => (old.map(|entry| entry.sha.as_str()), new.map(|entry| entry.sha.as_str())),
        };
        changed.omitted = Some(format!("submodule {}..{}", name(from), name(to)));
        (changed.patch, changed.additions, changed.deletions) = (None, 0, 0);
    } else if changed.patch.is_none() {
        explain_missing_patch(&mut changed, old, new, is_known);
    }
    changed
}

/// Sets the reason why a file has no patch, and its kind if that is the reason.
fn explain_missing_patch(changed: &mut ChangedFile, old: Option<&TreeEntry>, new: Option<&TreeEntry>, is_known: bool) {
    let bytes_of = |entry: Option<&TreeEntry>| entry.and_then(|entry| entry.size).unwrap_or(0);
    let largest = bytes_of(old).max(bytes_of(new));
    if changed.additions + changed.deletions > 0 {
        changed.omitted = Some("too large: GitHub gives no patch".to_owned());
        return;
    }
    let is_same = matches!((old, new), (Some(old), Some(new)) if old.sha == new.sha);
    let is_only_moved = !is_known
        && matches!(
            changed.status,
            FileStatus::Renamed | FileStatus::Copied | FileStatus::ModeChanged
        );
    if is_same || is_only_moved || (is_known && largest == 0) {
        return;
    }
    changed.kind = FileKind::Binary;
    changed.omitted = Some(match (is_known, largest) {
        (true, bytes) if bytes <= MAX_SHOWN_BYTES => format!("binary, {}", size(bytes)),
        (true, bytes) => format!("binary or too large: GitHub gives no patch ({})", size(bytes)),
        (false, _) => "binary or empty: GitHub gives no patch".to_owned(),
    });
}

fn ends<'a>(file: &File, trees: &'a Trees) -> (Option<&'a TreeEntry>, Option<&'a TreeEntry>) {
    let previous = file.previous_filename.as_deref().unwrap_or(&file.filename);
    let old = if file.status == "added" {
        None
    } else {
        trees.base.entries.get(previous)
    };
    let new = if file.status == "removed" {
        None
    } else {
        trees.head.entries.get(&file.filename)
    };
    (old, new)
}

fn status(file: &File, old: Option<&TreeEntry>, new: Option<&TreeEntry>) -> FileStatus {
    match file.status.as_str() {
        "added" => FileStatus::Added,
        "removed" => FileStatus::Deleted,
        "renamed" => FileStatus::Renamed,
        "copied" => FileStatus::Copied,
        other => match (old, new) {
            (Some(old), Some(new)) if kind_of(old) != kind_of(new) => FileStatus::TypeChanged,
            (Some(old), Some(new)) if old.sha == new.sha && old.mode != new.mode => FileStatus::ModeChanged,
            (None, None) if other == "changed" && file.patch.is_none() => FileStatus::ModeChanged,
            (None, None) if other == "changed" => FileStatus::TypeChanged,
            _ => FileStatus::Modified,
        },
    }
}

fn kind_of(entry: &TreeEntry) -> FileKind {
    match entry.mode.as_str() {
        "160000" => FileKind::Submodule,
        "120000" => FileKind::Symlink,
        _ => FileKind::Text,
    }
}

/// Returns both commits of a submodule's patch, which is one hunk of `Subproject commit` lines only.
fn submodule(patch: &str) -> Option<(Option<String>, Option<String>)> {
    let mut lines = patch.lines();
    let header = lines.next()?;
    if !["@@ -1 +1 @@", "@@ -0,0 +1 @@", "@@ -1 +0,0 @@"].contains(&header) {
        return None;
    }
    let (mut old, mut new) = (None, None);
    for line in lines {
        let side = match line.as_bytes().first()? {
            b'-' => &mut old,
            b'+' => &mut new,
            _ => return None,
        };
        let sha = line[1..].strip_prefix("Subproject commit ")?;
        let is_sha = sha.len() >= 40 && sha.bytes().all(|byte| byte.is_ascii_hexdigit());
        *side = Some(sha.to_owned()).filter(|_| is_sha && side.is_none());
        side.as_ref()?;
    }
    (old.is_some() || new.is_some()).then_some((old, new))
}

#[cfg(test)]
impl Tree {
    /// Builds a tree of files, by path and size.
    pub fn of(files: &[(&str, u64)], is_whole: bool) -> Self {
        let entry = |(path, size): &(&str, u64)| {
            let entry = TreeEntry {
                path: (*path).to_owned(),
                mode: "100644".to_owned(),
                sha: format!("blob of {path}"),
                size: Some(*size),
            };
            ((*path).to_owned(), entry)
        };
        Self {
            entries: files.iter().map(entry).collect(),
            is_whole,
        }
    }
}

#[cfg(test)]
#[path = "classify_tests.rs"]
mod tests;
