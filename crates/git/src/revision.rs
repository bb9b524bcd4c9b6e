//! Revisions: the commits that people name, and what is common to two of them.

use std::fmt;
use std::path::{Path, PathBuf};

use gix::{ObjectId, Repository};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadError;

use super::object::{Clone, NoObject};
use super::open::Found;

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
        false => Err(foreign(
            repository,
            root,
            "uncommitted work is not read: --committed, or ",
        )),
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
        false => Err(foreign(repository, &root, "no file is read or written there: ")),
    }
}

/// Returns the error of settings that name another folder as the work tree, up to what this prevents.
fn foreign(repository: &Repository, root: &Path, prevented: &str) -> ReadError {
    fail(format!(
        "{} names {} as its work tree (core.worktree), where another or no .git is, so {prevented}git config --unset \
         core.worktree",
        repository.git_dir().display(),
        root.display()
    ))
}

/// Returns whether the `.git` of a work tree is that of the repository.
fn has_own_root(repository: &Repository, root: &Path) -> bool {
    let found = Found::at(root).ok().flatten();
    let found = found.filter(|_| root.join(".git").symlink_metadata().is_ok());
    found.is_some_and(|found| {
        repository
            .git_dir()
            .canonicalize()
            .is_ok_and(|own| own == found.git_dir)
    })
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
    let failed = |problem: &dyn fmt::Display| fail(format!("{} {problem}", root.display()));
    let unreadable = |error: gix::Error| failed(&format_args!("has a HEAD that cannot be read: {error}"));
    if repository.head().map_err(unreadable)?.is_unborn() {
        return Ok(None);
    }
    let id = repository.head_id().map_err(unreadable)?.detach();
    match repository.has_object(id) {
        true => Ok(Some(id)),
        false => Err(failed(&NoObject::Missing.of(
            "has a head whose commit",
            id,
            Clone::of(repository),
        ))),
    }
}

/// Returns the index.
///
/// # Errors
///
/// It can't be read.
pub(super) fn index_of(repository: &Repository) -> Result<gix::worktree::Index, ReadError> {
    repository.index_or_empty().map_err(|error| {
        fail(format!(
            "{} cannot be read: {error}: git reset writes it again",
            repository.index_path().display()
        ))
    })
}

/// The reason why a revision names no commit: the phrase after its name, with the remedy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum NoCommit {
    #[error("is not a commit of this repository")]
    Unknown,
    #[error("is not a commit of this repository; the clone is shallow: git fetch --unshallow")]
    Shallow,
    #[error("is not a commit yet: commit something first, or review the work tree's files")]
    Unborn,
    #[error("is not a commit of this repository (those of a push are read only after it: in post-receive)")]
    Quarantined,
}

impl NoCommit {
    fn of(repository: &Repository, revision: &str) -> Self {
        let is_head = |name: &str| {
            let rest = revision.strip_prefix(name);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['~', '^', '@', '{']))
        };
        if (is_head("HEAD") || is_head("@")) && repository.head().is_ok_and(|head| head.is_unborn()) {
            Self::Unborn
        } else if std::env::var_os("GIT_QUARANTINE_PATH").is_some() {
            Self::Quarantined
        } else if repository.is_shallow().unwrap_or(false) {
            Self::Shallow
        } else {
            Self::Unknown
        }
    }
}

/// Returns the commit that a revision names.
pub(super) fn find_commit(repository: &Repository, revision: &str) -> Result<ObjectId, NoCommit> {
    let object = repository.rev_parse_single(revision).and_then(|id| id.object());
    let commit = object.and_then(gix::Object::peel_to_commit);
    commit
        .map(|commit| commit.id)
        .map_err(|_| NoCommit::of(repository, revision))
}

/// Returns a commit's first parent; none for a first commit.
///
/// # Errors
///
/// The commit can't be read, or the clone doesn't have its parent.
pub(super) fn parent_of(repository: &Repository, commit: ObjectId) -> Result<Option<ObjectId>, ReadError> {
    let found = repository.find_commit(commit);
    let found = found.map_err(|error| fail(format!("commit {commit} cannot be read: {error}: git fsck")))?;
    let parent = found.parent_ids().next().map(gix::Id::detach);
    match parent.filter(|parent| !repository.has_object(*parent)) {
        Some(missing) => Err(NoObject::Missing
            .of("the parent of the reviewed commit", missing, Clone::of(repository))
            .into()),
        None => Ok(parent),
    }
}

/// The reason why a base, which the text names, and the head have no commit in common.
#[derive(Debug, thiserror::Error)]
pub(super) enum NoMergeBase {
    #[error(
        "the clone is shallow and does not reach the common commit of {0} and the head: git fetch --unshallow \
         (actions/checkout: fetch-depth: 0)"
    )]
    Shallow(String),
    #[error("{0} and the head have no commit in common: choose another --base")]
    Unrelated(String),
}

impl From<NoMergeBase> for ReadError {
    fn from(reason: NoMergeBase) -> Self {
        fail(reason.to_string())
    }
}

/// Returns the last commit that both have.
pub(super) fn merge_base(
    repository: &Repository,
    base: ObjectId,
    head: ObjectId,
    name: &str,
) -> Result<ObjectId, NoMergeBase> {
    match repository.merge_base(base, head) {
        Ok(Some(found)) => Ok(found.detach()),
        _ if repository.is_shallow().unwrap_or(false) => Err(NoMergeBase::Shallow(name.to_owned())),
        _ => Err(NoMergeBase::Unrelated(name.to_owned())),
    }
}

pub(super) fn sha(id: ObjectId) -> Result<CommitSha, ReadError> {
    CommitSha::parse(&id.to_string()).map_err(|error| fail(error.to_string()))
}

pub(super) fn fail(message: String) -> ReadError {
    ReadError::Repository(message)
}
