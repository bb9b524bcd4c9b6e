//! The requests to the model server: in memory, and as JSON lines (one at a request's arrival, one at its end).

use super::wire::Wire;
use crate::error::TestkitError;
use crate::json_lines::JsonLines;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// One request to the model, and its outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Number among all requests, from 0.
    pub sequence: usize,
    /// Arrival, in milliseconds since the server's start.
    pub at_ms: u64,
    /// Its API.
    pub wire: Wire,
    /// The requested model.
    pub model: String,
    /// The files its prompt shows.
    pub paths: Vec<String>,
    /// The number of requests in flight at its arrival, itself included.
    pub in_flight: usize,
    /// True if it had a key.
    pub is_authenticated: bool,
    /// The headers, lower case, without the key.
    pub headers: Vec<(String, String)>,
    /// Instructions and user's turns, joined by a newline.
    pub prompt: String,
    /// The body.
    pub body: Value,
    /// The answer's status; `None` without an answer (so far).
    pub status: Option<u16>,
    /// The end, in milliseconds since the server's start. Without a status, the peer closed the connection or was cut
    /// off.
    pub ended_at_ms: Option<u64>,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Line {
    Request(Box<Call>),
    Answer {
        sequence: usize,
        status: Option<u16>,
        ended_at_ms: u64,
    },
}

/// All requests to the server. Clones share it.
#[derive(Clone, Debug)]
pub struct Journal {
    start: Instant,
    kept: Arc<Mutex<Kept>>,
}

#[derive(Debug, Default)]
struct Kept {
    calls: Vec<Call>,
    in_flight: usize,
    file: Option<JsonLines>,
}

impl Journal {
    pub(crate) fn new(file: Option<&Path>) -> Result<Self, TestkitError> {
        let file = file.map(JsonLines::append_to).transpose()?;
        Ok(Self {
            start: Instant::now(),
            kept: Arc::new(Mutex::new(Kept {
                file,
                ..Kept::default()
            })),
        })
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    /// Returns every request, in order of arrival.
    pub fn calls(&self) -> Vec<Call> {
        self.kept().calls.clone()
    }

    /// Returns the requests whose prompt shows `path`.
    pub fn calls_for(&self, path: &str) -> Vec<Call> {
        let shows = |call: &&Call| call.paths.iter().any(|shown| shown == path);
        self.kept().calls.iter().filter(shows).cloned().collect()
    }

    /// Returns the maximum number of requests in flight.
    pub fn max_in_flight(&self) -> usize {
        self.kept().calls.iter().map(|call| call.in_flight).max().unwrap_or(0)
    }

    /// Reads a journal's file, also of a server that was killed.
    ///
    /// # Errors
    /// The file can't be read, or a line other than a torn last one is invalid.
    pub fn read(path: &Path) -> Result<Vec<Call>, TestkitError> {
        let mut calls: Vec<Call> = Vec::new();
        for line in JsonLines::read(path)? {
            match line {
                Line::Request(call) => calls.push(*call),
                Line::Answer {
                    sequence,
                    status,
                    ended_at_ms,
                } => {
                    // The last request with that number: a restarted server counts from 0 in the same file.
                    if let Some(call) = calls.iter_mut().rfind(|call| call.sequence == sequence) {
                        call.status = status;
                        call.ended_at_ms = Some(ended_at_ms);
                    }
                }
            }
        }
        Ok(calls)
    }

    /// Records a request: fills in its number, time and concurrency. The second value is its attempt.
    pub(crate) fn arrive(&self, mut call: Call) -> std::io::Result<(InFlight, usize)> {
        let at_ms = self.now_ms();
        let mut kept = self.kept();
        kept.in_flight += 1;
        call.sequence = kept.calls.len();
        call.at_ms = at_ms;
        call.in_flight = kept.in_flight;
        let attempt = kept.calls.iter().filter(|earlier| earlier.paths == call.paths).count();
        let in_flight = InFlight {
            journal: self.clone(),
            sequence: call.sequence,
            status: None,
        };
        kept.calls.push(call.clone());
        let written = kept.write(&Line::Request(Box::new(call)));
        // The lock is released first: dropping `in_flight` takes it.
        drop(kept);
        written.map(|()| (in_flight, attempt))
    }
}

impl Kept {
    fn write(&mut self, line: &Line) -> std::io::Result<()> {
        self.file.as_mut().map_or(Ok(()), |file| file.append(line))
    }
}

/// A request in flight. Dropping this value records its end, also if the peer closed the connection.
#[derive(Debug)]
pub(crate) struct InFlight {
    journal: Journal,
    pub(crate) sequence: usize,
    pub(crate) status: Option<u16>,
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let ended_at_ms = self.journal.now_ms();
        let mut kept = self.journal.kept();
        kept.in_flight -= 1;
        if let Some(call) = kept.calls.get_mut(self.sequence) {
            call.status = self.status;
            call.ended_at_ms = Some(ended_at_ms);
        }
        let line = Line::Answer {
            sequence: self.sequence,
            status: self.status,
            ended_at_ms,
        };
        // No caller can handle the error; the missing line shows in the file.
        let _ = kept.write(&line);
    }
}
