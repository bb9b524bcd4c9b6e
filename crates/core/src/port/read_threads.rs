//! The port that reads the review threads of Holdfast's own findings. It never writes.

use async_trait::async_trait;

use crate::ledger::{EntryState, FindingMark};
use crate::model::change::Target;

use super::ReadError;

/// Maximum number of reactions and of replies of a thread that are read.
pub const MAX_REPLIES: usize = 50;

/// The thread of one finding: a comment by Holdfast's account with a valid marker, and what people did with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingThread {
    /// The finding, from the marker.
    pub finding: FindingMark,
    /// The thread's GraphQL node id.
    pub node: String,
    /// The comment's id.
    pub comment: u64,
    /// The comment's GraphQL node id.
    pub comment_node: String,
    /// The comment's page.
    pub url: String,
    /// Whether a person resolved it. A thread that Holdfast's own account resolved doesn't count.
    pub is_resolved: bool,
    /// Whether GitHub shows it as outdated.
    pub is_outdated: bool,
    /// Whether the comment is folded.
    pub is_minimized: bool,
    /// The logins of people who reacted with a thumbs-down, at most [`MAX_REPLIES`].
    pub thumbs_down: Vec<String>,
    /// The replies that nobody but their author edited, oldest first, at most [`MAX_REPLIES`].
    pub replies: Vec<Reply>,
}

impl FindingThread {
    /// Returns whether the comment shows its finding as fixed: its marker has the state.
    pub fn is_shown_fixed(&self) -> bool {
        let published = self.finding.published();
        published.is_some_and(|(_, entry)| matches!(entry.state, EntryState::Fixed { .. }))
    }

    /// Returns whether the comment shows its finding as silenced: its marker has the state.
    pub fn is_shown_silenced(&self) -> bool {
        let published = self.finding.published();
        published.is_some_and(|(_, entry)| matches!(entry.state, EntryState::Silenced { .. }))
    }
}

/// A reply in a thread.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The login of its author; `None` where the account was deleted.
    pub author: Option<String>,
    /// Its text.
    pub body: String,
}

/// Reads the threads of findings.
#[async_trait]
pub trait ReadThreads: Send + Sync {
    /// Returns the threads that Holdfast's findings began on a pull request, oldest first. None for a work tree.
    ///
    /// # Errors
    /// The threads can't be read, or the credentials are refused or limited.
    async fn threads(&self, target: &Target) -> Result<Vec<FindingThread>, ReadError>;
}
