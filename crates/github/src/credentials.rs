//! Who we are to GitHub: nobody, a token's owner, or an App, whose installation on a repository gives tokens that live
//! an hour. What is sent with them is in `connection`.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use holdfast_core::model::settings::{GithubAppKey, Settings};
use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::EncodingKey;
use octocrab::models::AppId;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use tokio::sync::Mutex;

use super::error::GithubSetupError;

/// Who writes and reads. Secrets do not print.
#[derive(Clone, Debug)]
pub enum GithubIdentity {
    /// Nobody: public repositories can be read, within a small limit.
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

/// The identity that the settings name: the App before a token, as it may write checks.
///
/// # Errors
///
/// The key's file cannot be read.
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

/// An identity that can be used. Cheap to clone: clones share an App's tokens.
#[derive(Clone)]
pub(super) enum Credentials {
    Anonymous,
    Token(SecretString),
    App(Arc<App>),
    /// The App where people sign in: its secret goes in the body.
    Client,
    /// The token of a person who has just signed in.
    Person(SecretString),
}

pub(super) struct App {
    id: u64,
    key: EncodingKey,
    /// By `owner/name`, or an organisation's login.
    tokens: Mutex<HashMap<String, InstallationToken>>,
}

/// A token of one installation.
#[derive(Clone, Deserialize)]
pub(super) struct InstallationToken {
    pub token: SecretString,
    expires_at: Timestamp,
}

/// This long before its end a token is replaced: one call may take a minute, a clock may be off.
const MARGIN: SignedDuration = SignedDuration::from_mins(3);

impl Credentials {
    /// Checks what is given: a token that can be sent, a key that is one.
    pub fn new(identity: GithubIdentity) -> Result<Self, GithubSetupError> {
        match identity {
            GithubIdentity::Anonymous => Ok(Self::Anonymous),
            GithubIdentity::Token(token) if token.expose_secret().bytes().all(|byte| byte.is_ascii_graphic()) => {
                Ok(Self::Token(token))
            }
            GithubIdentity::Token(_) => Err(GithubSetupError::Token),
            GithubIdentity::App { id, key } => {
                let key =
                    EncodingKey::from_rsa_pem(key.expose_secret().as_bytes()).map_err(|_| GithubSetupError::AppKey)?;
                Ok(Self::App(Arc::new(App {
                    id,
                    key,
                    tokens: Mutex::default(),
                })))
            }
        }
    }

    /// How a refusal names them.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Anonymous => "no GITHUB_TOKEN is set, which",
            Self::Token(_) => "GITHUB_TOKEN",
            Self::App(_) => "the GitHub App (HOLDFAST_GITHUB_APP_ID)",
            Self::Client => "the GitHub App (HOLDFAST_GITHUB_APP_CLIENT_ID) with its secret",
            Self::Person(_) => "the token of who signs in",
        }
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl App {
    /// What proves that a request is the App's own; it lives nine minutes. Fails where the key cannot sign.
    pub fn proof(&self) -> Result<SecretString, jsonwebtoken::errors::Error> {
        octocrab::auth::create_jwt(AppId(self.id), &self.key).map(SecretString::from)
    }

    /// The token for a repository or an organisation, while it lives.
    pub async fn token(&self, name: &str) -> Option<SecretString> {
        let tokens = self.tokens.lock().await;
        let known = tokens.get(name)?;
        (known.expires_at.duration_since(Timestamp::now()) > MARGIN).then(|| known.token.clone())
    }

    pub async fn keep(&self, name: &str, token: InstallationToken) {
        self.tokens.lock().await.insert(name.to_owned(), token);
    }
}
