//! Opens a repository and finds both ends of the review, and their merge base.

use std::path::Path;

use gix::{ObjectId, Repository};
use holdfast_core::model::change::Target;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadError;

use super::base::{Base, choose_base};
use super::object::{Clone, NoObject, explain};
use super::open::open;
use super::{MAX_REPOSITORY_TIME, gave_up};
use holdfast_bounded::run_blocking;

/// The given ends of a review.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ends<'a> {
    /// `--base`: the review starts at its merge base with the head.
    pub base: Option<&'a str>,
    /// `--head`; without it, the review ends at the checked-out commit.
    pub head: Option<&'a str>,
    /// The base branch of a pull request, if the environment names it (`GITHUB_BASE_REF`).
    pub base_branch: Option<&'a str>,
}

/// A target, with the reason for its base.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedTarget {
    /// The target.
    pub target: Target,
    /// One line for the reader: the chosen base, and the reason.
    pub base_note: String,
}

/// Returns the target of `holdfast review PATH`: merge-base(BASE,HEAD)..HEAD. Without a base, searches for the branch
/// from which the head was branched; the note names it and the reason.
///
/// # Errors
///
/// Each with its remedy: a missing path, a path outside of any repository, an unsupported kind of repository, a missing
/// permission, a repository without a commit, an unknown revision, a shallow clone that lacks the base, histories
/// without a common commit, a repository that doesn't answer.
pub fn resolve_target(path: &Path, ends: Ends<'_>) -> Result<ResolvedTarget, ReadError> {
    let place = path.to_owned();
    let [base, head, base_branch] = [ends.base, ends.head, ends.base_branch].map(|end| end.map(str::to_owned));
    let resolve = move || {
        let ends = Ends {
            base: base.as_deref(),
            head: head.as_deref(),
            base_branch: base_branch.as_deref(),
        };
        resolve(&place, ends)
    };
    run_blocking(MAX_REPOSITORY_TIME, resolve).unwrap_or_else(|problem| Err(gave_up(path, problem)))
}

fn resolve(path: &Path, ends: Ends<'_>) -> Result<ResolvedTarget, ReadError> {
    let repository = open(path)?;
    let root = repository.workdir().unwrap_or_else(|| repository.git_dir());
    let root = root
        .canonicalize()
        .map_err(|error| fail(format!("{} cannot be read: {error}", root.display())))?;
    let head_id = match ends.head {
        Some(revision) => find(&repository, revision, "--head")?,
        None => head_of(&repository, &root)?,
    };
    let base = match ends.base {
        Some(revision) => Base {
            id: merge_base(&repository, find(&repository, revision, "--base")?, head_id, revision)?,
            reason: format!("the merge base with {revision}, which --base names"),
        },
        None => choose_base(&repository, head_id, ends.base_branch)?,
    };
    let base_note = format!("base {}: {}", base.id.to_hex_with_len(12), base.reason);
    Ok(ResolvedTarget {
        target: Target::WorkTree {
            path: root.to_string_lossy().into_owned(),
            base: sha(base.id)?,
            head: sha(head_id)?,
        },
        base_note,
    })
}

/// Returns the checked-out commit.
fn head_of(repository: &Repository, root: &Path) -> Result<ObjectId, ReadError> {
    let problem = match repository.head() {
        Ok(head) if head.is_unborn() => "has no commit yet: commit something first".to_owned(),
        Ok(_) => match repository.head_id() {
            Ok(id) if repository.has_object(id.detach()) => return Ok(id.detach()),
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

fn sha(id: ObjectId) -> Result<CommitSha, ReadError> {
    CommitSha::parse(&id.to_string()).map_err(|error| fail(error.to_string()))
}

pub(super) fn fail(message: String) -> ReadError {
    ReadError::Repository(message)
}
