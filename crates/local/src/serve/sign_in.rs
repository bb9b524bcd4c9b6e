//! Signing in: with GitHub, where that is set up, or with the address in the data directory.

use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, RawQuery, State};
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{get, post};
use holdfast_adapters::github::{GithubSignIn, pkce_challenge, random_secret};
use holdfast_console::field;
use holdfast_console::view::Notice;
use holdfast_web::form::{Form, Session};
use holdfast_web::reply::Reply;
use secrecy::ExposeSecret;
use url::Url;

use super::App;
use super::console::Visit;
use super::routes::respond;

/// The cookie between the way to GitHub and back.
const PENDING: &str = "holdfast_sign_in";
/// Where GitHub sends people back to; among the App's callback URLs.
const CALLBACK: &str = "sign-in/callback";

/// Sign-in with GitHub, as this deployment has it.
pub struct WithGithub {
    /// The App's.
    pub sign_in: GithubSignIn,
    /// Where people come back to.
    pub callback: Url,
}

impl WithGithub {
    /// Sign-in for pages under `public`. Errors: the address cannot be used.
    pub fn new(sign_in: GithubSignIn, public: &Url) -> Result<Self, url::ParseError> {
        let callback = public.join(CALLBACK)?;
        Ok(Self { sign_in, callback })
    }
}

/// The routes.
pub fn router() -> Router<Arc<App>> {
    Router::new()
        .route("/sign-in", get(begin))
        .route("/sign-in/callback", get(come_back))
        .route("/sign-in/{key}", get(with_key))
        .route("/sign-out", post(sign_out))
}

/// Sends the browser to GitHub, or says where the console's own address is.
async fn begin(State(app): State<Arc<App>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let visit = Visit::new(&app, &headers);
    let Some(with) = &app.with_github else {
        return visit.notice(Notice::Failed {
            status: 401,
            message: "Open the sign-in address that holdfast serve wrote to its data directory: DATA/console.url"
                .to_owned(),
            reference: None,
        });
    };
    let (Ok(state), Ok(verifier)) = (random_secret(), random_secret()) else {
        return failed(&visit);
    };
    let (state, verifier) = (state.expose_secret(), verifier.expose_secret());
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let back = query.get("back").filter(|back| is_ours(back)).unwrap_or("/");
    let pending = app.seal.sealed(&format!("{state}.{verifier}.{}", hex::encode(back)));
    let address = with
        .sign_in
        .authorize_url(state, &pkce_challenge(verifier), &with.callback);
    respond(Reply::see_other(address.as_str()).with(SET_COOKIE, &app.seal.cookie(PENDING, &pending, "Lax")))
}

/// The browser is back from GitHub.
async fn come_back(State(app): State<Arc<App>>, headers: HeaderMap, RawQuery(query): RawQuery) -> Response {
    let visit = Visit::new(&app, &headers);
    let query = Form::parse(query.unwrap_or_default().as_bytes());
    let again = || {
        visit.notice(Notice::FormRefused {
            again_at: "/sign-in".to_owned(),
        })
    };
    let pending = app.seal.unsealed(&headers, PENDING);
    let mut parts = pending.as_deref().unwrap_or_default().splitn(3, '.');
    let (Some(state), Some(verifier), Some(back)) = (parts.next(), parts.next(), parts.next()) else {
        return again();
    };
    let (Some(with), Some(code)) = (&app.with_github, query.get("code")) else {
        return again();
    };
    if query.get("state") != Some(state) {
        return again();
    }
    let login = match with.sign_in.login(code, verifier, &with.callback).await {
        Ok(login) => login,
        Err(error) => {
            tracing::warn!(%error, "a sign-in failed");
            return again();
        }
    };
    let back = hex::decode(back).ok().and_then(|back| String::from_utf8(back).ok());
    let back = back.filter(|back| is_ours(back)).unwrap_or_else(|| "/".to_owned());
    let session = app.seal.sign_in(&Session::Github { login }, visit.now_ms);
    let used_up = app.seal.cookie(PENDING, "; Max-Age=0", "Lax");
    respond(
        Reply::see_other(&back)
            .with(SET_COOKIE, &session)
            .with(SET_COOKIE, &used_up),
    )
}

/// A path of ours, and no other host's address.
fn is_ours(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}

/// The address in the data directory signs whoever has it in: it is this machine's own.
async fn with_key(State(app): State<Arc<App>>, headers: HeaderMap, Path(key): Path<String>) -> Response {
    let visit = Visit::new(&app, &headers);
    if !app.is_console_key(&key) {
        return visit.notice(visit.sign_in_first());
    }
    let cookie = app.seal.sign_in(&Session::Operator, visit.now_ms);
    respond(Reply::see_other("/").with(SET_COOKIE, &cookie))
}

async fn sign_out(State(app): State<Arc<App>>, headers: HeaderMap, body: Bytes) -> Response {
    let visit = Visit::new(&app, &headers);
    if !app
        .seal
        .is_ours(&headers, &Form::parse(&body), "/sign-out", field::CSRF)
    {
        return visit.notice(Notice::FormRefused {
            again_at: "/".to_owned(),
        });
    }
    respond(Reply::see_other("/").with(SET_COOKIE, &app.seal.sign_out()))
}

fn failed(visit: &Visit<'_>) -> Response {
    visit.notice(Notice::Failed {
        status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
        message: "Signing in does not work now: try again in a moment".to_owned(),
        reference: None,
    })
}
