//! The quotas of Step Functions and Lambda, and the part of them that a review uses.

use std::path::Path;
use std::sync::PoisonError;

use holdfast_engine::Archive;
use serde_json::json;

use super::counting::Counts;

/// Events in the history of one execution, and bytes of one input or output.
/// <https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html>
const EVENTS: usize = 25_000;
const STATE_BYTES: usize = 262_144;
/// Bytes of a payload or an answer of a function, and its time limit in seconds.
/// <https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>
const PAYLOAD_BYTES: usize = 6_291_456;
const SECONDS: f64 = 900.0;

/// What a review uses of the quotas.
pub struct Used {
    /// Events of the review's execution, and the most of one unit's.
    events: usize,
    unit_events: usize,
    /// The longest event in bytes: an input or output, and its frame.
    event_bytes: usize,
    /// The longest payload or answer of a function, in bytes.
    payload_bytes: usize,
    /// The function with the longest invocation, in seconds without calls of the model and GitHub.
    slowest: (String, f64),
}

impl Used {
    /// Reads what the only run of a data directory used.
    pub fn of(data: &Path, counts: &Counts) -> Self {
        let archive = Archive::open(data).unwrap();
        let run = archive.executions(1).unwrap().remove(0);
        let map_runs = archive.map_runs(run.id).unwrap();
        let units = map_runs.iter().flat_map(|map| archive.children(map.id).unwrap());
        let history = |id| -> (usize, usize) {
            let events = archive.history(id).unwrap();
            let longest = events.iter().map(|event| json!(event.kind).to_string().len()).max();
            (events.len(), longest.unwrap_or(0))
        };
        let (events, run_bytes) = history(run.id);
        let (mut unit_events, mut event_bytes) = (0, run_bytes);
        for unit in units {
            let (events, bytes) = history(unit.id);
            unit_events = unit_events.max(events);
            event_bytes = event_bytes.max(bytes);
        }
        let functions = counts.functions.lock().unwrap_or_else(PoisonError::into_inner);
        let slowest = functions.iter().max_by(|a, b| a.1.longest_s.total_cmp(&b.1.longest_s));
        Self {
            events,
            unit_events,
            event_bytes,
            payload_bytes: functions
                .values()
                .map(|invoked| invoked.longest_bytes)
                .max()
                .unwrap_or(0),
            slowest: slowest.map_or_else(Default::default, |(name, invoked)| (name.clone(), invoked.longest_s)),
        }
    }

    fn check(&self, files: usize) {
        for (what, used, quota) in [
            ("events of the review", self.events, EVENTS),
            ("events of a unit", self.unit_events, EVENTS),
            ("bytes of an event", self.event_bytes, STATE_BYTES),
            ("bytes of a payload", self.payload_bytes, PAYLOAD_BYTES),
        ] {
            assert!(used <= quota, "{files} files: {used} {what}, and {quota} are allowed");
        }
        let (name, seconds) = &self.slowest;
        assert!(*seconds < SECONDS, "{files} files: {name} takes {seconds:.0} s");
    }
}

/// Prints the table; fails if a review exceeds a quota.
pub fn print<'a>(reviews: impl Iterator<Item = (usize, &'a Used)>) {
    println!(
        "\n| files | events of the review | of a unit, most | longest event | longest payload | longest invocation |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | --- |");
    println!("| quota | {EVENTS} | {EVENTS} | {STATE_BYTES} B | {PAYLOAD_BYTES} B | {SECONDS} s |");
    for (files, used) in reviews {
        used.check(files);
        let (name, seconds) = &used.slowest;
        println!(
            "| {files} | {} | {} | {} B | {} B | {seconds:.1} s ({name}) |",
            used.events, used.unit_events, used.event_bytes, used.payload_bytes
        );
    }
}
