//! Signing people in where the pull requests are.

use async_trait::async_trait;
use secrecy::SecretString;
use url::Url;

/// Who has signed in.
#[derive(Clone, Debug)]
pub struct SignedIn {
    /// The login.
    pub login: String,
    /// What asks as this person, for some hours.
    pub token: SecretString,
}

/// Nobody is signed in. One line each; none holds a secret, a code or a token.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// This code is not good: the person signs in again.
    #[error("{0}")]
    Refused(String),
    /// The App's settings, here or on GitHub, are wrong: an operator mends them.
    #[error("{0}")]
    Misconfigured(String),
    /// No answer, a limit, or an answer that cannot be read.
    #[error("{0}")]
    Unavailable(String),
}

/// Signs people in.
#[async_trait]
pub trait SignInPeople: Send + Sync {
    /// Where the browser is sent. `state` comes back unchanged and has to be compared; whoever asks for the person then
    /// has to know `verifier`.
    fn page(&self, state: &str, verifier: &str, back: &Url) -> Url;
    /// The person who came back with `code`. `verifier` and `back` are those of the page that the browser was sent to. A
    /// code is good once.
    async fn person(&self, code: &str, verifier: &str, back: &Url) -> Result<SignedIn, SignInError>;
}
