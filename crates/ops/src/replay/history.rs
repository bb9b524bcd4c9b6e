//! Histories as a replay reads them: which states an execution visited, in order, and how each visit's task ended.

use holdfast_asl::{EventKind, HistoryEvent};
use serde_json::Value;

use holdfast_engine::{Archive, EngineError, ExecutionRecord, ExecutionStatus};

/// The error of a task that took longer than it may.
pub const TIMED_OUT: &str = "States.Timeout";

/// One visit of a state.
#[derive(Debug)]
pub struct Visit {
    /// The state.
    pub state: String,
    /// Which attempt at a unit it belongs to.
    pub attempt: Option<u64>,
    /// How its task ended; `Open` for a state without one.
    pub end: End,
    /// Whether its function has answered and a token is waited for.
    pub is_submitted: bool,
}

/// How a visit's task ended.
#[derive(Debug)]
pub enum End {
    /// Not yet, or there is none.
    Open,
    /// With an output, as the service gives it.
    Succeeded(Value),
    /// With an error that was not retried any more.
    Failed {
        /// Its name.
        error: String,
        /// What was said about it.
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
    /// Reads a run's. Errors: there is none of that name; the database cannot be read.
    pub fn read(archive: &Archive, name: &str) -> Result<Self, EngineError> {
        let row = archive.execution(name)?;
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
            row,
            root,
            map_state,
            units,
        })
    }

    /// The n-th visit of a state, from 0: in a unit's execution, or in the run's own.
    pub fn visit(&self, unit: Option<&str>, state: &str, n: usize) -> Option<&Visit> {
        let visits = match unit {
            None => &self.root,
            Some(unit) => &self.unit(unit)?.visits,
        };
        visits.iter().filter(|visit| visit.state == state).nth(n)
    }

    /// A unit's history.
    pub fn unit(&self, unit: &str) -> Option<&UnitHistory> {
        self.units.iter().find(|history| history.unit == unit)
    }

    /// The states that were visited, each once, the run's before the units'.
    pub fn states(&self) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for visit in self.root.iter().chain(self.units.iter().flat_map(|unit| &unit.visits)) {
            if !names.contains(&visit.state.as_str()) {
                names.push(&visit.state);
            }
        }
        names
    }

    /// Whether the run came to its end by the workflow.
    pub fn is_ended(&self) -> bool {
        matches!(self.row.status, ExecutionStatus::Succeeded | ExecutionStatus::Failed)
    }

    /// Whether the run's last state waits for a person, or did when the run was stopped.
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
            // A redrive goes on in the state that was not left: that is no other visit.
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
