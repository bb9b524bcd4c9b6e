//! PlanReview's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::plan_review::plan_review;
use holdfast_lambda::{Answer, Event, GithubReadChange, S3StoreArtifact, through};

/// All that this function can reach.
pub struct Ports {
    pub read: GithubReadChange,
    pub store: S3StoreArtifact,
}

/// Cuts the change into units.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        plan_review(&input, &ports.read, &ports.store).await
    })
    .await
}
