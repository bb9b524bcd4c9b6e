//! Reads the current state of a pull request and its comments, for webhooks, which only name them. Never writes.

use async_trait::async_trait;
use holdfast_core::model::repository_id::RepositoryId;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{Account, CommentNow, PullNow, ReadError, ReadPull};
use holdfast_core::webhook::AuthorAssociation;
use serde_json::json;

use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::{GithubReadChange, Place, head_of, merge_base, read_pull, sha};
use super::wire::{CommentPage, EditorData, User};

/// The permission to read comments.
const COMMENTS_READ: &str = "Issues: read";
/// Queries the last editor of a comment, which only GraphQL has.
const EDITOR: &str = "query($id: ID!) { node(id: $id) { ... on IssueComment { lastEditedAt editor { login } } } }";

#[async_trait]
impl ReadPull for GithubReadChange {
    async fn pull(&self, repository: &RepositoryName, number: u64) -> Result<PullNow, ReadError> {
        let place = Place {
            repository,
            number: &number.to_string(),
        };
        let pull = read_pull(&self.connection, place).await?;
        let (head, base) = (head_of(&pull)?, sha(&pull.base.sha)?);
        let today = pull.base.repo;
        let name = match &today {
            Some(today) => RepositoryName::new(&today.owner.login, &today.name)
                .map_err(|error| ReadError::Unavailable(format!("GitHub's answer can't be read: {error}")))?,
            None => repository.clone(),
        };
        Ok(PullNow {
            repository_id: today.as_ref().map(|today| RepositoryId::new(today.id)),
            is_private: today.as_ref().is_some_and(|today| today.private),
            repository: name,
            number,
            head,
            base,
            is_open: pull.state != "closed",
            is_draft: pull.draft,
            author: pull.user.map(account),
            association: AuthorAssociation::parse(&pull.author_association),
            updated_at: pull.updated_at,
        })
    }

    async fn merge_base(
        &self,
        repository: &RepositoryName,
        base: &CommitSha,
        head: &CommitSha,
    ) -> Result<CommitSha, ReadError> {
        let place = Place { repository, number: "" };
        Ok(merge_base(&self.connection, place, base, head).await?)
    }

    async fn comment(&self, repository: &RepositoryName, id: u64) -> Result<Option<CommentNow>, ReadError> {
        let id = id.to_string();
        let (owner, name) = (repository.owner(), repository.name());
        let call = self
            .connection
            .get(&["repos", owner, name, "issues", "comments", &id], COMMENTS_READ);
        let page: CommentPage = match self.connection.json(call).await {
            Err(failure) if failure.kind == Kind::NotFound => return Ok(None),
            page => page?,
        };
        let number = page.issue_url.rsplit('/').next().and_then(|number| number.parse().ok());
        let is_edited_by_others =
            page.updated_at != page.created_at && is_edited_by_others(&self.connection, repository, &page).await?;
        Ok(Some(CommentNow {
            number: number.unwrap_or_default(),
            author: page.user.map(account),
            body: page.body.unwrap_or_default(),
            created_ms: page.created_at.as_millisecond(),
            is_edited_by_others,
        }))
    }

    async fn own_login(&self) -> Result<Option<String>, ReadError> {
        Ok(self.connection.own_login().await?)
    }
}

fn account(user: User) -> Account {
    Account {
        is_bot: user.kind == "Bot",
        login: user.login,
    }
}

/// Returns true if somebody other than the author edited a comment last, or if GitHub doesn't show who did.
async fn is_edited_by_others(
    connection: &GithubConnection,
    repository: &RepositoryName,
    page: &CommentPage,
) -> Result<bool, Failure> {
    let call = connection.query(repository, EDITOR, json!({ "id": page.node_id }), COMMENTS_READ);
    let edited = match connection.graphql::<EditorData>(call).await {
        Ok(answer) => answer.data.and_then(|data| data.node),
        Err(failure) if matches!(failure.kind, Kind::RateLimited(_) | Kind::Unavailable) => return Err(failure),
        Err(_) => None,
    };
    let Some(edited) = edited else { return Ok(true) };
    let author = page.user.as_ref().map(|user| user.login.as_str());
    Ok(edited.last_edited_at.is_some() && edited.editor.as_ref().map(|editor| editor.login.as_str()) != author)
}
