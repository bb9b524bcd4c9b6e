//! Finds uncommitted work: compares the files of a work tree with git's index, as `git status` does, and stores changed
//! content as objects. Runs no program of the repository (filters, hooks, monitors), follows no link, and opens only
//! regular files.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::Repository;
use gix::bstr::{BString, ByteSlice as _};
use gix::index::entry::{Flags, Mode, Stage, Stat, stat};
use gix::index::fs::Metadata;
use gix::objs::tree::{EntryKind, EntryMode};
use holdfast_core::port::ReadError;

use super::budget::{Budget, Exceeded, Limits};
use super::open::open;
use super::path::{folders_of, is_bounded, is_inside, path_text, shown, shown_folder};
use super::revision::{fail, index_of};
use super::snapshot::{Files, Remarks, Snapshot};
use super::tree_diff::Version;
use super::wording::first;
use super::worktree_file::{Attributes, NoContent, check_rules};

/// Maximum number of files and folders of a work tree that are looked at.
const MAX_ENTRIES: usize = 2_000_000;
/// Maximum number of listed paths in a note; the others are counted.
const MAX_NAMED: usize = 10;

/// The index and the work tree of a repository.
#[derive(Debug, Default)]
pub(super) struct Scan {
    /// The files of the index; unmerged ones have the checked-out branch's version.
    pub index: Files,
    /// The files of the work tree that git tracks or doesn't ignore.
    pub work_tree: Files,
    /// Number of tracked files that differ from the index, unmerged ones excepted.
    pub modified: usize,
    /// Number of files that git neither tracks nor ignores.
    pub untracked: usize,
    /// Paths with a conflict of a merge.
    pub unmerged: BTreeSet<BString>,
    /// Facts that the objects can't hold.
    pub remarks: Remarks,
}

impl Scan {
    /// Counts a place that is not listed, and notes the first ones.
    fn unlist(&mut self, path: &[u8], reason: &Unlisted) {
        self.note_unlisted(format!("{} is not listed: {reason}", shown(path)));
    }

    fn note_unlisted(&mut self, note: String) {
        self.remarks.unlisted += 1;
        if self.remarks.notes.len() < MAX_NAMED {
            self.remarks.notes.push(note);
        }
    }
}

/// Fails if a path of the index can't be listed. An index may hold any bytes.
fn check_path(path: &[u8]) -> Result<(), Unlisted> {
    // A sparse index names a folder instead of its files.
    match path.strip_suffix(b"/").unwrap_or(path) {
        path if !is_bounded(path) => Err(Unlisted::LongPath),
        path if !is_inside(path) => Err(Unlisted::InvalidPath),
        _ => Ok(()),
    }
}

/// The reason why something in the index or the work tree is not listed.
#[derive(Debug, thiserror::Error)]
enum Unlisted {
    #[error("its path is too long or too deep")]
    LongPath,
    #[error("git's index has it as a path, which is not one of a work tree (delete the index, then git reset)")]
    InvalidPath,
    #[error("{0}")]
    Unreadable(#[from] io::Error),
    #[error("git's sparse checkout leaves this folder out")]
    Sparse,
    #[error("it is nested in more than {0} folders")]
    TooDeep(usize),
    #[error("the work tree has more than {MAX_ENTRIES} files and folders")]
    TooManyEntries,
    #[error("more than {0} files are not committed")]
    TooManyChanges(usize),
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
}

/// A folder of the work tree.
struct Folder {
    path: BString,
    depth: usize,
}

/// Reads the index.
///
/// # Errors
///
/// It can't be read.
pub(super) fn read_index(repository: &Repository) -> Result<(gix::worktree::Index, Scan), ReadError> {
    let index = index_of(repository)?;
    let mut scan = Scan::default();
    for entry in index.entries() {
        let path = entry.path(&index);
        if let Err(reason) = check_path(path) {
            scan.unlist(path, &reason);
            continue;
        }
        let is_staged = match entry.stage() {
            Stage::Unconflicted => !entry.flags.contains(Flags::INTENT_TO_ADD),
            stage => {
                scan.unmerged.insert(path.to_owned());
                stage == Stage::Ours
            }
        };
        if let Some(version) = version(entry.mode, entry.id).filter(|_| is_staged) {
            scan.index.insert(path.to_owned(), version);
        }
    }
    Ok((index, scan))
}

/// Compares the work tree with the index. `data` is a folder that doesn't belong to the work tree, wherever it is.
///
/// # Errors
///
/// The work tree, or a file with rules of git (`.gitignore`, `.gitattributes`), can't be read; content can't be stored.
pub(super) fn scan_work_tree(
    repository: &Repository,
    root: &Path,
    data: &Path,
    snapshot: &mut Snapshot<'_>,
    limits: Limits,
) -> Result<Scan, ReadError> {
    let (index, scan) = read_index(repository)?;
    let invalid = |error: gix::Error| fail(format!("{} has invalid settings: {error}", root.display()));
    let filesystem = repository.filesystem_options().map_err(invalid)?;
    let mut walk = Walk {
        root,
        data,
        attributes: Attributes::of(repository, &index)?,
        stat: repository.stat_options().map_err(invalid)?,
        has_modes: filesystem.executable_bit,
        has_links: filesystem.symlink,
        index: &index,
        snapshot,
        budget: Budget::new(limits),
        seen: HashSet::new(),
        entries: 0,
        unread: HashSet::new(),
        is_cut: false,
        scan,
    };
    walk.folders()?;
    walk.finish();
    Ok(walk.scan)
}

struct Walk<'a, 'b> {
    root: &'a Path,
    data: &'a Path,
    index: &'a gix::index::File,
    attributes: Attributes<'a>,
    stat: stat::Options,
    has_modes: bool,
    has_links: bool,
    snapshot: &'a mut Snapshot<'b>,
    budget: Budget,
    /// Positions of the index's entries that the work tree has.
    seen: HashSet<usize>,
    entries: usize,
    /// Folders that couldn't be listed; files below them count as unchanged.
    unread: HashSet<BString>,
    /// Whether a limit ended the walk: files that it hasn't seen count as unchanged.
    is_cut: bool,
    scan: Scan,
}

impl<'a> Walk<'a, '_> {
    fn folders(&mut self) -> Result<(), ReadError> {
        let mut stack = vec![Folder {
            path: BString::default(),
            depth: 0,
        }];
        while let Some(folder) = stack.pop() {
            if let Err(reason) = self.check_limits() {
                self.is_cut = true;
                let from = shown_folder(&folder.path);
                self.scan
                    .note_unlisted(format!("uncommitted work from {from} on is not listed: {reason}"));
                break;
            }
            let first = stack.len();
            self.folder(&folder, &mut stack)?;
            stack[first..].reverse();
        }
        Ok(())
    }

    fn check_limits(&self) -> Result<(), Unlisted> {
        let max_files = self.budget.limits.files;
        if self.entries > MAX_ENTRIES {
            return Err(Unlisted::TooManyEntries);
        }
        if self.scan.modified + self.scan.untracked > max_files {
            return Err(Unlisted::TooManyChanges(max_files));
        }
        Ok(self.budget.check_time()?)
    }

    fn folder(&mut self, folder: &Folder, stack: &mut Vec<Folder>) -> Result<(), ReadError> {
        let place = self.root.join(os(&folder.path));
        let listed = fs::read_dir(&place).and_then(|entries| {
            entries
                .take(MAX_ENTRIES)
                .map(|entry| entry.map(|entry| BString::from(entry.file_name().as_bytes())))
                .collect::<Result<Vec<_>, _>>()
        });
        let mut names = match listed {
            Ok(names) => names,
            Err(error) if folder.depth == 0 => {
                return Err(fail(format!("{} cannot be read: {error}", place.display())));
            }
            Err(error) => {
                self.leave_out(folder.path.clone(), &error.into());
                return Ok(());
            }
        };
        names.sort();
        check_rules(&place, &names)?;
        for name in names {
            if name.eq_ignore_ascii_case(b".git") {
                continue;
            }
            self.entries += 1;
            let mut path = folder.path.clone();
            if !path.is_empty() {
                path.push(b'/');
            }
            path.extend_from_slice(&name);
            if self.check_limits().is_err() {
                // The next folder reports it.
                self.is_cut = true;
                stack.push(Folder {
                    path: folder.path.clone(),
                    depth: folder.depth,
                });
                return Ok(());
            }
            let Ok(found) = Metadata::from_path_no_follow(&self.place(&path)) else {
                // Deleted since the folder was listed.
                continue;
            };
            if found.is_dir() {
                self.inner(path, folder.depth + 1, stack)?;
            } else if found.is_file() || found.is_symlink() {
                self.file(path, &found)?;
            }
        }
        Ok(())
    }

    /// Looks at a folder in a folder: enters it unless git ignores it or it is another repository.
    fn inner(&mut self, path: BString, depth: usize, stack: &mut Vec<Folder>) -> Result<(), ReadError> {
        if self.place(&path) == self.data {
            return Ok(());
        }
        if let Some((position, entry)) = self.entry(&path).filter(|(_, entry)| entry.mode == Mode::COMMIT) {
            self.seen.insert(position);
            let id = self.head_of(&path).unwrap_or(entry.id);
            self.scan.modified += usize::from(id != entry.id);
            let mode = EntryKind::Commit.into();
            self.scan.work_tree.insert(path, Version { mode, id });
            return Ok(());
        }
        let mut sparse = path.clone();
        sparse.push(b'/');
        if self.entry(&sparse).is_some() {
            self.scan.unlist(&path, &Unlisted::Sparse);
            return Ok(());
        }
        if !self.index.path_is_directory(path.as_ref()) {
            if self.attributes.is_ignored(path.as_ref(), true)? {
                return Ok(());
            }
            if self.place(&path).join(".git").symlink_metadata().is_ok() {
                self.nested(path);
                return Ok(());
            }
        }
        if depth > self.budget.limits.depth {
            let reason = Unlisted::TooDeep(self.budget.limits.depth);
            self.leave_out(path, &reason);
            return Ok(());
        }
        stack.push(Folder { path, depth });
        Ok(())
    }

    /// Leaves a folder out: the files below it count as unchanged.
    fn leave_out(&mut self, folder: BString, reason: &Unlisted) {
        self.scan.unlist(&folder, reason);
        self.unread.insert(folder);
    }

    /// Records a repository in the work tree that git doesn't track, by its commit.
    fn nested(&mut self, path: BString) {
        match self.head_of(&path) {
            Some(id) => {
                self.scan.untracked += 1;
                let mode = EntryKind::Commit.into();
                self.scan.work_tree.insert(path, Version { mode, id });
            }
            None => self.scan.remarks.notes.push(format!(
                "{} is a git repository of its own, is not entered, and has no commit that can be read",
                shown(&path)
            )),
        }
    }

    /// Returns the checked-out commit of a repository in the work tree, which is not entered.
    fn head_of(&self, path: &BString) -> Option<gix::ObjectId> {
        let place = self.place(path);
        place.join(".git").symlink_metadata().ok()?;
        let inner = open(&place).ok()?;
        let is_its_own = inner.workdir().is_some_and(|root| root == place);
        let id = inner.head_id().ok()?.detach();
        is_its_own.then_some(id)
    }

    fn file(&mut self, path: BString, found: &Metadata) -> Result<(), ReadError> {
        let tracked = self.entry(&path).map(|(position, entry)| {
            self.seen.insert(position);
            (entry.mode, entry.id, entry.flags, entry.stat)
        });
        let Some((mode, id, flags, stat)) = tracked else {
            let is_unmerged = self.scan.unmerged.contains(&path);
            if !is_unmerged && self.attributes.is_ignored(path.as_ref(), false)? {
                return Ok(());
            }
            self.scan.untracked += usize::from(!is_unmerged);
            let mode = self.mode_of(found, None);
            return self.take(path, mode, found, None);
        };
        let unchanged = version(mode, id);
        let is_kept = flags.intersects(Flags::ASSUME_VALID | Flags::SKIP_WORKTREE);
        let new_mode = self.mode_of(found, Some(mode));
        let is_new = flags.contains(Flags::INTENT_TO_ADD);
        let is_same = || {
            let now = Stat::from_fs(found).ok();
            now.is_some_and(|now| stat.matches(&now, self.stat) && !stat.is_racy(self.index.timestamp(), self.stat))
        };
        match unchanged {
            Some(version) if is_kept || (version.mode == new_mode && !is_new && is_same()) => {
                self.scan.work_tree.insert(path, version);
                Ok(())
            }
            unchanged => self.take(path, new_mode, found, unchanged.filter(|_| !is_new)),
        }
    }

    /// Takes a file's content; `before` is its version in the index.
    fn take(
        &mut self,
        path: BString,
        mode: EntryMode,
        found: &Metadata,
        before: Option<Version>,
    ) -> Result<(), ReadError> {
        let place = self.place(&path);
        let read = match mode.is_link() && found.is_symlink() {
            true => fs::read_link(&place)
                .map(|target| target.as_os_str().as_bytes().to_vec())
                .map_err(|error| NoContent::Omitted(format!("the link cannot be read: {error}"))),
            false => self
                .attributes
                .read(&place, path.as_ref(), before.map(|before| before.id), &mut self.budget),
        };
        let id = match read {
            Ok(content) => self.snapshot.write_blob(&content)?,
            Err(NoContent::Unchanged(id)) => id,
            Err(NoContent::Gone) => {
                // Deleted since the folder was listed: the walk's end counts it.
                if let Some(position) = self.entry(&path).map(|(position, _)| position) {
                    self.seen.remove(&position);
                }
                return Ok(());
            }
            Err(NoContent::Rules(error)) => return Err(error),
            Err(NoContent::Omitted(reason)) => {
                let changed = found
                    .modified()
                    .and_then(|time| time.duration_since(std::time::UNIX_EPOCH).ok());
                let place_holder = format!("not in this snapshot: {reason}; {changed:?}\n");
                self.scan.remarks.omitted.insert(path_text(&path), reason);
                self.snapshot.write_blob(place_holder.as_bytes())?
            }
        };
        let version = Version { mode, id };
        let is_unmerged = self.scan.unmerged.contains(&path);
        self.scan.modified += usize::from(!is_unmerged && self.entry(&path).is_some() && before != Some(version));
        self.scan.work_tree.insert(path, version);
        Ok(())
    }

    /// Returns the mode that git would record.
    fn mode_of(&self, found: &Metadata, before: Option<Mode>) -> EntryMode {
        if found.is_symlink() || (!self.has_links && before == Some(Mode::SYMLINK)) {
            return EntryKind::Link.into();
        }
        let is_executable = match self.has_modes {
            true => found.is_executable(),
            false => before == Some(Mode::FILE_EXECUTABLE),
        };
        match is_executable {
            true => EntryKind::BlobExecutable.into(),
            false => EntryKind::Blob.into(),
        }
    }

    /// Finds deleted files: those of the index that the walk didn't see.
    fn finish(&mut self) {
        for (position, entry) in self.index.entries().iter().enumerate() {
            if self.seen.contains(&position) || entry.stage() != Stage::Unconflicted {
                continue;
            }
            let path = entry.path(self.index);
            if check_path(path).is_err() {
                continue;
            }
            let is_kept = self.is_cut
                || folders_of(path).any(|folder| self.unread.contains(folder.as_bstr()))
                || entry.mode.is_sparse()
                || entry.flags.intersects(Flags::ASSUME_VALID | Flags::SKIP_WORKTREE);
            match version(entry.mode, entry.id) {
                Some(version) if is_kept => drop(self.scan.work_tree.insert(path.to_owned(), version)),
                _ => self.scan.modified += 1,
            }
        }
        if !self.scan.unmerged.is_empty() {
            let named = named(&self.scan.unmerged);
            self.scan.remarks.notes.push(format!(
                "a merge is not finished: unmerged files are reviewed as they are in the work tree: {named}"
            ));
        }
    }

    fn entry(&self, path: &BString) -> Option<(usize, &'a gix::index::Entry)> {
        let index: &'a gix::index::File = self.index;
        let position = index.entry_index_by_path_and_stage(path.as_ref(), Stage::Unconflicted)?;
        Some((position, index.entry(position)))
    }

    fn place(&self, path: &BString) -> PathBuf {
        self.root.join(os(path))
    }
}

fn version(mode: Mode, id: gix::ObjectId) -> Option<Version> {
    let mode = mode.to_tree_entry_mode()?;
    Some(Version { mode, id })
}

/// Returns the first paths for a note, and the number of the others.
pub(super) fn named(paths: &BTreeSet<BString>) -> String {
    first(paths.iter().map(|path| shown(path)), MAX_NAMED)
}

fn os(path: &BString) -> &OsStr {
    OsStr::from_bytes(path)
}
