//! Sign-in with GitHub, where that is configured, or with the address in the data directory.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use holdfast_console::view::Notice;
use holdfast_github::random_secret;
use holdfast_web::form::Session;
use holdfast_web::reply::Reply;
use holdfast_web::{sign_in, sign_out};

use super::App;
use super::key::Entered;
use super::routes::respond;
use super::visit::Visit;
use holdfast_ops::machine;

/// Returns the routes.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route(sign_in::SIGN_IN, get(begin))
        .route(sign_in::CALLBACK, get(callback))
        .route("/sign-in/{key}", get(with_key))
        .route(sign_in::SIGN_OUT, post(sign_out))
}

/// Redirects the browser to GitHub, or shows where the console's own sign-in address is.
async fn begin(State(app): State<Arc<App>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let visit = Visit::new(&app, &headers);
    let Some(with) = &app.with_github else {
        return visit.notice(Notice::Failed {
            status: 401,
            message:
                "Open the sign-in address that holdfast serve wrote to its data directory: DATA/console.url. It works \
                      once; holdfast serve --new-console-key creates a new one"
                    .to_owned(),
            reference: None,
        });
    };
    let (Ok(state), Ok(verifier)) = (random_secret(), random_secret()) else {
        return failed(&visit);
    };
    respond(with.begin(&app.seal, &query.unwrap_or_default(), &state, &verifier))
}

/// Handles the browser's return from GitHub.
async fn callback(State(app): State<Arc<App>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let visit = Visit::new(&app, &headers);
    let back = match &app.with_github {
        Some(with) => {
            with.finish(&app.seal, &headers, &query.unwrap_or_default(), visit.now_ms)
                .await
        }
        None => None,
    };
    back.map_or_else(|| again(&visit, sign_in::SIGN_IN), respond)
}

fn again(visit: &Visit<'_>, at: &str) -> Response {
    visit.notice(Notice::FormRefused {
        again_at: at.to_owned(),
    })
}

/// Signs the operator in with the address from the data directory, once. Prefetches and HEAD requests, which some
/// programs send for addresses in messages, don't use it up.
async fn with_key(
    State(app): State<Arc<App>>,
    method: Method,
    headers: HeaderMap,
    Path(key): Path<String>,
) -> Response {
    let visit = Visit::new(&app, &headers);
    let is_prefetch = method != Method::GET
        || ["sec-purpose", "purpose", "x-moz"]
            .iter()
            .filter_map(|name| headers.get(*name)?.to_str().ok())
            .any(|purpose| purpose.contains("prefetch"));
    if is_prefetch {
        return visit.notice(visit.sign_in_first());
    }
    match app.entry.enter(&key) {
        Entered::Yes => {}
        Entered::No => return visit.notice(visit.sign_in_first()),
        Entered::NotNow => return failed(&visit),
    }
    let cookie = app
        .seal
        .sign_in(&Session::Operator, &machine::random_hex(), visit.now_ms);
    respond(Reply::see_other("/").with(SET_COOKIE, &cookie))
}

async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let visit = Visit::new(&app, &headers);
    let rows = app.opened.stages.rows.as_ref();
    let out = sign_out::sign_out(&app.seal, rows, &headers, &body, visit.now_ms, Reply::see_other("/"));
    match out.await {
        Ok(Some(out)) => respond(out),
        Ok(None) => again(&visit, "/"),
        Err(error) => {
            tracing::error!(%error, "a session could not be ended");
            failed(&visit)
        }
    }
}

fn failed(visit: &Visit<'_>) -> Response {
    visit.notice(Notice::Failed {
        status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
        message: "Sign-in does not work at the moment: try again soon".to_owned(),
        reference: None,
    })
}
