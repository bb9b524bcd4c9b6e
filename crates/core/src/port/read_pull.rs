//! The port that reads a pull request and its comments in their current state: a delivery's payload is only a hint. It
//! never writes.

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
    /// Whether it is an App, not a person.
    pub is_bot: bool,
}

/// The current state of a pull request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullNow {
    /// The repository's id; `None` where the server leaves it out.
    pub repository_id: Option<RepositoryId>,
    /// The repository's current name.
    pub repository: RepositoryName,
    /// Whether the repository is private.
    pub is_private: bool,
    /// Its number, from 1.
    pub number: u64,
    /// The commit to merge.
    pub head: CommitSha,
    /// The base branch's commit.
    pub base: CommitSha,
    /// Whether it is neither closed nor merged.
    pub is_open: bool,
    /// Whether it is a draft.
    pub is_draft: bool,
    /// The account that opened it; `None` where that was deleted.
    pub author: Option<Account>,
    /// The author's association with the repository.
    pub association: AuthorAssociation,
    /// The time of its last change, as RFC 3339 in UTC; empty where the server leaves it out.
    pub updated_at: String,
}

/// The current state of a comment in a pull request's conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommentNow {
    /// The pull request's number.
    pub number: u64,
    /// The account that wrote it; `None` where that was deleted.
    pub author: Option<Account>,
    /// Its text.
    pub body: String,
    /// The time of its creation, in milliseconds since 1970.
    pub created_ms: i64,
    /// Whether its text may be somebody else's: another account edited it last, or the last editor can't be read.
    pub is_edited_by_others: bool,
}

/// Reads the current state of pull requests.
#[async_trait]
pub trait ReadPull: Send + Sync {
    /// Reads a pull request, also after its repository was renamed.
    ///
    /// # Errors
    /// The pull request can't be found or read; the credentials are refused or limited.
    async fn pull(&self, repository: &RepositoryName, number: u64) -> Result<PullNow, ReadError>;
    /// Returns the last common commit of `base` and `head`, which the diff between them starts from.
    ///
    /// # Errors
    /// A commit is unknown to the repository, the commits have no common one, or the read fails.
    async fn merge_base(
        &self,
        repository: &RepositoryName,
        base: &CommitSha,
        head: &CommitSha,
    ) -> Result<CommitSha, ReadError>;
    /// Reads a comment by its id; `None` where it was deleted.
    ///
    /// # Errors
    /// The read fails, or the credentials are refused or limited.
    async fn comment(&self, repository: &RepositoryName, id: u64) -> Result<Option<CommentNow>, ReadError>;
    /// Returns Holdfast's own login, where the credentials may read it.
    ///
    /// # Errors
    /// The server doesn't answer, or refuses the credentials as such.
    async fn own_login(&self) -> Result<Option<String>, ReadError>;
}
