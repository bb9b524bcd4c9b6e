//! Compares two trees within limits: a kilobyte of objects can represent ten million paths.

use std::collections::BTreeMap;

use gix::bstr::{BString, ByteSlice};
use gix::object::tree::EntryMode;
use gix::objs::TreeRefIter;
use gix::{ObjectId, Repository};
use holdfast_core::port::ReadError;

use super::budget::{Budget, Exceeded};
use super::object::{Clone, NoObject, Unread, read_object};
use super::path::{shown, shown_folder};
use super::revision::fail;

/// One side of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Version {
    pub mode: EntryMode,
    pub id: ObjectId,
}

/// A changed file.
#[derive(Debug)]
pub(super) struct Difference {
    pub path: BString,
    /// Its path in the base, if it was renamed.
    pub source: Option<BString>,
    pub old: Option<Version>,
    pub new: Option<Version>,
}

/// The differences between two trees.
#[derive(Debug, Default)]
pub(super) struct Differences {
    /// Sorted by path, byte by byte.
    pub files: Vec<Difference>,
    /// Places below which files are not listed, each with its reason.
    pub unlisted: Vec<String>,
    /// The number of such places, which may be larger than that of the listed reasons.
    pub unlisted_count: u64,
}

/// The reason why files are not listed.
#[derive(Debug, thiserror::Error)]
enum Unlisted {
    #[error(transparent)]
    Exceeded(#[from] Exceeded),
    #[error(transparent)]
    Unread(#[from] Unread),
    #[error("the change has more than {0} folders")]
    TooManyFolders(usize),
    #[error("the change has more than {0} files")]
    TooManyFiles(usize),
    #[error("it is nested in more than {0} folders")]
    TooDeep(usize),
    #[error("its path is longer than {MAX_PATH_BYTES} bytes")]
    TooLong,
    #[error("its tree holds an invalid name: {0}")]
    InvalidName(String),
    #[error("its tree holds a name twice: {0}")]
    NameTwice(String),
}

/// Maximum number of listed reasons; further places are counted.
const MAX_REASONS: usize = 10;
/// Maximum length of a listed path, in bytes.
pub(super) const MAX_PATH_BYTES: usize = 4_096;

type Entries = BTreeMap<BString, Version>;

/// A pair of folders to compare. A side is `None` if the folder is missing there.
struct Folder {
    path: BString,
    depth: usize,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
}

/// Compares two trees.
///
/// # Errors
///
/// One of the two can't be read. A folder below them that can't be read is listed with the reason.
pub(super) fn compare_trees(
    repository: &Repository,
    old: Option<ObjectId>,
    new: Option<ObjectId>,
    budget: &mut Budget,
) -> Result<Differences, ReadError> {
    let mut found = Differences::default();
    let mut trees = 0;
    let mut stack = vec![Folder {
        path: BString::default(),
        depth: 0,
        old,
        new,
    }];
    while let Some(folder) = stack.pop() {
        trees += 1;
        let checked = match trees > budget.limits.trees {
            true => Err(Unlisted::TooManyFolders(budget.limits.trees)),
            false => budget.check_time().map_err(Unlisted::from),
        };
        if let Err(reason) = checked {
            found.stop_at(&folder, stack.len(), &reason);
            break;
        }
        let sides = read_side(repository, folder.old, budget)
            .and_then(|old| read_side(repository, folder.new, budget).map(|new| (old, new)));
        let (old, new) = match sides {
            Ok(sides) => sides,
            Err(reason) if folder.depth == 0 => return Err(fail(reason.to_string())),
            Err(reason) => {
                found.leave_out(&folder.path, &reason);
                continue;
            }
        };
        let first_inner = stack.len();
        if let Err(reason) = compare_entries(&folder, old, new, budget, &mut found, &mut stack) {
            found.stop_at(&folder, stack.len(), &reason);
            break;
        }
        // The first of them is compared next.
        stack[first_inner..].reverse();
    }
    found.files.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(found)
}

/// Compares one folder: adds changed files to `found` and changed folders to the stack. Fails with the reason to stop
/// the comparison.
fn compare_entries(
    folder: &Folder,
    old: Entries,
    mut new: Entries,
    budget: &Budget,
    found: &mut Differences,
    stack: &mut Vec<Folder>,
) -> Result<(), Unlisted> {
    let mut pairs: BTreeMap<BString, (Option<Version>, Option<Version>)> = BTreeMap::new();
    for (name, before) in old {
        let after = new.remove(&name);
        if after != Some(before) {
            pairs.insert(name, (Some(before), after));
        }
    }
    pairs.extend(new.into_iter().map(|(name, after)| (name, (None, Some(after)))));
    for (name, (old, new)) in pairs {
        let mut path = folder.path.clone();
        if !path.is_empty() {
            path.push(b'/');
        }
        path.extend_from_slice(&name);
        if path.len() > MAX_PATH_BYTES {
            found.leave_out(&path, &Unlisted::TooLong);
            continue;
        }
        let tree = |side: Option<Version>| side.filter(|side| side.mode.is_tree()).map(|side| side.id);
        let file = |side: Option<Version>| side.filter(|side| !side.mode.is_tree());
        if tree(old).or(tree(new)).is_some() && tree(old) != tree(new) {
            if folder.depth < budget.limits.depth {
                stack.push(Folder {
                    path: path.clone(),
                    depth: folder.depth + 1,
                    old: tree(old),
                    new: tree(new),
                });
            } else {
                found.leave_out(&path, &Unlisted::TooDeep(budget.limits.depth));
            }
        }
        if file(old).or(file(new)).is_some() {
            if found.files.len() >= budget.limits.files {
                return Err(Unlisted::TooManyFiles(budget.limits.files));
            }
            found.files.push(Difference {
                path,
                source: None,
                old: file(old),
                new: file(new),
            });
        }
    }
    Ok(())
}

impl Differences {
    /// Adds a place below which nothing is listed.
    fn leave_out(&mut self, path: &BString, reason: &Unlisted) {
        self.unlisted_count += 1;
        if self.unlisted.len() < MAX_REASONS {
            self.unlisted.push(format!("{} is not listed: {reason}", shown(path)));
        }
    }

    /// Adds the place where the comparison stopped, with the number of folders that remain.
    fn stop_at(&mut self, folder: &Folder, waiting: usize, reason: &Unlisted) {
        self.unlisted_count += 1 + waiting as u64;
        let place = shown_folder(&folder.path);
        self.unlisted
            .push(format!("changed files from {place} on are not listed: {reason}"));
    }
}

fn read_side(repository: &Repository, id: Option<ObjectId>, budget: &mut Budget) -> Result<Entries, Unlisted> {
    match id.filter(|id| !id.is_empty_tree()) {
        Some(id) => read_tree(repository, id, budget),
        None => Ok(Entries::new()),
    }
}

/// Returns a tree's entries by name. Fails if it can't be read, or has an entry that git refuses.
fn read_tree(repository: &Repository, id: ObjectId, budget: &mut Budget) -> Result<Entries, Unlisted> {
    let unread = |problem: NoObject| problem.of("its tree", id, Clone::of(repository));
    let data = read_object(repository, id, budget.limits.tree_bytes).map_err(unread)?;
    budget.spend(data.len() as u64)?;
    let mut entries = Entries::new();
    for entry in TreeRefIter::from_bytes(&data, id.kind()) {
        let entry = entry.map_err(|error| unread(NoObject::Unreadable(error.to_string())))?;
        let name = entry.filename;
        if name.is_empty() || name.find_byte(b'/').is_some() || name == "." || name == ".." {
            return Err(Unlisted::InvalidName(shown(name)));
        }
        let version = Version {
            mode: entry.mode,
            id: entry.oid.to_owned(),
        };
        if entries.insert(name.to_owned(), version).is_some() {
            return Err(Unlisted::NameTwice(shown(name)));
        }
    }
    Ok(entries)
}
