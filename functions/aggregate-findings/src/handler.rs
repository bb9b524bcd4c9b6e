//! AggregateFindings's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::aggregate_findings::aggregate_findings;
use holdfast_lambda::{Answer, Event, S3StoreArtifact, through};

/// All that this function can reach.
pub struct Ports {
    pub store: S3StoreArtifact,
}

/// Merges the units' results.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| aggregate_findings(&input, &ports.store).await).await
}
