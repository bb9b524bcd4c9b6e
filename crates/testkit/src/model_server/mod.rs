//! A model provider on loopback: the Messages API and the Chat Completions API, each with its batches, answered by a
//! [`Script`].
//!
//! The answers are in `answer`, batches in `batches`, their choice in `script`, the requests in `journal`.

mod answer;
mod batches;
mod finding;
mod journal;
mod prompt;
mod refusal;
mod script;
mod stream;
mod wire;

pub use answer::{Answer, Failure, Outcome, StopReason};
pub use batches::{Batch, BatchEnd, BatchRules};
pub use finding::{Finding, answer_text};
pub use journal::{Call, Journal};
pub use prompt::{Prompt, ShownFile};
pub use refusal::Refuses;
pub use script::{ModelRequest, Script};
pub use wire::Wire;

use crate::error::TestkitError;
use crate::loopback::{Cut, Loopback};
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, DefaultBodyLimit, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use batches::Batches;
use futures::StreamExt;
use journal::InFlight;
use serde_json::{Value, json};
use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// The options of a server.
#[derive(Clone, Debug)]
pub struct ModelServerOptions {
    /// Its address. Default: loopback, a free port.
    pub listen: SocketAddr,
    /// The delay before each answer, added to the script's own. Default none.
    pub latency: Duration,
    /// The only valid key; `None` (default): any key, or none.
    pub key: Option<String>,
    /// The file for its journal, as JSON lines. Default: none.
    pub journal: Option<PathBuf>,
}

impl Default for ModelServerOptions {
    fn default() -> Self {
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self {
            listen,
            latency: Duration::ZERO,
            key: None,
            journal: None,
        }
    }
}

/// A running server; it stops and closes its connections when this value is dropped.
#[derive(Debug)]
pub struct ModelServer {
    server: Loopback,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    journal: Journal,
    script: Mutex<Script>,
    batches: Mutex<Batches>,
    latency: Duration,
    key: Option<String>,
}

impl ModelServer {
    /// Starts a server on a free port of loopback.
    ///
    /// # Errors
    /// It cannot listen.
    pub fn start(script: Script) -> Result<Self, TestkitError> {
        Self::start_with(script, ModelServerOptions::default())
    }

    /// Starts a server with options.
    ///
    /// # Errors
    /// It cannot listen, or the journal cannot be opened.
    pub fn start_with(script: Script, options: ModelServerOptions) -> Result<Self, TestkitError> {
        let journal = Journal::new(options.journal.as_deref())?;
        let script = Mutex::new(script);
        let shared = Arc::new(Shared {
            journal,
            script,
            batches: Mutex::default(),
            latency: options.latency,
            key: options.key,
        });
        let router = Router::new()
            .route("/v1/messages", post(messages))
            .route("/v1/chat/completions", post(chat_completions))
            .route("/v1/models", get(models))
            .route("/v1/messages/batches", post(batches::create_messages))
            .route("/v1/messages/batches/{id}", get(batches::show_messages))
            .route("/v1/messages/batches/{id}/results", get(batches::message_results))
            .route("/v1/files", post(batches::upload))
            .route("/v1/files/{id}/content", get(batches::file_content))
            .route("/v1/batches", post(batches::create_batch))
            .route("/v1/batches/{id}", get(batches::show_batch))
            .fallback(not_found)
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let server = Loopback::start(options.listen, router)?;
        Ok(Self { server, shared })
    }

    /// Returns `http://127.0.0.1:PORT`, without `/v1`.
    pub fn url(&self) -> String {
        format!("http://{}", self.server.address())
    }

    /// Returns its address.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Returns the journal of its requests.
    pub fn journal(&self) -> &Journal {
        &self.shared.journal
    }

    /// Returns the batches that were submitted, in order.
    pub fn batches(&self) -> Vec<Batch> {
        self.shared.batches().all.clone()
    }

    /// Treats batches by these rules from now on.
    pub fn set_batch_rules(&self, rules: BatchRules) {
        self.shared.batches().rules = rules;
    }

    /// Answers by `script` from the next request on; the journal continues.
    pub fn set_script(&self, script: Script) {
        *self.shared.script.lock().unwrap_or_else(PoisonError::into_inner) = script;
    }
}

type Shares = State<Arc<Shared>>;

async fn messages(state: Shares, cut: ConnectInfo<Cut>, headers: HeaderMap, body: Bytes) -> Response {
    answer(Wire::Anthropic, state, cut, headers, body).await
}

async fn chat_completions(state: Shares, cut: ConnectInfo<Cut>, headers: HeaderMap, body: Bytes) -> Response {
    answer(Wire::Openai, state, cut, headers, body).await
}

async fn models() -> Json<Value> {
    let model = json!({ "id": "testkit", "object": "model", "type": "model", "display_name": "testkit",
        "created": 1_700_000_000, "created_at": "2024-01-01T00:00:00Z", "owned_by": "testkit" });
    Json(json!({ "object": "list", "data": [model], "has_more": false, "first_id": "testkit", "last_id": "testkit" }))
}

async fn not_found() -> Response {
    (
        StatusCode::NOT_FOUND,
        Json(json!({ "error": { "type": "not_found_error", "message": "Not found" } })),
    )
        .into_response()
}

async fn answer(
    wire: Wire,
    State(shared): Shares,
    ConnectInfo(cut): ConnectInfo<Cut>,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response {
    let parsed: Result<Value, _> = serde_json::from_slice(&bytes);
    let body = parsed.as_ref().map_or(Value::Null, Value::clone);
    let prompt = Prompt::parse(&wire.user(&body));
    let text = format!("{}\n{}", wire.system(&body), wire.user(&body));
    let key = wire.key(&headers);
    let call = Call {
        sequence: 0,
        at_ms: 0,
        wire,
        model: body["model"].as_str().unwrap_or_default().into(),
        paths: prompt.paths(),
        in_flight: 0,
        is_authenticated: key.is_some(),
        headers: shown(&headers),
        prompt: text.clone(),
        body: body.clone(),
        status: None,
        ended_at_ms: None,
    };
    let (mut in_flight, attempt) = match shared.journal.arrive(call) {
        Ok(arrived) => arrived,
        Err(error) => return (StatusCode::INTERNAL_SERVER_ERROR, format!("journal: {error}")).into_response(),
    };
    let request = ModelRequest {
        wire,
        sequence: in_flight.sequence,
        attempt,
        prompt,
        text,
        body,
    };
    let refusal = if shared.key.is_some() && shared.key != key {
        Some(Answer::failure(401, "invalid x-api-key"))
    } else if let Err(error) = parsed {
        Some(Answer::failure(
            400,
            format!("The request body is not valid JSON: {error}"),
        ))
    } else {
        wire.complaint(&headers, &request.body)
            .map(|complaint| Answer::failure(400, complaint))
    };
    let answer = refusal.unwrap_or_else(|| {
        let script = shared.script.lock().unwrap_or_else(PoisonError::into_inner).clone();
        script.decide(&shared.journal, &request)
    });
    tokio::time::sleep(shared.latency + answer.delay).await;
    send(answer, &request, &cut, &mut in_flight).await
}

async fn send(answer: Answer, request: &ModelRequest, cut: &Cut, in_flight: &mut InFlight) -> Response {
    let (status, body, retry_after_s) = match answer.outcome {
        Outcome::Text { text, stop } => {
            let body = answer::completion(request.wire, &request.body, request.sequence, &text, stop);
            if request.body["stream"] == true {
                in_flight.status = Some(200);
                let events = stream::events(request.wire, &request.body, &body);
                return stream_of(events, answer.between);
            }
            (200, body.to_string().into_bytes(), None)
        }
        Outcome::Failure(failure) => (
            failure.status,
            failure.body(request.wire).to_string().into_bytes(),
            failure.retry_after_s,
        ),
        Outcome::Raw { status, body } => (status, body, None),
        Outcome::Hang => std::future::pending().await,
        Outcome::Drop => {
            cut.cut();
            return Response::new(Body::empty());
        }
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    in_flight.status = Some(status.as_u16());
    let mut response = (status, Body::from(body)).into_response();
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Some(retry_after_s) = retry_after_s {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(retry_after_s));
    }
    response
}

/// Returns a response that sends these events with a pause before each.
fn stream_of(events: Vec<String>, between: Duration) -> Response {
    let parts = futures::stream::iter(events).then(move |event| async move {
        tokio::time::sleep(between).await;
        Ok::<_, Infallible>(event)
    });
    let kind = [(header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream"))];
    (kind, Body::from_stream(parts)).into_response()
}

/// Returns the headers without the key: a journal may be uploaded with a failed test.
fn shown(headers: &HeaderMap) -> Vec<(String, String)> {
    let is_secret = |name: &str| matches!(name, "authorization" | "x-api-key");
    let shown = headers.iter().filter(|(name, _)| !is_secret(name.as_str()));
    shown
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}
