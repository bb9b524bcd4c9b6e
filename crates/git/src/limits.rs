//! The limits of a review by path: files, and folders with everything in them.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Component, Path, PathBuf};

use gix::bstr::ByteSlice as _;
use gix::{ObjectId, Repository};
use holdfast_core::port::ReadError;

use super::change::root_tree;
use super::path::{path_bytes, path_text};
use super::revision::{fail, index_of};

/// Returns whether a path is one of the limits or below one. Without limits every path is.
pub(super) fn is_within(path: &[u8], only: &[String]) -> bool {
    let is_below = |limit: &String| {
        let limit = path_bytes(limit);
        path.strip_prefix(limit.as_ref())
            .is_some_and(|rest| rest.is_empty() || rest.starts_with(b"/"))
    };
    only.is_empty() || only.iter().any(is_below)
}

/// Returns the path below `root` of a file or folder that need not exist. A link is the link itself; links in the
/// folders before it are resolved. Empty for the root.
///
/// # Errors
///
/// It is outside of the root.
pub(super) fn below(root: &Path, given: &Path, from: &Path) -> Result<String, ReadError> {
    let outside = || {
        fail(format!(
            "{} is not in the work tree {}: give a path below it",
            given.display(),
            root.display()
        ))
    };
    let real = real(&from.join(given));
    let below = real.strip_prefix(root).map_err(|_| outside())?;
    Ok(path_text(below.as_os_str().as_bytes().trim_end_with(|end| end == '/')))
}

/// Returns whether the work tree, the index or the tree of one of the commits has a file or folder.
pub(super) fn is_known(repository: &Repository, root: &Path, commits: &[ObjectId], limit: &str) -> bool {
    let bytes = path_bytes(limit);
    let is_in = |commit: &ObjectId| {
        let tree = root_tree(repository, *commit)
            .ok()
            .filter(|tree| !tree.is_empty_tree())?;
        let tree = repository.find_tree(tree).ok()?;
        tree.lookup_entry(bytes.split(|byte| *byte == b'/')).ok()?.map(drop)
    };
    let is_on_disk = || root.join(OsStr::from_bytes(&bytes)).symlink_metadata().is_ok();
    let is_indexed = || {
        let index = index_of(repository);
        index.is_ok_and(|index| {
            let path = bytes.as_bstr();
            index.entry_range(path).is_some() || index.path_is_directory(path)
        })
    };
    limit.is_empty()
        || (repository.workdir().is_some() && (is_on_disk() || is_indexed()))
        || commits.iter().any(|commit| is_in(commit).is_some())
}

/// Resolves the links and dots of all folders before the path's last name, as far as they exist.
fn real(path: &Path) -> PathBuf {
    if let (Some(parent), Some(Component::Normal(name))) = (path.parent(), path.components().next_back())
        && let Ok(parent) = parent.canonicalize()
    {
        return parent.join(name);
    }
    if let Ok(real) = path.canonicalize() {
        return real;
    }
    // A deleted folder: its nearest existing parent decides.
    let mut names = Vec::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(names.pop()),
            Component::CurDir => {}
            other => names.push(other),
        }
    }
    let plain: PathBuf = names.iter().collect();
    let found = plain.ancestors().find_map(|folder| {
        let real = folder.canonicalize().ok()?;
        Some(real.join(plain.strip_prefix(folder).ok()?))
    });
    found.unwrap_or(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_covers_itself_and_what_is_below_it() {
        let only = ["src".to_owned(), "docs/a.md".to_owned()];
        for (path, expected) in [
            ("src", true),
            ("src/a.rs", true),
            ("src2/a.rs", false),
            ("sr", false),
            ("docs/a.md", true),
            ("docs/b.md", false),
            ("a/src/a.rs", false),
        ] {
            assert_eq!(is_within(path.as_bytes(), &only), expected, "{path}");
        }
        assert!(is_within(b"anything", &[]));
    }
}
