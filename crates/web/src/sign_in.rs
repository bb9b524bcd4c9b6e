//! Sign-in with GitHub. The server keeps no state: the browser keeps the state of a pending sign-in in a sealed
//! cookie.

use std::sync::Arc;

use holdfast_core::port::SignInPeople;
use http::HeaderMap;
use http::header::SET_COOKIE;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use crate::form::{Form, Seal, Session};
use crate::reply::Reply;

/// The path that starts a sign-in.
pub const SIGN_IN: &str = "/sign-in";
/// The path to which GitHub sends people back. It must be one of the App's callback URLs.
pub const CALLBACK: &str = "/sign-in/callback";
/// The path of the sign-out form.
pub const SIGN_OUT: &str = "/sign-out";

/// The cookie of a pending sign-in.
const PENDING: &str = "holdfast_sign_in";
/// The cookie with a person's encrypted token.
pub(crate) const TOKEN: &str = "holdfast_token";

/// The GitHub sign-in of a deployment, from the redirect to the session.
#[derive(Clone)]
pub struct SignInFlow {
    people: Arc<dyn SignInPeople>,
    callback: Url,
    keeps_token: bool,
}

impl SignInFlow {
    /// Creates the sign-in for pages under `public`. With `keeps_token`, the browser keeps the person's encrypted
    /// token, for a deployment without its own GitHub credentials.
    ///
    /// # Errors
    /// The callback URL is invalid.
    pub fn new(people: Arc<dyn SignInPeople>, public: &Url, keeps_token: bool) -> Result<Self, url::ParseError> {
        Ok(Self {
            people,
            callback: public.join(CALLBACK.trim_start_matches('/'))?,
            keeps_token,
        })
    }

    /// Redirects the browser to GitHub. `back` in the query is the page to return to. `state` and `verifier` must be
    /// unguessable.
    pub fn begin(&self, seal: &Seal, query: &str, state: &SecretString, verifier: &SecretString) -> Reply {
        let (state, verifier) = (state.expose_secret(), verifier.expose_secret());
        let query = Form::parse(query.as_bytes());
        let back = query.get("back").filter(|back| is_ours(back)).unwrap_or("/");
        let pending = seal.sealed(&format!("{state}.{verifier}.{}", hex::encode(back)));
        let page = self.people.page(state, verifier, &self.callback);
        Reply::see_other(page.as_str()).with(SET_COOKIE, &seal.cookie(PENDING, &pending, "Lax"))
    }

    /// Completes the sign-in of a person who returns from GitHub. Returns `None` if it wasn't started in this browser
    /// or GitHub refuses it; the person may try again.
    pub async fn finish(&self, seal: &Seal, headers: &HeaderMap, query: &str, now_ms: i64) -> Option<Reply> {
        let query = Form::parse(query.as_bytes());
        let pending = seal.unsealed(headers, PENDING)?;
        let mut parts = pending.splitn(3, '.');
        let (state, verifier, back) = (parts.next()?, parts.next()?, parts.next()?);
        if query.get("state") != Some(state) {
            return None;
        }
        let person = self.people.person(query.get("code")?, verifier, &self.callback).await;
        let person = person
            .inspect_err(|error| tracing::warn!(%error, "a sign-in failed"))
            .ok()?;
        let back = hex::decode(back).ok().and_then(|back| String::from_utf8(back).ok());
        let back = back.filter(|back| is_ours(back)).unwrap_or_else(|| "/".to_owned());
        let session = Session::Github {
            login: person.login.clone(),
        };
        let reply = Reply::see_other(&back)
            .with(SET_COOKIE, &seal.sign_in(&session, &session_id(state), now_ms))
            .with(SET_COOKIE, &seal.used_up(PENDING));
        if !self.keeps_token {
            return Some(reply);
        }
        let token = seal.hidden(&format!("{} {}", person.login, person.token.expose_secret()));
        Some(reply.with(SET_COOKIE, &seal.cookie(TOKEN, &token, "Lax")))
    }
}

/// Returns the id of the session. It is unique, because each sign-in has its own state.
fn session_id(state: &str) -> String {
    hex::encode(Sha256::digest(format!("session of {state}")))
        .chars()
        .take(32)
        .collect()
}

/// Returns the address of a sign-in that returns to `page`.
pub fn sign_in_at(page: &str) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("back", page)
        .finish();
    format!("{SIGN_IN}?{query}")
}

/// Returns the stored token of the person who is signed in with `login`.
pub fn token(seal: &Seal, headers: &HeaderMap, login: &str) -> Option<SecretString> {
    let hidden = seal.unhidden(headers, TOKEN)?;
    let (whose, token) = hidden.split_once(' ')?;
    (whose == login).then(|| token.to_owned().into())
}

/// Returns whether a path belongs to this site and not to another host.
fn is_ours(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}
