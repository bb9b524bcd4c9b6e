//! A tick of the clock, or the end of a run, in; what was cleaned and delivered out. What the event says does not matter:
//! every sweep looks at all that is left.

use std::sync::Arc;

use holdfast_core::stage::StageError;
use holdfast_core::sweep::{self, Swept};
use holdfast_lambda::{
    Answer, DynamodbKeepRows, Event, GithubPublishReview, GithubRedeliverWebhooks, S3StoreArtifact, StepFunctionsRuns,
    through,
};
use jiff::Timestamp;
use serde_json::Value;

/// All that this function can reach.
pub struct Ports {
    pub runs: StepFunctionsRuns,
    pub deliveries: GithubRedeliverWebhooks,
    pub publish: GithubPublishReview,
    pub rows: DynamodbKeepRows,
    pub store: S3StoreArtifact,
}

/// Sweeps. What is left is logged, and no failure: the next sweep tries it again.
pub async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event, async |_event: Value| sweep_all(&ports).await).await
}

async fn sweep_all(ports: &Ports) -> Result<Swept, StageError> {
    let reached = sweep::Ports {
        runs: &ports.runs,
        tasks: &ports.runs,
        deliveries: &ports.deliveries,
        publish: &ports.publish,
        rows: &ports.rows,
        store: &ports.store,
    };
    let swept = sweep::sweep(Timestamp::now().as_millisecond(), reached).await?;
    for left in &swept.left {
        tracing::error!(left, "left for the next sweep");
    }
    tracing::info!(
        cleaned = ?swept.cleaned,
        delivered = ?swept.delivered,
        redelivered = swept.redelivered,
        "swept"
    );
    Ok(swept)
}
