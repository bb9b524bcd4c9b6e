//! What a person names for review: a path, commits or a patch, and which part of the changes there.

use std::env;
use std::path::{Path, PathBuf};

use gix::{ObjectId, Repository};
use holdfast_bounded::run_blocking;
use holdfast_core::port::ReadError;

use super::base::{Base, choose_base};
use super::limits::{below, is_known};
use super::open::open;
use super::revision::{fail, find_commit, head_of, merge_base, root_of};
use super::{MAX_REPOSITORY_TIME, gave_up};

/// The part of a work tree's changes that is reviewed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Scope {
    /// The branch's commits and uncommitted work.
    #[default]
    Everything,
    /// The index against the head.
    Staged,
    /// The work tree against the head.
    Uncommitted,
    /// The branch's commits.
    Committed,
}

/// What is reviewed, as a person names it.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// A path in a work tree, a commit, `BASE..HEAD`, or `-` for the patch.
    pub target: String,
    /// `--base`: the review starts at its merge base with the head.
    pub base: Option<String>,
    /// `--head`; without it, the review ends at the checked-out commit or the uncommitted work.
    pub head: Option<String>,
    /// The base branch of a pull request, if the environment names it (`GITHUB_BASE_REF`).
    pub base_branch: Option<String>,
    /// The part of a path's changes.
    pub scope: Scope,
    /// The files and folders that the review is limited to, relative to the current folder.
    pub files: Vec<PathBuf>,
    /// The patch, if the target is `-`.
    pub patch: Option<Vec<u8>>,
}

impl Selection {
    /// Returns the selection of everything at a path.
    pub fn of_path(path: &Path) -> Self {
        Self {
            target: path.to_string_lossy().into_owned(),
            ..Self::default()
        }
    }

    /// Returns a path in the work tree that exists: the target or the nearest folder above it, or the current folder for
    /// commits and a patch.
    ///
    /// # Errors
    ///
    /// The target is neither a path nor a commit of the repository in the current folder.
    pub fn place(&self) -> Result<PathBuf, ReadError> {
        match self.reading()? {
            Reading::Path(path) => Ok(existing(path)),
            Reading::Commits | Reading::Patch => current(),
        }
    }

    /// Decides what the target is: a path that exists is a path, except for a file of git's own folder, such as `HEAD`
    /// in a bare repository. A deleted file or folder that git has is a path, unless its name is a commit's.
    ///
    /// # Errors
    ///
    /// The target is neither a path nor a commit of the repository in the current folder.
    pub(super) fn reading(&self) -> Result<Reading, ReadError> {
        let path = PathBuf::from(&self.target);
        match self.target.as_str() {
            "-" => return Ok(Reading::Patch),
            _ if path.symlink_metadata().is_ok() && !is_file_of_git(&path) => return Ok(Reading::Path(path)),
            _ => {}
        }
        let (here, selection) = (current()?, self.clone());
        let place = here.clone();
        let read = move || match check_commits(&place, &selection.target) {
            Ok(()) => Ok(Reading::Commits),
            Err(_) if selection.is_deleted(&path).unwrap_or(false) => Ok(Reading::Path(path)),
            Err(error) => Err(error),
        };
        run_blocking(MAX_REPOSITORY_TIME, read).unwrap_or_else(|problem| Err(gave_up(&here, problem)))
    }

    /// Returns whether git has a path that doesn't exist: in the index, in the head, or in the base.
    fn is_deleted(&self, path: &Path) -> Result<bool, ReadError> {
        let path = std::path::absolute(path).map_err(|error| fail(error.to_string()))?;
        let repository = open(&existing(path.clone()))?;
        let root = root_of(&repository)?;
        let limit = below(&root, &path, &root)?;
        let head = match &self.head {
            Some(revision) => find_commit(&repository, revision).ok(),
            None => head_of(&repository, &root)?,
        };
        let base = head.and_then(|head| self.base_of(&repository, head, false).ok());
        let commits: Vec<ObjectId> = head.into_iter().chain(base.map(|base| base.id)).collect();
        Ok(is_known(&repository, &root, &commits, &limit))
    }

    /// Returns the base of a head: that of `--base`, or the chosen one.
    pub(super) fn base_of(
        &self,
        repository: &Repository,
        head: ObjectId,
        has_uncommitted: bool,
    ) -> Result<Base, ReadError> {
        let Some(revision) = &self.base else {
            return choose_base(repository, head, self.base_branch.as_deref(), has_uncommitted);
        };
        let named =
            find_commit(repository, revision).map_err(|reason| fail(format!("--base {revision:?} {reason}")))?;
        Ok(Base {
            id: merge_base(repository, named, head, revision)?,
            reason: format!("the merge base with {revision}, which --base names"),
        })
    }
}

/// Returns a path, or the nearest folder above it if it doesn't exist or is a link to something that doesn't.
fn existing(path: PathBuf) -> PathBuf {
    if path.exists() {
        return path;
    }
    let absolute = std::path::absolute(&path).unwrap_or(path);
    let found = absolute.ancestors().find(|folder| folder.exists());
    found.map_or_else(|| absolute.clone(), Path::to_owned)
}

/// The kind of a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// A path that exists.
    Path(PathBuf),
    /// One or two commits.
    Commits,
    /// A patch.
    Patch,
}

/// The commits that a text names. An empty side of a range is the head.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Commits<'a> {
    /// `BASE..HEAD` or `BASE...HEAD`.
    Range(&'a str, &'a str),
    /// A commit.
    One(&'a str),
}

pub(super) fn commits(target: &str) -> Commits<'_> {
    match target.split_once("...").or_else(|| target.split_once("..")) {
        Some((base, head)) => Commits::Range(side_or_head(base), side_or_head(head)),
        None => Commits::One(target),
    }
}

fn side_or_head(side: &str) -> &str {
    if side.is_empty() { "HEAD" } else { side }
}

/// Fails with both readings of a target that is neither a path nor commits.
fn check_commits(here: &Path, target: &str) -> Result<(), ReadError> {
    let remedy = "give the path of a git work tree, a commit, or BASE..HEAD";
    let repository = open(here).map_err(|error| {
        fail(format!(
            "{target} does not exist, and cannot be a commit, as there is no repository here ({error}): {remedy}"
        ))
    })?;
    let sides = match commits(target) {
        Commits::Range(base, head) => vec![base, head],
        Commits::One(one) => vec![one],
    };
    for side in sides {
        find_commit(&repository, side).map_err(|reason| {
            fail(format!(
                "{target} does not exist as a path, and {side:?} {reason} in {}: {remedy}",
                here.display()
            ))
        })?;
    }
    Ok(())
}

fn is_file_of_git(path: &Path) -> bool {
    let is_git_dir = |folder: &Path| {
        folder.join("HEAD").is_file() && folder.join("objects").is_dir() && folder.join("refs").is_dir()
    };
    !path.is_dir() && std::path::absolute(path).is_ok_and(|path| path.ancestors().skip(1).any(is_git_dir))
}

fn current() -> Result<PathBuf, ReadError> {
    env::current_dir().map_err(|error| fail(format!("the current folder cannot be read: {error}; change to another")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_two_sides_and_an_empty_one_is_the_head() {
        for (text, expected) in [
            ("main..topic", Commits::Range("main", "topic")),
            ("main...topic", Commits::Range("main", "topic")),
            ("main..", Commits::Range("main", "HEAD")),
            ("..topic", Commits::Range("HEAD", "topic")),
            ("HEAD~2", Commits::One("HEAD~2")),
        ] {
            assert_eq!(commits(text), expected, "{text}");
        }
    }
}
