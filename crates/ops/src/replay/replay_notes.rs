//! Notes that a replay collects: missing answers, files that couldn't be read again, errors that were returned again,
//! and the writes that it left out.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::Value;

/// A prompt whose answer was never recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MissingAnswer {
    /// The unit; `None` for the walkthrough.
    pub unit: Option<String>,
    /// The unit's file.
    pub path: Option<String>,
    /// The attempt's number, from 1.
    pub attempt: u32,
    /// The same as text.
    pub message: String,
}

/// A file that couldn't be read again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NotRead {
    /// The file.
    pub path: String,
    /// The reason, and the content that was used instead.
    pub reason: String,
}

/// A recorded error of an outside service that was returned again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct GivenAgain {
    /// The state that failed with it.
    pub state: String,
    /// The unit, in a unit's execution.
    pub unit: Option<String>,
    /// The error's name.
    pub error: String,
}

/// A write to the pull request that the replay left out.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Write {
    /// `open_check`, `announce`, `draft_review`, `submit_review`, `summarize`, `revise_comment`, `close_check`,
    /// `withdraw_draft` or `withdraw_state`.
    pub write: &'static str,
    /// Its content.
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

/// All notes so far.
#[derive(Debug, Default)]
pub struct ReplayNotes(Mutex<Notes>);

impl ReplayNotes {
    /// Adds a missing answer; each prompt only once.
    pub fn miss(&self, missing: MissingAnswer) {
        let mut notes = self.lock();
        if !notes.missing.contains(&missing) {
            notes.missing.push(missing);
        }
    }

    /// Adds a file that couldn't be read.
    pub fn leave_unread(&self, path: &str, reason: String) {
        self.lock().not_read.insert(path.to_owned(), reason);
    }

    /// Adds an error; each only once, however often the workflow retries.
    pub fn give_again(&self, given: GivenAgain) {
        let mut notes = self.lock();
        if !notes.given_again.contains(&given) {
            notes.given_again.push(given);
        }
    }

    /// Adds a write.
    pub fn write(&self, write: &'static str, what: serde_json::Map<String, Value>) {
        self.lock().writes.push(Write { write, what });
    }

    /// Returns the missing answers, in the order of units.
    pub fn missing(&self) -> Vec<MissingAnswer> {
        let mut missing = self.lock().missing.clone();
        missing.sort_by(|a, b| (&a.unit, a.attempt).cmp(&(&b.unit, b.attempt)));
        missing
    }

    /// Returns whether a file couldn't be read.
    pub fn is_unread(&self, path: &str) -> bool {
        self.lock().not_read.contains_key(path)
    }

    /// Returns the files that couldn't be read, by path.
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

    /// Returns the repeated errors, in the order of states and units.
    pub fn given_again(&self) -> Vec<GivenAgain> {
        let mut given = self.lock().given_again.clone();
        given.sort_by(|a, b| (&a.state, &a.unit).cmp(&(&b.state, &b.unit)));
        given
    }

    /// Returns the writes, in order.
    pub fn writes(&self) -> Vec<Write> {
        self.lock().writes.clone()
    }

    fn lock(&self) -> MutexGuard<'_, Notes> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
