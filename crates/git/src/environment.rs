//! Git's environment variables that name a repository and its parts. A review reads the repository around the path that
//! a person gives, so it doesn't use them, with one exception: the index of a hook. `git commit -a` and
//! `git commit FILE` prepare the commit in a second index in git's folder, which `GIT_INDEX_FILE` names.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use gix::Repository;

const INDEX: &str = "GIT_INDEX_FILE";

/// Returns the index that `GIT_INDEX_FILE` names, below `git_dir`, the real folder of git's files. `None` if it isn't in
/// this folder, or isn't there: then the repository's own index counts.
pub(super) fn hook_index(root: &Path, git_dir: &Path) -> Option<PathBuf> {
    index_below(env::var_os(INDEX)?, root, git_dir)
}

fn index_below(given: OsString, root: &Path, git_dir: &Path) -> Option<PathBuf> {
    // Git starts in the root of the work tree.
    let file = real(&root.join(given))?;
    let below = file.strip_prefix(git_dir).ok()?;
    file.is_file().then(|| below.to_owned())
}

/// Returns a line for each variable that names something else than what is reviewed.
pub(super) fn unused(repository: &Repository, root: &Path) -> Vec<String> {
    let (git_dir, index) = (repository.git_dir(), repository.index_path());
    let here = env::current_dir().unwrap_or_default();
    [
        ("GIT_DIR", here.as_path(), git_dir),
        ("GIT_WORK_TREE", here.as_path(), root),
        (INDEX, root, index.as_path()),
    ]
    .into_iter()
    .filter_map(|(name, from, used)| {
        let given = env::var_os(name).filter(|given| !given.is_empty())?;
        let is_same = real(&from.join(&given)).is_some_and(|given| Some(given) == real(used));
        (!is_same).then(|| {
            format!(
                "{name} names {} and is not used: a review reads the repository around its path, here {}",
                Path::new(&given).display(),
                used.display()
            )
        })
    })
    .collect()
}

/// Resolves the links of a file's folder. The file need not exist.
fn real(path: &Path) -> Option<PathBuf> {
    match path.canonicalize() {
        Ok(real) => Some(real),
        Err(_) => Some(path.parent()?.canonicalize().ok()?.join(path.file_name()?)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::fs;

    use super::*;

    #[test]
    fn only_an_index_in_gits_own_folder_counts() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let git_dir = root.join(".git");
        fs::create_dir_all(git_dir.join("below")).unwrap();
        for file in [".git/index", ".git/next-index-1.lock", ".git/below/index", "index"] {
            fs::write(root.join(file), "").unwrap();
        }
        std::os::unix::fs::symlink(root.join("index"), git_dir.join("link")).unwrap();
        for (given, expected) in [
            (".git/next-index-1.lock", Some("next-index-1.lock")),
            (".git/../.git/below/index", Some("below/index")),
            ("index", None),
            (".git/link", None),
            (".git/gone", None),
            (".git/below", None),
            ("/dev/zero", None),
            ("", None),
        ] {
            let absolute = root.join(given).into_os_string();
            for given in [given.into(), absolute] {
                let found = index_below(given.clone(), &root, &git_dir);
                assert_eq!(found.as_deref(), expected.map(Path::new), "{given:?}");
            }
        }
    }
}
