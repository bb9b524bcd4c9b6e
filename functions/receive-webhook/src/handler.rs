//! A delivery in, the run's name or why there is none out.

use std::sync::Arc;

use holdfast_core::intake::{self, RunSettings};
use holdfast_core::webhook::WebhookSecrets;
use holdfast_lambda::{
    DynamodbKeepRows, GithubPublishReview, GithubReadChange, GithubReadPermission, Request, S3StoreArtifact,
    StepFunctionsRuns,
};
use holdfast_web::reply::Reply;
use holdfast_web::webhook;
use jiff::Timestamp;

/// All that this function can reach.
pub struct Ports {
    pub secrets: WebhookSecrets,
    pub how: RunSettings,
    pub runs: StepFunctionsRuns,
    pub read: GithubReadChange,
    pub permission: GithubReadPermission,
    pub publish: GithubPublishReview,
    pub rows: DynamodbKeepRows,
    pub store: S3StoreArtifact,
}

/// Takes a delivery.
pub async fn handle(request: Request, ports: Arc<Ports>) -> Reply {
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
