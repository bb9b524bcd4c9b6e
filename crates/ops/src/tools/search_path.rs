//! The programs of this machine that a review may start.

use std::ffi::{OsStr, OsString};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The folders of `PATH` with trusted programs.
#[derive(Clone, Debug, Default)]
pub(super) struct SearchPath {
    folders: Vec<PathBuf>,
    /// The work tree under review: it holds no program.
    tree: Option<PathBuf>,
}

impl SearchPath {
    /// Takes the absolute folders of a `PATH` that are outside of the work tree under review.
    pub(super) fn outside_of(path: &OsStr, tree: Option<&Path>) -> Self {
        let tree = tree.map(|tree| tree.canonicalize().unwrap_or_else(|_| tree.to_owned()));
        let folders = std::env::split_paths(path).filter(|folder| {
            let real = folder.canonicalize();
            folder.is_absolute() && real.is_ok_and(|real| !is_in(&real, tree.as_deref()))
        });
        Self {
            folders: folders.collect(),
            tree,
        }
    }

    /// Finds a program's file.
    pub(super) fn find(&self, program: &str) -> Option<PathBuf> {
        let is_program = |path: &PathBuf| {
            let is_executable = |path: &Path| {
                let metadata = path.metadata();
                metadata.is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
            };
            let real = path.canonicalize();
            is_executable(path) && real.is_ok_and(|real| !is_in(&real, self.tree.as_deref()))
        };
        self.folders.iter().map(|folder| folder.join(program)).find(is_program)
    }

    /// Returns the folders as a `PATH`.
    pub(super) fn joined(&self) -> OsString {
        std::env::join_paths(&self.folders).unwrap_or_default()
    }
}

fn is_in(path: &Path, tree: Option<&Path>) -> bool {
    tree.is_some_and(|tree| path.starts_with(tree))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn programs_of_the_tree_and_of_relative_folders_are_not_found() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, bin) = (folder.path().join("tree"), folder.path().join("bin"));
        for place in [&tree, &bin] {
            std::fs::create_dir(place).unwrap();
            std::fs::write(place.join("ruff"), "").unwrap();
            std::fs::set_permissions(place.join("ruff"), PermissionsExt::from_mode(0o700)).unwrap();
        }
        std::fs::write(bin.join("text"), "").unwrap();
        std::os::unix::fs::symlink(tree.join("ruff"), bin.join("linked")).unwrap();
        let path = std::env::join_paths([Path::new("."), &tree, &bin]).unwrap();
        let search = SearchPath::outside_of(&path, Some(&tree));
        assert_eq!(search.find("ruff"), Some(bin.join("ruff")));
        assert_eq!(search.joined(), bin.as_os_str());
        for missing in ["text", "linked", "nothing"] {
            assert_eq!(search.find(missing), None, "{missing}");
        }
    }
}
