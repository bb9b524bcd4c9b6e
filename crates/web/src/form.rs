//! Parses forms, and checks that a form was made for the browser that sends it.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use chacha20poly1305::aead::{Aead, KeyInit};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac};
use http::HeaderMap;
use http::header::{COOKIE, ORIGIN};
use secrecy::{ExposeSecret, SecretString};
use sha2::Sha256;

/// The cookie that ties forms to a browser.
const VISIT: &str = "holdfast_visit";
/// The session cookie.
const SESSION: &str = "holdfast_session";
/// Lifetime of a session, in ms.
const SESSION_MS: i64 = 12 * 3_600_000;

/// Length of XChaCha20's nonce, in bytes.
const NONCE_BYTES: usize = 24;

/// Maximum size of a form, in bytes.
pub const MAX_FORM_BYTES: usize = 2 * 1024 * 1024;

/// Authenticates forms and sessions.
#[derive(Clone, Debug)]
pub struct Seal {
    /// Signs sessions and the state of pending sign-ins.
    session: SecretString,
    /// Signs forms.
    form: SecretString,
    /// Sessions that were ended early, as far as this process knows: the id, and the time of expiry in ms since 1970.
    ended: Arc<RwLock<HashMap<String, i64>>>,
    /// `https://HOST[:PORT]`, as browsers send it.
    origin: String,
}

/// A signed-in person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Session {
    /// Signed in with this console's key: may see and do everything.
    Operator,
    /// Signed in with GitHub.
    Github {
        /// The login.
        login: String,
    },
}

/// A sign-in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignIn {
    /// The person.
    pub session: Session,
    /// Its unique id.
    pub id: String,
    /// Its expiry, in ms since 1970.
    pub until_ms: i64,
}

impl Seal {
    /// Creates a seal with a key of at least 32 random characters, for pages under `origin` (`https://HOST[:PORT]`).
    pub fn new(key: SecretString, origin: impl Into<String>) -> Self {
        Self::with_keys(key.clone(), key, origin)
    }

    /// Creates a seal with separate keys for sessions and forms.
    pub fn with_keys(session: SecretString, form: SecretString, origin: impl Into<String>) -> Self {
        Self {
            session,
            form,
            ended: Arc::default(),
            origin: origin.into(),
        }
    }

    /// Returns the browser's id, and the cookie that sets it if the browser has none yet. `fresh` is 32 random hex
    /// digits.
    pub fn visit(&self, headers: &HeaderMap, fresh: &str) -> (String, Option<String>) {
        match cookie(headers, VISIT).filter(|visit| visit.len() == 32) {
            Some(visit) => (visit, None),
            None => (fresh.to_owned(), Some(self.cookie(VISIT, fresh, "Strict"))),
        }
    }

    /// Returns the nonce of a form.
    pub fn nonce(&self, visit: &str, action: &str) -> String {
        hex::encode(
            self.form_mac(&format!("form\n{visit}\n{action}"))
                .finalize()
                .into_bytes(),
        )
    }

    /// Returns whether this server made the form for this browser and this action, and one of its own pages sent it.
    pub fn is_ours(&self, headers: &HeaderMap, form: &Form, action: &str, field: &str) -> bool {
        if !self.comes_from_us(headers) {
            return false;
        }
        let Some(visit) = cookie(headers, VISIT) else {
            return false;
        };
        let mac = self.form_mac(&format!("form\n{visit}\n{action}"));
        let given = form.get(field).and_then(|nonce| hex::decode(nonce).ok());
        given.is_some_and(|given| mac.verify_slice(&given).is_ok())
    }

    /// Returns whether the request comes from one of this site's pages. Browsers send an `Origin` with every form,
    /// but replace it with `null` on pages with `Referrer-Policy: no-referrer`, as these have; then `Sec-Fetch-Site`
    /// decides. A client without any `Origin` isn't a browser, so it has no cookie that another site could abuse.
    fn comes_from_us(&self, headers: &HeaderMap) -> bool {
        let header = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        match header(ORIGIN.as_str()) {
            None => true,
            Some("null") => header("sec-fetch-site") == Some("same-origin"),
            Some(origin) => origin == self.origin,
        }
    }

    /// Returns the cookie of a session. `id` is a hexadecimal text that is unique to this sign-in.
    pub fn sign_in(&self, session: &Session, id: &str, now_ms: i64) -> String {
        let who = match session {
            Session::Operator => "operator".to_owned(),
            Session::Github { login } => format!("github.{login}"),
        };
        let until = now_ms + SESSION_MS;
        let signed = format!("{who}.{id}.{until}");
        let mac = hex::encode(self.mac(&format!("session\n{signed}")).finalize().into_bytes());
        self.cookie(SESSION, &format!("{signed}.{mac}"), "Lax")
    }

    /// Returns the cookie that signs out.
    pub fn sign_out(&self) -> String {
        self.used_up(SESSION)
    }

    /// Returns the session, unless it was ended.
    pub fn session(&self, headers: &HeaderMap, now_ms: i64) -> Option<Session> {
        let signed_in = self.signed_in(headers, now_ms)?;
        let ended = self.ended.read().unwrap_or_else(PoisonError::into_inner);
        (!ended.contains_key(&signed_in.id)).then_some(signed_in.session)
    }

    /// Returns the sign-in of the browser's cookie, even if it was ended.
    pub fn signed_in(&self, headers: &HeaderMap, now_ms: i64) -> Option<SignIn> {
        let value = cookie(headers, SESSION)?;
        let (signed, mac) = value.rsplit_once('.')?;
        let given = hex::decode(mac).ok()?;
        self.mac(&format!("session\n{signed}")).verify_slice(&given).ok()?;
        let (who, until_ms) = signed.rsplit_once('.')?;
        let (who, id) = who.rsplit_once('.')?;
        let until_ms = until_ms.parse::<i64>().ok()?;
        if until_ms <= now_ms {
            return None;
        }
        let session = match who.split_once('.') {
            None if who == "operator" => Session::Operator,
            Some(("github", login)) => Session::Github {
                login: login.to_owned(),
            },
            _ => return None,
        };
        Some(SignIn {
            session,
            id: id.to_owned(),
            until_ms,
        })
    }

    /// Records an ended session and drops those that have expired.
    pub fn end(&self, id: &str, until_ms: i64, now_ms: i64) {
        let mut ended = self.ended.write().unwrap_or_else(PoisonError::into_inner);
        ended.retain(|_, until| *until > now_ms);
        ended.insert(id.to_owned(), until_ms);
    }

    /// Returns a text with a signature that only this server can make.
    pub fn sealed(&self, text: &str) -> String {
        let mac = self.mac(&format!("sealed\n{text}")).finalize().into_bytes();
        format!("{text}.{}", hex::encode(mac))
    }

    /// Returns a signed text from a cookie.
    pub fn unsealed(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        let value = cookie(headers, name)?;
        let (text, mac) = value.rsplit_once('.')?;
        let given = hex::decode(mac).ok()?;
        self.mac(&format!("sealed\n{text}")).verify_slice(&given).ok()?;
        Some(text.to_owned())
    }

    /// Encrypts a text, so that only this server can read it.
    pub fn hidden(&self, text: &str) -> String {
        // The nonce is derived from the text, so two texts never share one.
        let nonce = &self.mac(&format!("nonce\n{text}")).finalize().into_bytes()[..NONCE_BYTES];
        let cipher = self.cipher();
        // Fails only for texts of 256 GiB.
        let hidden = XNonce::try_from(nonce).map(|nonce| cipher.encrypt(&nonce, text.as_bytes()));
        let hidden = hidden.ok().and_then(Result::ok).unwrap_or_default();
        format!("{}{}", hex::encode(nonce), hex::encode(hidden))
    }

    /// Returns an encrypted text from a cookie.
    pub fn unhidden(&self, headers: &HeaderMap, name: &str) -> Option<String> {
        let bytes = hex::decode(cookie(headers, name)?).ok()?;
        let (nonce, hidden) = bytes.split_at_checked(NONCE_BYTES)?;
        let text = self.cipher().decrypt(&XNonce::try_from(nonce).ok()?, hidden).ok()?;
        String::from_utf8(text).ok()
    }

    fn cipher(&self) -> XChaCha20Poly1305 {
        let key: [u8; 32] = self.mac("key of hidden texts").finalize().into_bytes().into();
        XChaCha20Poly1305::new(&key.into())
    }

    /// Returns the header that deletes a cookie.
    pub fn used_up(&self, name: &str) -> String {
        self.cookie(name, "; Max-Age=0", "Lax")
    }

    /// Returns a cookie that only this site's pages receive.
    pub fn cookie(&self, name: &str, value: &str, same_site: &str) -> String {
        let secure = if self.origin.starts_with("https:") {
            "; Secure"
        } else {
            ""
        };
        format!("{name}={value}; Path=/; HttpOnly; SameSite={same_site}{secure}")
    }

    fn mac(&self, text: &str) -> Hmac<Sha256> {
        mac(&self.session, text)
    }

    fn form_mac(&self, text: &str) -> Hmac<Sha256> {
        mac(&self.form, text)
    }
}

fn mac(key: &SecretString, text: &str) -> Hmac<Sha256> {
    // HMAC takes keys of any length: the default is never used.
    let mut mac = Hmac::<Sha256>::new_from_slice(key.expose_secret().as_bytes())
        .unwrap_or_else(|_| Hmac::new(&hmac::digest::Key::<Hmac<Sha256>>::default()));
    mac.update(text.as_bytes());
    mac
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    let cookies = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let mut pairs = cookies
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='));
    pairs.find(|(key, _)| *key == name).map(|(_, value)| value.to_owned())
}

/// The fields of a form, in order.
#[derive(Debug)]
pub struct Form(Vec<(String, String)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded`.
    pub fn parse(body: &[u8]) -> Self {
        Self(form_urlencoded::parse(body).into_owned().collect())
    }

    /// Returns the first value of a field.
    pub fn get(&self, name: &str) -> Option<&str> {
        let mut named = self.0.iter().filter(|(key, _)| key == name);
        named.next().map(|(_, value)| value.as_str())
    }

    /// Returns every value of a field.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        let named = self.0.iter().filter(move |(key, _)| key == name);
        named.map(|(_, value)| value.as_str())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use http::HeaderValue;

    use super::*;

    fn headers(pairs: &[(http::HeaderName, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (name.clone(), HeaderValue::from_str(value).unwrap()))
            .collect()
    }

    fn seal(origin: &str) -> Seal {
        Seal::new("k".repeat(32).into(), origin)
    }

    #[test]
    fn a_form_is_valid_for_one_browser_and_one_action() {
        let seal = seal("https://h.example");
        let (visit, other) = ("a".repeat(32), "b".repeat(32));
        let form = |nonce: &str| Form::parse(format!("csrf={nonce}").as_bytes());
        let nonce = seal.nonce(&visit, "/x");
        let mine = format!("holdfast_visit={visit}");
        let theirs = format!("holdfast_visit={other}");
        for (cookie, origin, nonce, action, expected) in [
            (mine.as_str(), "https://h.example", nonce.as_str(), "/x", true),
            (&mine, "https://evil.example", &nonce, "/x", false),
            (&mine, "null", &nonce, "/x", false),
            (&theirs, "https://h.example", &nonce, "/x", false),
            (&mine, "https://h.example", &nonce, "/y", false),
            (&mine, "https://h.example", "00", "/x", false),
            (&mine, "https://h.example", "", "/x", false),
            ("", "https://h.example", &nonce, "/x", false),
        ] {
            let headers = headers(&[(COOKIE, cookie), (ORIGIN, origin)]);
            assert_eq!(
                seal.is_ours(&headers, &form(nonce), action, "csrf"),
                expected,
                "{cookie} {origin}"
            );
        }
        for (site, expected) in [
            ("same-origin", true),
            ("same-site", false),
            ("cross-site", false),
            ("none", false),
        ] {
            let site = (http::HeaderName::from_static("sec-fetch-site"), site);
            let headers = headers(&[(COOKIE, mine.as_str()), (ORIGIN, "null"), site]);
            assert_eq!(
                seal.is_ours(&headers, &form(&nonce), "/x", "csrf"),
                expected,
                "{headers:?}"
            );
        }
    }

    #[test]
    fn a_session_is_signed_and_ends() {
        let seal = seal("https://h.example");
        let github = Session::Github {
            login: "octo-cat".to_owned(),
        };
        for session in [Session::Operator, github] {
            let cookie = seal.sign_in(&session, "0a", 1_000);
            assert!(cookie.contains("HttpOnly") && cookie.contains("Secure"), "{cookie}");
            let value = cookie.split(';').next().unwrap();
            let given = headers(&[(COOKIE, value)]);
            assert_eq!(seal.session(&given, 2_000), Some(session));
            assert_eq!(seal.session(&given, 1_000 + SESSION_MS), None);
            let other = Seal::with_keys("o".repeat(32).into(), "k".repeat(32).into(), "https://h.example");
            assert_eq!(other.session(&given, 2_000), None, "the key of forms signs nobody in");
            let forged = headers(&[(
                COOKIE,
                &value.replace("octo-cat", "root").replace("operator", "github.root"),
            )]);
            assert_eq!(seal.session(&forged, 2_000), None);
        }
    }

    #[test]
    fn ending_a_session_ends_only_that_session() {
        let seal = seal("https://h.example");
        let given = |id: &str| {
            let cookie = seal.sign_in(&Session::Operator, id, 1_000);
            headers(&[(COOKIE, cookie.split(';').next().unwrap())])
        };
        let (first, second) = (given("01"), given("02"));
        let signed_in = seal.signed_in(&first, 2_000).unwrap();
        seal.end(&signed_in.id, signed_in.until_ms, 2_000);
        assert_eq!(seal.session(&first, 2_000), None);
        assert_eq!(seal.clone().session(&first, 2_000), None, "a clone knows it, too");
        assert_eq!(seal.session(&second, 2_000), Some(Session::Operator));
    }

    #[test]
    fn only_this_server_decrypts_a_hidden_text() {
        let seal = |key: &str| Seal::new(key.into(), "https://holdfast.example");
        let (ours, theirs) = (
            seal("0123456789abcdef0123456789abcdef"),
            seal("another key of thirty-two letters"),
        );
        let read = |seal: &Seal, value: &str| seal.unhidden(&headers(&[(COOKIE, &format!("a={value}"))]), "a");
        let hidden = ours.hidden("ann ghu_token");
        assert!(!hidden.contains("ann") && hidden.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_eq!(read(&ours, &hidden).as_deref(), Some("ann ghu_token"));
        assert_ne!(hidden, ours.hidden("bob ghu_token"));
        assert_eq!(read(&theirs, &hidden), None);
        for at in [0, 47, 48, hidden.len() - 1] {
            let mut torn = hidden.clone().into_bytes();
            torn[at] = if torn[at] == b'0' { b'1' } else { b'0' };
            assert_eq!(read(&ours, &String::from_utf8(torn).unwrap()), None, "{at}");
        }
        for nothing in ["", "00", "zz", &hidden[..48], &hidden[..60], &hidden[1..]] {
            assert_eq!(read(&ours, nothing), None, "{nothing}");
        }
    }
}
