//! The reviewed change: from one commit to another, file by file.

use serde::{Deserialize, Serialize};

use super::finding::Finding;
use super::repository_id::RepositoryId;
use super::repository_name::{self, RepositoryName};
use super::sha::CommitSha;

/// The source of a change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Target {
    /// A git work tree on this machine, with both ends resolved.
    WorkTree {
        /// Absolute path of the work tree.
        path: String,
        /// The commit that the change starts from (the merge base).
        base: CommitSha,
        /// The reviewed commit: one of the repository, or a snapshot of uncommitted work.
        head: CommitSha,
        /// The files and folders that the review is limited to, with their paths in the repository. Empty: no limit.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        only: Vec<String>,
    },
    /// A pull request on GitHub.
    PullRequest {
        /// The repository. As JSON two fields: `owner` and `repository`.
        #[serde(flatten, with = "repository_name::as_two_fields")]
        repository: RepositoryName,
        /// The pull request's number, from 1.
        number: u64,
        /// The head that the run was started for. A run fails if the pull request has another head when the run opens
        /// or publishes.
        head: CommitSha,
        /// GitHub's id of the repository. `None` in runs of version 0.1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        repository_id: Option<RepositoryId>,
        /// The rest of the run's identity. `None` in runs of version 0.1.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        pinned: Option<Pinned>,
    },
}

/// Everything besides the head that decides the outcome of a pull request's review. It is part of the run's identity
/// and fixed during the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pinned {
    /// The commit that the reviewed diff starts from.
    pub merge_base: CommitSha,
    /// Digest of `.holdfast.yml` on the base branch; `none` where there is none.
    pub settings: String,
}

impl Target {
    /// Returns `owner/name` for a pull request, the last folder's name for a work tree.
    pub fn repository(&self) -> String {
        match self {
            Self::WorkTree { path, .. } => path
                .rsplit(['/', '\\'])
                .find(|part| !part.is_empty())
                .unwrap_or("work-tree")
                .to_owned(),
            Self::PullRequest { repository, .. } => repository.to_string(),
        }
    }

    /// Returns the repository on GitHub; none for a work tree.
    pub const fn repository_name(&self) -> Option<&RepositoryName> {
        match self {
            Self::WorkTree { .. } => None,
            Self::PullRequest { repository, .. } => Some(repository),
        }
    }

    /// Returns the reviewed commit.
    pub fn head(&self) -> &CommitSha {
        match self {
            Self::WorkTree { head, .. } | Self::PullRequest { head, .. } => head,
        }
    }

    /// Returns the pull request's number, if there is one.
    pub fn pull_request(&self) -> Option<u64> {
        match self {
            Self::WorkTree { .. } => None,
            Self::PullRequest { number, .. } => Some(*number),
        }
    }

    /// Returns the pinned part of the identity; none in runs of version 0.1.
    pub const fn pinned(&self) -> Option<&Pinned> {
        match self {
            Self::WorkTree { .. } | Self::PullRequest { pinned: None, .. } => None,
            Self::PullRequest { pinned, .. } => pinned.as_ref(),
        }
    }

    /// Returns the same target as version 0.1 wrote it.
    pub fn without_identity(&self) -> Self {
        let mut target = self.clone();
        if let Self::PullRequest {
            repository_id, pinned, ..
        } = &mut target
        {
            *repository_id = None;
            *pinned = None;
        }
        target
    }

    /// Returns the pull request's name in keys of rows and in markers: `ID#NUMBER` with the repository's id, which
    /// survives a rename. Without an id (version 0.1) it is [`Self::named_place`].
    pub fn place(&self) -> String {
        match self {
            Self::PullRequest {
                repository_id: Some(id),
                number,
                ..
            } => format!("{id}#{number}"),
            _ => self.named_place(),
        }
    }

    /// Returns the pull request's name as version 0.1 wrote it: `owner/name#NUMBER`, in lower case.
    pub fn named_place(&self) -> String {
        let number = self.pull_request().unwrap_or_default();
        format!("{}#{number}", self.repository().to_ascii_lowercase())
    }
}

/// A whole change.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    /// The commit that the diff starts from.
    pub base: CommitSha,
    /// The base branch's commit at the time of the read, which has the settings. `None` for a work tree and in changes
    /// that version 0.1 read, where it is `base`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_tip: Option<CommitSha>,
    /// The commit that it ends at.
    pub head: CommitSha,
    /// The pull request's title, or the head commit's subject.
    pub title: String,
    /// The pull request's description, or the commit messages; may be empty.
    pub description: String,
    /// Login or name of the author, where known.
    pub author: Option<String>,
    /// The pull request's page.
    #[serde(default)]
    pub url: Option<String>,
    /// Whether the pull request's branch is in its own repository: whoever pushes to it may write there. False for a
    /// fork's, for a work tree, and in changes of earlier versions.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_branch_here: bool,
    /// Every listed file, in the source's order.
    pub files: Vec<ChangedFile>,
    /// The source's number of changed files; more than `files` when the listing was cut off.
    pub files_total: u64,
    /// Notes of the source for the reader, such as a limit that left files out. One line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

impl Change {
    /// Returns the commit that the settings are read from.
    pub fn settings_commit(&self) -> &CommitSha {
        self.base_tip.as_ref().unwrap_or(&self.base)
    }

    /// Returns the number of changed files that the source counts and did not list: they are unreviewed and have no
    /// coverage.
    pub fn unlisted(&self) -> u64 {
        self.files_total
            .saturating_sub(u64::try_from(self.files.len()).unwrap_or(u64::MAX))
    }
}

/// One changed file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedFile {
    /// Path in the head (in the base for a deleted file), `/`-separated. In work trees, bytes that are not UTF-8 are
    /// escaped as `\\351`; different names stay different.
    pub path: String,
    /// Path in the base, when renamed or copied.
    pub previous_path: Option<String>,
    /// The kind of change.
    pub status: FileStatus,
    /// The kind of file.
    pub kind: FileKind,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
    /// The hunks, as unified diff text from the first `@@`; none where `omitted` gives the reason.
    pub patch: Option<String>,
    /// The reason why changed content is not reviewed: binary, too large, left out by the source. A patch beside it
    /// (runs of version 0.1) is only searched for secrets and goes to no model.
    pub omitted: Option<String>,
    /// Secrets in added lines of a text that has no `patch`: too large to show, or with NUL bytes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub secrets: Vec<Finding>,
}

/// The kind of change to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileStatus {
    /// New in the head.
    Added,
    /// Content changed.
    Modified,
    /// Missing in the head.
    Deleted,
    /// Moved, possibly also edited.
    Renamed,
    /// Copied from another path.
    Copied,
    /// Only its mode (permission bits) changed.
    ModeChanged,
    /// Became another kind of file (file to symlink, file to submodule…).
    TypeChanged,
}

/// The kind of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// Text with lines.
    Text,
    /// Has NUL bytes, or is marked as binary.
    Binary,
    /// A gitlink: a commit of another repository.
    Submodule,
    /// A symbolic link.
    Symlink,
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
    use serde_json::json;

    use super::*;

    #[test]
    fn a_stored_target_is_written_as_it_was_read() {
        let head = "a".repeat(40);
        let text = format!(
            r#"{{"kind":"pull_request","owner":"octo-org","repository":"demo.rs","number":12,"head":"{head}","repository_id":77}}"#
        );
        let target: Target = serde_json::from_str(&text).unwrap();
        assert_eq!(target.repository_name().unwrap().to_string(), "octo-org/demo.rs");
        assert_eq!(serde_json::to_string(&target).unwrap(), text);
        for (owner, repository) in [("octo", ".."), ("octo/x", "demo"), ("", "demo")] {
            let stored =
                json!({ "kind": "pull_request", "owner": owner, "repository": repository, "number": 1, "head": head });
            assert!(
                serde_json::from_value::<Target>(stored).is_err(),
                "{owner}/{repository}"
            );
        }
    }
}
