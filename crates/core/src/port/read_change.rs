//! Reading a change and its files. Never writes.

use async_trait::async_trait;

use crate::model::change::{Change, Target};
use crate::model::error_name::ErrorName;
use crate::model::sha::CommitSha;

/// Reading failed: what, where and what helps, in one line each.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The work tree, a revision or an object cannot be read.
    #[error("{0}")]
    Repository(String),
    /// The credentials are refused, or lack a permission.
    #[error("{0}")]
    Forbidden(String),
    /// The organisation wants its single sign-on first.
    #[error("{0}")]
    SignOnRequired(String),
    /// Not there, or not visible.
    #[error("{0}")]
    NotFound(String),
    /// A rate limit.
    #[error("{detail}")]
    RateLimited {
        /// What was said.
        detail: String,
        /// When to come again, in seconds from now, where it was said.
        retry_after_s: Option<u64>,
    },
    /// No answer, 5xx, or an answer that cannot be read.
    #[error("{0}")]
    Unavailable(String),
}

impl ReadError {
    /// The workflow's name.
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
}

/// Where a change's diff starts and ends now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The commit that it ends at.
    pub head: CommitSha,
    /// The commit that it starts from; `None` where the source cannot tell.
    pub merge_base: Option<CommitSha>,
}

/// An entry of a commit's root folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RootEntry {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: RootKind,
    /// A file's size, where that is known.
    pub bytes: Option<u64>,
}

/// What an entry of a root folder is.
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
    /// The whole change, every file of it.
    async fn read_change(&self, target: &Target) -> Result<Change, ReadError>;
    /// A file's bytes at a commit; `None` where there is no such file, or it is not a blob, or over 1 MiB.
    async fn read_file(&self, target: &Target, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError>;
    /// Reads the bytes of several files at a commit, in the order of `paths`: what [`Self::read_file`] returns for each, in few
    /// requests. Callers name at most [`FILES_PER_READ`] files a call, so that memory is bounded; a few calls may run at once.
    ///
    /// # Errors
    ///
    /// As [`Self::read_file`]: one file that cannot be read fails the call.
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
    /// The entries of a commit's root folder; `None` where that is not known.
    async fn read_root(&self, _target: &Target, _at: &CommitSha) -> Result<Option<Vec<RootEntry>>, ReadError> {
        Ok(None)
    }
    /// The head as it stands now: for a pull request, asked again; for a work tree, the target's own.
    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError>;
    /// Both ends as they stand now: what is published is of this diff. A source whose base cannot move gives its head.
    async fn current_ends(&self, target: &Target) -> Result<Ends, ReadError> {
        let head = self.current_head(target).await?;
        Ok(Ends { head, merge_base: None })
    }
}
