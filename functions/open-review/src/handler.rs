//! OpenReview's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::open_review::open_review;
use holdfast_lambda::{
    Answer, DynamodbKeepRows, Event, GithubPublishReview, GithubReadChange, S3StoreArtifact, StepFunctionsRuns, through,
};

/// All that this function can reach.
pub struct Ports {
    pub read: GithubReadChange,
    pub publish: GithubPublishReview,
    pub rows: DynamodbKeepRows,
    pub runs: StepFunctionsRuns,
    pub store: S3StoreArtifact,
}

/// Reads the change and announces the review.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        open_review(
            &input,
            &ports.read,
            &ports.publish,
            &ports.rows,
            &ports.runs,
            &ports.store,
        )
        .await
    })
    .await
}
