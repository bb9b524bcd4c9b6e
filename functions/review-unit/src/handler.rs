//! ReviewUnit's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::review_unit::review_unit;
use holdfast_lambda::{Answer, Event, ModelRouter, S3StoreArtifact, through};

/// All that this function can reach.
pub struct Ports {
    pub model: ModelRouter,
    pub store: S3StoreArtifact,
}

/// Asks the model about one unit.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        review_unit(&input, &ports.model, &ports.store).await
    })
    .await
}
