//! One request to GitHub and its answer: bounded in time and size, no retry, no secret in an error.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::model::settings::Settings;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::address::{PullRequestAddress, web_host};
use super::credentials::{App, Credentials, GithubIdentity, InstallationToken, github_identity};
use super::error::{AddressError, GithubSetupError};
use super::failure::{Failure, Kind};
use super::pace::Pace;
use super::redirect;
use super::wire::{AppPage, Created, User};

/// Wall-clock limit of one request, answer included.
const MAX_CALL_TIME: Duration = Duration::from_secs(60);
/// Largest JSON answer that is read, in bytes.
const MAX_ANSWER_BYTES: usize = 64 * 1024 * 1024;
/// The API version that is asked for.
const API_VERSION: &str = "2022-11-28";
const API_HOST: &str = "api.github.com";
/// Redirects that one request follows: a renamed repository takes one, one that was renamed and transferred two.
const MAX_REDIRECTS: usize = 3;
/// The path of GraphQL, which has a prefix of its own on GitHub Enterprise Server.
const GRAPHQL: &str = "/graphql";
/// What an App needs before it gets a token.
const INSTALLATION: &str = "an installation of the App";

/// A connection with one identity. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GithubConnection {
    crab: Octocrab,
    /// The API's host.
    host: String,
    /// The API's scheme, host and port: credentials go nowhere else.
    origin: String,
    /// The API's path prefix: empty, or `/api/v3` on GitHub Enterprise Server.
    prefix: String,
    credentials: Credentials,
    pace: Arc<Pace>,
}

/// What a request is about. An App asks as its installation there.
enum Scope {
    /// The caller itself.
    Own,
    Repository(String, String),
    Organisation(String),
}

impl Scope {
    /// The name that its installation's token is kept under.
    fn name(&self) -> String {
        match self {
            Self::Own => String::new(),
            Self::Repository(owner, name) => format!("{owner}/{name}"),
            Self::Organisation(login) => login.clone(),
        }
    }
}

/// A request that was not sent yet.
pub(super) struct Call {
    method: Method,
    path: String,
    query: String,
    scope: Scope,
    body: Option<Value>,
    accept: &'static str,
    bytes_most: usize,
    /// The permission that a refusal names.
    needs: &'static str,
}

impl Call {
    fn new(method: Method, segments: &[&str], needs: &'static str) -> Self {
        let mut path = String::new();
        for segment in segments {
            path.push('/');
            path.push_str(&encoded(segment));
        }
        Self {
            method,
            path,
            query: String::new(),
            scope: match segments {
                ["repos", owner, name, ..] => Scope::Repository((*owner).to_owned(), (*name).to_owned()),
                ["orgs", login, ..] => Scope::Organisation((*login).to_owned()),
                _ => Scope::Own,
            },
            body: None,
            accept: "application/vnd.github+json",
            bytes_most: MAX_ANSWER_BYTES,
            needs,
        }
    }

    /// Adds a query parameter.
    pub fn query(mut self, name: &str, value: &str) -> Self {
        self.query.push(if self.query.is_empty() { '?' } else { '&' });
        self.query.push_str(name);
        self.query.push('=');
        self.query.push_str(&encoded(value));
        self
    }

    /// Asks for another media type than the API's own.
    pub fn accept(mut self, media_type: &'static str) -> Self {
        self.accept = media_type;
        self
    }

    /// The call as errors name it.
    fn name(&self) -> String {
        format!("{} {}", self.method, self.path)
    }
}

/// An answer, whole.
pub(super) struct Reply {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl GithubConnection {
    /// Connects to `url` (default `https://api.github.com`). Has to be called on a tokio runtime.
    ///
    /// # Errors
    ///
    /// The address or the identity cannot be used.
    pub fn new(url: Option<Url>, identity: GithubIdentity) -> Result<Self, GithubSetupError> {
        Self::connect(url.as_ref(), Credentials::new(identity)?)
    }

    /// Connects as the settings say, which also hold its writes to a pace.
    ///
    /// # Errors
    ///
    /// As of [`Self::new`].
    pub fn of(settings: &Settings) -> Result<Self, GithubSetupError> {
        let connection = Self::new(settings.github_url.clone(), github_identity(settings)?)?;
        Ok(Self {
            pace: Arc::new(Pace::limited(settings.github_writes_per_minute)),
            ..connection
        })
    }

    /// The same with credentials that are known to be usable.
    pub(super) fn connect(url: Option<&Url>, credentials: Credentials) -> Result<Self, GithubSetupError> {
        let mut builder = Octocrab::builder().set_connect_timeout(Some(Duration::from_secs(10)));
        let (mut host, mut prefix) = (API_HOST.to_owned(), String::new());
        let mut origin = format!("https://{API_HOST}");
        if let Some(url) = url {
            url.host_str().unwrap_or_default().clone_into(&mut host);
            url.path().trim_end_matches('/').clone_into(&mut prefix);
            origin = url.origin().ascii_serialization();
            builder = builder
                .base_uri(&origin)
                .map_err(|error| GithubSetupError::Url(error.into()))?;
        }
        let crab = builder
            .build()
            .map_err(|error| GithubSetupError::Client(error.into()))?;
        Ok(Self {
            crab,
            host,
            origin,
            prefix,
            credentials,
            pace: Arc::new(Pace::unlimited()),
        })
    }

    /// The same connection with other credentials.
    pub(super) fn with(&self, credentials: Credentials) -> Self {
        Self {
            credentials,
            ..self.clone()
        }
    }

    /// Whether requests go out without a token.
    pub(super) const fn is_anonymous(&self) -> bool {
        matches!(self.credentials, Credentials::Anonymous)
    }

    /// Whether requests go out as an App.
    pub(super) const fn is_app(&self) -> bool {
        matches!(self.credentials, Credentials::App(_))
    }

    /// The login that our writes carry; `None` for a token that may not ask whose it is, as those of an App's
    /// installation.
    pub(super) async fn own_login(&self) -> Result<Option<String>, Failure> {
        if let Credentials::App(app) = &self.credentials {
            let call = self.get(&["app"], "none");
            let page: AppPage = self.json_as(call, Some(self.proof(app)?)).await?;
            return Ok(Some(format!("{}[bot]", page.slug)));
        }
        match self.json::<User>(self.get(&["user"], "Metadata: read")).await {
            Ok(user) => Ok(Some(user.login)),
            Err(Failure {
                kind: Kind::Forbidden | Kind::NotFound,
                ..
            }) => Ok(None),
            Err(failure) => Err(failure),
        }
    }

    /// Whether this connection's API answers for the address's host.
    pub(super) fn check_host(&self, address: &PullRequestAddress) -> Result<(), AddressError> {
        let page = address.host.strip_prefix("www.").unwrap_or(&address.host);
        if is_same_host(page, web_host(&self.host)) {
            return Ok(());
        }
        Err(AddressError::OtherHost {
            page: page.to_owned(),
            api: self.host.clone(),
        })
    }

    /// GET of JSON.
    pub(super) fn get(&self, segments: &[&str], needs: &'static str) -> Call {
        Call::new(Method::GET, segments, needs)
    }

    /// GET of a file's bytes, at most so many.
    pub(super) fn get_raw(&self, segments: &[&str], bytes_most: usize, needs: &'static str) -> Call {
        Call {
            accept: "application/vnd.github.raw+json",
            bytes_most,
            ..Call::new(Method::GET, segments, needs)
        }
    }

    /// A request that writes. A null body is none: GitHub takes objects alone.
    pub(super) fn write(&self, method: Method, segments: &[&str], body: Value, needs: &'static str) -> Call {
        Call {
            body: Some(body).filter(|body| !body.is_null()),
            ..Call::new(method, segments, needs)
        }
    }

    /// A GraphQL query about a repository, asked as its installation.
    pub(super) fn query(
        &self,
        owner: &str,
        repository: &str,
        query: &str,
        variables: Value,
        needs: &'static str,
    ) -> Call {
        Call {
            scope: Scope::Repository(owner.to_owned(), repository.to_owned()),
            body: Some(json!({ "query": query, "variables": variables })),
            ..Call::new(Method::POST, &["graphql"], needs)
        }
    }

    /// Sends, and reads the answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        let bearer = self.bearer(&call).await?;
        self.json_as(call, bearer).await
    }

    /// The same, with what stands above the answer.
    pub(super) async fn json_with_headers<T: DeserializeOwned>(&self, call: Call) -> Result<(T, HeaderMap), Failure> {
        let bearer = self.bearer(&call).await?;
        let name = call.name();
        let reply = self.send_as(call, bearer).await?;
        Ok((read_json(&name, &reply)?, reply.headers))
    }

    /// Sends once; whatever is not a success is a failure.
    pub(super) async fn send(&self, call: Call) -> Result<Reply, Failure> {
        let bearer = self.bearer(&call).await?;
        self.send_as(call, bearer).await
    }

    /// What the call is sent with. An App's first call about a repository or an organisation asks for
    /// its installation's token before.
    async fn bearer(&self, call: &Call) -> Result<Option<SecretString>, Failure> {
        let app = match &self.credentials {
            Credentials::Anonymous | Credentials::Client => return Ok(None),
            Credentials::Token(token) | Credentials::Person(token) => return Ok(Some(token.clone())),
            Credentials::App(app) => app,
        };
        let find = match &call.scope {
            Scope::Own => return self.proof(app).map(Some),
            Scope::Repository(owner, name) => self.get(&["repos", owner, name, "installation"], INSTALLATION),
            Scope::Organisation(login) => self.get(&["orgs", login, "installation"], INSTALLATION),
        };
        let name = call.scope.name();
        match app.token(&name).await {
            Some(token) => Ok(Some(token)),
            None => self.installation_token(app, &name, find).await.map(Some),
        }
    }

    /// Asks for a token of the installation that `call` finds.
    async fn installation_token(&self, app: &App, name: &str, call: Call) -> Result<SecretString, Failure> {
        let proof = self.proof(app)?;
        let installation: Created = self.json_as(call, Some(proof.clone())).await?;
        let id = installation.id.to_string();
        let segments = ["app", "installations", &id, "access_tokens"];
        let call = self.write(Method::POST, &segments, Value::Null, INSTALLATION);
        let token: InstallationToken = self.json_as(call, Some(proof)).await?;
        app.keep(name, token.clone()).await;
        Ok(token.token)
    }

    fn proof(&self, app: &App) -> Result<SecretString, Failure> {
        app.proof()
            .map_err(|error| Failure::new(Kind::Forbidden, format!("the App's key cannot sign: {error}")))
    }

    async fn json_as<T: DeserializeOwned>(&self, call: Call, bearer: Option<SecretString>) -> Result<T, Failure> {
        let name = call.name();
        let reply = self.send_as(call, bearer).await?;
        read_json(&name, &reply)
    }

    /// Sends, and follows a repository that was renamed or transferred, as GitHub asks for: the same request again at the
    /// place that it names, on the same host.
    async fn send_as(&self, mut call: Call, bearer: Option<SecretString>) -> Result<Reply, Failure> {
        let name = call.name();
        let is_in_repository = matches!(call.scope, Scope::Repository(..));
        if call.method != Method::GET && is_in_repository && call.path != GRAPHQL {
            self.pace.write().await.map_err(|wait| {
                let wait_s = wait.as_secs();
                let line = format!(
                    "{name}: other writes of this process come first, for {wait_s} s more: \
                     HOLDFAST_GITHUB_WRITES_PER_MINUTE says how many there may be"
                );
                Failure::new(Kind::RateLimited(Some(wait_s)), line)
            })?;
        }
        let mut redirects = 0;
        loop {
            let (status, reply) = self.exchange(&name, &call, bearer.as_ref()).await?;
            if status.is_success() {
                return Ok(reply);
            }
            let place = match is_in_repository && redirects < MAX_REDIRECTS {
                true => redirect::place(&self.origin, &self.prefix, &call.path, status, &reply.headers),
                false => None,
            };
            let Some((path, query)) = place else {
                let who = self.credentials.name();
                return Err(Failure::from_reply(&name, call.needs, status, &reply, who));
            };
            (call.path, call.query) = (path, query);
            redirects += 1;
        }
    }

    /// One request and its answer, whatever it is.
    async fn exchange(
        &self,
        name: &str,
        call: &Call,
        bearer: Option<&SecretString>,
    ) -> Result<(StatusCode, Reply), Failure> {
        let prefix = match call.path.as_str() {
            GRAPHQL => self.prefix.trim_end_matches("/v3"),
            _ => &self.prefix,
        };
        let mut builder = Request::builder()
            .method(call.method.clone())
            .uri(format!("{prefix}{}{}", call.path, call.query))
            .header(header::ACCEPT, call.accept)
            .header(header::CONTENT_TYPE, "application/json")
            .header("x-github-api-version", API_VERSION);
        if let Some(bearer) = bearer {
            builder = builder.header(header::AUTHORIZATION, format!("Bearer {}", bearer.expose_secret()));
        }
        let unavailable = |detail: String| Failure::unavailable(name, &detail);
        let request = self
            .crab
            .build_request(builder, call.body.as_ref())
            .map_err(|error| unavailable(innermost(&error)))?;
        let bytes_most = call.bytes_most;
        let exchange = async {
            let response = self
                .crab
                .execute(request)
                .await
                .map_err(|error| unavailable(innermost(&error)))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, bytes_most).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    Failure::new(
                        Kind::TooLong,
                        format!("{name}: the answer is longer than {bytes_most} bytes"),
                    )
                } else {
                    unavailable(innermost(error.as_ref()))
                }
            })?;
            let reply = Reply {
                headers: parts.headers,
                body: body.to_bytes().to_vec(),
            };
            Ok((parts.status, reply))
        };
        let _turn = self.pace.turn().await;
        tokio::time::timeout(MAX_CALL_TIME, exchange)
            .await
            .map_err(|_| unavailable(format!("no whole answer in {} s", MAX_CALL_TIME.as_secs())))?
    }
}

fn read_json<T: DeserializeOwned>(name: &str, reply: &Reply) -> Result<T, Failure> {
    serde_json::from_slice(&reply.body).map_err(|error| Failure::unreadable(name, &error.to_string()))
}

/// Two names of this machine are one host.
fn is_same_host(one: &str, other: &str) -> bool {
    let is_loopback = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    one.eq_ignore_ascii_case(other) || (is_loopback(one) && is_loopback(other))
}

/// One part of an address, so that it stays one part whatever it holds.
fn encoded(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// What the system said, without the wrappers around it.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(next) = cause.source() {
        cause = next;
    }
    let text = cause.to_string();
    text.lines().next().unwrap_or_default().chars().take(300).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hostile_segment_stays_one_segment() {
        let call = Call::new(Method::GET, &["repos", "o", "a/../b?x#y", "é"], "").query("ref", "a&b=c");
        assert_eq!(
            (call.path.as_str(), call.query.as_str()),
            ("/repos/o/a%2F..%2Fb%3Fx%23y/%C3%A9", "?ref=a%26b%3Dc")
        );
    }

    #[test]
    fn loopback_has_several_names() {
        for (one, other, same) in [
            ("localhost", "127.0.0.1", true),
            ("[::1]", "localhost", true),
            ("GHE.example.com", "ghe.example.com", true),
            ("127.0.0.1", "ghe.example.com", false),
        ] {
            assert_eq!(is_same_host(one, other), same, "{one} {other}");
        }
    }
}
