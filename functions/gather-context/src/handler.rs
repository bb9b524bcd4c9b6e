//! GatherContext's event in, through its stage, the answer out.

use std::sync::Arc;

use holdfast_core::stage::gather_context::gather_context;
use holdfast_lambda::{Answer, Event, GithubReadChange, S3StoreArtifact, TreeSitterSyntax, through};

/// All that this function can reach.
pub struct Ports {
    pub read: GithubReadChange,
    pub syntax: TreeSitterSyntax,
    pub store: S3StoreArtifact,
}

/// Gathers what surrounds each hunk.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |input| {
        gather_context(&input, &ports.read, &ports.syntax, &ports.store).await
    })
    .await
}
