//! Which request is answered by what.

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

use super::{App, console};
use holdfast_http_server::{BodyLimits, take_body};
use holdfast_ops::machine;

/// All routes.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/healthz", get(health))
        .route(
            "/webhooks/github",
            post(deliver)
                .layer(DefaultBodyLimit::disable())
                .layer(from_fn(to_its_end))
                // One byte more than is taken, so that too much is told apart from just enough.
                .layer(from_fn(async |request: Request, next: Next| {
                    take_body(BodyLimits::of_bytes(webhook::MAX_BODY_BYTES + 1), request, next).await
                }))
                // Before the body is read: a stranger without a signature costs a head.
                .layer(from_fn(refuse_unsigned)),
        )
        .merge(
            console::router()
                .layer(from_fn(to_its_end))
                .layer(from_fn(async |request: Request, next: Next| {
                    take_body(BodyLimits::of_bytes(MAX_FORM_BYTES), request, next).await
                })),
        )
        .fallback(async || {
            respond(Reply::new(
                StatusCode::NOT_FOUND,
                "text/plain; charset=utf-8",
                "not found\n",
            ))
        })
        .with_state(app)
}

/// Refuses a delivery that has no signature, whatever its body is.
async fn refuse_unsigned(request: Request, next: Next) -> Response {
    match webhook::refuse_unsigned(request.headers()) {
        None => next.run(request).await,
        Some(refusal) => {
            let mut response = respond(refusal);
            // The body is not read: nothing else can come after it.
            response
                .headers_mut()
                .insert(CONNECTION, HeaderValue::from_static("close"));
            response
        }
    }
}

/// What was begun is done, also when who asked hangs up meanwhile: a form that is sent twice ends the first connection, and
/// a decision that is stored would wait for the sweeper.
async fn to_its_end(request: Request, next: Next) -> Response {
    tokio::spawn(next.run(request)).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a request ended early");
        respond(Reply::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "text/plain; charset=utf-8",
            "the request ended early: look whether it was done\n",
        ))
    })
}

/// 200 while the disk takes what is stored; 503 with what is wrong while it does not.
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
    respond(webhook::answer(&app.secrets, &headers, &body, &app.how, ports).await)
}

/// Sends an answer.
pub fn respond(reply: Reply) -> Response {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    response
}
