//! The function `approval-page`: the page where people approve or reject a review. An approver has a code from the mail
//! or signs in with GitHub. The function reads the person's permission with the person's own token: it has no other
//! token, because strangers can reach it.

use std::sync::Arc;

use holdfast_aws::dynamodb::DynamodbKeepRows;
use holdfast_aws::s3::S3StoreArtifact;
use holdfast_aws::step_functions::StepFunctionsRuns;
use holdfast_console::view::{Frame, Notice, Person, PostForm};
use holdfast_core::port::ReadPermission;
use holdfast_github::{GithubReadPermission, random_secret};
use holdfast_web::approval::{self, QuestionRef};
use holdfast_web::assets;
use holdfast_web::form::{MAX_FORM_BYTES, Seal, Session};
use holdfast_web::reply::Reply;
use holdfast_web::sign_in::{self, CALLBACK, SIGN_IN, SIGN_OUT};
use holdfast_web::sign_out;
use http::{Method, StatusCode};
use jiff::Timestamp;

use crate::http::{Request, serve_http};
use crate::settings::{BUCKET, STATE_MACHINE, TABLE};
use crate::setup::SignIn;
use crate::wiring::Wiring;

/// The adapters of this function.
struct Ports {
    seal: Seal,
    sign_in: Option<SignIn>,
    rows: DynamodbKeepRows,
    runs: StepFunctionsRuns,
    store: S3StoreArtifact,
}

/// Serves the page's requests until Lambda ends the process.
///
/// # Errors
///
/// A setting is wrong or missing, or the runtime's interface can't be reached.
#[tokio::main(flavor = "current_thread")]
pub async fn main() -> Result<(), crate::Error> {
    let wiring = Wiring::begin(vec![BUCKET, TABLE, STATE_MACHINE], |setup| {
        Ok(Ports {
            seal: setup.seal()?,
            sign_in: setup.sign_in()?,
            rows: setup.rows(),
            runs: setup.runs(),
            store: setup.store(),
        })
    })
    .await?;
    serve_http(wiring, handle).await
}

/// Answers a request.
async fn handle(request: Request, ports: Arc<Ports>) -> Reply {
    let (path, method) = (request.uri().path(), request.method());
    let mut fresh = [0; 16];
    if let Err(error) = getrandom::fill(&mut fresh) {
        return no_random_bytes(&error);
    }
    let now_ms = Timestamp::now().as_millisecond();
    if let Err(error) = sign_out::refresh_ended(&ports.seal, &ports.rows, request.headers(), now_ms).await {
        tracing::error!(%error, "cannot read which sessions have ended");
        return plain(StatusCode::SERVICE_UNAVAILABLE, "try again in a moment\n");
    }
    let visit = Visit::new(&ports, &request, hex::encode(fresh), now_ms);
    match (method, path) {
        (&Method::GET, SIGN_IN) => begin(&visit),
        (&Method::GET, CALLBACK) => come_back(&visit).await,
        (&Method::POST, SIGN_OUT) => {
            let done = plain(StatusCode::OK, "you are signed out\n");
            let (headers, body) = (request.headers(), request.body());
            match sign_out::sign_out(&ports.seal, &ports.rows, headers, body, now_ms, done).await {
                Ok(out) => out.unwrap_or_else(|| visit.again(SIGN_IN)),
                Err(error) => {
                    tracing::error!(%error, "cannot end a session");
                    plain(StatusCode::SERVICE_UNAVAILABLE, "try again in a moment\n")
                }
            }
        }
        (_, "/healthz") => plain(StatusCode::OK, "ok\n"),
        _ => match path.strip_prefix("/approvals/") {
            Some(id) => approval(&visit, QuestionRef::Link(id)).await,
            None => assets::answer(path),
        },
    }
}

/// One request and its sender.
struct Visit<'a> {
    ports: &'a Ports,
    request: &'a Request,
    fresh: String,
    now_ms: i64,
    login: Option<String>,
}

impl<'a> Visit<'a> {
    fn new(ports: &'a Ports, request: &'a Request, fresh: String, now_ms: i64) -> Self {
        let login = match ports.seal.session(request.headers(), now_ms) {
            Some(Session::Github { login }) => Some(login),
            Some(Session::Operator) | None => None,
        };
        Self {
            ports,
            request,
            fresh,
            now_ms,
            login,
        }
    }

    fn seen(&self) -> approval::Request<'_> {
        let (headers, seal) = (self.request.headers(), &self.ports.seal);
        let (browser, _) = seal.visit(headers, &self.fresh);
        approval::Request {
            headers,
            now_ms: self.now_ms,
            fresh: &self.fresh,
            frame: Frame {
                now_ms: self.now_ms,
                deployment: None,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                person: self.login.clone().map(|name| Person {
                    name,
                    sign_out: Some(PostForm {
                        csrf: seal.nonce(&browser, SIGN_OUT),
                        action: SIGN_OUT.to_owned(),
                    }),
                }),
                has_console: false,
                has_limits: false,
            },
            may_sign_in: self.ports.sign_in.is_some(),
        }
    }

    /// Returns the reader of the person's permission, with the person's own token.
    fn permission(&self) -> Option<GithubReadPermission> {
        let token = sign_in::token(&self.ports.seal, self.request.headers(), self.login.as_deref()?)?;
        Some(self.ports.sign_in.as_ref()?.github.permission_of(token))
    }

    fn again(&self, at: &str) -> Reply {
        let again_at = at.to_owned();
        approval::notice(&self.seen(), Notice::FormRefused { again_at }, None)
    }
}

async fn approval(visit: &Visit<'_>, reference: QuestionRef<'_>) -> Reply {
    let (ports, body) = (visit.ports, visit.request.body());
    let permission = visit.permission();
    let reached = approval::Ports {
        rows: &ports.rows,
        tasks: &ports.runs,
        store: &ports.store,
        permission: permission.as_ref().map(|permission| permission as &dyn ReadPermission),
    };
    match *visit.request.method() {
        Method::GET | Method::HEAD => approval::show(reference, visit.seen(), &ports.seal, reached).await,
        Method::POST if body.len() <= MAX_FORM_BYTES => {
            approval::submit(reference, visit.seen(), body, &ports.seal, reached).await
        }
        Method::POST => plain(StatusCode::PAYLOAD_TOO_LARGE, "the form is too large\n"),
        _ => plain(StatusCode::METHOD_NOT_ALLOWED, "GET and POST are allowed\n"),
    }
}

/// Sends the browser to GitHub.
fn begin(visit: &Visit<'_>) -> Reply {
    let Some(sign_in) = &visit.ports.sign_in else {
        return plain(
            StatusCode::NOT_FOUND,
            "sign-in isn't configured here: use the code in the approval's mail\n",
        );
    };
    let query = visit.request.uri().query().unwrap_or_default();
    match (random_secret(), random_secret()) {
        (Ok(state), Ok(verifier)) => sign_in.with.begin(&visit.ports.seal, query, &state, &verifier),
        (Err(error), _) | (_, Err(error)) => no_random_bytes(&error),
    }
}

/// Completes the sign-in when the browser comes back from GitHub.
async fn come_back(visit: &Visit<'_>) -> Reply {
    let query = visit.request.uri().query().unwrap_or_default();
    let (seal, headers) = (&visit.ports.seal, visit.request.headers());
    let back = match &visit.ports.sign_in {
        Some(sign_in) => sign_in.with.finish(seal, headers, query, visit.now_ms).await,
        None => None,
    };
    back.unwrap_or_else(|| visit.again(SIGN_IN))
}

fn no_random_bytes(error: &dyn std::fmt::Display) -> Reply {
    tracing::error!(%error, "the system gives no random bytes");
    plain(StatusCode::SERVICE_UNAVAILABLE, "try again in a moment\n")
}

fn plain(status: StatusCode, text: &'static str) -> Reply {
    Reply::new(status, "text/plain; charset=utf-8", text)
}
