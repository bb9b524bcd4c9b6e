//! What goes wrong before a request is sent, and what is wrong with an address or a new App. Refusals of requests are in
//! `failure`.

use std::io;

/// What keeps a connection to GitHub from being set up.
#[derive(Debug, thiserror::Error)]
pub enum GithubSetupError {
    /// The address of the API, or the web site beside it, is no address.
    #[error("HOLDFAST_GITHUB_URL (environment): {0}")]
    Url(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The HTTP client does not start.
    #[error("GitHub's client cannot be set up: {0}")]
    Client(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The token cannot be sent in a header.
    #[error("GITHUB_TOKEN (environment): holds white space or a character that cannot be sent")]
    Token,
    /// The App's key is none. The parser's own message is left out: it may quote the key.
    #[error("HOLDFAST_GITHUB_APP_KEY_FILE: holds no RSA private key in PEM; download one on the App's page")]
    AppKey,
    /// The file of the App's key cannot be read.
    #[error("HOLDFAST_GITHUB_APP_KEY_FILE (environment): {path} cannot be read: {source}")]
    AppKeyFile {
        /// The file.
        path: String,
        /// The system's reason.
        source: io::Error,
    },
}

/// Why an address is not one of a pull request here.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no address, or of a scheme that is not used.
    #[error(transparent)]
    Url(#[from] holdfast_core::model::address::InvalidAddress),
    /// It is the address of something else.
    #[error("{0:?} is not a pull request's address: expected https://HOST/OWNER/REPO/pull/N")]
    Shape(String),
    /// The API that is set answers for another host.
    #[error(
        "{page}: HOLDFAST_GITHUB_URL asks {api}, which does not answer for this host: set it to the API of {page} (GitHub \
         Enterprise Server: https://{page}/api/v3)"
    )]
    OtherHost {
        /// The address's host.
        page: String,
        /// The API's.
        api: String,
    },
}

/// Why no App was created of a code.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ManifestError {
    /// GitHub does not know the code, or not any more.
    #[error("GitHub does not take this code: it is used up or older than an hour. Begin again")]
    Expired,
    /// The request failed.
    #[error("{0}")]
    Request(String),
}
