//! Implements the port that writes to pull requests, with the reviews of `review`, their comments of `inline`, the
//! conversation's comments of `summary_comment` and `comments`, and the checks of `check`.

use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::ledger::FindingId;
use holdfast_core::model::change::Target;
use holdfast_core::model::console_page;
use holdfast_core::model::marker::MarkerKey;
use holdfast_core::model::run_name::RunName;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{CheckOutcome, CommentRevision, DraftedReview, PublishError, PublishReview, ReviewDraft};
use url::Url;

use super::bot_client::BotClient;
use super::connection::GithubConnection;
use super::read::PullRequest;
use super::{check, comments, inline, review, summary_comment};

/// Writes to pull requests.
#[derive(Clone, Debug)]
pub struct GithubPublishReview {
    connection: GithubConnection,
    key: MarkerKey,
    /// The start of the addresses of the console, which has a page for each run.
    console: Option<Url>,
}

impl GithubPublishReview {
    /// Uses this connection, which needs a token or an App. `key` signs the markers of reviews and comments; those with
    /// another key's marker aren't found again.
    pub const fn new(connection: GithubConnection, key: MarkerKey) -> Self {
        Self {
            connection,
            key,
            console: None,
        }
    }

    /// Makes checks link to the pages of runs in the console at this address.
    #[must_use]
    pub fn with_console(mut self, console: Option<Url>) -> Self {
        self.console = console;
        self
    }

    fn client<'a>(&'a self, target: &'a Target) -> Result<BotClient<'a>, PublishError> {
        BotClient::new(&self.connection, &self.key, target).ok_or_else(nowhere)
    }
}

#[async_trait]
impl PublishReview for GithubPublishReview {
    async fn open_check(&self, target: &Target, run: &RunName) -> Result<Option<u64>, PublishError> {
        let page = self
            .console
            .as_ref()
            .and_then(|console| console_page::of_run(console, run));
        check::open(&self.connection, &pull_request(target)?, run, page.as_ref()).await
    }

    async fn close_check(&self, target: &Target, check: u64, outcome: &CheckOutcome) -> Result<(), PublishError> {
        check::close(
            &self.connection,
            &pull_request(target)?,
            check,
            outcome,
            self.console.as_ref(),
        )
        .await
    }

    async fn close_checks(&self, target: &Target, run: &RunName, outcome: &CheckOutcome) -> Result<(), PublishError> {
        check::close_all(
            &self.connection,
            &pull_request(target)?,
            run,
            outcome,
            self.console.as_ref(),
        )
        .await
    }

    async fn copy_check(&self, target: &Target, onto: &CommitSha) -> Result<(), PublishError> {
        check::copy(&self.connection, &pull_request(target)?, onto).await
    }

    async fn limited_for(&self, target: &Target) -> Result<Duration, PublishError> {
        match target.repository_name() {
            Some(repository) => Ok(self.connection.limited_for(repository.owner()).await?),
            None => Err(nowhere()),
        }
    }

    async fn announce(&self, target: &Target, run: &RunName, body: &str) -> Result<(), PublishError> {
        Ok(summary_comment::announce(&self.client(target)?, run.as_str(), body).await?)
    }

    async fn await_maintainer(&self, target: &Target, body: &str) -> Result<(), PublishError> {
        Ok(summary_comment::await_maintainer(&self.client(target)?, body).await?)
    }

    async fn withdraw_state(&self, target: &Target, run: &RunName) -> Result<(), PublishError> {
        Ok(summary_comment::withdraw(&self.client(target)?, run).await?)
    }

    async fn withdraw_draft(&self, target: &Target, run: &RunName) -> Result<bool, PublishError> {
        let client = self.client(target)?;
        Ok(review::withdraw_draft(&client, run).await? || summary_comment::is_published(&client, run).await?)
    }

    async fn summarize(&self, target: &Target, run: &RunName, body: &str) -> Result<(), PublishError> {
        let client = self.client(target)?;
        summary_comment::summarize(&client, run, body).await?;
        Ok(comments::remove_outdated(&client).await?)
    }

    async fn revise_comment(&self, target: &Target, revision: &CommentRevision) -> Result<(), PublishError> {
        Ok(inline::revise(&self.client(target)?, revision).await?)
    }

    async fn resolve_thread(&self, target: &Target, thread: &str, is_resolved: bool) -> Result<bool, PublishError> {
        Ok(inline::resolve(&self.client(target)?, thread, is_resolved).await?)
    }

    async fn posted_findings(&self, target: &Target, review: u64) -> Result<Vec<(FindingId, u64)>, PublishError> {
        Ok(inline::posted(&self.client(target)?, review).await?)
    }

    async fn answer_command(&self, target: &Target, comment: u64, body: &str) -> Result<(), PublishError> {
        Ok(comments::answer(&self.client(target)?, comment, body).await?)
    }

    async fn draft_review(&self, target: &Target, draft: &ReviewDraft) -> Result<DraftedReview, PublishError> {
        review::draft(&self.client(target)?, draft).await
    }

    async fn submit_review(&self, target: &Target, review: u64) -> Result<(), PublishError> {
        review::submit(&self.client(target)?, review).await
    }
}

fn pull_request(target: &Target) -> Result<PullRequest, PublishError> {
    PullRequest::of(target).ok_or_else(nowhere)
}

fn nowhere() -> PublishError {
    PublishError::Rejected("a work tree has nowhere to publish to".to_owned())
}
