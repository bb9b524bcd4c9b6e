//! What a person names for review: a path, commits or a patch, and which part of the changes there.

use std::env;
use std::path::{Path, PathBuf};

use holdfast_core::port::ReadError;

use super::MAX_REPOSITORY_TIME;
use super::gave_up;
use super::open::open;
use super::revision::{fail, find_commit};
use holdfast_bounded::run_blocking;

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

    /// Returns the path in the work tree: the target, or the current folder for commits and a patch.
    ///
    /// # Errors
    ///
    /// The target is neither a path nor a commit of the repository in the current folder.
    pub fn place(&self) -> Result<PathBuf, ReadError> {
        match self.reading() {
            Reading::Path(path) => Ok(path),
            Reading::Patch => current(),
            Reading::Commits => {
                let (here, target) = (current()?, self.target.clone());
                let place = here.clone();
                let check = move || check_commits(&place, &target);
                run_blocking(MAX_REPOSITORY_TIME, check).unwrap_or_else(|problem| Err(gave_up(&here, problem)))?;
                current()
            }
        }
    }

    /// Decides what the target is: a path that exists is a path, except for a file of git's own folder, such as `HEAD`
    /// in a bare repository.
    pub(super) fn reading(&self) -> Reading {
        let path = PathBuf::from(&self.target);
        match self.target.as_str() {
            "-" => Reading::Patch,
            _ if path.symlink_metadata().is_ok() && !is_file_of_git(&path) => Reading::Path(path),
            _ => Reading::Commits,
        }
    }
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
