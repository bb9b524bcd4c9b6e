//! Writes to a pull request: the port's three calls. How a review is posted stands in `review`, how a check runs in
//! `check`.

use async_trait::async_trait;
use holdfast_core::model::change::Target;
use holdfast_core::port::{CheckOutcome, PublishError, PublishReview, Published, ReviewDraft};

use super::connection::GithubConnection;
use super::read::PullRequest;
use super::{check, review};

/// Writes reviews and checks of pull requests.
#[derive(Clone, Debug)]
pub struct GithubPublishReview {
    connection: GithubConnection,
}

impl GithubPublishReview {
    /// Writes through this connection, which needs a token.
    pub const fn new(connection: GithubConnection) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl PublishReview for GithubPublishReview {
    async fn open_check(&self, target: &Target, external_id: &str) -> Result<Option<u64>, PublishError> {
        check::open(&self.connection, &pull_request(target)?, external_id).await
    }

    async fn close_check(&self, target: &Target, check: u64, outcome: &CheckOutcome) -> Result<(), PublishError> {
        check::close(&self.connection, &pull_request(target)?, check, outcome).await
    }

    async fn publish_review(&self, target: &Target, draft: &ReviewDraft) -> Result<Published, PublishError> {
        review::publish(&self.connection, &pull_request(target)?, draft).await
    }
}

fn pull_request(target: &Target) -> Result<PullRequest, PublishError> {
    PullRequest::of(target).ok_or_else(|| PublishError::Rejected("a work tree has nowhere to publish to".to_owned()))
}
