//! The function `sweep`: sweeps at every event, whether from the schedule or from a run's end, and starts the retries of
//! reviews whose outage is over. It ignores the event's content, because every sweep handles everything that is left.

use std::sync::Arc;

use holdfast_aws::dynamodb::DynamodbKeepRows;
use holdfast_aws::s3::S3StoreArtifact;
use holdfast_aws::step_functions::StepFunctionsRuns;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::Deadline;
use holdfast_core::redrive;
use holdfast_core::retry::RetrySettings;
use holdfast_core::stage::StageError;
use holdfast_core::sweep::{self, Swept};
use holdfast_github::{GithubPublishReview, GithubReadChange, GithubRedeliverWebhooks};
use jiff::Timestamp;
use serde_json::Value;

use crate::deadline::EventDeadlines;
use crate::invoke::{Answer, Event, serve, through};
use crate::settings::{ALIAS, BUCKET, STATE_MACHINE, TABLE};
use crate::wiring::Wiring;

/// The adapters of this function.
struct Ports {
    runs: StepFunctionsRuns,
    read: GithubReadChange,
    deliveries: GithubRedeliverWebhooks,
    publish: GithubPublishReview,
    rows: DynamodbKeepRows,
    store: S3StoreArtifact,
    retries: RetrySettings,
}

/// Sweeps on each event, from the schedule or from a run's end, until Lambda ends the process.
///
/// # Errors
///
/// A setting is wrong or missing, or the runtime's interface can't be reached.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), crate::Error> {
    let wiring = Wiring::begin(vec![BUCKET, TABLE, STATE_MACHINE, ALIAS], |setup| {
        Ok(Ports {
            runs: setup.runs_by_alias(),
            read: setup.read()?,
            deliveries: setup.deliveries()?,
            publish: setup.publish()?,
            rows: setup.rows(),
            store: setup.store(),
            retries: setup.retries(),
        })
    })
    .await?;
    serve(wiring, handle).await
}

/// Runs one sweep. Work that is left is logged and isn't a failure, because the next sweep retries it.
async fn handle(event: Event, ports: Arc<Ports>) -> Answer {
    through(event.payload, None, async |_event: Value| {
        sweep_all(&ports, &EventDeadlines.of(&event.context)).await
    })
    .await
}

async fn sweep_all(ports: &Ports, deadline: &dyn Deadline) -> Result<Swept, StageError> {
    let reached = sweep::Ports {
        runs: &ports.runs,
        tasks: &ports.runs,
        deliveries: &ports.deliveries,
        publish: &ports.publish,
        rows: &ports.rows,
        store: &ports.store,
        deadline,
    };
    let swept = sweep::sweep(Timestamp::now().as_millisecond(), reached).await?;
    for left in &swept.left {
        tracing::error!(left, "left for the next sweep");
    }
    let names = |runs: &[RunName]| runs.iter().map(RunName::to_string).collect::<Vec<_>>();
    tracing::info!(
        cleaned = ?names(&swept.cleaned),
        delivered = ?names(&swept.delivered),
        redelivered = swept.redelivered,
        "swept"
    );
    let due = redrive::Ports {
        pulls: &ports.read,
        publish: &ports.publish,
        runs: &ports.runs,
        rows: &ports.rows,
        store: &ports.store,
        deadline,
        now_ms: Timestamp::now().as_millisecond(),
        is_off: ports.retries.within_ms.is_none(),
    };
    let redriven = redrive::start_due(due).await?;
    for left in &redriven.left {
        tracing::warn!(left, "a review is not retried yet");
    }
    tracing::info!(started = ?names(&redriven.started), "retried reviews");
    Ok(swept)
}
