//! The port that signs people in with GitHub.

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

/// A person who has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The login.
    pub login: String,
    /// The token that acts as this person, valid for some hours.
    pub token: SecretString,
}

/// A sign-in failed. One line each, without secret, code or token.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// The code is invalid: the person has to sign in again.
    #[error("{0}")]
    Refused(String),
    /// The App's settings, here or on GitHub, are wrong: an operator has to fix them.
    #[error("{0}")]
    Misconfigured(String),
    /// No answer, a limit, or an answer that can't be read.
    #[error("{0}")]
    Unavailable(String),
}

/// Signs people in.
#[async_trait]
pub trait SignInPeople: Send + Sync {
    /// Returns the page of GitHub to which the browser is redirected. `state` comes back unchanged, and the caller
    /// compares it. Only a caller that knows `verifier` can get the person.
    fn page(&self, state: &str, verifier: &str, back: &Url) -> Url;
    /// Returns the person who came back with `code`, which is valid once. `verifier` and `back` must be those of
    /// [`Self::page`].
    ///
    /// # Errors
    /// The code is invalid or was used before; the App's settings are wrong; GitHub doesn't answer.
    async fn person(&self, code: &str, verifier: &str, back: &Url) -> Result<SignedIn, SignInError>;
}
