//! The requests to the fake GitHub and their effects: in memory, and as JSON lines, written before the answer leaves.

use super::faults::Matcher;
use crate::error::TestkitError;
use crate::json_lines::JsonLines;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One request and its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// Number among all requests, from 0.
    pub sequence: usize,
    /// Arrival, in milliseconds since the server's start.
    pub at_ms: u64,
    /// Requests in flight at its arrival, itself included. 0: a recording from before this was counted.
    #[serde(default)]
    pub in_flight: usize,
    /// The method.
    pub method: String,
    /// The path, without GitHub Enterprise Server's `/api/v3`.
    pub path: String,
    /// The query's fields.
    pub query: Vec<(String, String)>,
    /// The body; `null` without one.
    pub body: Value,
    /// The sender: a login, `app` for the App itself; `None` without one.
    pub login: Option<String>,
    /// The answer's status; `None` when the connection was closed without one.
    pub status: Option<u16>,
    /// The fault that was played.
    pub fault: Option<String>,
    /// Its changes, such as `create review 1001 COMMENTED with 2 comment(s)`. A request that was handled twice has each
    /// change twice.
    pub effects: Vec<String>,
}

/// An answer's content, kept only in memory; empty if the connection was closed without one.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sent {
    /// The `Content-Type` header.
    pub content_type: &'static str,
    /// The whole body, also if a fault cut the sent one.
    pub body: Arc<[u8]>,
}

/// All requests to the server. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    start: Instant,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug)]
struct Kept {
    entries: Vec<Entry>,
    /// The answers, by the entries' numbers.
    answers: Vec<Sent>,
    file: Option<JsonLines>,
}

impl Journal {
    pub(crate) fn new(file: Option<&Path>) -> Result<Self, TestkitError> {
        let file = file.map(JsonLines::append_to).transpose()?;
        Ok(Self {
            start: Instant::now(),
            kept: Arc::new(Mutex::new(Kept {
                entries: Vec::new(),
                answers: Vec::new(),
                file,
            })),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns every request, in order of arrival.
    pub fn entries(&self) -> Vec<Entry> {
        self.kept().entries.clone()
    }

    /// Returns the answer to the request with this number.
    pub fn answer(&self, sequence: usize) -> Sent {
        self.kept().answers.get(sequence).cloned().unwrap_or_default()
    }

    /// Returns the requests that `matcher` matches; its counts have no effect.
    pub fn matching(&self, matcher: &Matcher) -> Vec<Entry> {
        let entries = self.entries().into_iter();
        entries
            .filter(|entry| matcher.matches(&entry.method, &entry.path))
            .collect()
    }

    /// Returns the largest number of requests in flight at the arrival of one that `matcher` matches.
    pub fn max_in_flight(&self, matcher: &Matcher) -> usize {
        let entries = self.matching(matcher).into_iter();
        entries.map(|entry| entry.in_flight).max().unwrap_or(0)
    }

    /// Returns the requests that changed something.
    pub fn writes(&self) -> Vec<Entry> {
        self.entries()
            .into_iter()
            .filter(|entry| !entry.effects.is_empty())
            .collect()
    }

    /// Returns every change, in the order of the requests.
    pub fn effects(&self) -> Vec<String> {
        self.entries().into_iter().flat_map(|entry| entry.effects).collect()
    }

    /// Reads a journal's file; of a request with several lines the last one counts.
    ///
    /// # Errors
    /// The file can't be read, or a line other than a torn last one is invalid.
    pub fn read(path: &Path) -> Result<Vec<Entry>, TestkitError> {
        let mut entries: Vec<Entry> = Vec::new();
        for entry in JsonLines::read::<Entry>(path)? {
            let same = |known: &&mut Entry| known.sequence == entry.sequence && known.at_ms == entry.at_ms;
            match entries.iter_mut().find(same) {
                Some(known) => *known = entry,
                None => entries.push(entry),
            }
        }
        Ok(entries)
    }

    /// Adds an entry and its answer, and returns their number.
    pub(crate) fn add(&self, mut entry: Entry, answer: Sent) -> std::io::Result<usize> {
        let mut kept = self.kept();
        entry.sequence = kept.entries.len();
        kept.entries.push(entry);
        kept.answers.push(answer);
        let sequence = kept.entries.len() - 1;
        kept.write(sequence).map(|()| sequence)
    }

    /// Adds a late change.
    pub(crate) fn add_effect(&self, sequence: usize, effect: String) -> std::io::Result<()> {
        let mut kept = self.kept();
        if let Some(entry) = kept.entries.get_mut(sequence) {
            entry.effects.push(effect);
        }
        kept.write(sequence)
    }
}

impl Kept {
    fn write(&mut self, sequence: usize) -> std::io::Result<()> {
        match (&mut self.file, self.entries.get(sequence)) {
            (Some(file), Some(entry)) => file.append(entry),
            _ => Ok(()),
        }
    }
}
