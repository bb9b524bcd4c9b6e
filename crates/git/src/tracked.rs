//! Finds the work tree of a folder, and the files in it that git tracks: such a file may come from the repository's
//! author.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::bstr::ByteSlice as _;

use holdfast_core::port::ReadError;

use super::open::{open, open_index};
use super::revision::{index_of, root_of};

/// Returns the real path of the work tree that contains `path`, or of the git directory if the repository is bare.
///
/// # Errors
/// The path doesn't exist, can't be read or is outside of any repository, or the repository belongs to another user.
pub fn work_tree_root(path: &Path) -> Result<PathBuf, ReadError> {
    root_of(&open(path)?)
}

/// Returns a file in `directory`, which need not exist, that git tracks in a work tree at or above it. `directory` is a
/// real, absolute path.
///
/// # Errors
/// A repository above it can't be read, so its tracked files are unknown.
pub fn tracked_file(directory: &Path) -> Result<Option<PathBuf>, ReadError> {
    for root in directory.ancestors() {
        if root.join(".git").symlink_metadata().is_err() {
            continue;
        }
        let Ok(below) = directory.strip_prefix(root) else {
            continue;
        };
        if let Some(name) = tracked_below(root, below)? {
            return Ok(Some(root.join(name)));
        }
    }
    Ok(None)
}

/// Returns the name of a file in the index of the work tree at `root`, at or below `below`.
fn tracked_below(root: &Path, below: &Path) -> Result<Option<PathBuf>, ReadError> {
    let dot_git = root.join(".git");
    if dot_git.is_dir() && dot_git.join("HEAD").symlink_metadata().is_err() {
        // Git ignores such a folder too.
        return Ok(None);
    }
    let repository = open_index(root)?;
    let index = index_of(&repository)?;
    let prefix = below.as_os_str().as_bytes();
    // Some file systems treat `.Holdfast` as `.holdfast`.
    let is_within = |path: &[u8]| {
        prefix.is_empty()
            || path
                .split_at_checked(prefix.len())
                .is_some_and(|(start, rest)| {
                    start.eq_ignore_ascii_case(prefix) && (rest.is_empty() || rest[0] == b'/')
                })
            // A sparse index names a folder that is not checked out instead of its files.
            || (path.ends_with(b"/") && starts_with(prefix, path))
    };
    let mut paths = index.entries().iter().map(|entry| entry.path(&index));
    let found = paths.find(|path| is_within(path.as_bytes()));
    Ok(found.map(|path| PathBuf::from(OsStr::from_bytes(path.as_bytes()))))
}

fn starts_with(text: &[u8], start: &[u8]) -> bool {
    text.split_at_checked(start.len())
        .is_some_and(|(begin, _)| begin.eq_ignore_ascii_case(start))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use holdfast_testkit::Repository;

    use super::*;

    #[test]
    fn a_tracked_file_is_found_from_the_folder_itself_from_above_and_in_other_letters() {
        let repository = Repository::new().unwrap();
        repository.write("src/a.rs", "fn a() {}\n").unwrap();
        repository.write("data/deep/engine.sqlite", "planted").unwrap();
        repository.commit("all").unwrap();
        let root = repository.path().canonicalize().unwrap();
        let linked = tempfile::tempdir().unwrap();
        let other = linked.path().canonicalize().unwrap().join("tree");
        let branch = ["worktree", "add", "--quiet", "-b", "other", other.to_str().unwrap()];
        repository.git(&branch).unwrap();
        for tree in [&root, &other] {
            for (folder, is_tracked) in [
                ("data", true),
                ("data/deep", true),
                ("DATA", true),
                ("src", true),
                ("", true),
                ("dat", false),
                ("data2", false),
                ("data/deeper", false),
                ("new/folder", false),
                (".git/data", false),
            ] {
                let found = tracked_file(&tree.join(folder)).unwrap();
                assert_eq!(found.is_some(), is_tracked, "{} {folder}: {found:?}", tree.display());
            }
        }
        std::fs::remove_dir_all(root.join("data")).unwrap();
        assert!(
            tracked_file(&root.join("data")).unwrap().is_some(),
            "a checkout brings it back"
        );
    }

    #[test]
    fn a_folder_without_a_repository_tracks_nothing_and_a_damaged_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path().canonicalize().unwrap();
        assert_eq!(tracked_file(&folder.join("data")).unwrap(), None);
        std::fs::create_dir(folder.join(".git")).unwrap();
        assert_eq!(tracked_file(&folder.join("data")).unwrap(), None, "git ignores it");
        let repository = Repository::new().unwrap();
        repository.write("a", "a").unwrap();
        repository.commit("a").unwrap();
        let root = repository.path().canonicalize().unwrap();
        // A setting of gix names another index.
        let index = root.join(".git/empty-index");
        repository
            .git(&["config", "gitoxide.core.indexFile", index.to_str().unwrap()])
            .unwrap();
        assert!(tracked_file(&root.join("a")).unwrap().is_some());
        std::fs::write(root.join(".git/index"), "nonsense").unwrap();
        assert!(tracked_file(&root.join("data")).is_err());
    }

    #[test]
    fn all_paths_into_one_work_tree_have_the_same_root() {
        let repository = Repository::new().unwrap();
        repository.write("src/a.rs", "fn a() {}\n").unwrap();
        repository.commit("all").unwrap();
        let root = repository.path().canonicalize().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink(&root, &link).unwrap();
        for path in [&root, &root.join("src"), &link, &link.join("src")] {
            assert_eq!(work_tree_root(path).unwrap(), root, "{}", path.display());
        }
        assert!(work_tree_root(folder.path()).is_err());
    }
}
