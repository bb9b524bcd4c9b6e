//! A pull request to serve: from two revisions of a real git repository, or made by hand.

use super::git_diff::changed_files;
use super::objects::{Objects, blob_name};
use crate::error::TestkitError;
use crate::git;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

/// One file of a pull request, in the form of `GET …/files`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangedFile {
    /// The path at the head.
    pub filename: String,
    /// The path at the base, of renamed and copied files.
    pub previous_filename: Option<String>,
    /// `added`, `removed`, `modified`, `renamed`, `copied` or `changed`.
    pub status: String,
    /// The blob's name at the head (at the base for `removed`).
    pub sha: String,
    /// Added lines.
    pub additions: u64,
    /// Deleted lines.
    pub deletions: u64,
    /// The hunks; `None` if GitHub sends none.
    pub patch: Option<String>,
}

impl ChangedFile {
    /// Creates a modified file with these hunks and their counts.
    pub fn modified(filename: impl Into<String>, patch: impl Into<String>) -> Self {
        let (filename, patch) = (filename.into(), patch.into());
        let count = |sign| patch.lines().filter(|line| line.starts_with(sign)).count() as u64;
        Self {
            sha: blob_name(filename.as_bytes()),
            filename,
            previous_filename: None,
            status: "modified".into(),
            additions: count('+'),
            deletions: count('-'),
            patch: Some(patch),
        }
    }
}

/// A pull request to serve.
#[derive(Clone, Debug)]
pub struct PullRequest {
    /// `owner/name`.
    pub slug: String,
    /// Its number.
    pub number: u64,
    /// The title.
    pub title: String,
    /// The description.
    pub body: Option<String>,
    /// The author.
    pub author: String,
    /// The author's association, e.g. `CONTRIBUTOR` (default), `FIRST_TIME_CONTRIBUTOR`, `MEMBER`.
    pub author_association: String,
    /// The base branch. Default `main`, which is also the repository's default branch.
    pub base_ref: String,
    /// The head branch. Default `change`.
    pub head_ref: String,
    /// The base branch's commit.
    pub base_sha: String,
    /// The head's commit.
    pub head_sha: String,
    /// The merge base; the files are the difference from it to the head.
    pub merge_base_sha: String,
    /// `owner/name` of the fork with the head branch; `None`: the repository itself.
    pub fork: Option<String>,
    /// True for a draft.
    pub is_draft: bool,
    /// True if it is open.
    pub is_open: bool,
    /// True if the repository is private: reading it needs a token.
    pub is_private: bool,
    /// The files, in the API's order.
    pub files: Vec<ChangedFile>,
    /// The commits that a review may name.
    pub commits: BTreeSet<String>,
    pub(crate) objects: Objects,
}

impl PullRequest {
    /// Creates a pull request of the change from the merge base of `base` and `head` to `head`, in the git repository
    /// at `path`. The repository must exist while the pull request is served.
    ///
    /// # Errors
    /// The path isn't a repository, or a revision is unknown.
    pub fn from_git(path: &Path, base: &str, head: &str, slug: &str, number: u64) -> Result<Self, TestkitError> {
        let commit = |revision: &str| {
            git::text(
                path,
                &[
                    "rev-parse",
                    "--verify",
                    "--end-of-options",
                    &format!("{revision}^{{commit}}"),
                ],
            )
        };
        let (base_sha, head_sha) = (commit(base)?, commit(head)?);
        let merge_base_sha = git::text(path, &["merge-base", &base_sha, &head_sha])?;
        let files = changed_files(path, &merge_base_sha, &head_sha)?;
        let range = format!("{base_sha}..{head_sha}");
        let mut commits: BTreeSet<String> = git::text(path, &["rev-list", &range])?
            .lines()
            .map(str::to_owned)
            .collect();
        commits.insert(head_sha.clone());
        let objects = Objects::Git(path.into());
        let title = git::text(path, &["log", "-1", "--format=%s", &head_sha])?;
        Ok(Self {
            title,
            merge_base_sha,
            files,
            commits,
            objects,
            ..Self::bare(slug, number, base_sha, head_sha)
        })
    }

    /// Creates a pull request of these files, on invented commits (40 times `b`, and `a`).
    pub fn by_hand(slug: &str, number: u64, files: Vec<ChangedFile>) -> Self {
        Self {
            files,
            ..Self::bare(slug, number, "b".repeat(40), "a".repeat(40))
        }
    }

    fn bare(slug: &str, number: u64, base_sha: String, head_sha: String) -> Self {
        Self {
            slug: slug.into(),
            number,
            title: format!("Change {number}"),
            body: Some("What this changes.".into()),
            author: "octo-author".into(),
            author_association: "CONTRIBUTOR".into(),
            base_ref: "main".into(),
            head_ref: "change".into(),
            merge_base_sha: base_sha.clone(),
            commits: BTreeSet::from([head_sha.clone()]),
            base_sha,
            head_sha,
            fork: None,
            is_draft: false,
            is_open: true,
            is_private: false,
            files: Vec::new(),
            objects: Objects::Memory(Arc::new(BTreeMap::new())),
        }
    }

    /// Sets a file's content at a commit, for a pull request made by hand.
    pub fn content(mut self, commit: &str, path: &str, bytes: impl Into<Vec<u8>>) -> Self {
        if let Objects::Memory(files) = &mut self.objects {
            Arc::make_mut(files).insert((commit.into(), path.into()), bytes.into());
        }
        self
    }

    pub(crate) fn file(&self, path: &str) -> Option<&ChangedFile> {
        self.files.iter().find(|file| file.filename == path)
    }
}
