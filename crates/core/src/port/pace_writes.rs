//! The port to the turns of writes to GitHub, which all processes of a deployment share.

use std::time::Duration;

use async_trait::async_trait;

/// The turns can't be reached: their table fails.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WritePaceError(pub String);

/// The turn of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteTurn {
    /// It may be sent after this time, within the call.
    After(Duration),
    /// Its turn is later: the caller fails and comes back after this time. Until then, the turn is kept for it.
    Later(Duration),
}

/// Gives each write its turn. `account` is the identity that GitHub limits; it may hold a secret, and only its digest is
/// stored. `write` is the same in each repetition of a write.
#[async_trait]
pub trait PaceWrites: Send + Sync {
    /// Reserves the turn of a write that creates a comment, a review or a submission.
    ///
    /// # Errors
    /// The table can't be reached.
    async fn turn(&self, account: &str, write: &str) -> Result<WriteTurn, WritePaceError>;
    /// Notes that GitHub refused a request because of a limit: nobody writes before its end. Without a time, that is in
    /// a minute.
    ///
    /// # Errors
    /// The table can't be reached.
    async fn refused(&self, account: &str, retry_after_s: Option<u64>) -> Result<(), WritePaceError>;
    /// Returns the time until the end of the last refusal; zero if it is over.
    ///
    /// # Errors
    /// The table can't be reached.
    async fn refused_for(&self, account: &str) -> Result<Duration, WritePaceError>;
}
