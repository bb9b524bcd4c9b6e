//! The port that reads a change and its files. It never writes.

use async_trait::async_trait;

use crate::evidence::{Evidence, ToolRequest, ToolRuns};
use crate::model::change::{Change, Target};
use crate::model::error_name::ErrorName;
use crate::model::sha::CommitSha;

/// A read failed: what, where and the remedy, in one line.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The work tree, a revision or an object can't be read.
    #[error("{0}")]
    Repository(String),
    /// GitHub refuses the credentials, or a permission is missing.
    #[error("{0}")]
    Forbidden(String),
    /// The organisation requires single sign-on.
    #[error("{0}")]
    SignOnRequired(String),
    /// It is missing, or not visible to these credentials.
    #[error("{0}")]
    NotFound(String),
    /// A rate limit.
    #[error("{detail}")]
    RateLimited {
        /// The server's message.
        detail: String,
        /// When to retry, in seconds from now, where the server names a time.
        retry_after_s: Option<u64>,
    },
    /// No answer, 5xx, or an answer that can't be read.
    #[error("{0}")]
    Unavailable(String),
}

impl ReadError {
    /// Returns the workflow's name for it.
    pub const fn name(&self) -> ErrorName {
        match self {
            Self::Repository(_) => ErrorName::RepositoryUnreadable,
            Self::Forbidden(_) => ErrorName::GithubForbidden,
            Self::SignOnRequired(_) => ErrorName::GithubSignOnRequired,
            Self::NotFound(_) => ErrorName::GithubNotFound,
            Self::RateLimited { .. } => ErrorName::GithubRateLimited,
            Self::Unavailable(_) => ErrorName::GithubUnavailable,
        }
    }

    /// Returns the seconds until GitHub accepts requests again, where it names them.
    pub const fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after_s, .. } => *retry_after_s,
            _ => None,
        }
    }
}

/// The current ends of a change's diff.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The commit that it ends at.
    pub head: CommitSha,
    /// The commit that it starts from; `None` where the source doesn't know it.
    pub merge_base: Option<CommitSha>,
}

/// An entry of a commit's root folder, or of a folder in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootEntry {
    /// Its name.
    pub name: String,
    /// Its kind.
    pub kind: RootKind,
    /// A file's size in bytes, where it is known.
    pub bytes: Option<u64>,
}

#[cfg(test)]
impl RootEntry {
    pub(crate) fn new(name: &str, kind: RootKind, bytes: u64) -> Self {
        Self {
            name: name.to_owned(),
            kind,
            bytes: Some(bytes),
        }
    }
}

/// The kind of an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RootKind {
    /// A file with content of its own.
    File,
    /// A symbolic link.
    Link,
    /// A folder or a submodule.
    Folder,
}

/// Maximum number of files that one call of [`ReadChange::read_files`] is for.
pub const FILES_PER_READ: usize = 100;

/// Reads a change.
#[async_trait]
pub trait ReadChange: Send + Sync {
    /// Reads the whole change, with every file.
    ///
    /// # Errors
    /// The repository, the pull request or a commit can't be found or read; the credentials are refused or limited.
    async fn read_change(&self, target: &Target) -> Result<Change, ReadError>;
    /// Reads a file's bytes at a commit; `None` where the file is missing, isn't a blob or has more than 1 MiB.
    ///
    /// # Errors
    /// The repository or the commit can't be found or read; the credentials are refused or limited.
    async fn read_file(&self, target: &Target, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError>;
    /// Reads several files at a commit in few requests: one result of [`Self::read_file`] for each of `paths`, in their
    /// order. A caller passes at most [`FILES_PER_READ`] files, which bounds memory; a few calls may run at once.
    ///
    /// # Errors
    ///
    /// As [`Self::read_file`]: one file that can't be read fails the call.
    async fn read_files(
        &self,
        target: &Target,
        paths: &[&str],
        at: &CommitSha,
    ) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        let mut contents = Vec::with_capacity(paths.len());
        for path in paths {
            contents.push(self.read_file(target, path, at).await?);
        }
        Ok(contents)
    }
    /// Lists the entries of a commit's root folder; `None` where the source can't list them.
    ///
    /// # Errors
    /// As [`Self::read_file`].
    async fn read_root(&self, _target: &Target, _at: &CommitSha) -> Result<Option<Vec<RootEntry>>, ReadError> {
        Ok(None)
    }
    /// Returns the open alerts of code scanning whose lines are those of `head`; none where the source has no code
    /// scanning.
    ///
    /// # Errors
    /// The alerts can't be found or read; the credentials are refused or limited.
    async fn code_scanning(&self, _target: &Target, _head: &CommitSha) -> Result<Evidence, ReadError> {
        Ok(Evidence::default())
    }
    /// Reads the SARIF files in artifacts with these names, of workflow runs on `head`; none where the source has no
    /// workflows. A damaged artifact is a note, and so is a name without an artifact.
    ///
    /// # Errors
    /// The artifacts can't be listed or downloaded; the credentials are refused or limited.
    async fn artifacts(&self, _target: &Target, _head: &CommitSha, _names: &[String]) -> Result<ToolRuns, ReadError> {
        Ok(ToolRuns::default())
    }
    /// Runs installed tools on changed files; a note tells that the source runs none. A tool that fails is a note too.
    ///
    /// # Errors
    /// The files can't be read; the credentials are refused or limited.
    async fn run_tools(&self, _target: &Target, request: &ToolRequest) -> Result<ToolRuns, ReadError> {
        let names: Vec<&str> = request.jobs.iter().map(|job| job.tool.name()).collect();
        Ok(ToolRuns {
            notes: vec![format!(
                "{} did not run: tools of the settings run only with holdfast review and holdfast serve on one machine",
                names.join(", ")
            )],
            ..ToolRuns::default()
        })
    }

    /// Lists the entries of a folder in a commit's root folder. Empty where there is no such folder; `None` where the
    /// source can't list it.
    ///
    /// # Errors
    /// As [`Self::read_file`].
    async fn read_folder(
        &self,
        _target: &Target,
        _name: &str,
        _at: &CommitSha,
    ) -> Result<Option<Vec<RootEntry>>, ReadError> {
        Ok(None)
    }
    /// Returns the current head: GitHub's for a pull request, the target's own for a work tree.
    ///
    /// # Errors
    /// The pull request can't be found or read; the credentials are refused or limited.
    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError>;
    /// Returns the current ends, which the published review must match. A source whose base can't move returns only its
    /// head.
    ///
    /// # Errors
    /// As [`Self::current_head`].
    async fn current_ends(&self, target: &Target) -> Result<Ends, ReadError> {
        let head = self.current_head(target).await?;
        Ok(Ends { head, merge_base: None })
    }
}
