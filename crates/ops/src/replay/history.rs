//! Histories in a replay's form: the states that an execution visited, in order, and the result of each visit's task.

use holdfast_core::model::run_name::RunName;
use holdfast_core::stage::state;

use holdfast_asl::{EventKind, HistoryEvent};
use serde_json::Value;

use holdfast_engine::{Archive, EngineError, ExecutionRecord, ExecutionStatus};

/// The error of a task that exceeded its time limit.
pub const TIMED_OUT: &str = "States.Timeout";

/// One visit of a state.
#[derive(Debug)]
pub struct Visit {
    /// The state.
    pub state: String,
    /// The number of the attempt at a unit that it belongs to.
    pub attempt: Option<u64>,
    /// The result of its task; `Open` for a state without a task.
    pub end: End,
    /// Whether its function has returned and the state waits for its token.
    pub is_submitted: bool,
}

/// The result of a visit's task.
#[derive(Debug)]
pub enum End {
    /// No result yet, or no task.
    Open,
    /// Success, with the service's output.
    Succeeded(Value),
    /// An error that wasn't retried any more.
    Failed {
        /// Its name.
        error: String,
        /// Its cause.
        cause: Option<String>,
    },
}

/// A unit's execution.
#[derive(Debug)]
pub struct UnitHistory {
    /// The unit's id.
    pub unit: String,
    /// Whether it has ended.
    pub is_final: bool,
    /// Its output, once it succeeded.
    pub output: Option<Value>,
    /// Its states, in order.
    pub visits: Vec<Visit>,
}

/// The run's execution and those of its units.
#[derive(Debug)]
pub struct Histories {
    /// The run's name.
    pub run: RunName,
    /// The run's row.
    pub row: ExecutionRecord,
    /// The run's states, in order.
    pub root: Vec<Visit>,
    /// The Map state that ran the units.
    pub map_state: Option<String>,
    /// The units, in the map's order.
    pub units: Vec<UnitHistory>,
}

impl Histories {
    /// Reads a run's histories.
    ///
    /// # Errors
    /// There is no run of that name, or the database can't be read.
    pub fn read(archive: &Archive, name: &RunName) -> Result<Self, EngineError> {
        let row = archive.execution(name.as_str())?;
        let mut units = Vec::new();
        let mut map_state = None;
        for map_run in archive.map_runs(row.id)? {
            for child in archive.children(map_run.id)? {
                let Some(unit) = child.input.get("unit").and_then(Value::as_str) else {
                    continue;
                };
                units.push(UnitHistory {
                    unit: unit.to_owned(),
                    is_final: child.status.is_final(),
                    output: child.output,
                    visits: visits(&archive.history(child.id)?),
                });
            }
            map_state = Some(map_run.state);
        }
        let root = visits(&archive.history(row.id)?);
        Ok(Self {
            run: name.clone(),
            row,
            root,
            map_state,
            units,
        })
    }

    /// Returns the n-th visit of a state, counted from 0, in a unit's execution or in the run's own.
    pub fn visit(&self, unit: Option<&str>, state: &str, n: usize) -> Option<&Visit> {
        let visits = match unit {
            None => &self.root,
            Some(unit) => &self.unit(unit)?.visits,
        };
        visits.iter().filter(|visit| visit.state == state).nth(n)
    }

    /// Returns whether the whole review would wait for an approval, as in runs of versions that knew nothing else.
    pub fn waits_as_a_whole(&self) -> bool {
        let summarized = self.visit(None, state::SUMMARIZE_REVIEW, 0).map(|visit| &visit.end);
        !matches!(summarized, Some(End::Succeeded(output)) if output["Payload"]["mode"] == "findings")
    }

    /// Returns a unit's history.
    pub fn unit(&self, unit: &str) -> Option<&UnitHistory> {
        self.units.iter().find(|history| history.unit == unit)
    }

    /// Returns the visited states, each once, those of the run before those of the units.
    pub fn states(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for visit in self.root.iter().chain(self.units.iter().flat_map(|unit| &unit.visits)) {
            if !names.contains(&visit.state.as_str()) {
                names.push(&visit.state);
            }
        }
        names
    }

    /// Returns whether a version without a ledger ran the workflow.
    pub fn is_without_ledger(&self) -> bool {
        let visited = |state: &str| self.root.iter().any(|visit| visit.state == state);
        visited(state::SUMMARIZE_REVIEW) && !visited(state::RECONCILE_FINDINGS)
    }

    /// Returns whether the workflow itself ended the run.
    pub fn is_ended(&self) -> bool {
        matches!(self.row.status, ExecutionStatus::Succeeded | ExecutionStatus::Failed)
    }

    /// Returns whether the run's last state waits for a person, or did so when the run was stopped.
    pub fn is_waiting(&self) -> bool {
        let waits = |visit: &Visit| visit.is_submitted && matches!(visit.end, End::Open);
        !self.is_ended() && self.root.last().is_some_and(waits)
    }
}

fn visits(history: &[HistoryEvent]) -> Vec<Visit> {
    let mut visits: Vec<Visit> = Vec::new();
    let mut is_redriven = false;
    for event in history {
        is_redriven |= matches!(event.kind, EventKind::ExecutionRedriven { .. });
        if let EventKind::StateEntered { name, input, .. } = &event.kind {
            // A wait for GitHub doesn't belong to the outcome: the state that it stopped is visited again.
            if name == state::ROUTE_AFTER_GITHUB {
                visits.truncate(visits.len().saturating_sub(3));
                continue;
            }
            // A redrive continues in the state that failed: it isn't another visit.
            if std::mem::take(&mut is_redriven) && visits.last().is_some_and(|last| last.state == *name) {
                visits.pop();
            }
            visits.push(Visit {
                state: name.clone(),
                attempt: input.get("attempt").and_then(Value::as_u64),
                end: End::Open,
                is_submitted: false,
            });
            continue;
        }
        let Some(visit) = visits.last_mut() else { continue };
        match &event.kind {
            EventKind::TaskScheduled { .. } => {
                visit.end = End::Open;
                visit.is_submitted = false;
            }
            EventKind::TaskSubmitted { .. } => visit.is_submitted = true,
            EventKind::TaskSucceeded { output, .. } => visit.end = End::Succeeded(output.clone()),
            EventKind::TaskFailed { error, cause, .. } | EventKind::TaskTimedOut { error, cause, .. } => {
                visit.end = End::Failed {
                    error: error.clone(),
                    cause: cause.clone(),
                };
            }
            _ => {}
        }
    }
    visits
}
