//! Errors before a request is sent, of addresses, and of a new App. `failure` has the refusals of requests.

use std::io;

use holdfast_core::model::setting_name::SettingProblem;

/// An unusable setting of the connection to GitHub.
#[derive(Debug, thiserror::Error)]
pub enum GithubSetupError {
    /// The address of the API, or of its web site, is invalid.
    #[error("HOLDFAST_GITHUB_URL (environment): {0}")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The HTTP client can't be created.
    #[error("GitHub's client cannot be set up: {0}")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The token has a character that a header can't have.
    #[error("GITHUB_TOKEN (environment): contains white space or a character that a header can't have")]
    Token,
    /// The App's key is invalid. The parser's message is left out: it may quote the key.
    #[error("HOLDFAST_GITHUB_APP_KEY_FILE: isn't an RSA private key in PEM; download one on the App's page")]
    AppKey,
    /// The file of the App's key can't be read.
    #[error("HOLDFAST_GITHUB_APP_KEY_FILE (environment): {path} cannot be read: {source}")]
    AppKeyFile {
        /// The file.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
}

impl GithubSetupError {
    /// Returns the problem with its setting, if it is about one.
    pub fn problem(&self) -> SettingProblem {
        let setting = match self {
            Self::Url(_) => Some("HOLDFAST_GITHUB_URL"),
            Self::Client(_) => None,
            Self::Token => Some("GITHUB_TOKEN"),
            Self::AppKey | Self::AppKeyFile { .. } => Some("HOLDFAST_GITHUB_APP_KEY_FILE"),
        };
        SettingProblem::of_line(setting, self)
    }
}

/// An address that isn't one of a pull request on this host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is invalid, or has an unsupported scheme.
    #[error(transparent)]
    Url(#[from] holdfast_core::model::address::InvalidAddress),
    /// It is the address of something else.
    #[error("{0:?} is not a pull request's address: expected https://HOST/OWNER/REPO/pull/N")]
    Shape(String),
    /// The configured API belongs to another host.
    #[error(
        "{page}: HOLDFAST_GITHUB_URL names {api}, which is not the API of this host: set it to the API of {page} (GitHub \
         Enterprise Server: https://{page}/api/v3)"
    )]
    OtherHost {
        /// The address's host.
        page: String,
        /// The API's.
        api: String,
    },
}

/// A manifest's code that gave no App.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// GitHub doesn't know the code, or it has expired.
    #[error("GitHub rejects this code: it is already used, or older than an hour. Start again")]
    Expired,
    /// The request failed.
    #[error("{0}")]
    Request(String),
}
