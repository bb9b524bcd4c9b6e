//! The identity that requests to GitHub carry: none, a token's owner, or an App, whose installation on a repository
//! gives tokens that are valid for an hour. `connection` sends them.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use holdfast_core::model::settings::{GithubAppKey, Settings};
use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::app_proof::AppKey;
use super::error::GithubSetupError;

/// The identity of all reads and writes. Secrets do not print.
#[derive(Clone, Debug)]
pub enum GithubIdentity {
    /// No identity: public repositories can be read, within a small rate limit.
    Anonymous,
    /// The owner of `GITHUB_TOKEN`.
    Token(SecretString),
    /// A GitHub App: `HOLDFAST_GITHUB_APP_ID` and its private key.
    App {
        /// The App's id.
        id: u64,
        /// Its private key, PEM.
        key: SecretString,
    },
}

/// Returns the identity in the settings. An App is preferred to a token, because only Apps write checks.
///
/// # Errors
///
/// The key's file can't be read.
pub fn github_identity(settings: &Settings) -> Result<GithubIdentity, GithubSetupError> {
    let Some(app) = &settings.github_app else {
        let token = settings.github_token.clone();
        return Ok(token.map_or(GithubIdentity::Anonymous, GithubIdentity::Token));
    };
    let key = match &app.key {
        GithubAppKey::Text(text) => text.clone(),
        GithubAppKey::File(path) => std::fs::read_to_string(path)
            .map_err(|source| GithubSetupError::AppKeyFile {
                path: path.clone(),
                source,
            })?
            .into(),
    };
    Ok(GithubIdentity::App { id: app.id, key })
}

/// A checked identity. Cheap to clone: clones share an App's tokens.
#[derive(Clone)]
pub(super) enum Credentials {
    Anonymous,
    Token(SecretString),
    App(Arc<App>),
    /// The App that people sign in with: its secret is in the body.
    Client,
    /// The token of a person who has signed in.
    Person(SecretString),
}

pub(super) struct App {
    id: u64,
    key: AppKey,
    /// Tokens by `owner/name`, or by an organisation's login.
    tokens: Mutex<HashMap<String, InstallationToken>>,
}

/// A token of one installation.
#[derive(Clone, Deserialize)]
pub(super) struct InstallationToken {
    pub token: SecretString,
    expires_at: Timestamp,
}

/// A token is replaced this long before it expires: one call may take a minute, and a clock may be wrong.
const MARGIN: SignedDuration = SignedDuration::from_mins(3);

impl Credentials {
    /// Checks an identity: its token has only characters that a header can have, its key is valid.
    ///
    /// # Errors
    /// The token has a character that a header can't have, or the App's key isn't an RSA key in PEM.
    pub fn new(identity: GithubIdentity) -> Result<Self, GithubSetupError> {
        match identity {
            GithubIdentity::Anonymous => Ok(Self::Anonymous),
            GithubIdentity::Token(token) if token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self::Token(token))
            }
            GithubIdentity::Token(_) => Err(GithubSetupError::Token),
            GithubIdentity::App { id, key } => {
                let key = AppKey::from_pem(key.expose_secret()).ok_or(GithubSetupError::AppKey)?;
                Ok(Self::App(Arc::new(App {
                    id,
                    key,
                    tokens: Mutex::default(),
                })))
            }
        }
    }

    /// Returns the name of these credentials in errors.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Anonymous => "no GITHUB_TOKEN is set, which",
            Self::Token(_) => "GITHUB_TOKEN",
            Self::App(_) => "the GitHub App (HOLDFAST_GITHUB_APP_ID)",
            Self::Client => "the GitHub App (HOLDFAST_GITHUB_APP_CLIENT_ID) with its secret",
            Self::Person(_) => "the token of the person who signs in",
        }
    }

    /// Returns the account whose writes GitHub counts together: a token's, or an App's installation for an owner. None
    /// for credentials that write nothing in repositories. It holds the token.
    pub fn account(&self, origin: &str, owner: &str) -> Option<String> {
        match self {
            Self::Token(token) => Some(format!("{origin} token {}", token.expose_secret())),
            Self::App(app) => Some(format!("{origin} app {} {}", app.id, owner.to_lowercase())),
            Self::Anonymous | Self::Client | Self::Person(_) => None,
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl App {
    /// Returns the token that proves that a request is the App's own. Returns nothing if the key can't sign.
    pub fn proof(&self) -> Option<SecretString> {
        self.key.proof(self.id, Timestamp::now())
    }

    /// Returns the token for a repository or an organisation, if it is still valid.
    pub async fn token(&self, name: &str) -> Option<SecretString> {
        let tokens = self.tokens.lock().await;
        let known = tokens.get(name)?;
        (known.expires_at.duration_since(Timestamp::now()) > MARGIN).then(|| known.token.clone())
    }

    pub async fn keep(&self, name: &str, token: InstallationToken) {
        self.tokens.lock().await.insert(name.to_owned(), token);
    }

    pub async fn forget(&self, name: &str) {
        self.tokens.lock().await.remove(name);
    }
}
