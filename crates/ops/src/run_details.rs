//! What a run's histories and artifacts tell: the states it took, its units, its picture.

use std::collections::HashMap;

use holdfast_asl::{EventKind, HistoryEvent, RunPath, StateMachine, picture};
use holdfast_core::model::key;
use holdfast_core::model::plan::Plan;
use holdfast_core::model::run::{RecordedAnswer, Verdict};
use holdfast_core::stage::state;
use serde_json::Value;

use crate::failure::Failure;
use crate::run_summary::{self, ReadRuns, Record};

/// One state that an execution was in.
pub struct Taken {
    /// Its name.
    pub state: String,
    /// When it was entered, in ms since 1970.
    pub entered_ms: i64,
    /// When it was left.
    pub left_ms: Option<i64>,
    /// Errors in it, each of which may have been tried again.
    pub failures: u32,
}

/// One unit with its attempts.
pub struct UnitShown {
    /// Its id.
    pub unit: String,
    /// Its file.
    pub path: String,
    /// `running`, `reviewed` or `unreviewed`.
    pub status: &'static str,
    /// The states it took.
    pub states: Vec<Taken>,
    /// Its attempts.
    pub attempts: Vec<AttemptShown>,
}

/// One model call and what the checks said.
pub struct AttemptShown {
    /// Which model.
    pub model: String,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// What it cost, where the price is known.
    pub cost_usd: Option<f64>,
    /// Whether no model was asked this time.
    pub cached: bool,
    /// What the checks said.
    pub problems: Vec<String>,
}

/// The machine that the run was started with, and its way through it. Errors: it cannot be read.
pub async fn as_picture(runs: &dyn ReadRuns, record: &Record) -> Result<String, Failure> {
    let definition = runs.definition(record).await?;
    let machine = StateMachine::parse_stored(&definition).map_err(Failure::incomplete)?;
    let mut path = RunPath::of(&runs.history(record).await?);
    for child in runs.children(record).await? {
        path.add(&child.history);
    }
    Ok(picture(&machine, Some(&path)))
}

/// Returns a run's state machine as a picture without the run's path: it has the size of the picture with it, and needs
/// no history.
///
/// # Errors
/// The definition can't be read.
pub async fn empty_picture(runs: &dyn ReadRuns, record: &Record) -> Result<String, Failure> {
    let definition = runs.definition(record).await?;
    let machine = StateMachine::parse_stored(&definition).map_err(Failure::incomplete)?;
    Ok(picture(&machine, None))
}

/// The states that an execution took.
pub fn states_taken(history: &[HistoryEvent]) -> Vec<Taken> {
    let mut taken: Vec<Taken> = Vec::new();
    for event in history {
        match &event.kind {
            EventKind::StateEntered { name, .. } => taken.push(Taken {
                state: name.clone(),
                entered_ms: event.at.0,
                left_ms: None,
                failures: 0,
            }),
            EventKind::StateExited { name, .. } => {
                if let Some(open) = taken
                    .iter_mut()
                    .rev()
                    .find(|open| open.state == *name && open.left_ms.is_none())
                {
                    open.left_ms = Some(event.at.0);
                }
            }
            EventKind::LambdaFunctionFailed { .. }
            | EventKind::LambdaFunctionTimedOut { .. }
            | EventKind::TaskFailed { .. }
            | EventKind::TaskTimedOut { .. } => {
                if let Some(open) = taken.last_mut() {
                    open.failures += 1;
                }
            }
            _ => {}
        }
    }
    taken
}

/// The run's units with their attempts. Errors: a file cannot be read.
pub async fn units_of(runs: &dyn ReadRuns, record: &Record) -> Result<Vec<UnitShown>, Failure> {
    let (store, run) = (runs.store(), record.run.as_str());
    let plan: Option<Plan> = run_summary::read_json(store, &key::plan(run)).await?;
    let paths: HashMap<String, String> = plan
        .map(|plan| plan.units.into_iter().map(|unit| (unit.id, unit.path)).collect())
        .unwrap_or_default();
    let mut units = Vec::new();
    for child in runs.children(record).await? {
        let Some(unit) = child.row.input.get("unit").and_then(Value::as_str).map(str::to_owned) else {
            continue;
        };
        let mut attempts = Vec::new();
        for attempt in 1_u32.. {
            let Some(answer) =
                run_summary::read_json::<RecordedAnswer>(store, &key::answer(run, &unit, attempt)).await?
            else {
                break;
            };
            let verdict: Option<Verdict> = run_summary::read_json(store, &key::verdict(run, &unit, attempt)).await?;
            attempts.push(AttemptShown {
                cost_usd: answer.cost_usd(),
                model: answer.model,
                input_tokens: answer.input_tokens,
                output_tokens: answer.output_tokens,
                cached: answer.cached,
                problems: verdict.map(|verdict| verdict.problems).unwrap_or_default(),
            });
        }
        let states = states_taken(&child.history);
        let last = states.last().map_or("", |taken| taken.state.as_str());
        let status = match (!child.row.status.is_final(), last) {
            (true, _) => "running",
            (false, state::UNIT_REVIEWED) => "reviewed",
            (false, _) => "unreviewed",
        };
        let path = paths.get(&unit).cloned().unwrap_or_default();
        units.push(UnitShown {
            unit,
            path,
            status,
            states,
            attempts,
        });
    }
    Ok(units)
}
