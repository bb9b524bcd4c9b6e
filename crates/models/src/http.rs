//! HTTP for the model adapters: the checked address, the client with its limits, one POST with a bounded answer.
//! `provider` reads the bodies, and `reply::failure` the failures.

use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use holdfast_core::model::address::{HttpHosts, is_loopback};
use holdfast_core::model::setting_name::{SettingProblem, lines_of};
use holdfast_core::port::{ModelError, TimeLimit};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use secrecy::{ExposeSecret, SecretString};
use serde_json::Value;
use tokio::time::Instant;
use url::Url;

/// The size of a stream for each token of the answer, in bytes: a server may send one event for each.
const BYTES_PER_TOKEN: usize = 1_024;
/// The bounds of a stream's maximum size, in bytes.
const MIN_STREAM_BYTES: usize = 4 * 1024 * 1024;
const MAX_STREAM_BYTES: usize = 64 * 1024 * 1024;

/// The limits of one step of a batch: to submit it, or to fetch what has become of it.
pub(crate) const BATCH_STEP: TimeLimit = TimeLimit {
    quiet: Duration::from_secs(60),
    whole: Duration::from_secs(120),
};

/// Invalid settings of a model server, each with the allowed values.
#[derive(Debug, thiserror::Error)]
#[error("{}", lines_of(.0))]
pub struct ModelSettingsError(pub Vec<SettingProblem>);

impl ModelSettingsError {
    fn of(problem: SettingProblem) -> Self {
        Self(vec![problem])
    }
}

/// Limits of one call.
#[derive(Clone, Copy, Debug)]
pub struct ModelLimits {
    /// Wall-clock limit of one call, from the connection to the answer's last byte. Default 120 s.
    pub call: Duration,
    /// Limit of connecting. Default 10 s.
    pub connect: Duration,
    /// Maximum size of an answer that isn't a stream, in bytes. Default 4 MiB.
    pub body_bytes: usize,
}

impl Default for ModelLimits {
    fn default() -> Self {
        Self {
            call: Duration::from_secs(120),
            connect: Duration::from_secs(10),
            body_bytes: 4 * 1024 * 1024,
        }
    }
}

/// The address and the key of a provider.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Provider {
    /// Its own server, with its API's version at the end.
    pub url: &'static str,
    /// The path after the version.
    pub call: &'static str,
    /// The environment variable of its key.
    pub key_name: &'static str,
    /// The header that carries the key.
    pub key_header: &'static str,
    /// The text before the key in that header.
    pub key_prefix: &'static str,
}

/// Returns the address of a provider's call below `base`: a base that ends in an API's version (`/v1`, and Gemini's
/// `/v1beta/openai`) is the API's root, any other gets `/v1` first.
///
/// # Errors
///
/// The address isn't https (nor http where that is allowed), or has a user, a query or a fragment.
pub(crate) fn call_url(
    provider: &Provider,
    base: Option<&Url>,
    allow_http: &HttpHosts,
) -> Result<Url, ModelSettingsError> {
    let wrong = |what: &str| {
        let line = format!(
            "HOLDFAST_MODEL_URL {what}: expected https://HOST[/PATH], or http on loopback and to hosts in HOLDFAST_ALLOW_HTTP"
        );
        ModelSettingsError::of(SettingProblem::of_line(Some("HOLDFAST_MODEL_URL"), line))
    };
    let mut url = match base {
        Some(url) => url.clone(),
        None => Url::parse(provider.url).map_err(|error| wrong(&format!("is not an address ({error})")))?,
    };
    match url.scheme() {
        "https" => {}
        "http" if allow_http.allows(&url) => {}
        "http" => {
            return Err(wrong(&format!(
                "would send the key and the change unencrypted to {}",
                host_of(&url)
            )));
        }
        other => return Err(wrong(&format!("has the scheme {other}"))),
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(wrong("holds a user or a password, which belong in the key's variable"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(wrong("holds a query or a fragment"));
    }
    let root = url.path().trim_end_matches('/').to_owned();
    let version = if has_version(&root) { "" } else { "/v1" };
    url.set_path(&format!("{root}{version}{}", provider.call));
    Ok(url)
}

/// Returns true if a path ends in an API's version, or in `openai` below one: Gemini's form of OpenAI's API.
fn has_version(path: &str) -> bool {
    let version = path.strip_suffix("/openai").unwrap_or(path).rsplit('/').next();
    let number = version
        .and_then(|version| version.strip_prefix('v'))
        .unwrap_or_default();
    number.starts_with(|sign: char| sign.is_ascii_digit()) && number.chars().all(|sign| sign.is_ascii_alphanumeric())
}

/// Returns the host for messages, with the port if the address has one.
pub(crate) fn host_of(url: &Url) -> String {
    let host = url.host_str().unwrap_or("the model's server");
    url.port()
        .map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// One model server.
pub(crate) struct ModelHttp {
    client: reqwest::Client,
    url: Url,
    /// The path of `url` without the provider's call.
    root: String,
    limits: ModelLimits,
    /// For messages.
    pub host: String,
    /// Names the key's variable in messages.
    pub key_name: &'static str,
    /// The key, which messages must not contain.
    pub key: Option<SecretString>,
}

impl fmt::Debug for ModelHttp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ModelHttp")
            .field("url", &self.url.as_str())
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// The progress of a call: when the last part of its answer arrived.
pub(crate) struct Heard {
    /// The time of the last part or of the last request, and whether that request's answer has begun.
    last: Mutex<(Instant, bool)>,
    /// Maximum size of a stream, in bytes.
    max_stream_bytes: usize,
}

impl Heard {
    /// Begins a call whose answer has at most this many tokens.
    pub fn now(max_output_tokens: u32) -> Self {
        let tokens = usize::try_from(max_output_tokens).unwrap_or(usize::MAX);
        Self {
            last: Mutex::new((Instant::now(), false)),
            max_stream_bytes: tokens
                .saturating_mul(BYTES_PER_TOKEN)
                .clamp(MIN_STREAM_BYTES, MAX_STREAM_BYTES),
        }
    }

    fn note(&self, is_begun: bool) {
        *self.get() = (Instant::now(), is_begun);
    }

    fn last(&self) -> Instant {
        self.get().0
    }

    /// Returns whether any part of the answer has arrived.
    fn is_begun(&self) -> bool {
        self.get().1
    }

    fn get(&self) -> MutexGuard<'_, (Instant, bool)> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An answer of any status.
pub(crate) struct Reply {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Reply {
    /// Returns true if the server sends its answer in parts.
    pub fn is_stream(&self) -> bool {
        let kind = self.headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        kind.is_some_and(|kind| kind.trim_start().starts_with("text/event-stream"))
    }
}

/// A form as the body of a request.
pub(crate) struct Form {
    pub content_type: &'static str,
    pub body: String,
}

impl ModelHttp {
    /// Builds a client that follows no redirect, retries nothing and uses no proxy of the environment: requests go only
    /// to the configured address.
    ///
    /// # Errors
    /// The address is invalid, or plain http to a host that isn't allowed; the key has a character that a header can't
    /// have; the HTTP client can't be built.
    pub fn new(
        provider: &Provider,
        base: Option<&Url>,
        allow_http: &HttpHosts,
        key: Option<SecretString>,
        fixed: &[(HeaderName, HeaderValue)],
        limits: ModelLimits,
    ) -> Result<Self, ModelSettingsError> {
        let url = call_url(provider, base, allow_http)?;
        let mut headers: HeaderMap = fixed.iter().cloned().collect();
        if let Some(key) = &key {
            let text = format!("{}{}", provider.key_prefix, key.expose_secret().trim());
            let mut value = HeaderValue::from_str(&text).map_err(|_| {
                let what = "holds a character that no key has";
                ModelSettingsError::of(SettingProblem::new(provider.key_name, what))
            })?;
            value.set_sensitive(true);
            headers.insert(HeaderName::from_static(provider.key_header), value);
        }
        // The client takes the process's default. An earlier call may have installed it.
        let _installed_already = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder()
            .user_agent(concat!("holdfast/", env!("CARGO_PKG_VERSION")))
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .no_proxy()
            .referer(false)
            .connect_timeout(limits.connect)
            .build()
            .map_err(|error| {
                let line = format!("the HTTP client cannot be built: {}", chain(&error));
                ModelSettingsError::of(SettingProblem::of_line(None, line))
            })?;
        Ok(Self {
            client,
            host: host_of(&url),
            root: url.path().trim_end_matches(provider.call).to_owned(),
            url,
            limits,
            key_name: provider.key_name,
            key,
        })
    }

    /// Returns true if the server may need no key: it is this machine, or plain http is allowed to it.
    pub fn may_lack_key(&self) -> bool {
        is_loopback(&self.url) || self.url.scheme() == "http"
    }

    /// Runs a call, which may be several requests, within its time limits; without them, within this server's.
    ///
    /// # Errors
    /// The call fails, or isn't complete within the time limits.
    pub async fn within_limit<T>(
        &self,
        limit: Option<TimeLimit>,
        heard: &Heard,
        call: impl Future<Output = Result<T, ModelError>>,
    ) -> Result<T, ModelError> {
        let limit = limit.unwrap_or(TimeLimit {
            quiet: self.limits.call,
            whole: self.limits.call,
        });
        let end = Instant::now() + limit.whole;
        let mut call = std::pin::pin!(call);
        loop {
            let until = end.min(heard.last() + limit.quiet);
            if let Ok(done) = tokio::time::timeout_at(until, &mut call).await {
                return done;
            }
            // A part that arrived meanwhile prolongs the call.
            if until < end && heard.last() + limit.quiet > until {
                continue;
            }
            let what = match until < end && heard.is_begun() {
                true => "no further part of the answer",
                false => "no complete answer",
            };
            let limit = if until < end { limit.quiet } else { limit.whole };
            return Err(ModelError::TimedOut(format!(
                "{what} from {} within {} s: the server is slow or hangs (HOLDFAST_MODEL_TIMEOUT_SECONDS sets another limit)",
                self.host,
                limit.as_secs_f64()
            )));
        }
    }

    /// Sends one POST.
    ///
    /// # Errors
    ///
    /// No connection, or an answer that breaks off or is too long.
    pub async fn post(&self, body: &Value, heard: &Heard) -> Result<Reply, ModelError> {
        self.read(self.client.post(self.url.clone()).json(body), heard).await
    }

    /// Sends one GET below the API's root; `None` if the answer isn't JSON. No review depends on it.
    pub async fn get(&self, path: &str) -> Option<Value> {
        let heard = Heard::now(0);
        let call = tokio::time::timeout(self.limits.connect, self.get_reply(path, &heard));
        let reply = call.await.ok()?.ok()?;
        (reply.status == 200).then(|| serde_json::from_slice(&reply.body).ok())?
    }

    /// Sends one GET below the API's root.
    ///
    /// # Errors
    ///
    /// The same as [`Self::post`].
    pub async fn get_reply(&self, path: &str, heard: &Heard) -> Result<Reply, ModelError> {
        self.read(self.client.get(self.below(path)), heard).await
    }

    /// Sends one POST below the API's root.
    ///
    /// # Errors
    ///
    /// The same as [`Self::post`].
    pub async fn post_below(&self, path: &str, body: &Value, heard: &Heard) -> Result<Reply, ModelError> {
        self.read(self.client.post(self.below(path)).json(body), heard).await
    }

    /// Sends one POST of a form below the API's root.
    ///
    /// # Errors
    ///
    /// The same as [`Self::post`].
    pub async fn post_form(&self, path: &str, form: Form, heard: &Heard) -> Result<Reply, ModelError> {
        let request = self.client.post(self.below(path));
        let request = request.header(CONTENT_TYPE, form.content_type).body(form.body);
        self.read(request, heard).await
    }

    fn below(&self, path: &str) -> Url {
        let mut url = self.url.clone();
        url.set_path(&format!("{}{path}", self.root));
        url
    }

    async fn read(&self, request: reqwest::RequestBuilder, heard: &Heard) -> Result<Reply, ModelError> {
        heard.note(false);
        let sent = request.send().await;
        let unreached = |error| ModelError::Unavailable(self.broken("could not be reached", error));
        let mut response = sent.map_err(unreached)?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let mut reply = Reply {
            status,
            headers,
            body: Vec::new(),
        };
        let most = match reply.is_stream() {
            true => heard.max_stream_bytes,
            false => self.limits.body_bytes,
        };
        loop {
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => return Ok(reply),
                Err(error) => {
                    let line = self.broken("broke off its answer", error);
                    return Err(match reply.body.is_empty() {
                        true => ModelError::Unavailable(line),
                        false => ModelError::BrokenOff(line),
                    });
                }
            };
            heard.note(true);
            if reply.body.len() + chunk.len() > most {
                return Err(self.unusable(&format!("answered {status} with more than {most} bytes")));
            }
            reply.body.extend_from_slice(&chunk);
        }
    }

    /// Returns the error of an answer that isn't the provider's document.
    pub fn unusable(&self, what: &str) -> ModelError {
        ModelError::Unreadable(format!(
            "{} {what}: check that HOLDFAST_MODEL_URL names a model server (requested: {})",
            self.host,
            self.url.path()
        ))
    }

    fn broken(&self, what: &str, error: reqwest::Error) -> String {
        format!(
            "{} {what} ({}): check that it runs, HOLDFAST_MODEL_URL, and the network",
            self.host,
            chain(&error.without_url())
        )
    }
}

/// Returns an error with its causes: reqwest's own text ends before the one that helps.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}
