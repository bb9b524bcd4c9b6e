//! The page to decide on, and what it is shown with. Who decides is known by the code from the mail.

use std::sync::Arc;

use holdfast_console::view::Frame;
use holdfast_lambda::{DynamodbKeepRows, Request, S3StoreArtifact, StepFunctionsRuns};
use holdfast_web::approval::{self, Way};
use holdfast_web::assets;
use holdfast_web::form::{FORM_MOST, Seal};
use holdfast_web::reply::Reply;
use http::{Method, StatusCode};
use jiff::Timestamp;

/// All that this function can reach.
pub struct Ports {
    pub seal: Seal,
    pub rows: DynamodbKeepRows,
    pub runs: StepFunctionsRuns,
    pub store: S3StoreArtifact,
}

/// Answers a request.
pub async fn handle(request: Request, ports: Arc<Ports>) -> Reply {
    let (path, method) = (request.uri().path(), request.method());
    let Some(id) = path.strip_prefix("/approvals/") else {
        return match path {
            "/healthz" => plain(StatusCode::OK, "ok\n"),
            _ => assets::answer(path),
        };
    };
    let mut fresh = [0; 16];
    if let Err(error) = getrandom::fill(&mut fresh) {
        tracing::error!(%error, "no random bytes");
        return plain(StatusCode::SERVICE_UNAVAILABLE, "try again in a moment\n");
    }
    let now_ms = Timestamp::now().as_millisecond();
    let visit = approval::Request {
        headers: request.headers(),
        now_ms,
        fresh: &hex::encode(fresh),
        frame: Frame {
            now_ms,
            deployment: None,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            person: None,
        },
        sign_in_at: None,
    };
    let reached = approval::Ports {
        rows: &ports.rows,
        tasks: &ports.runs,
        store: &ports.store,
        permission: None,
    };
    match *method {
        Method::GET | Method::HEAD => approval::show(Way::Link(id), visit, &ports.seal, reached).await,
        Method::POST if request.body().len() <= FORM_MOST => {
            approval::submit(Way::Link(id), visit, request.body(), &ports.seal, reached).await
        }
        Method::POST => plain(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large\n"),
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, "GET and POST are allowed\n"),
    }
}

fn plain(status: StatusCode, text: &'static str) -> Reply {
    Reply::new(status, "text/plain; charset=utf-8", text)
}
