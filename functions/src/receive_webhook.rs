//! The function `receive-webhook`: takes GitHub's deliveries and answers with the run's name, or why none was started.

use std::sync::Arc;

use holdfast_aws::dynamodb::DynamodbKeepRows;
use holdfast_aws::s3::S3StoreArtifact;
use holdfast_aws::step_functions::StepFunctionsRuns;
use holdfast_core::intake::{self, RunSettings};
use holdfast_core::webhook::WebhookSecrets;
use holdfast_github::{GithubPublishReview, GithubReadChange, GithubReadPermission};
use holdfast_web::reply::Reply;
use holdfast_web::webhook;
use jiff::Timestamp;

use crate::http::{Request, serve_http};
use crate::settings::{ALIAS, BUCKET, STATE_MACHINE, TABLE};
use crate::wiring::Wiring;

/// The adapters of this function.
struct Ports {
    secrets: WebhookSecrets,
    how: RunSettings,
    runs: StepFunctionsRuns,
    read: GithubReadChange,
    permission: GithubReadPermission,
    publish: GithubPublishReview,
    rows: DynamodbKeepRows,
    store: S3StoreArtifact,
}

/// Serves GitHub's deliveries until Lambda ends the process.
///
/// # Errors
///
/// A setting is wrong or missing, or the runtime's interface can't be reached.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), crate::Error> {
    let wiring = Wiring::begin(vec![BUCKET, TABLE, STATE_MACHINE, ALIAS], |setup| {
        Ok(Ports {
            secrets: setup.webhook_secrets()?,
            how: setup.run_settings(),
            runs: setup.runs_by_alias(),
            read: setup.read()?,
            permission: setup.permission()?,
            publish: setup.publish()?,
            rows: setup.rows(),
            store: setup.store(),
        })
    })
    .await?;
    serve_http(wiring, handle).await
}

/// Answers a delivery.
async fn handle(request: Request, ports: Arc<Ports>) -> Reply {
    let reached = intake::Ports {
        start: &ports.runs,
        stop: &ports.runs,
        read: &ports.read,
        pulls: &ports.read,
        permission: &ports.permission,
        publish: &ports.publish,
        rows: &ports.rows,
        store: &ports.store,
        now_ms: Timestamp::now().as_millisecond(),
    };
    webhook::answer(&ports.secrets, request.headers(), request.body(), &ports.how, reached).await
}
