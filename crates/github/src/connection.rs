//! Sends one request to GitHub and reads its answer: bounded in time and size, without retries; errors hold no secret.

use std::sync::Arc;
use std::time::Duration;

use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::settings::Settings;
use holdfast_core::port::PaceWrites;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, LengthLimitError, Limited};
use octocrab::Octocrab;
use secrecy::{ExposeSecret, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

use super::address::{PullRequestAddress, web_host};
use super::call::{Call, GRAPHQL, Scope};
use super::credentials::{App, Credentials, GithubIdentity, InstallationToken, github_identity};
use super::error::{AddressError, GithubSetupError};
use super::failure::{Failure, Kind};
use super::own_login::OwnLogin;
use super::pace::Pace;
use super::redirect;
use super::turns::{NoTurn, Turns};
use super::wire::Created;

/// Wall-clock limit of one request with its answer.
const MAX_CALL_TIME: Duration = Duration::from_secs(60);
/// The requested version of the API.
const API_VERSION: &str = "2022-11-28";
const API_HOST: &str = "api.github.com";
/// Maximum number of redirects of one request: a renamed repository needs one, a renamed and transferred one two.
const MAX_REDIRECTS: usize = 3;
/// The requirement that a refusal names when an App requests a token.
const INSTALLATION: &str = "an installation of the App";

/// A connection with one identity. Cheap to clone.
#[derive(Clone, Debug)]
pub struct GithubConnection {
    crab: Octocrab,
    /// The API's host.
    host: String,
    /// The API's scheme, host and port: credentials are sent nowhere else.
    pub(super) origin: String,
    /// The API's path prefix: empty, or `/api/v3` on GitHub Enterprise Server.
    prefix: String,
    pub(super) credentials: Credentials,
    pub(super) own_login: OwnLogin,
    pace: Arc<Pace>,
    turns: Option<Turns>,
}

/// A complete answer.
pub(super) struct Reply {
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl GithubConnection {
    /// Connects to `url` (default `https://api.github.com`). Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The address or the identity can't be used.
    pub fn new(url: Option<Url>, identity: GithubIdentity) -> Result<Self, GithubSetupError> {
        Self::connect(url.as_ref(), Credentials::new(identity)?)
    }

    /// Connects with the address, the identity and the write limit of the settings.
    ///
    /// # Errors
    ///
    /// Same as [`Self::new`]; or the file of the App's key can't be read.
    pub fn of(settings: &Settings) -> Result<Self, GithubSetupError> {
        let connection = Self::new(settings.github_url.clone(), github_identity(settings)?)?;
        Ok(Self {
            pace: Arc::new(Pace::limited(settings.github_writes_per_minute)),
            ..connection
        })
    }

    /// Returns the same connection with turns of writes that the deployment's processes share.
    #[must_use]
    pub fn sharing_turns(self, turns: Arc<dyn PaceWrites>) -> Self {
        Self {
            turns: Some(Turns(turns)),
            ..self
        }
    }

    /// Connects with checked credentials.
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
            own_login: OwnLogin::default(),
            pace: Arc::new(Pace::unlimited()),
            turns: None,
        })
    }

    /// Returns the same connection with other credentials.
    pub(super) fn with(&self, credentials: Credentials) -> Self {
        Self {
            credentials,
            own_login: OwnLogin::default(),
            ..self.clone()
        }
    }

    /// Returns true if requests have no token.
    pub(super) const fn is_anonymous(&self) -> bool {
        matches!(self.credentials, Credentials::Anonymous)
    }

    /// Returns true if requests are sent as an App.
    pub(super) const fn is_app(&self) -> bool {
        matches!(self.credentials, Credentials::App(_))
    }

    /// Fails if this connection's API isn't the one of the address's host.
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

    /// Builds a GET of JSON.
    pub(super) fn get(&self, segments: &[&str], needs: &'static str) -> Call {
        Call::new(Method::GET, segments, needs)
    }

    /// Builds a GET of a file's bytes, at most `max_bytes`.
    pub(super) fn get_raw(&self, segments: &[&str], max_bytes: usize, needs: &'static str) -> Call {
        Call {
            accept: "application/vnd.github.raw+json",
            max_bytes,
            ..Call::new(Method::GET, segments, needs)
        }
    }

    /// Builds a request that writes. A null body is sent as no body: GitHub accepts only objects.
    pub(super) fn write(&self, method: Method, segments: &[&str], body: Value, needs: &'static str) -> Call {
        Call {
            body: Some(body).filter(|body| !body.is_null()),
            ..Call::new(method, segments, needs)
        }
    }

    /// Builds a GraphQL query or mutation about a repository, with the token of its installation.
    pub(super) fn query(
        &self,
        repository: &RepositoryName,
        query: &str,
        variables: Value,
        needs: &'static str,
    ) -> Call {
        Call {
            scope: Scope::Repository(repository.owner().to_owned(), repository.name().to_owned()),
            body: Some(json!({ "query": query, "variables": variables })),
            ..Call::new(Method::POST, &["graphql"], needs)
        }
    }

    /// Sends a request and reads the answer as JSON.
    pub(super) async fn json<T: DeserializeOwned>(&self, call: Call) -> Result<T, Failure> {
        let bearer = self.bearer(&call).await?;
        self.json_as(call, bearer).await
    }

    /// Sends a request and reads the answer as JSON, with its headers.
    pub(super) async fn json_with_headers<T: DeserializeOwned>(&self, call: Call) -> Result<(T, HeaderMap), Failure> {
        let bearer = self.bearer(&call).await?;
        let name = call.name();
        let reply = self.send_as(call, bearer).await?;
        Ok((read_json(&name, &reply)?, reply.headers))
    }

    /// Sends a request once. Fails for every status but a success.
    pub(super) async fn send(&self, call: Call) -> Result<Reply, Failure> {
        let bearer = self.bearer(&call).await?;
        self.send_as(call, bearer).await
    }

    /// Returns the token for a request. Before an App's first request about a repository or an organisation it requests
    /// the token of its installation there.
    async fn bearer(&self, call: &Call) -> Result<Option<SecretString>, Failure> {
        let app = match &self.credentials {
            Credentials::Anonymous | Credentials::Client => return Ok(None),
            Credentials::Token(token) | Credentials::Person(token) => return Ok(Some(token.clone())),
            Credentials::App(app) => app,
        };
        let find = match &call.scope {
            Scope::Caller => return self.proof(app).map(Some),
            Scope::Repository(owner, name) => self.get(&["repos", owner, name, "installation"], INSTALLATION),
            Scope::Organisation(login) => self.get(&["orgs", login, "installation"], INSTALLATION),
        };
        let name = call.scope.name();
        match app.token(&name).await {
            Some(token) => Ok(Some(token)),
            None => self.installation_token(app, &name, find).await.map(Some),
        }
    }

    /// Requests a token of the installation that `call` finds.
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

    /// Forgets the own login and the installation's token: GitHub refuses the credentials that they were read with.
    async fn forget_credentials(&self, scope: &Scope) {
        self.own_login.forget().await;
        if let Credentials::App(app) = &self.credentials {
            app.forget(&scope.name()).await;
        }
    }

    pub(super) fn proof(&self, app: &App) -> Result<SecretString, Failure> {
        app.proof()
            .ok_or_else(|| Failure::new(Kind::Forbidden, "the App's key cannot sign".to_owned()))
    }

    pub(super) async fn json_as<T: DeserializeOwned>(
        &self,
        call: Call,
        bearer: Option<SecretString>,
    ) -> Result<T, Failure> {
        let name = call.name();
        let reply = self.send_as(call, bearer).await?;
        read_json(&name, &reply)
    }

    /// Sends a request. If its repository was renamed or transferred, sends the same request to the place that GitHub
    /// names, on the same host.
    async fn send_as(&self, mut call: Call, bearer: Option<SecretString>) -> Result<Reply, Failure> {
        let name = call.name();
        let is_in_repository = matches!(call.scope, Scope::Repository(..));
        let account = match &call.scope {
            Scope::Repository(owner, _) => self.credentials.account(&self.origin, owner),
            Scope::Caller | Scope::Organisation(_) => None,
        };
        let turns = self.turns.as_ref().zip(account);
        if call.is_write() {
            let turn = self.take_turn(&call, turns.as_ref());
            turn.await.map_err(|none| none.failure(&name))?;
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
                if call.leads_elsewhere && status.is_redirection() {
                    return Ok(reply);
                }
                if status == StatusCode::UNAUTHORIZED {
                    self.forget_credentials(&call.scope).await;
                }
                let who = self.credentials.name();
                let failure = Failure::from_reply(&name, call.needs, status, &reply, who);
                if let (Kind::RateLimited(retry_after_s), Some((turns, account))) = (failure.kind, &turns) {
                    turns.refused(account, retry_after_s).await;
                }
                return Err(failure);
            };
            (call.path, call.query) = (path, query);
            redirects += 1;
        }
    }

    /// Returns the time until the end of GitHub's last refusal of requests in this owner's repositories because of a
    /// limit, as far as the deployment's processes know it.
    pub(super) async fn limited_for(&self, owner: &str) -> Result<Duration, Failure> {
        let account = self.credentials.account(&self.origin, owner);
        let Some((turns, account)) = self.turns.as_ref().zip(account) else {
            return Ok(Duration::ZERO);
        };
        let limited = turns.limited_for(&account).await;
        limited.map_err(|none| none.failure("a write"))
    }

    /// Waits until a write may be sent, with the deployment's turns or with this process's pace.
    async fn take_turn(&self, call: &Call, turns: Option<&(&Turns, String)>) -> Result<(), NoTurn> {
        if let Some((turns, account)) = turns
            && turns.take(call.write_kind(), account, &call.identity()).await?
        {
            return Ok(());
        }
        self.pace.write().await.map_err(NoTurn::Later)
    }

    /// Sends one request and returns the answer of any status.
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
        self.complete(name, builder, call.body.as_ref(), call.max_bytes).await
    }

    /// Sends a request with exactly these headers, to the API if its address names no host, and returns the answer of
    /// any status.
    pub(super) async fn complete(
        &self,
        name: &str,
        builder: http::request::Builder,
        body: Option<&Value>,
        max_bytes: usize,
    ) -> Result<(StatusCode, Reply), Failure> {
        let unavailable = |detail: String| Failure::unavailable(name, &detail);
        let request = self
            .crab
            .build_request(builder, body)
            .map_err(|error| unavailable(innermost(&error)))?;
        let exchange = async {
            let response = self
                .crab
                .execute(request)
                .await
                .map_err(|error| unavailable(innermost(&error)))?;
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, max_bytes).collect().await.map_err(|error| {
                if error.is::<LengthLimitError>() {
                    Failure::new(
                        Kind::TooLong,
                        format!("{name}: the answer is longer than {max_bytes} bytes"),
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
        let _permit = self.pace.permit().await;
        tokio::time::timeout(MAX_CALL_TIME, exchange)
            .await
            .map_err(|_| unavailable(format!("no complete answer in {} s", MAX_CALL_TIME.as_secs())))?
    }
}

fn read_json<T: DeserializeOwned>(name: &str, reply: &Reply) -> Result<T, Failure> {
    serde_json::from_slice(&reply.body).map_err(|error| Failure::unreadable(name, &error.to_string()))
}

/// Compares two hosts; all names of this machine count as the same host.
fn is_same_host(one: &str, other: &str) -> bool {
    let is_loopback = |host: &str| matches!(host, "localhost" | "127.0.0.1" | "[::1]");
    one.eq_ignore_ascii_case(other) || (is_loopback(one) && is_loopback(other))
}

/// Returns the innermost cause of an error as one line.
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
