//! The ledger of a pull request: its findings with their identity, from run to run. Pure: [`reconcile`] takes the ledger
//! and the findings of a run, and returns each finding's place and the next ledger.

mod anchor;
mod assign;
mod entry;
mod facts;
mod line_map;
mod mark;
mod reconcile;
mod same_defect;
mod wording;

#[cfg(test)]
mod tests;

pub use crate::model::finding_id::{FindingId, InvalidFindingId};
pub use crate::model::run::Readers;
pub use anchor::{Anchor, HeadLines};
pub use entry::{Dismissal, DismissalReason, Entry, EntryState, LastWords};
pub use facts::{ReviewedUnit, Sighting, ThreadFacts};
pub use line_map::{FileMap, LineMap, LineMaps, Mapped};
pub use mark::FindingMark;
pub use reconcile::{OpenFinding, Placed, Reconciled, RunFacts, reconcile};
pub use same_defect::is_same_defect;
pub use wording::Wording;

use serde::{Deserialize, Deserializer, Serialize};

use crate::model::finding::Severity;
use crate::model::sha::CommitSha;

/// The version of the stored ledger.
pub const LEDGER_VERSION: u32 = 1;
/// The maximum number of entries in a ledger.
pub const MAX_ENTRIES: usize = 10_000;

/// The findings of one pull request.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ledger {
    /// The version of its form: [`LEDGER_VERSION`] or older.
    #[serde(deserialize_with = "known_version")]
    pub version: u32,
    /// The head that the lines of all anchors refer to; none before the first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub head: Option<CommitSha>,
    /// The commit that the head's diff started from; none before the first run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<CommitSha>,
    /// The findings, ordered by path, side, line and id.
    #[serde(default)]
    pub entries: Vec<Entry>,
    /// Number of entries that were removed because the ledger had reached [`MAX_ENTRIES`].
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            version: LEDGER_VERSION,
            head: None,
            base: None,
            entries: Vec::new(),
            left_out: 0,
        }
    }
}

impl Ledger {
    /// Returns the entry with this id.
    pub fn entry(&self, id: &FindingId) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.id == *id)
    }

    /// Adds the comments and threads that an earlier ledger knows and this one doesn't.
    pub fn add_comments_of(&mut self, earlier: &Self) {
        for entry in &mut self.entries {
            if let Some(known) = earlier.entry(&entry.id) {
                entry.comment = entry.comment.or(known.comment);
                entry.thread = entry.thread.take().or_else(|| known.thread.clone());
            }
        }
    }

    /// Sorts the entries and removes those beyond the maximum: first outdated and fixed ones, then the mildest.
    pub(crate) fn settle(&mut self) {
        if self.entries.len() > MAX_ENTRIES {
            self.entries
                .sort_by_cached_key(|entry| (std::cmp::Reverse(worth(entry)), entry.id.clone()));
            let more = self.entries.len() - MAX_ENTRIES;
            self.entries.truncate(MAX_ENTRIES);
            self.left_out = self.left_out.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
        }
        self.entries.sort_by(|one, other| one.order().cmp(&other.order()));
    }
}

/// Returns the order in which entries are kept: those that would be posted again, or that a person decided on, first.
const fn worth(entry: &Entry) -> (u8, Severity) {
    let state = match entry.state {
        EntryState::Dismissed(_) => 3,
        EntryState::Open | EntryState::Closed => 2,
        EntryState::Fixed { .. } | EntryState::Silenced { .. } => 1,
        EntryState::Outdated => 0,
    };
    (state, entry.severity)
}

const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Reads the version and refuses one that a later program wrote.
fn known_version<'de, D: Deserializer<'de>>(from: D) -> Result<u32, D::Error> {
    let version = u32::deserialize(from)?;
    if (1..=LEDGER_VERSION).contains(&version) {
        return Ok(version);
    }
    Err(serde::de::Error::custom(format!(
        "the ledger has version {version}, and this program reads versions 1 to {LEDGER_VERSION}: update Holdfast"
    )))
}
