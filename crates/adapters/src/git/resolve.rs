//! Which commits: opens the repository, finds both ends of the review and their merge base.

use std::path::Path;

use gix::{ObjectId, Repository};
use holdfast_core::model::change::Target;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadError;

/// Branches that count as the upstream's default one, in this order.
const UPSTREAM: &[&str] = &[
    "refs/remotes/origin/HEAD",
    "refs/remotes/origin/main",
    "refs/remotes/origin/master",
];

/// Finds what `holdfast review PATH` means: merge-base(BASE,HEAD)..HEAD. Without `base`: the upstream's default branch,
/// else HEAD~1, else (a first commit) the empty tree.
///
/// Errors, each with its remedy: no such path, not a repository, no permission, no commit yet, an unknown revision, a
/// shallow clone that lacks the base, histories without a common commit.
pub fn resolve_target(path: &Path, base: Option<&str>, head: Option<&str>) -> Result<Target, ReadError> {
    let repository = open(path)?;
    let root = repository.workdir().unwrap_or_else(|| repository.git_dir());
    let root = root
        .canonicalize()
        .map_err(|error| fail(format!("{} cannot be read: {error}", root.display())))?;
    let head_id = match head {
        Some(revision) => find(&repository, revision, "--head")?,
        None => repository
            .head_id()
            .map(gix::Id::detach)
            .map_err(|_| fail(format!("{} has no commit yet: commit something first", root.display())))?,
    };
    let base_id = match base {
        Some(revision) => merge_base(&repository, find(&repository, revision, "--base")?, head_id, revision)?,
        None => default_base(&repository, head_id)?,
    };
    Ok(Target::WorkTree {
        path: root.to_string_lossy().into_owned(),
        base: sha(base_id)?,
        head: sha(head_id)?,
    })
}

/// Opens the repository that holds a path. Errors: see [`resolve_target`].
pub(super) fn open(path: &Path) -> Result<Repository, ReadError> {
    match path.try_exists() {
        Ok(true) => {}
        Ok(false) => {
            return Err(fail(format!(
                "{} does not exist: give the path of a git work tree",
                path.display()
            )));
        }
        Err(error) => return Err(fail(format!("{} cannot be read: {error}", path.display()))),
    }
    if let Err(error) = path.metadata().and_then(|found| {
        if found.is_dir() {
            std::fs::read_dir(path).map(drop)
        } else {
            Ok(())
        }
    }) {
        return Err(fail(format!("{} cannot be read: {error}", path.display())));
    }
    gix::discover(path).map_err(|error| {
        let text = error.to_string();
        let where_it_is = path.display();
        if text.contains("trust") || text.contains("owner") {
            fail(format!(
                "{where_it_is} belongs to another user: git config --global --add safe.directory {where_it_is}"
            ))
        } else {
            fail(format!(
                "{where_it_is} is not a git repository, nor inside one ({text})"
            ))
        }
    })
}

fn find(repository: &Repository, revision: &str, option: &str) -> Result<ObjectId, ReadError> {
    let shallow = if repository.is_shallow().unwrap_or(false) {
        "; the clone is shallow: git fetch --unshallow"
    } else {
        ""
    };
    let unknown = || {
        fail(format!(
            "{option} {revision:?} is not a commit of this repository{shallow}"
        ))
    };
    let id = repository.rev_parse_single(revision).map_err(|_| unknown())?;
    let commit = id
        .object()
        .map_err(|_| unknown())?
        .peel_to_commit()
        .map_err(|_| unknown())?;
    Ok(commit.id)
}

fn merge_base(repository: &Repository, base: ObjectId, head: ObjectId, name: &str) -> Result<ObjectId, ReadError> {
    match repository.merge_base(base, head) {
        Ok(Some(found)) => Ok(found.detach()),
        _ if repository.is_shallow().unwrap_or(false) => Err(fail(format!(
            "the clone is shallow and does not reach the common commit of {name} and the head: git fetch --unshallow"
        ))),
        _ => Err(fail(format!(
            "{name} and the head have no commit in common: choose another --base"
        ))),
    }
}

/// The upstream's default branch where the head has commits of its own on top of it, else the head's first parent.
fn default_base(repository: &Repository, head: ObjectId) -> Result<ObjectId, ReadError> {
    for name in UPSTREAM {
        let Ok(upstream) = repository.rev_parse_single(*name) else {
            continue;
        };
        match repository.merge_base(upstream.detach(), head) {
            Ok(Some(found)) if found.detach() != head => return Ok(found.detach()),
            _ => break,
        }
    }
    let commit = repository
        .find_commit(head)
        .map_err(|error| fail(format!("commit {head} cannot be read: {error}")))?;
    match commit.parent_ids().next() {
        None => Ok(ObjectId::empty_tree(repository.object_hash())),
        Some(parent) if repository.has_object(parent.detach()) => Ok(parent.detach()),
        Some(_) => Err(fail(
            "the clone is shallow and lacks the head's parent: git fetch --unshallow, or give a --base that is there"
                .to_owned(),
        )),
    }
}

fn sha(id: ObjectId) -> Result<CommitSha, ReadError> {
    CommitSha::parse(&id.to_string()).map_err(|error| fail(error.to_string()))
}

fn fail(message: String) -> ReadError {
    ReadError::Repository(message)
}
