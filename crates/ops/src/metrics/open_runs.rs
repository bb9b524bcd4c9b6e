//! The state of each open run and of its units, from the engine's events.

use std::collections::HashMap;

use holdfast_asl::{EventKind, HistoryEvent};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::stage::state;

/// The kinds of what an open run does.
const STATES: [&str; 4] = [
    "running",
    "waiting_for_github",
    "waiting_for_model",
    "waiting_for_person",
];

/// The open runs by name.
#[derive(Debug, Default)]
pub struct OpenRuns(HashMap<String, OpenRun>);

/// An open run.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct OpenRun {
    /// The state that it entered last.
    pub state: String,
    /// The time of its first approval request, in ms since 1970.
    pub requested_ms: Option<i64>,
    /// The state that each open unit entered last, by its index.
    pub units: HashMap<u64, String>,
}

/// The meaning of an event.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen {
    /// The run ended.
    RunEnded,
    /// A call of a stage failed.
    StageFailed {
        /// The stage's state.
        stage: String,
        /// The error's name; `other` for one that no list has.
        error: String,
        /// Whether the workflow calls it again.
        is_retried: bool,
    },
}

impl OpenRun {
    /// Applies an event of the run itself.
    pub fn enter(&mut self, name: &str, at_ms: i64) {
        name.clone_into(&mut self.state);
        if name == state::REQUEST_APPROVAL {
            self.requested_ms.get_or_insert(at_ms);
        }
    }

    fn kind(&self) -> &'static str {
        let [running, for_github, for_model, for_person] = STATES;
        let waits = |unit: &String| state::waits_for_model(unit);
        match self.state.as_str() {
            walkthrough if state::waits_for_model(walkthrough) => for_model,
            state::WAIT_FOR_GITHUB => for_github,
            state::REQUEST_APPROVAL => for_person,
            _ if !self.units.is_empty() && self.units.values().all(waits) => for_model,
            _ => running,
        }
    }
}

impl OpenRuns {
    /// Replaces all runs by those that are stored. Returns the names of runs that ended meanwhile.
    pub fn replace(&mut self, stored: HashMap<String, OpenRun>) -> Vec<String> {
        let before = std::mem::replace(&mut self.0, stored);
        let ended = before.into_keys().filter(|name| !self.0.contains_key(name));
        ended.collect()
    }

    /// Applies an event of a run, or of one of its units. A run that isn't open here has ended or is of no interest.
    pub fn apply(&mut self, run: &str, unit: Option<u64>, event: &HistoryEvent) -> Option<Seen> {
        if let (EventKind::ExecutionStarted { .. } | EventKind::ExecutionRedriven { .. }, None) = (&event.kind, unit) {
            self.0.entry(run.to_owned()).or_default();
            return None;
        }
        let open = self.0.get_mut(run)?;
        let (error, is_retried, is_timeout) = match &event.kind {
            EventKind::StateEntered { name, .. } => {
                match unit {
                    Some(unit) => drop(open.units.insert(unit, name.clone())),
                    None => open.enter(name, event.at.0),
                }
                return None;
            }
            EventKind::ExecutionSucceeded { .. }
            | EventKind::ExecutionFailed { .. }
            | EventKind::ExecutionTimedOut { .. }
            | EventKind::ExecutionAborted { .. } => {
                return match unit {
                    Some(unit) => {
                        open.units.remove(&unit);
                        None
                    }
                    None => self.0.remove(run).map(|_| Seen::RunEnded),
                };
            }
            EventKind::TaskFailed { error, retrial, .. } | EventKind::LambdaFunctionFailed { error, retrial, .. } => {
                (error, retrial.is_some(), false)
            }
            EventKind::TaskTimedOut { error, retrial, .. }
            | EventKind::LambdaFunctionTimedOut { error, retrial, .. } => (error, retrial.is_some(), true),
            _ => return None,
        };
        let stage = match unit {
            Some(unit) => open.units.get(&unit)?,
            None => &open.state,
        };
        // Each state that GitHub stops waits for it.
        let waits_after = [ErrorName::GithubRateLimited, ErrorName::GithubUnavailable];
        let is_retried = is_retried || waits_after.iter().any(|name| name.as_str() == error);
        // A person's answer, or none in time.
        let is_decision = is_timeout || error == ErrorName::ApprovalRejected.as_str();
        (stage != state::REQUEST_APPROVAL || !is_decision).then(|| Seen::StageFailed {
            stage: stage.clone(),
            error: listed(error).to_owned(),
            is_retried,
        })
    }

    /// Returns the number of open runs of each kind.
    pub fn by_state(&self) -> [(&'static str, usize); 4] {
        STATES.map(|kind| (kind, self.0.values().filter(|run| run.kind() == kind).count()))
    }

    /// Returns the time of the oldest request among the runs that wait for a person, in ms since 1970.
    pub fn oldest_request_ms(&self) -> Option<i64> {
        let waiting = self.0.values().filter(|run| run.state == state::REQUEST_APPROVAL);
        waiting.filter_map(|run| run.requested_ms).min()
    }
}

/// Returns an error's name if it is one of the workflow's or of AWS's.
fn listed(error: &str) -> &str {
    const OF_AWS: [&str; 12] = [
        "States.Timeout",
        "States.HeartbeatTimeout",
        "States.TaskFailed",
        "States.Permissions",
        "States.Runtime",
        "States.DataLimitExceeded",
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.ClientExecutionTimeoutException",
        "Lambda.TooManyRequestsException",
        "Lambda.Unknown",
    ];
    let is_listed = OF_AWS.contains(&error) || ErrorName::ALL.iter().any(|name| name.as_str() == error);
    if is_listed { error } else { "other" }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use serde_json::{Value, json};

    use super::*;

    fn event(at: i64, kind: &str, details: Value) -> HistoryEvent {
        let event = json!({ "id": 1, "previous": 0, "at": at, "type": kind, "details": details });
        serde_json::from_value(event).unwrap()
    }

    fn entered(at: i64, name: &str) -> HistoryEvent {
        event(
            at,
            "StateEntered",
            json!({ "state": "Task", "name": name, "input": null }),
        )
    }

    fn failed(error: &str) -> HistoryEvent {
        event(
            0,
            "TaskFailed",
            json!({ "resource": "invoke", "error": error, "cause": null }),
        )
    }

    fn timed_out() -> HistoryEvent {
        let details = json!({ "resource": "invoke", "error": "States.Timeout", "cause": null });
        event(0, "TaskTimedOut", details)
    }

    fn started() -> HistoryEvent {
        event(0, "ExecutionStarted", json!({ "input": null, "role_arn": "" }))
    }

    fn ended() -> HistoryEvent {
        event(0, "ExecutionSucceeded", json!({ "output": null }))
    }

    #[test]
    fn a_run_waits_for_a_model_when_all_its_units_do_and_for_a_person_while_it_asks() {
        let mut open = OpenRuns::default();
        let steps = [
            (None, started(), [1, 0, 0, 0]),
            (None, entered(1, state::WAIT_FOR_GITHUB), [0, 1, 0, 0]),
            (None, entered(1, state::ROUTE_AFTER_GITHUB), [1, 0, 0, 0]),
            (None, entered(1, state::REVIEW_EACH_UNIT), [1, 0, 0, 0]),
            (Some(0), entered(2, state::WAIT_FOR_MODEL), [0, 0, 1, 0]),
            (Some(1), entered(3, state::REVIEW_UNIT), [1, 0, 0, 0]),
            (Some(1), entered(4, state::WAIT_FOR_MODEL), [0, 0, 1, 0]),
            (Some(0), ended(), [0, 0, 1, 0]),
            (Some(1), ended(), [1, 0, 0, 0]),
            (None, entered(5, state::REQUEST_APPROVAL), [0, 0, 0, 1]),
            (None, entered(6, state::ESCALATE_APPROVAL), [1, 0, 0, 0]),
            (None, entered(7, state::REQUEST_APPROVAL), [0, 0, 0, 1]),
        ];
        for (unit, event, expected) in steps {
            assert_eq!(open.apply("r", unit, &event), None);
            assert_eq!(open.by_state().map(|(_, number)| number), expected, "{event:?}");
        }
        assert_eq!(open.oldest_request_ms(), Some(5));
        assert_eq!(open.apply("r", None, &ended()), Some(Seen::RunEnded));
        assert_eq!(
            (open.oldest_request_ms(), open.apply("r", None, &ended())),
            (None, None)
        );
    }

    #[test]
    fn a_failed_call_has_its_stage_and_a_listed_error_and_decisions_are_none() {
        let mut open = OpenRuns::default();
        open.apply("r", None, &started());
        open.apply("r", None, &entered(1, state::REQUEST_APPROVAL));
        open.apply("r", Some(3), &entered(1, state::REVIEW_UNIT));
        for (unit, event, expected) in [
            (
                Some(3),
                failed("ModelTimedOut"),
                Some((state::REVIEW_UNIT, "ModelTimedOut")),
            ),
            (Some(3), failed("sk-secret"), Some((state::REVIEW_UNIT, "other"))),
            (Some(3), timed_out(), Some((state::REVIEW_UNIT, "States.Timeout"))),
            (
                None,
                failed("GithubUnavailable"),
                Some((state::REQUEST_APPROVAL, "GithubUnavailable")),
            ),
            (None, failed("ApprovalRejected"), None),
            (None, timed_out(), None),
        ] {
            let expected = expected.map(|(stage, error)| Seen::StageFailed {
                stage: stage.to_owned(),
                error: error.to_owned(),
                is_retried: error == "GithubUnavailable",
            });
            assert_eq!(open.apply("r", unit, &event), expected, "{event:?}");
        }
    }

    #[test]
    fn after_missed_events_the_stored_runs_count_and_each_end_counts_once() {
        let mut open = OpenRuns::default();
        open.apply("gone", None, &started());
        open.apply("stays", None, &started());
        let stored = || {
            HashMap::from([
                ("stays".to_owned(), OpenRun::default()),
                ("new".to_owned(), OpenRun::default()),
            ])
        };
        assert_eq!(open.replace(stored()), ["gone"]);
        assert_eq!(open.apply("gone", None, &entered(1, state::PUBLISH_REVIEW)), None);
        assert_eq!(open.apply("gone", None, &ended()), None);
        assert_eq!(open.by_state()[0], ("running", 2));
        assert!(open.replace(stored()).is_empty());
    }
}
