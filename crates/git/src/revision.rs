//! Revisions: the commits that people name, and what is common to two of them.

use std::path::{Path, PathBuf};

use gix::{ObjectId, Repository};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadError;

use super::object::{Clone, NoObject, explain};
use super::open::open;

/// Returns the real path of a repository's work tree, or of its git directory if it is bare.
pub(super) fn root_of(repository: &Repository) -> Result<PathBuf, ReadError> {
    let root = repository.workdir().unwrap_or_else(|| repository.git_dir());
    root.canonicalize()
        .map_err(|error| fail(format!("{} cannot be read: {error}", root.display())))
}

/// Fails if the settings of a repository name another folder as its work tree (`core.worktree`): in a stranger's
/// repository this may be any folder of this machine, whose files would be reviewed as untracked ones.
pub(super) fn check_own_root(repository: &Repository, root: &Path) -> Result<(), ReadError> {
    match has_own_root(repository, root) {
        true => Ok(()),
        false => Err(fail(format!(
            "{} names {} as its work tree (core.worktree), where another or no .git is, so uncommitted work is not read: \
             --committed, or git config --unset core.worktree",
            repository.git_dir().display(),
            root.display()
        ))),
    }
}

/// Returns the real path of the work tree whose files a command may list or edit.
///
/// # Errors
///
/// The repository is bare, or its settings name another folder as its work tree (`core.worktree`).
pub(super) fn own_root(repository: &Repository) -> Result<PathBuf, ReadError> {
    let root = root_of(repository)?;
    if repository.workdir().is_none() {
        return Err(fail(format!(
            "{} is a bare repository, which has no files: start the command in a work tree of it (git worktree add)",
            root.display()
        )));
    }
    match has_own_root(repository, &root) {
        true => Ok(root),
        false => Err(fail(format!(
            "{} names {} as its work tree (core.worktree), where another or no .git is, so no file is read or written there: \
             git config --unset core.worktree",
            repository.git_dir().display(),
            root.display()
        ))),
    }
}

/// Returns whether the `.git` of a work tree is that of the repository.
fn has_own_root(repository: &Repository, root: &Path) -> bool {
    let own = |repository: &Repository| repository.git_dir().canonicalize().ok();
    root.join(".git").symlink_metadata().is_ok()
        && open(root).is_ok_and(|found| own(&found).is_some() && own(&found) == own(repository))
}

/// Returns the path by which a repository is opened again: its root, or git's own folder if its settings name another
/// folder as the work tree.
pub(super) fn place_of(repository: &Repository, root: &Path) -> Result<PathBuf, ReadError> {
    if has_own_root(repository, root) {
        return Ok(root.to_owned());
    }
    let place = repository.git_dir();
    place
        .canonicalize()
        .map_err(|error| fail(format!("{} cannot be read: {error}", place.display())))
}

/// Returns the checked-out commit; none before the first one.
pub(super) fn head_of(repository: &Repository, root: &Path) -> Result<Option<ObjectId>, ReadError> {
    let problem = match repository.head() {
        Ok(head) if head.is_unborn() => return Ok(None),
        Ok(_) => match repository.head_id() {
            Ok(id) if repository.has_object(id.detach()) => return Ok(Some(id.detach())),
            Ok(id) => explain(
                "has a head whose commit",
                id.detach(),
                &NoObject::Missing,
                Clone::of(repository),
            ),
            Err(error) => format!("has a head that cannot be read: {error}"),
        },
        Err(error) => format!("has a HEAD that cannot be read: {error}"),
    };
    Err(fail(format!("{} {problem}", root.display())))
}

/// Returns the commit that a revision names, or the phrase after its name that explains why there is none.
pub(super) fn find_commit(repository: &Repository, revision: &str) -> Result<ObjectId, String> {
    let shallow = if repository.is_shallow().unwrap_or(false) {
        "; the clone is shallow: git fetch --unshallow"
    } else {
        ""
    };
    let unknown = || format!("is not a commit of this repository{shallow}");
    let id = repository.rev_parse_single(revision).map_err(|_| unknown())?;
    let commit = id
        .object()
        .map_err(|_| unknown())?
        .peel_to_commit()
        .map_err(|_| unknown())?;
    Ok(commit.id)
}

/// Returns the last commit that both have.
///
/// # Errors
///
/// A shallow clone doesn't reach it, or there is none.
pub(super) fn merge_base(
    repository: &Repository,
    base: ObjectId,
    head: ObjectId,
    name: &str,
) -> Result<ObjectId, ReadError> {
    match repository.merge_base(base, head) {
        Ok(Some(found)) => Ok(found.detach()),
        _ if repository.is_shallow().unwrap_or(false) => Err(fail(format!(
            "the clone is shallow and does not reach the common commit of {name} and the head: git fetch --unshallow \
             (actions/checkout: fetch-depth: 0)"
        ))),
        _ => Err(fail(format!(
            "{name} and the head have no commit in common: choose another --base"
        ))),
    }
}

pub(super) fn sha(id: ObjectId) -> Result<CommitSha, ReadError> {
    CommitSha::parse(&id.to_string()).map_err(|error| fail(error.to_string()))
}

pub(super) fn fail(message: String) -> ReadError {
    ReadError::Repository(message)
}
