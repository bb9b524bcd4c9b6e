//! The routes of the server, and the limits on their requests.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::header::CONNECTION;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use holdfast_core::intake::Ports;
use holdfast_web::form::MAX_FORM_BYTES;
use holdfast_web::reply::Reply;
use holdfast_web::webhook;

use super::{App, console, metrics};
use holdfast_http_server::{BodyLimits, take_body};
use holdfast_ops::machine;

/// Returns all routes.
pub fn router(app: Arc<App>) -> Router {
    let counted = Arc::clone(&app.opened.metrics);
    Router::new()
        .route("/healthz", get(health))
        .route(
            "/webhooks/github",
            post(deliver)
                .layer(DefaultBodyLimit::disable())
                .layer(from_fn(run_to_completion))
                // One byte more than the limit, so that a body of exactly the limit is accepted and a larger one is
                // refused.
                .layer(from_fn(async |request: Request, next: Next| {
                    take_body(BodyLimits::of_bytes(webhook::MAX_BODY_BYTES + 1), request, next).await
                }))
                // Before the body is read: a request without a signature costs only its head.
                .layer(from_fn(refuse_unsigned))
                .layer(from_fn(move |request: Request, next: Next| {
                    metrics::count_delivery(Arc::clone(&counted), request, next)
                })),
        )
        .merge(console::router().layer(from_fn(run_to_completion)).layer(from_fn(
            async |request: Request, next: Next| take_body(BodyLimits::of_bytes(MAX_FORM_BYTES), request, next).await,
        )))
        .fallback(not_found)
        .with_state(app)
}

/// Answers a request for an unknown address.
pub async fn not_found() -> Response {
    respond(Reply::new(
        StatusCode::NOT_FOUND,
        "text/plain; charset=utf-8",
        "not found\n",
    ))
}

/// Refuses a delivery without a signature before its body is read.
async fn refuse_unsigned(request: Request, next: Next) -> Response {
    match webhook::refuse_unsigned(request.headers()) {
        None => next.run(request).await,
        Some(refusal) => {
            let mut response = respond(refusal);
            // The body isn't read, so the connection can't carry another request.
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

/// Completes a request even when the client closes the connection meanwhile. A form that is sent twice closes the first
/// connection; without this, a decision that is stored but not delivered would wait for the sweeper.
async fn run_to_completion(request: Request, next: Next) -> Response {
    tokio::spawn(next.run(request)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request ended early");
        respond(Reply::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain; charset=utf-8",
            "the request ended early: check whether it took effect\n",
        ))
    })
}

/// Answers 200 while the disk accepts writes, otherwise 503 with the problem.
async fn health(State(app): State<Arc<App>>) -> Response {
    let wrong = app.opened.engine.health().borrow().as_ref().map(ToString::to_string);
    let (status, body) = match wrong {
        None => (StatusCode::OK, "ok\n".to_owned()),
        Some(wrong) => (StatusCode::SERVICE_UNAVAILABLE, format!("{wrong}\n")),
    };
    respond(Reply::new(status, "text/plain; charset=utf-8", body))
}

async fn deliver(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let stages = &app.opened.stages;
    let ports = Ports {
        start: app.opened.runs.as_ref(),
        stop: app.opened.runs.as_ref(),
        read: stages.read.as_ref(),
        pulls: app.pulls.as_ref(),
        permission: app.permission.as_ref(),
        publish: stages.publish.as_ref(),
        rows: stages.rows.as_ref(),
        store: stages.store.as_ref(),
        now_ms: machine::now_ms(),
    };
    respond(webhook::answer(&app.secrets, &headers, &body, &app.run_settings, ports).await)
}

/// Sends an answer.
pub fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
