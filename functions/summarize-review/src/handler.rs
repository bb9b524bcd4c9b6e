//! SummarizeReview's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::summarize_review::summarize_review;
use holdfast_lambda::{Answer, Event, ModelRouter, S3StoreArtifact, metrics, through};

/// All that this function can reach.
pub struct Ports {
    pub model: ModelRouter,
    pub store: S3StoreArtifact,
}

/// Writes the walkthrough and decides the gate.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        let output = summarize_review(&input, &ports.model, &ports.store).await?;
        metrics::count_review(&ports.store, &input.run).await;
        Ok(output)
    })
    .await
}
