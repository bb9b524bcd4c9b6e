//! WithdrawAnnouncement's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::withdraw_announcement::withdraw_announcement;
use holdfast_lambda::{Answer, DynamodbKeepRows, Event, GithubPublishReview, S3StoreArtifact, through};

/// All that this function can reach.
pub struct Ports {
    pub publish: GithubPublishReview,
    pub rows: DynamodbKeepRows,
    pub store: S3StoreArtifact,
}

/// Undoes the announcement.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        withdraw_announcement(&input, &ports.publish, &ports.rows, &ports.store).await
    })
    .await
}
