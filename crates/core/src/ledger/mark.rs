//! The identity of a published finding, as the marker of its comment holds it. A lost ledger is read back from it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::model::finding_id::FindingId;
use crate::model::sha::CommitSha;
use crate::rule::redacted;

use super::entry::Entry;

/// Maximum length of a marker's text, in bytes: a longer one has no entry.
const MAX_MARK_BYTES: usize = 8_192;

/// A published finding: its id, and its entry at that time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FindingMark {
    /// The id.
    pub id: FindingId,
    /// The entry as it was published, encoded. Empty if it was too long or can't be read.
    entry: String,
}

/// The encoded entry.
#[derive(Debug, Serialize, Deserialize)]
struct Published {
    /// The head that the entry's lines refer to.
    head: CommitSha,
    entry: Entry,
}

impl FindingMark {
    /// Returns the mark of an entry that is published at this head, without secrets: everybody can decode it.
    pub fn new(entry: &Entry, head: &CommitSha) -> Self {
        let mut entry = entry.clone();
        // Only the published words: nobody approved others.
        (entry.last_words, entry.refused) = (None, None);
        entry.title = redacted(&entry.title);
        entry.body = redacted(&entry.body);
        let id = entry.id.clone();
        let head = head.clone();
        let published = Published { head, entry };
        let encoded = serde_json::to_vec(&published).map_or_else(|_| String::new(), |json| STANDARD.encode(json));
        Self {
            id,
            entry: if encoded.len() <= MAX_MARK_BYTES {
                encoded
            } else {
                String::new()
            },
        }
    }

    /// Parses the subject of a marker.
    pub fn parse(text: &str) -> Option<Self> {
        let (id, entry) = text.split_once('.').unwrap_or((text, ""));
        Some(Self {
            id: FindingId::parse(id).ok()?,
            entry: entry.to_owned(),
        })
    }

    /// Returns the entry with the head that its lines refer to; none if it can't be read or has another id.
    pub fn published(&self) -> Option<(CommitSha, Entry)> {
        let json = STANDARD.decode(&self.entry).ok()?;
        let Published { head, mut entry } = serde_json::from_slice(&json).ok()?;
        entry.bound();
        (entry.id == self.id).then_some((head, entry))
    }
}

impl std::fmt::Display for FindingMark {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.entry.as_str() {
            "" => write!(out, "{}", self.id),
            entry => write!(out, "{}.{entry}", self.id),
        }
    }
}
