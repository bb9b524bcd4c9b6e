//! The turns of writes that create content, which all processes of a deployment share: GitHub allows an account 80 a
//! minute and 500 an hour. Other writes, such as edits and checks, aren't counted.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use holdfast_core::port::{PaceWrites, WriteTurn};
use tokio::time::sleep;

use super::failure::{Failure, Kind};

/// The effect of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum WriteKind {
    /// Creates a review or submits it.
    Review,
    /// Creates a comment.
    Comment,
    /// Any other: GitHub doesn't count it as content.
    Other,
}

/// The reason why a write isn't sent now.
#[derive(Debug)]
pub(super) enum NoTurn {
    /// Others come first, for this time.
    Later(Duration),
    /// The shared turns can't be reached.
    Unknown(String),
}

impl NoTurn {
    /// Returns the failure of the request with this name.
    pub fn failure(self, name: &str) -> Failure {
        match self {
            Self::Later(wait) => {
                let wait_s = u64::try_from(wait.as_millis().div_ceil(1_000)).unwrap_or(u64::MAX);
                let line = format!(
                    "{name}: other writes come first, or GitHub limits them, for {wait_s} s more: \
                     HOLDFAST_GITHUB_WRITES_PER_MINUTE sets how many there may be"
                );
                Failure::new(Kind::RateLimited(Some(wait_s)), line)
            }
            Self::Unknown(error) => {
                let line = format!("{name}: not sent, because the table has no turn for it ({error})");
                Failure::new(Kind::Unavailable, line)
            }
        }
    }
}

/// The shared turns.
#[derive(Clone)]
pub(super) struct Turns(pub Arc<dyn PaceWrites>);

impl fmt::Debug for Turns {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("Turns")
    }
}

impl Turns {
    /// Waits until a write may be sent. Returns false if it takes no turn here: it doesn't create content; or it is a
    /// comment, which may belong to an undo, and the turns can't be reached.
    ///
    /// # Errors
    /// The turn is too far away; the turns can't be reached, and no review is written without one.
    pub async fn take(&self, kind: WriteKind, account: &str, write: &str) -> Result<bool, NoTurn> {
        if kind == WriteKind::Other {
            return Ok(false);
        }
        match self.0.turn(account, write).await {
            Ok(WriteTurn::After(wait)) => {
                sleep(wait).await;
                Ok(true)
            }
            Ok(WriteTurn::Later(wait)) => Err(NoTurn::Later(wait)),
            Err(error) if kind == WriteKind::Review => Err(NoTurn::Unknown(error.to_string())),
            Err(error) => {
                tracing::warn!(%error, "the turns of writes to GitHub can't be reached: a comment is written without one");
                Ok(false)
            }
        }
    }

    /// Returns the time until the end of GitHub's last refusal because of a limit.
    ///
    /// # Errors
    /// The turns can't be reached.
    pub async fn limited_for(&self, account: &str) -> Result<Duration, NoTurn> {
        let refused = self.0.refused_for(account).await;
        refused.map_err(|error| NoTurn::Unknown(error.to_string()))
    }

    /// Notes that GitHub refused a request because of a limit, for all processes.
    pub async fn refused(&self, account: &str, retry_after_s: Option<u64>) {
        if let Err(error) = self.0.refused(account, retry_after_s).await {
            tracing::warn!(%error, "GitHub's limit can't be noted for other processes");
        }
    }
}
