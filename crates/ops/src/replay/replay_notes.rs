//! What a replay notes on its way: answers that are missing, files that were not read anew, refusals given again, and
//! what it would have written.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// A question whose answer was never recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingAnswer {
    /// The unit; none for the walkthrough.
    pub unit: Option<String>,
    /// The unit's file.
    pub path: Option<String>,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// The same in words.
    pub message: String,
}

/// What could not be read anew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotRead {
    /// The file.
    pub path: String,
    /// Why, and what stands for it.
    pub reason: String,
}

/// A refusal of the outside, given again as recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GivenAgain {
    /// The state that met it.
    pub state: String,
    /// The unit, in a unit's execution.
    pub unit: Option<String>,
    /// The error's name.
    pub error: String,
}

/// A write to the pull request that was not made.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Write {
    /// `open_check`, `announce`, `draft_review`, `submit_review`, `summarize`, `close_check`, `withdraw` or `give_notice`.
    pub write: &'static str,
    /// What it would have said.
    #[serde(flatten)]
    pub what: serde_json::Map<String, Value>,
}

#[derive(Debug, Default)]
struct Notes {
    missing: Vec<MissingAnswer>,
    not_read: BTreeMap<String, String>,
    given_again: Vec<GivenAgain>,
    writes: Vec<Write>,
}

/// Everything notes so far.
#[derive(Debug, Default)]
pub struct ReplayNotes(Mutex<Notes>);

impl ReplayNotes {
    /// Notes a missing answer; each question once.
    pub fn miss(&self, missing: MissingAnswer) {
        let mut notes = self.lock();
        if !notes.missing.contains(&missing) {
            notes.missing.push(missing);
        }
    }

    /// Notes a file that could not be read.
    pub fn leave_unread(&self, path: &str, reason: String) {
        self.lock().not_read.insert(path.to_owned(), reason);
    }

    /// Notes a refusal; each once, however often the workflow tries.
    pub fn give_again(&self, given: GivenAgain) {
        let mut notes = self.lock();
        if !notes.given_again.contains(&given) {
            notes.given_again.push(given);
        }
    }

    /// Notes a write.
    pub fn write(&self, write: &'static str, what: serde_json::Map<String, Value>) {
        self.lock().writes.push(Write { write, what });
    }

    /// Questions without an answer, in the order of units.
    pub fn missing(&self) -> Vec<MissingAnswer> {
        let mut missing = self.lock().missing.clone();
        missing.sort_by(|a, b| (&a.unit, a.attempt).cmp(&(&b.unit, b.attempt)));
        missing
    }

    /// Whether a file could not be read.
    pub fn is_unread(&self, path: &str) -> bool {
        self.lock().not_read.contains_key(path)
    }

    /// Files that were not read, by path.
    pub fn not_read(&self) -> Vec<NotRead> {
        let notes = self.lock();
        let entries = notes.not_read.iter();
        entries
            .map(|(path, reason)| NotRead {
                path: path.clone(),
                reason: reason.clone(),
            })
            .collect()
    }

    /// Refusals, in the order of states and units.
    pub fn given_again(&self) -> Vec<GivenAgain> {
        let mut given = self.lock().given_again.clone();
        given.sort_by(|a, b| (&a.state, &a.unit).cmp(&(&b.state, &b.unit)));
        given
    }

    /// Writes, in order.
    pub fn writes(&self) -> Vec<Write> {
        self.lock().writes.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
