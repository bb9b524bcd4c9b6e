//! Sign-in by the App's OAuth web flow on github.com. The address to which an App sends people back is not checked.

use super::FakeGithub;
use super::identity::Identity;
use super::reply::{Answered, Reply};
use super::request::ApiRequest;
use super::state::State;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use url::{Url, form_urlencoded};

/// The person at the browser, and the issued codes that are not used yet.
#[derive(Clone, Debug)]
pub(crate) struct SignIn {
    /// `None`: the person refuses.
    login: Option<String>,
    codes: BTreeMap<String, Code>,
}

#[derive(Clone, Debug)]
struct Code {
    login: String,
    redirect: String,
    /// PKCE's challenge, of method S256.
    challenge: Option<String>,
}

impl Default for SignIn {
    fn default() -> Self {
        Self {
            login: Some("octocat".to_owned()),
            codes: BTreeMap::new(),
        }
    }
}

impl FakeGithub {
    /// The App's client id.
    pub const CLIENT_ID: &'static str = "Iv1.testkit";
    /// The App's client secret.
    pub const CLIENT_SECRET: &'static str = "testkit-client-secret";

    /// Sets the person who signs in from now on; `None` refuses. Default `octocat`.
    pub fn sign_in_as(&self, login: Option<&str>) {
        self.shared.world().state.sign_in.login = login.map(str::to_owned);
    }

    /// Opens this address of the sign-in page. Returns the address to which the browser is sent; `None` if the page
    /// would show an error.
    pub fn authorize(&self, address: &Url) -> Option<Url> {
        let query: Vec<_> = address.query_pairs().into_owned().collect();
        authorized(&mut self.shared.world().state, &query).ok()
    }
}

pub(crate) fn authorize(state: &mut State, request: &ApiRequest) -> Answered {
    let to = authorized(state, &request.query)?;
    let mut reply = Reply::no_content();
    reply.status = 302;
    reply.headers.push(("location", to.into()));
    Ok(reply)
}

fn authorized(state: &mut State, query: &[(String, String)]) -> Result<Url, Reply> {
    let field = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, value)| value);
    if field("client_id").is_none_or(|id| id != FakeGithub::CLIENT_ID) {
        return Err(Reply::not_found());
    }
    let redirect = field("redirect_uri").cloned().unwrap_or_default();
    let mut to = Url::parse(&redirect).map_err(|_| Reply::error(400, "The redirect_uri is not an address."))?;
    let is_s256 = field("code_challenge_method").is_some_and(|method| method == "S256");
    let challenge = field("code_challenge").cloned();
    if challenge.is_some() && !is_s256 {
        return Err(Reply::error(400, "The code_challenge_method must be S256."));
    }
    if let Some(login) = state.sign_in.login.clone() {
        let code = format!("{:020x}", state.id());
        to.query_pairs_mut().append_pair("code", &code);
        let given = Code {
            login,
            redirect,
            challenge,
        };
        state.sign_in.codes.insert(code, given);
    } else {
        let description = "The user has denied your application access.";
        to.query_pairs_mut()
            .append_pair("error", "access_denied")
            .append_pair("error_description", description);
    }
    if let Some(state) = field("state") {
        to.query_pairs_mut().append_pair("state", state);
    }
    Ok(to)
}

pub(crate) fn access_token(state: &mut State, request: &ApiRequest) -> Answered {
    let answer = match exchanged(state, request) {
        Ok(token) => json!({
            "access_token": token, "expires_in": 28_800, "refresh_token": format!("ghr_{}", state.id()),
            "refresh_token_expires_in": 15_897_600, "scope": "", "token_type": "bearer",
        }),
        // GitHub sends a refusal with a success status.
        Err((error, description)) => json!({
            "error": error, "error_description": description,
            "error_uri": "https://docs.github.com/apps/oauth-apps/maintaining-oauth-apps/troubleshooting-oauth-app-access-token-request-errors",
        }),
    };
    let effect = answer["access_token"].is_string().then(|| "sign in".to_owned());
    let mut reply = Reply::json(200, &answer);
    if !request.accept.contains("json") {
        reply.content_type = "application/x-www-form-urlencoded; charset=utf-8";
        reply.body = form(&answer).into_bytes();
    }
    reply.effect = effect;
    Ok(reply)
}

fn exchanged(state: &mut State, request: &ApiRequest) -> Result<String, (&'static str, &'static str)> {
    let field = |name: &str| request.text(name).or_else(|| request.query(name));
    let is_client =
        field("client_id") == Some(FakeGithub::CLIENT_ID) && field("client_secret") == Some(FakeGithub::CLIENT_SECRET);
    if !is_client {
        return Err((
            "incorrect_client_credentials",
            "The client_id and/or client_secret passed are incorrect.",
        ));
    }
    let bad = ("bad_verification_code", "The code passed is incorrect or expired.");
    let code = state
        .sign_in
        .codes
        .remove(field("code").unwrap_or_default())
        .ok_or(bad)?;
    if field("redirect_uri").is_some_and(|redirect| redirect != code.redirect) {
        let description = "The redirect_uri MUST match the registered callback URL for this application.";
        return Err(("redirect_uri_mismatch", description));
    }
    if let Some(challenge) = code.challenge {
        let verifier = field("code_verifier").unwrap_or_default();
        if URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)) != challenge {
            return Err(bad);
        }
    }
    let token = format!("ghu_{}", state.id());
    state.tokens.insert(token.clone(), Identity::user(code.login));
    Ok(token)
}

fn form(answer: &Value) -> String {
    let mut form = form_urlencoded::Serializer::new(String::new());
    for (name, value) in answer.as_object().into_iter().flatten() {
        form.append_pair(name, &value.as_str().map_or_else(|| value.to_string(), str::to_owned));
    }
    form.finish()
}
