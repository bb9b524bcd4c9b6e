//! The parts of a run's outcome that are compared, read from histories and artifacts in the same way for both sides.

use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::key;
use holdfast_core::model::plan::Plan;
use holdfast_core::model::report::{Report, RunStatus};
use holdfast_core::model::run::{Prompt, UnitResult, Verdict};
use holdfast_core::model::run_name::RunName;
use holdfast_core::stage::explain_failure;
use holdfast_core::stage::state;
use serde::Deserialize;

use crate::failure::Failure;

use super::history::{Histories, UnitHistory, Visit};
use super::memory::MemoryStore;

/// A run's outcome.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its status.
    pub status: RunStatus,
    /// Why it failed.
    pub failure: Option<String>,
    /// The report, when there is one.
    pub report: Option<Report>,
    /// The states that it visited.
    pub states: Vec<String>,
    /// Its units, in the plan's order.
    pub units: Vec<UnitSnapshot>,
}

/// A unit's outcome.
#[derive(Clone, Debug)]
pub struct UnitSnapshot {
    /// Its id.
    pub unit: String,
    /// Its file.
    pub path: String,
    /// Its hunks.
    pub hunks: Vec<usize>,
    /// Its result, once it has ended.
    pub result: Option<UnitResult>,
    /// The states that it visited, without waits for a model's rate limit.
    pub states: Vec<String>,
    /// Its attempts, from the first.
    pub attempts: Vec<AttemptSnapshot>,
}

/// One attempt.
#[derive(Clone, Debug)]
pub struct AttemptSnapshot {
    /// The prompt; `None` with `rules`.
    pub prompt: Option<Prompt>,
    /// The verdict of the checks; `None` without an answer.
    pub verdict: Option<Verdict>,
}

impl Snapshot {
    /// Leaves out what versions without a ledger didn't have.
    pub fn forget_ledger(&mut self) {
        self.states.retain(|visited| visited != state::RECONCILE_FINDINGS);
        if let Some(report) = &mut self.report {
            report.earlier.clear();
            for finding in &mut report.findings {
                finding.tracked = None;
            }
        }
    }

    /// Returns the outcome of a run. A run that was stopped from outside has its outcome at that time.
    ///
    /// # Errors
    /// An artifact is damaged.
    pub fn of(histories: &Histories, store: &MemoryStore) -> Result<Self, Failure> {
        let run = &histories.run;
        let mut report: Option<Report> = store.document(&key::report(run))?;
        let status = match &report {
            _ if histories.is_waiting() => RunStatus::AwaitingApproval,
            _ if !histories.is_ended() => RunStatus::Running,
            Some(report) => report.status,
            None => RunStatus::Failed,
        };
        if let Some(report) = &mut report {
            let cancelled = ErrorName::RunCancelled.as_str();
            report.notes.retain(|note| !note.starts_with(cancelled));
        }
        let failure = histories.row.error.as_deref().filter(|_| histories.is_ended());
        let plan: Option<Plan> = store.document(&key::plan(run))?;
        let mut units = Vec::new();
        for unit in plan.into_iter().flat_map(|plan| plan.units) {
            let history = histories.unit(&unit.id);
            units.push(UnitSnapshot {
                result: history.and_then(result),
                states: history.map_or_else(Vec::new, |history| without_waits(&history.visits)),
                attempts: attempts(run, &unit.id, store)?,
                unit: unit.id,
                path: unit.path,
                hunks: unit.hunks,
            });
        }
        Ok(Self {
            status,
            failure: failure.map(|error| explain_failure(error, histories.row.cause.as_deref())),
            report,
            states: histories.root.iter().map(|visit| visit.state.clone()).collect(),
            units,
        })
    }
}

fn result(history: &UnitHistory) -> Option<UnitResult> {
    UnitResult::deserialize(history.output.as_ref()?).ok()
}

fn attempts(run: &RunName, unit: &str, store: &MemoryStore) -> Result<Vec<AttemptSnapshot>, Failure> {
    let mut attempts = Vec::new();
    for attempt in 1.. {
        let prompt = store.document(&key::prompt(run, unit, attempt))?;
        let is_answered = store.bytes(&key::answer(run, unit, attempt)).is_some();
        if prompt.is_none() && !is_answered {
            break;
        }
        let verdict = store.document(&key::verdict(run, unit, attempt))?;
        attempts.push(AttemptSnapshot { prompt, verdict });
    }
    Ok(attempts)
}

/// Returns the visited states without waits for a model's rate limit, which don't belong to the outcome.
fn without_waits(visits: &[Visit]) -> Vec<String> {
    let mut states: Vec<String> = Vec::new();
    for visit in visits {
        if state::waits_for_model(&visit.state) {
            states.truncate(states.len().saturating_sub(2));
        } else {
            states.push(visit.state.clone());
        }
    }
    states
}
