//! Reading a pull request and its comments as they are now: a delivery's payload is a hint. Never writes.

use async_trait::async_trait;

use crate::model::author_association::AuthorAssociation;
use crate::model::repository_id::RepositoryId;
use crate::model::repository_name::RepositoryName;
use crate::model::sha::CommitSha;

use super::ReadError;

/// An account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The login.
    pub login: String,
    /// Whether it is an App's, not a person's.
    pub is_bot: bool,
}

/// A pull request as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullNow {
    /// The repository's id; `None` where the server leaves it out.
    pub repository_id: Option<RepositoryId>,
    /// The repository's name of today.
    pub repository: RepositoryName,
    /// Whether only some may see the repository.
    pub is_private: bool,
    /// Its number, from 1.
    pub number: u64,
    /// The commit that is to be merged.
    pub head: CommitSha,
    /// The base branch's commit.
    pub base: CommitSha,
    /// Neither closed nor merged.
    pub is_open: bool,
    /// Not ready for review.
    pub is_draft: bool,
    /// Who opened it; `None` for a deleted account.
    pub author: Option<Account>,
    /// What the author is to the repository.
    pub association: AuthorAssociation,
    /// When it was changed last, as RFC 3339 in UTC; empty where the server does not tell it.
    pub updated_at: String,
}

/// A comment in a pull request's conversation as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentNow {
    /// The pull request that it is on.
    pub number: u64,
    /// Who wrote it; `None` for a deleted account.
    pub author: Option<Account>,
    /// Its text.
    pub body: String,
    /// When it was written, in milliseconds since 1970.
    pub created_ms: i64,
    /// Whether its text may be another's: somebody but its author edited it last, or who did cannot be read.
    pub is_edited_by_others: bool,
}

/// Reads pull requests as they are now.
#[async_trait]
pub trait ReadPull: Send + Sync {
    /// A pull request, also where its repository was renamed.
    async fn pull(&self, repository: &RepositoryName, number: u64) -> Result<PullNow, ReadError>;
    /// The last commit that both have: where the diff from `base` to `head` starts.
    async fn merge_base(
        &self,
        repository: &RepositoryName,
        base: &CommitSha,
        head: &CommitSha,
    ) -> Result<CommitSha, ReadError>;
    /// A comment by its id; `None` where it was deleted.
    async fn comment(&self, repository: &RepositoryName, id: u64) -> Result<Option<CommentNow>, ReadError>;
    /// The login that our own writes carry, where the credentials may ask for it.
    async fn own_login(&self) -> Result<Option<String>, ReadError>;
}
