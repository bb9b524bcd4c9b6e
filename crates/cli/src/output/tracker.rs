//! The progress of a run, from its events: counts, elapsed time, waits for the model. Pure; `progress` prints it.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use holdfast_asl::{EventKind, Retrial, Timestamp, WaitEnd};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::port::{WaitFor, Waiting};
use holdfast_core::render::counted;
use holdfast_core::stage::state;
use serde::Deserialize;

use super::hidden::hide;
use super::name;

/// Minimum time between two lines about the same kind of wait.
const MIN_WAIT_LINES: Duration = Duration::from_secs(30);

/// The state of a run.
pub struct Tracker {
    /// The paths of the units, by their ids.
    paths: HashMap<String, String>,
    open: HashMap<String, UnitInFlight>,
    /// The children that wait for the model.
    waiting: HashSet<String>,
    reviewed: usize,
    given_up: usize,
    state: String,
    /// The time of the last line about each kind of wait.
    last_lines: BTreeMap<&'static str, Duration>,
}

struct UnitInFlight {
    unit: String,
    state: String,
    attempts: u32,
    since_ms: i64,
}

/// An event of the run.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    /// The name of the map's child that it belongs to.
    pub child: Option<&'a str>,
    /// Its time.
    pub at: Timestamp,
    /// Its type and content.
    pub kind: &'a EventKind,
}

/// What an event changed.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// A unit has finished: one line about it.
    pub finished: Option<String>,
    /// The model limits or fails and is waited for: one line about it, at most every 30 s.
    pub waits: Option<String>,
    /// The units' paths are known now.
    pub has_units: bool,
}

impl Tracker {
    /// Starts without any event.
    pub fn new() -> Self {
        Self {
            paths: HashMap::new(),
            open: HashMap::new(),
            waiting: HashSet::new(),
            reviewed: 0,
            given_up: 0,
            state: String::new(),
            last_lines: BTreeMap::new(),
        }
    }

    /// Sets the paths of the units, by their ids. Without them, the units' ids are shown.
    pub fn set_paths(&mut self, paths: HashMap<String, String>) {
        self.paths = paths;
    }

    /// Takes an event. `elapsed` is the time since the start.
    pub fn update(&mut self, event: Event<'_>, elapsed: Duration) -> Seen {
        let mut seen = Seen::default();
        let Event { child, at, kind } = event;
        let waits = wait_of(kind);
        if let Some(child) = child {
            if waits.is_some() {
                self.waiting.insert(child.to_owned());
            } else {
                self.waiting.remove(child);
            }
            seen.finished = self.update_unit(child, kind, at);
        } else if let EventKind::StateEntered { name, .. } = kind {
            // A route takes no time: the step before it stays.
            if !state::is_route(name) {
                self.state.clone_from(name);
            }
            seen.has_units = name == state::REVIEW_EACH_UNIT;
        }
        seen.waits = waits.and_then(|(reason, until)| self.wait_line(reason, until, at, elapsed));
        seen
    }

    fn wait_line(
        &mut self,
        reason: &'static str,
        until: Timestamp,
        now: Timestamp,
        elapsed: Duration,
    ) -> Option<String> {
        let is_recent = |last: &Duration| elapsed.saturating_sub(*last) < MIN_WAIT_LINES;
        if self.last_lines.get(reason).is_some_and(is_recent) {
            return None;
        }
        self.last_lines.insert(reason, elapsed);
        let wait_ms = u64::try_from(until.0.saturating_sub(now.0)).unwrap_or(0);
        // Full seconds, rounded up: a wait of 0 s would be none.
        let wait = Duration::from_secs(wait_ms.div_ceil(1_000).max(1));
        Some(format!(
            "{reason}; waiting {}{}",
            duration(wait),
            match self.counts() {
                counts if counts.is_empty() => counts,
                counts => format!(" ({counts})"),
            }
        ))
    }

    fn update_unit(&mut self, child: &str, kind: &EventKind, at: Timestamp) -> Option<String> {
        match kind {
            EventKind::StateEntered { name, input, .. } => {
                let unit = input.get("unit").and_then(serde_json::Value::as_str);
                let open = self.open.entry(child.to_owned()).or_insert_with(|| UnitInFlight {
                    unit: unit.unwrap_or_default().to_owned(),
                    state: String::new(),
                    attempts: 0,
                    since_ms: at.0,
                });
                open.state.clone_from(name);
                if name == state::REVIEW_UNIT {
                    // A wait enters the state again with the same attempt.
                    let attempt = input.get("attempt").and_then(serde_json::Value::as_u64);
                    let attempt = attempt.and_then(|attempt| u32::try_from(attempt).ok());
                    open.attempts = attempt.unwrap_or_else(|| open.attempts + 1);
                }
                None
            }
            EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed { .. }
            | EventKind::ExecutionTimedOut { .. }
            | EventKind::ExecutionAborted { .. } => {
                self.waiting.remove(child);
                let unit = self.open.remove(child)?;
                let path = self.paths.get(&unit.unit).map_or(unit.unit.as_str(), String::as_str);
                let (outcome, number) = match unit.state == state::UNIT_REVIEWED {
                    true => ("reviewed", &mut self.reviewed),
                    false => ("unreviewed", &mut self.given_up),
                };
                *number += 1;
                let took_ms = at.0.saturating_sub(unit.since_ms).max(0);
                Some(format!(
                    "{outcome:<10} {}  {}  {}.{} s",
                    hide(&name(path)),
                    counted(unit.attempts, "attempt"),
                    took_ms / 1_000,
                    took_ms % 1_000 / 100
                ))
            }
            _ => None,
        }
    }

    /// Returns the number of units by state; empty before they are known.
    fn counts(&self) -> String {
        if self.paths.is_empty() {
            return String::new();
        }
        let more = |number: usize, what: &str| match number {
            0 => String::new(),
            number => format!(", {number} {what}"),
        };
        // A unit that waits has no call in flight.
        format!(
            "{} of {} reviewed{}, {} in flight{}",
            self.reviewed,
            counted(self.paths.len(), "unit"),
            more(self.given_up, "given up"),
            self.open.len().saturating_sub(self.waiting.len()),
            more(self.waiting.len(), "waiting for the model")
        )
    }

    /// Returns one line: the step, the counts and the elapsed time.
    pub fn status(&self, elapsed: Duration) -> String {
        let step = step_of(&self.state);
        match self.counts() {
            counts if counts.is_empty() => format!("{step}, {}", duration(elapsed)),
            counts => format!("{step}: {counts}, {}", duration(elapsed)),
        }
    }
}

/// The reason of a wait for a provider that is down.
const SERVER_FAILS: &str = "the model's server fails";

/// Returns the reason and the end of a wait for the model or for GitHub that begins with this event.
fn wait_of(kind: &EventKind) -> Option<(&'static str, Timestamp)> {
    match kind {
        EventKind::StateEntered {
            name,
            input,
            wait: Some(WaitEnd::At(until)),
            ..
        } if name == state::WAIT_FOR_GITHUB => {
            let error = input.pointer("/github_wait/error/Error");
            let is_limited = error.is_some_and(|error| error == ErrorName::GithubRateLimited.as_str());
            let reason = if is_limited {
                "GitHub limits requests"
            } else {
                "GitHub does not answer"
            };
            Some((reason, *until))
        }
        EventKind::StateEntered {
            name,
            input,
            wait: Some(WaitEnd::At(until)),
            ..
        } if state::waits_for_model(name) => {
            let waiting = input
                .get("waiting")
                .and_then(|waiting| Waiting::deserialize(waiting).ok());
            let waiting = waiting.unwrap_or_default();
            let reason = match waiting.subject {
                WaitFor::Outage => SERVER_FAILS,
                WaitFor::Limit if waiting.is_own_limit => "a limit of the settings holds model calls back",
                WaitFor::Limit => "the model's server limits requests",
                WaitFor::Batch => "the model's provider answers batch calls within a day",
            };
            Some((reason, *until))
        }
        EventKind::TaskFailed {
            error,
            retrial: Some(Retrial { at, .. }),
            ..
        }
        | EventKind::TaskTimedOut {
            error,
            retrial: Some(Retrial { at, .. }),
            ..
        } => {
            let names = [
                (ErrorName::ModelUnavailable, SERVER_FAILS),
                (ErrorName::ModelTimedOut, "the model's server does not answer in time"),
            ];
            let reason = names.into_iter().find(|(name, _)| name.as_str() == error)?.1;
            Some((reason, *at))
        }
        _ => None,
    }
}

/// Returns a state's step in a reader's words. A state of another version's workflow has only general ones.
fn step_of(state: &str) -> &'static str {
    let steps = [
        ("", "starting"),
        (state::OPEN_REVIEW, "reading the change"),
        (state::PLAN_REVIEW, "planning"),
        (state::GATHER_CONTEXT, "gathering context"),
        (state::REVIEW_EACH_UNIT, "reviewing"),
        (state::AGGREGATE_FINDINGS, "merging findings"),
        (state::RECONCILE_FINDINGS, "comparing with earlier findings"),
        (state::SUMMARIZE_REVIEW, "summarizing"),
        (state::WAIT_FOR_WALKTHROUGH, "summarizing: waiting for the model"),
        (state::WAIT_FOR_GITHUB, "waiting for GitHub"),
        (state::PUBLISH_UNGATED, "publishing what needs no approval"),
        (state::REQUEST_APPROVAL, "requesting approval"),
        (state::ESCALATE_APPROVAL, "reporting that nobody has decided"),
        (state::PUBLISH_REVIEW, "finishing"),
        (state::REVIEW_PUBLISHED, "finished"),
        (state::DISCARD_REVIEW, "discarding the review"),
        (state::REVIEW_REJECTED, "rejected"),
        (
            state::WITHDRAW_ANNOUNCEMENT,
            "undoing what was written to the pull request",
        ),
        (state::RAISE_ALARM, "notifying the operators"),
        (state::REPORT_FAILURE, "reporting the failure"),
        (state::REVIEW_SUPERSEDED, "superseded"),
        (state::REVIEW_FAILED, "failed"),
    ];
    let step = steps.into_iter().find(|(name, _)| *name == state);
    step.map_or("working", |(_, step)| step)
}

/// Returns a duration in whole seconds: `5 s`, `2 min 05 s`, `1 h 02 min`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds} s"),
        (0, minutes, seconds) => format!("{minutes} min {seconds:02} s"),
        (hours, minutes, _) => format!("{hours} h {minutes:02} min"),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::collections::BTreeSet;

    use holdfast_asl::{StateKind, StateMachine};
    use holdfast_ops::workflow;
    use serde_json::json;

    use super::*;

    fn update(tracker: &mut Tracker, child: Option<&str>, at: i64, kind: &EventKind, elapsed_s: u64) -> Seen {
        let at = Timestamp(at);
        tracker.update(Event { child, at, kind }, Duration::from_secs(elapsed_s))
    }

    fn entered(name: &str, wait: Option<WaitEnd>) -> EventKind {
        EventKind::StateEntered {
            state: StateKind::Task,
            name: name.to_owned(),
            input: json!({ "unit": "u0001" }),
            wait,
        }
    }

    fn tracker() -> Tracker {
        let mut tracker = Tracker::new();
        let seen = update(&mut tracker, None, 0, &entered(state::REVIEW_EACH_UNIT, None), 0);
        assert!(seen.has_units);
        let paths = [("u0001", "src/a.rs"), ("u0002", "src/b.rs")];
        tracker.set_paths(paths.map(|(id, path)| (id.to_owned(), path.to_owned())).into());
        tracker
    }

    #[test]
    fn units_are_counted_and_timed() {
        let mut tracker = tracker();
        let mut take = |child, at, kind| update(&mut tracker, Some(child), at, &kind, 75);
        assert_eq!(take("c1", 1_000, entered(state::REVIEW_UNIT, None)), Seen::default());
        take("c2", 1_000, entered(state::REVIEW_UNIT, None));
        take("c1", 2_000, entered(state::REVIEW_UNIT, None));
        take("c1", 3_000, entered(state::UNIT_REVIEWED, None));
        let seen = take("c1", 3_500, EventKind::ExecutionSucceeded { output: json!({}) });
        assert_eq!(seen.finished.as_deref(), Some("reviewed   src/a.rs  2 attempts  2.5 s"));
        assert_eq!(
            tracker.status(Duration::from_secs(75)),
            "reviewing: 1 of 2 units reviewed, 1 in flight, 1 min 15 s"
        );
    }

    #[test]
    fn a_unit_that_was_given_up_is_not_a_reviewed_one_and_a_limit_of_the_settings_is_not_the_servers() {
        let mut tracker = tracker();
        let mut take = |child, kind| update(&mut tracker, Some(child), 1_000, &kind, 60);
        take("c1", entered(state::REVIEW_UNIT, None));
        take("c1", entered(state::UNIT_UNREVIEWED, None));
        let given_up = take("c1", EventKind::ExecutionSucceeded { output: json!({}) });
        assert!(given_up.finished.is_some_and(|line| line.starts_with("unreviewed")));
        let waits = EventKind::StateEntered {
            state: StateKind::Wait,
            name: state::WAIT_FOR_MODEL.to_owned(),
            input: json!({ "unit": "u0002", "waiting": { "for": "limit", "since_ms": 1, "is_own_limit": true } }),
            wait: Some(WaitEnd::At(Timestamp(3_000))),
        };
        assert_eq!(
            take("c2", waits).waits.as_deref(),
            Some(
                "a limit of the settings holds model calls back; waiting 2 s (0 of 2 units reviewed, 1 given up, 0 in \
                 flight, 1 waiting for the model)"
            )
        );
    }

    #[test]
    fn waits_for_the_model_are_reported_at_most_every_30_s() {
        let mut tracker = tracker();
        let wait = || entered(state::WAIT_FOR_MODEL, Some(WaitEnd::At(Timestamp(21_000))));
        let mut line = |child, kind, elapsed| update(&mut tracker, Some(child), 1_000, &kind, elapsed).waits;
        assert_eq!(
            line("c1", wait(), 5).as_deref(),
            Some(
                "the model's server limits requests; waiting 20 s (0 of 2 units reviewed, 0 in flight, 1 waiting for the model)"
            )
        );
        assert_eq!(line("c2", wait(), 34), None);
        assert!(line("c1", wait(), 35).is_some());
        let failed = |retrial| EventKind::TaskFailed {
            resource: String::new(),
            error: ErrorName::ModelUnavailable.as_str().to_owned(),
            cause: None,
            retrial,
        };
        let again = Retrial {
            retrier: 0,
            at: Timestamp(1_400),
        };
        assert_eq!(line("c1", failed(None), 36), None, "a failure for good is no wait");
        let failed = line("c1", failed(Some(again)), 36);
        assert!(failed.is_some_and(|line| line.starts_with("the model's server fails; waiting 1 s")));
        update(&mut tracker, Some("c2"), 2_000, &entered(state::REVIEW_UNIT, None), 37);
        assert!(tracker.status(Duration::ZERO).contains("1 waiting"));
    }

    #[test]
    fn a_wait_for_github_is_reported_with_its_reason() {
        for (error, reason) in [
            ("GithubRateLimited", "GitHub limits requests"),
            ("GithubUnavailable", "GitHub does not answer"),
        ] {
            let mut kind = entered(state::WAIT_FOR_GITHUB, Some(WaitEnd::At(Timestamp(541_000))));
            if let EventKind::StateEntered { input, .. } = &mut kind {
                *input = json!({ "github_wait": { "error": { "Error": error } } });
            }
            let mut tracker = Tracker::new();
            let seen = update(&mut tracker, None, 1_000, &kind, 5);
            assert_eq!(seen.waits, Some(format!("{reason}; waiting 9 min 00 s")));
            assert_eq!(tracker.status(Duration::from_secs(6)), "waiting for GitHub, 6 s");
        }
    }

    #[test]
    fn each_state_has_plain_words() {
        let machine = StateMachine::parse_stored(workflow::definition()).unwrap();
        let mut steps = Vec::new();
        for summary in machine.states() {
            let mut tracker = Tracker::new();
            update(&mut tracker, None, 0, &entered(&summary.name, None), 0);
            let status = tracker.status(Duration::ZERO);
            assert!(!status.contains(&summary.name), "{status}");
            if !state::is_route(&summary.name) {
                steps.push((summary.name, status));
            }
        }
        // States of a unit are counted, and have no step of their own.
        steps.retain(|(_, status)| status.starts_with("working"));
        let of_units = [
            state::REVIEW_UNIT,
            state::WAIT_FOR_MODEL,
            state::VALIDATE_FINDINGS,
            state::CORRECT_FINDINGS,
            state::UNIT_REVIEWED,
            state::UNIT_UNREVIEWED,
        ];
        let names: BTreeSet<&str> = steps.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, BTreeSet::from(of_units));
        let mut tracker = Tracker::new();
        for name in [state::PLAN_REVIEW, state::ROUTE_REVIEWABLE] {
            update(&mut tracker, None, 0, &entered(name, None), 0);
        }
        assert_eq!(tracker.status(Duration::ZERO), "planning, 0 s");
    }

    #[test]
    fn durations_are_short() {
        for (seconds, text) in [(0, "0 s"), (59, "59 s"), (125, "2 min 05 s"), (3_720, "1 h 02 min")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
