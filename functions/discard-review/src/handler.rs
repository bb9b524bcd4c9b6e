//! DiscardReview's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::discard_review::discard_review;
use holdfast_lambda::{Answer, Event, GithubPublishReview, S3StoreArtifact, through};

/// All that this function can reach.
pub struct Ports {
    pub publish: GithubPublishReview,
    pub store: S3StoreArtifact,
}

/// Closes the check of a review that is not published.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        discard_review(&input, &ports.publish, &ports.store).await
    })
    .await
}
