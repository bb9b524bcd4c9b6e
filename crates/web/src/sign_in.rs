//! Signing in with GitHub: the way there, back, and out again. Nothing is kept here: what is needed in between is in the
//! browser, sealed.

use std::sync::Arc;

use holdfast_core::port::SignInPeople;
use http::HeaderMap;
use http::header::SET_COOKIE;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use url::Url;

use crate::form::{Form, Seal, Session};
use crate::reply::Reply;

/// Where one signs in.
pub const SIGN_IN: &str = "/sign-in";
/// Where GitHub sends people back to; among the App's callback URLs.
pub const CALLBACK: &str = "/sign-in/callback";
/// Where the form that signs out is sent.
pub const SIGN_OUT: &str = "/sign-out";

/// The cookie between the way to GitHub and back.
const PENDING: &str = "holdfast_sign_in";
/// The cookie of a person's token, hidden.
pub(crate) const TOKEN: &str = "holdfast_token";

/// Sign-in, as a deployment has it.
#[derive(Clone)]
pub struct WithGithub {
    people: Arc<dyn SignInPeople>,
    callback: Url,
    keeps_token: bool,
}

impl WithGithub {
    /// Sign-in for pages under `public`. With `keeps_token` the person's token stays in their browser, hidden, for whoever
    /// has no credentials of its own to ask what they may do. Errors: the address cannot be used.
    pub fn new(people: Arc<dyn SignInPeople>, public: &Url, keeps_token: bool) -> Result<Self, url::ParseError> {
        Ok(Self {
            people,
            callback: public.join(CALLBACK.trim_start_matches('/'))?,
            keeps_token,
        })
    }

    /// Sends the browser to GitHub; `back` in the query is the page to come back to. `state` and `verifier` are texts that
    /// nobody guesses.
    pub fn begin(&self, seal: &Seal, query: &str, state: &SecretString, verifier: &SecretString) -> Reply {
        let (state, verifier) = (state.expose_secret(), verifier.expose_secret());
        let query = Form::parse(query.as_bytes());
        let back = query.get("back").filter(|back| is_ours(back)).unwrap_or("/");
        let pending = seal.sealed(&format!("{state}.{verifier}.{}", hex::encode(back)));
        let page = self.people.page(state, verifier, &self.callback);
        Reply::see_other(page.as_str()).with(SET_COOKIE, &seal.cookie(PENDING, &pending, "Lax"))
    }

    /// Signs in who is back from GitHub. None: it did not begin here, or GitHub says no; the person may try again.
    pub async fn come_back(&self, seal: &Seal, headers: &HeaderMap, query: &str, now_ms: i64) -> Option<Reply> {
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

/// The id of the session that a sign-in leads to: nobody has another one's, as each sign-in has a state of its own.
fn session_id(state: &str) -> String {
    hex::encode(Sha256::digest(format!("session of {state}")))
        .chars()
        .take(32)
        .collect()
}

/// The address to sign in at and come back to `page` from.
pub fn sign_in_at(page: &str) -> String {
    let query: String = form_urlencoded::Serializer::new(String::new())
        .append_pair("back", page)
        .finish();
    format!("{SIGN_IN}?{query}")
}

/// The token of who has signed in with `login`, where it is kept.
pub fn token(seal: &Seal, headers: &HeaderMap, login: &str) -> Option<SecretString> {
    let hidden = seal.unhidden(headers, TOKEN)?;
    let (whose, token) = hidden.split_once(' ')?;
    (whose == login).then(|| token.to_owned().into())
}

/// A path of ours, and no other host's address.
fn is_ours(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && !path.contains('\\')
        && path.bytes().all(|byte| byte.is_ascii_graphic())
}
