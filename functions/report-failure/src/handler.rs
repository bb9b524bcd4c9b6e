//! ReportFailure's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::report_failure::report_failure;
use holdfast_lambda::{Answer, Event, GithubPublishReview, S3StoreArtifact, through};

/// All that this function can reach.
pub struct Ports {
    pub publish: GithubPublishReview,
    pub store: S3StoreArtifact,
}

/// Writes why the review failed.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        report_failure(&input, &ports.publish, &ports.store).await
    })
    .await
}
