//! The HTTP side: reads a request, identifies its sender, plays the planned fault, keeps the journal. The routes make
//! the answers.

use super::faults::{Fault, Plan};
use super::identity::Identity;
use super::journal::{Entry, Journal, Sent};
use super::reply::Reply;
use super::request::{ApiRequest, Caller};
use super::routes::dispatch;
use super::state::State;
use crate::loopback::Cut;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, State as Extract};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, Uri, header};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use url::form_urlencoded;

/// The data that the server and its owner share.
#[derive(Debug)]
pub(crate) struct Shared {
    world: Mutex<World>,
    in_flight: AtomicUsize,
    pub journal: Journal,
    /// The API's own address, known with the port.
    pub api: std::sync::OnceLock<String>,
}

#[derive(Debug)]
pub(crate) struct World {
    pub state: State,
    /// The state before the last change.
    pub previous: State,
    pub plan: Plan,
}

impl Shared {
    pub fn new(state: State, journal: Journal) -> Self {
        let world = World {
            previous: state.clone(),
            state,
            plan: Plan::default(),
        };
        Self {
            world: Mutex::new(world),
            in_flight: AtomicUsize::new(0),
            journal,
            api: std::sync::OnceLock::new(),
        }
    }

    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn api(&self) -> &str {
        self.api.get().map_or("", String::as_str)
    }
}

/// One request in flight, until it is dropped.
struct InFlight<'a>(&'a AtomicUsize);

impl<'a> InFlight<'a> {
    /// Counts a request. Returns the number in flight too, itself included.
    fn start(count: &'a AtomicUsize) -> (Self, usize) {
        let before = count.fetch_add(1, Ordering::Relaxed);
        (Self(count), before + 1)
    }
}

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl World {
    /// Answers a request, and keeps the earlier state if the request changed something.
    fn apply(&mut self, request: &ApiRequest) -> Reply {
        // A read changes nothing.
        let before = (request.method != Method::GET.as_str()).then(|| self.state.clone());
        let reply = dispatch(&mut self.state, request);
        if let Some(before) = before.filter(|_| reply.effect.is_some()) {
            self.previous = before;
        }
        reply
    }
}

pub(crate) async fn handle(
    Extract(shared): Extract<Arc<Shared>>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    bytes: Bytes,
) -> Response<Body> {
    let at_ms = shared.journal.now_ms();
    let (_in_flight, in_flight) = InFlight::start(&shared.in_flight);
    let body = if bytes.is_empty() {
        Ok(Value::Null)
    } else if text(&headers, "content-type").is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded")) {
        let fields = form_urlencoded::parse(&bytes).into_owned();
        Ok(fields.map(|(name, value)| (name, Value::String(value))).collect())
    } else {
        serde_json::from_slice::<Value>(&bytes)
    };
    let caller = caller(&shared.world().state, &headers);
    let accept = text(&headers, "accept").unwrap_or_default().to_owned();
    let known = caller.as_ref().map_or(Caller::Anonymous, Caller::clone);
    let shown = body.as_ref().map_or(Value::Null, Value::clone);
    let request = ApiRequest::new(method.as_str(), &uri, accept, shown, known, shared.api().to_owned());

    let fault = shared.world().plan.take(&request.method, &request.path);
    let refusal = if !headers.contains_key(header::USER_AGENT) {
        let message =
            "Request forbidden by administrative rules. Please make sure your request has a User-Agent header";
        Some(Reply::error(403, message))
    } else if let Err(refusal) = &caller {
        Some(refusal.clone())
    } else {
        match &body {
            Err(_) => Some(Reply::error(400, "Problems parsing JSON")),
            Ok(Value::Object(_)) => None,
            Ok(_) => (!bytes.is_empty()).then(|| Reply::error(400, "Body should be a JSON object")),
        }
    };
    let is_refused = refusal.is_some();
    let act = || refusal.clone().unwrap_or_else(|| shared.world().apply(&request));

    let mut effects = Vec::new();
    let reply = match &fault {
        Some(Fault::DropBefore) => None,
        Some(Fault::Status {
            status,
            retry_after_s,
            message,
        }) => Some(Fault::reply(*status, *retry_after_s, message)),
        Some(Fault::QueryError { kind, message }) => Some(Fault::query_reply(kind, message)),
        Some(Fault::LateEffect { .. }) => Some(Reply::error(504, "Gateway Timeout")),
        Some(Fault::StaleRead) => {
            // On a copy, because the changes of a stale answer are lost.
            let mut stale = shared.world().previous.clone();
            let mut reply = refusal.clone().unwrap_or_else(|| dispatch(&mut stale, &request));
            reply.effect = None;
            Some(reply)
        }
        Some(Fault::Duplicate) => {
            let reply = act();
            effects.extend(reply.effect.clone());
            effects.extend(act().effect);
            Some(reply)
        }
        _ => {
            let reply = act();
            effects.extend(reply.effect.clone());
            Some(reply)
        }
    };
    let is_cut = reply.is_none() || fault == Some(Fault::DropAfter);
    let sent = |reply: &Reply| Sent {
        content_type: reply.content_type,
        body: reply.body.as_slice().into(),
    };
    let entry = Entry {
        sequence: 0,
        at_ms,
        in_flight,
        method: request.method.clone(),
        path: request.path.clone(),
        query: request.query.clone(),
        body: request.body.clone(),
        login: login(&request.caller),
        status: reply.as_ref().filter(|_| !is_cut).map(|reply| reply.status),
        fault: fault.as_ref().map(Fault::name),
        effects,
    };
    let answer = reply.as_ref().filter(|_| !is_cut).map(sent).unwrap_or_default();
    let sequence = match shared.journal.add(entry, answer) {
        Ok(sequence) => sequence,
        Err(error) => return response(Reply::error(500, &format!("journal: {error}"))),
    };
    if let (Some(Fault::LateEffect { delay_ms }), false) = (&fault, is_refused) {
        act_later(Arc::clone(&shared), request, sequence, Duration::from_millis(*delay_ms));
    }
    if let Some(Fault::Delay { delay_ms }) = fault {
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
    }
    match reply {
        Some(reply) if !is_cut => response(damaged(reply, fault.as_ref())),
        _ => {
            cut.cut();
            Response::new(Body::empty())
        }
    }
}

/// Handles a request on a task of its own, because the request's task ends when its peer closes the connection.
fn act_later(shared: Arc<Shared>, request: ApiRequest, sequence: usize, delay: Duration) {
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        let effect = shared.world().apply(&request).effect;
        if let Some(effect) = effect {
            // The journal in memory has it; the next request reports a full disk.
            let _ = shared.journal.add_effect(sequence, effect);
        }
    });
}

fn damaged(mut reply: Reply, fault: Option<&Fault>) -> Reply {
    match fault {
        Some(Fault::MalformedBody) => reply.body.truncate(reply.body.len() / 2),
        Some(Fault::EmptyBody) => reply.body.clear(),
        _ => {}
    }
    reply
}

fn response(reply: Reply) -> Response<Body> {
    let mut response = Response::new(Body::from(reply.body));
    *response.status_mut() = StatusCode::from_u16(reply.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    for (name, value) in [
        ("content-type", reply.content_type),
        ("x-github-media-type", "github.v3; format=json"),
        ("x-ratelimit-limit", "5000"),
        ("x-ratelimit-remaining", "4999"),
        ("x-ratelimit-resource", "core"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in reply.headers {
        if let Ok(value) = HeaderValue::from_str(&value) {
            headers.insert(name, value);
        }
    }
    response
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn login(caller: &Caller) -> Option<String> {
    match caller {
        Caller::Anonymous => None,
        Caller::App => Some("app".into()),
        Caller::Token(identity) => Some(identity.login.clone()),
    }
}

/// Returns the sender, or 401.
fn caller(state: &State, headers: &HeaderMap) -> Result<Caller, Reply> {
    let Some(authorization) = text(headers, "authorization") else {
        return Ok(Caller::Anonymous);
    };
    let bad = || Reply::error(401, "Bad credentials");
    let (scheme, token) = authorization.split_once(' ').ok_or_else(bad)?;
    if !scheme.eq_ignore_ascii_case("bearer") && !scheme.eq_ignore_ascii_case("token") {
        return Err(bad());
    }
    if let Some(identity) = state.tokens.get(token) {
        return Ok(Caller::Token(Identity::clone(identity)));
    }
    match claims(token) {
        Some(claims) => app(state, &claims),
        None => Err(bad()),
    }
}

/// Returns a JWT's claims. Its signature is not checked: the fake has no key.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, claims, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

fn app(state: &State, claims: &Value) -> Result<Caller, Reply> {
    let issuer = claims["iss"]
        .as_str()
        .map(str::to_owned)
        .or(claims["iss"].as_u64().map(|id| id.to_string()));
    if issuer != Some(state.app_id.to_string()) {
        return Err(Reply::error(404, "Integration not found"));
    }
    let now = jiff::Timestamp::now().as_second();
    match claims["exp"].as_i64() {
        Some(expires) if expires <= now => Err(Reply::error(
            401,
            "'Expiration time' claim ('exp') must be a numeric value representing the future time at which the assertion expires",
        )),
        Some(expires) if expires > now + 600 => Err(Reply::error(
            401,
            "'Expiration time' claim ('exp') is too far in the future",
        )),
        Some(_) => Ok(Caller::App),
        None => Err(Reply::error(401, "Missing 'exp' claim in assertion")),
    }
}
