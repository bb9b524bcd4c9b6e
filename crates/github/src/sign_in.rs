//! Signs people in with GitHub, by the App's OAuth web flow with PKCE: the page to which the browser goes, and the
//! exchange of the code that it returns. Nothing is stored here: the caller keeps state, verifier and, if it needs it,
//! the person's token in the browser, encrypted.

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use holdfast_core::model::settings::GithubSignInSettings;
use holdfast_core::port::{SignInError, SignInPeople, SignedIn};
use http::Method;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use url::Url;

use super::address::web_url;
use super::connection::GithubConnection;
use super::credentials::Credentials;
use super::error::GithubSetupError;
use super::failure::{Failure, Kind};
use super::people::GithubReadPermission;
use super::wire::User;

/// The requirement that a refusal names.
const SIGN_IN: &str = "sign-in of people";
/// Maximum length of an error's name in a message, in characters.
const ERROR_CHARS: usize = 60;

/// The App's sign-in. Secrets do not print.
#[derive(Clone, Debug)]
pub struct GithubSignIn {
    client_id: String,
    client_secret: SecretString,
    page: Url,
    /// The web site, which gives tokens; the API doesn't.
    web: GithubConnection,
    api: GithubConnection,
}

/// The web site's answer: a token or an error, both with status 200.
#[derive(Deserialize)]
struct Grant {
    access_token: Option<SecretString>,
    error: Option<String>,
}

impl GithubSignIn {
    /// Uses the web site of the API at `github_url` (default: github.com). Needs a tokio runtime.
    ///
    /// # Errors
    ///
    /// The address can't be used.
    pub fn new(settings: &GithubSignInSettings, github_url: Option<Url>) -> Result<Self, GithubSetupError> {
        let site = web_url(github_url.as_ref())?;
        let mut page = site.clone();
        page.set_path("/login/oauth/authorize");
        Ok(Self {
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            page,
            web: GithubConnection::connect(Some(&site), Credentials::Client)?,
            api: GithubConnection::connect(github_url.as_ref(), Credentials::Client)?,
        })
    }

    /// Returns the reader of a person's permissions, which uses their own token.
    pub fn permission_of(&self, token: SecretString) -> GithubReadPermission {
        GithubReadPermission::new(self.api.with(Credentials::Person(token)))
    }

    async fn exchange(&self, code: &str, verifier: &str, redirect: &Url) -> Result<SecretString, SignInError> {
        let body = json!({
            "client_id": self.client_id, "client_secret": self.client_secret.expose_secret(), "code": code,
            "code_verifier": verifier, "redirect_uri": redirect.as_str(),
        });
        let segments = ["login", "oauth", "access_token"];
        let call = self.web.write(Method::POST, &segments, body, SIGN_IN);
        let reply = match self.web.send(call.accept("application/json")).await {
            Err(Failure {
                kind: Kind::NotFound, ..
            }) => return Err(self.unknown_app()),
            sent => sent?,
        };
        // The parser's message is left out: it may quote the token.
        let grant: Grant = serde_json::from_slice(&reply.body)
            .map_err(|_| Failure::unreadable("POST /login/oauth/access_token", "neither a token nor an error"))?;
        match (grant.access_token, grant.error) {
            (Some(token), None) => Ok(token),
            (_, error) => Err(self.refusal(error.as_deref().unwrap_or_default(), redirect)),
        }
    }

    /// Translates an error of the web flow.
    fn refusal(&self, error: &str, redirect: &Url) -> SignInError {
        match error {
            "bad_verification_code" => {
                SignInError::Refused("the sign-in is used up or took too long: sign in again".to_owned())
            }
            "unverified_user_email" => SignInError::Refused(
                "GitHub wants you to verify your mail address: do so, and sign in again".to_owned(),
            ),
            "incorrect_client_credentials" => SignInError::Misconfigured(format!(
                "GitHub refuses the secret of the App {}: set HOLDFAST_GITHUB_APP_CLIENT_SECRET to one from the App's page",
                self.client_id
            )),
            "redirect_uri_mismatch" => SignInError::Misconfigured(format!(
                "GitHub refuses to send people back to {redirect}: add it to the callback URLs on the App's page"
            )),
            other => {
                let named: String = other
                    .chars()
                    .filter(|char| char.is_ascii_lowercase() || *char == '_')
                    .take(ERROR_CHARS)
                    .collect();
                SignInError::Refused(format!("GitHub refuses the sign-in ({named}): sign in again"))
            }
        }
    }

    fn unknown_app(&self) -> SignInError {
        SignInError::Misconfigured(format!(
            "{} knows no App with the client id {}: check HOLDFAST_GITHUB_APP_CLIENT_ID and HOLDFAST_GITHUB_URL",
            self.page.host_str().unwrap_or_default(),
            self.client_id
        ))
    }
}

#[async_trait]
impl SignInPeople for GithubSignIn {
    fn page(&self, state: &str, verifier: &str, back: &Url) -> Url {
        let mut page = self.page.clone();
        page.query_pairs_mut()
            .append_pair("client_id", &self.client_id)
            .append_pair("redirect_uri", back.as_str())
            .append_pair("state", state)
            .append_pair("code_challenge", &pkce_challenge(verifier))
            .append_pair("code_challenge_method", "S256");
        page
    }

    async fn person(&self, code: &str, verifier: &str, back: &Url) -> Result<SignedIn, SignInError> {
        let token = self.exchange(code, verifier, back).await?;
        let person = self.api.with(Credentials::Person(token.clone()));
        let User { login, .. } = person.json(person.get(&["user"], SIGN_IN)).await?;
        Ok(SignedIn { login, token })
    }
}

impl From<Failure> for SignInError {
    fn from(Failure { kind, line }: Failure) -> Self {
        match kind {
            Kind::Forbidden
            | Kind::Unauthorized
            | Kind::SignOnRequired
            | Kind::Archived
            | Kind::Locked
            | Kind::NotFound
            | Kind::Rejected => Self::Misconfigured(line),
            Kind::RateLimited(_) | Kind::TooLong | Kind::Unavailable => Self::Unavailable(line),
        }
    }
}

/// Returns a random text of 43 characters of the URL-safe alphabet: for `state`, and as PKCE's verifier.
///
/// # Errors
///
/// The system gives no random bytes.
pub fn random_secret() -> Result<SecretString, SignInError> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes)
        .map_err(|error| SignInError::Unavailable(format!("the system gives no random bytes: {error}")))?;
    Ok(URL_SAFE_NO_PAD.encode(bytes).into())
}

/// Returns PKCE's challenge for a verifier, by the method S256 (RFC 7636).
fn pkce_challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn a_challenge_is_the_standards_own() {
        // RFC 7636, appendix B.
        assert_eq!(
            pkce_challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[test]
    fn random_secrets_differ_and_fit_a_verifier() {
        let (one, other) = (random_secret().unwrap(), random_secret().unwrap());
        assert_ne!(one.expose_secret(), other.expose_secret());
        let is_unreserved = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        assert!(one.expose_secret().len() == 43 && one.expose_secret().bytes().all(is_unreserved));
    }

    #[tokio::test]
    async fn the_sign_in_page_is_the_web_sites() {
        let settings = GithubSignInSettings {
            client_id: "Iv1.1".to_owned(),
            client_secret: "very-secret".into(),
        };
        let back: Url = "https://holdfast.example/back?a=b".parse().unwrap();
        let challenge = pkce_challenge("v");
        for (api, page) in [
            (None, "https://github.com"),
            (Some("https://api.github.com"), "https://github.com"),
            (Some("https://ghe.example:8443/api/v3"), "https://ghe.example:8443"),
            (Some("https://api.octo.ghe.com"), "https://octo.ghe.com"),
            (Some("http://127.0.0.1:1234"), "http://127.0.0.1:1234"),
        ] {
            let sign_in = GithubSignIn::new(&settings, api.map(|api| api.parse().unwrap())).unwrap();
            let address = sign_in.page("s&1", "v", &back);
            assert_eq!(
                address.as_str(),
                format!(
                    "{page}/login/oauth/authorize?client_id=Iv1.1&redirect_uri=https%3A%2F%2Fholdfast.example%2Fback%3Fa%3Db\
                     &state=s%261&code_challenge={challenge}&code_challenge_method=S256"
                ),
                "{api:?}"
            );
            assert!(!format!("{sign_in:?}").contains("very-secret"), "secrets do not print");
        }
    }
}
