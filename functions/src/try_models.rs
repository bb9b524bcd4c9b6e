//! The function `try-models`: calls the models of reviews that an outage or a limit ended, so that the function `sweep`
//! retries them once their models answer. It can't write to GitHub.

use std::sync::Arc;

use holdfast_aws::dynamodb::DynamodbKeepRows;
use holdfast_aws::s3::S3StoreArtifact;
use holdfast_core::provider::{BatchedModel, FallbackModel, PacedModel};
use holdfast_core::redrive;
use jiff::Timestamp;
use serde_json::Value;

use crate::deadline::EventDeadlines;
use crate::invoke::{Answer, Event, serve, through};
use crate::settings::{BUCKET, TABLE, TOPIC};
use crate::wiring::Wiring;

/// The adapters of this function.
struct Ports {
    model: BatchedModel<FallbackModel<PacedModel>>,
    rows: DynamodbKeepRows,
    store: S3StoreArtifact,
}

/// Tries the models on each event of the schedule, until Lambda ends the process.
///
/// # Errors
///
/// A setting is wrong or missing, or the runtime's interface can't be reached.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), crate::Error> {
    let wiring = Wiring::begin(vec![BUCKET, TABLE, TOPIC], |setup| {
        Ok(Ports {
            model: setup.model()?,
            rows: setup.rows(),
            store: setup.store(),
        })
    })
    .await?;
    serve(wiring, handle).await
}

async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event.payload, None, async |_event: Value| {
        let deadline = EventDeadlines.of(&event.context);
        let now_ms = Timestamp::now().as_millisecond();
        redrive::try_models(&ports.model, &ports.rows, &ports.store, &deadline, now_ms).await
    })
    .await
}
