//! Details of a run, read from its histories and artifacts: the states that it visited, its units, its picture.

use std::collections::HashMap;

use futures::{StreamExt, TryStreamExt, stream};
use holdfast_asl::{EventKind, HistoryEvent, RunPath, StateMachine, WaitEnd, picture};
use holdfast_core::model::key;
use holdfast_core::model::plan::Plan;
use holdfast_core::model::run::{RecordedAnswer, UnitResult, Verdict};
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::StoreArtifact;
use holdfast_core::stage::{explain_failure, state};
use holdfast_engine::ExecutionStatus;
use serde::Deserialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::run_summary::{self, Child, READS_IN_FLIGHT, ReadRuns, RunSummary};

/// One visit of an execution to a state.
pub struct StateVisit {
    /// The state's name.
    pub state: String,
    /// When it was entered, in ms since 1970.
    pub entered_ms: i64,
    /// When it was left, in ms since 1970; `None` if the execution is in it or ended in it.
    pub left_ms: Option<i64>,
    /// When its wait ends, in ms since 1970; `None` for a state that doesn't wait.
    pub until_ms: Option<i64>,
    /// Number of errors during the visit; the state may have been retried after each.
    pub failures: u32,
}

/// One unit with its attempts.
pub struct UnitDetails {
    /// Its id.
    pub unit: String,
    /// Its file.
    pub path: String,
    /// `queued`, `running`, `reviewed` or `unreviewed`.
    pub status: &'static str,
    /// Why it's unreviewed; `None` for other units.
    pub reason: Option<String>,
    /// The states that it visited.
    pub states: Vec<StateVisit>,
    /// Its attempts.
    pub attempts: Vec<AttemptDetails>,
}

/// One model call and the problems that the checks found.
pub struct AttemptDetails {
    /// The model's name.
    pub model: String,
    /// Tokens sent.
    pub input_tokens: u64,
    /// Tokens received.
    pub output_tokens: u64,
    /// Its cost in US dollars; `None` where the price is unknown.
    pub cost_usd: Option<f64>,
    /// Whether the answer came from the cache, without a model call.
    pub cached: bool,
    /// The problems that the checks found.
    pub problems: Vec<String>,
}

/// Draws the state machine that the run was started with, and the run's path through it.
///
/// # Errors
/// The definition or a history can't be read.
pub async fn draw_picture(runs: &dyn ReadRuns, record: &RunSummary) -> Result<String, Failure> {
    let definition = runs.definition(record).await?;
    let machine = StateMachine::parse_stored(&definition).map_err(Failure::incomplete)?;
    let mut path = RunPath::of(&runs.history(record).await?);
    for child in runs.children(record).await? {
        path.add(&child.history);
    }
    Ok(picture(&machine, Some(&path)))
}

/// Returns the states that an execution visited, in order.
pub fn states_taken(history: &[HistoryEvent]) -> Vec<StateVisit> {
    let mut taken: Vec<StateVisit> = Vec::new();
    for event in history {
        match &event.kind {
            EventKind::StateEntered { name, wait, .. } => taken.push(StateVisit {
                state: name.clone(),
                entered_ms: event.at.0,
                left_ms: None,
                until_ms: match wait {
                    Some(WaitEnd::At(until)) => Some(until.0),
                    _ => None,
                },
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

/// Returns the run's units with their attempts.
///
/// # Errors
/// An artifact can't be read.
pub async fn units_of(runs: &dyn ReadRuns, record: &RunSummary) -> Result<Vec<UnitDetails>, Failure> {
    let (store, run) = (runs.store(), &record.run);
    let plan: Option<Plan> = run_summary::read_json(store, &key::plan(run)).await?;
    let paths: HashMap<String, String> = plan
        .map(|plan| plan.units.into_iter().map(|unit| (unit.id, unit.path)).collect())
        .unwrap_or_default();
    let units = runs.children(record).await?.into_iter().filter_map(|child| {
        let unit = child.row.input.get("unit").and_then(Value::as_str)?.to_owned();
        let path = paths.get(&unit).cloned().unwrap_or_default();
        Some(async move { details_of(store, run, unit, path, &child).await })
    });
    let units: Vec<_> = units.collect();
    stream::iter(units).buffered(READS_IN_FLIGHT).try_collect().await
}

async fn details_of(
    store: &dyn StoreArtifact,
    run: &RunName,
    unit: String,
    path: String,
    child: &Child,
) -> Result<UnitDetails, Failure> {
    let mut attempts = Vec::new();
    for attempt in 1_u32.. {
        let Some(answer) = run_summary::read_json::<RecordedAnswer>(store, &key::answer(run, &unit, attempt)).await?
        else {
            break;
        };
        let verdict: Option<Verdict> = run_summary::read_json(store, &key::verdict(run, &unit, attempt)).await?;
        attempts.push(AttemptDetails {
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
    let status = match (child.row.status, last) {
        (ExecutionStatus::Pending, _) => "queued",
        (status, _) if !status.is_final() => "running",
        (_, state::UNIT_REVIEWED) => "reviewed",
        _ => "unreviewed",
    };
    let reason = if status == "unreviewed" { reason_of(child) } else { None };
    Ok(UnitDetails {
        unit,
        path,
        status,
        reason,
        states,
        attempts,
    })
}

/// Returns why a finished child's unit is unreviewed: the reason in its result, or the error that ended the child.
/// `None` where the place leaves out the result.
fn reason_of(child: &Child) -> Option<String> {
    if let Some(error) = &child.row.error {
        return Some(explain_failure(error, child.row.cause.as_deref()));
    }
    let result = child.history.iter().rev().find_map(|event| match &event.kind {
        EventKind::ExecutionSucceeded { output } => UnitResult::deserialize(output).ok(),
        _ => None,
    })?;
    Some(explain_failure(&result.reason?, result.cause.as_deref()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use holdfast_asl::Timestamp;
    use serde_json::json;

    use super::*;
    use crate::run_summary::ExecutionSummary;

    fn child(error: Option<&str>, output: Option<Value>) -> Child {
        let ended = output.map(|output| {
            let event = json!({ "id": 1, "previous": 0, "at": 0, "type": "ExecutionSucceeded", "details": { "output": output } });
            serde_json::from_value(event).unwrap()
        });
        Child {
            row: ExecutionSummary {
                arn: String::new(),
                name: "c".to_owned(),
                status: ExecutionStatus::Failed,
                input: Value::Null,
                error: error.map(str::to_owned),
                cause: error.map(|_| "{\"errorMessage\": \"it broke\"}".to_owned()),
                result: None,
                started: Timestamp(0),
                stopped: None,
            },
            history: ended.into_iter().collect(),
        }
    }

    #[tokio::test]
    async fn a_unit_that_has_not_begun_is_queued() {
        let data = tempfile::tempdir().unwrap();
        let store = crate::machine::artifacts(data.path());
        for (status, shown) in [
            (ExecutionStatus::Pending, "queued"),
            (ExecutionStatus::Running, "running"),
            (ExecutionStatus::Failed, "unreviewed"),
        ] {
            let mut child = child(None, None);
            child.row.status = status;
            let run = "r-1".parse().unwrap();
            let details = details_of(&store, &run, "u0001".to_owned(), "a.rs".to_owned(), &child).await;
            assert_eq!(details.ok().unwrap().status, shown);
        }
    }

    #[test]
    fn a_unit_has_the_reason_of_its_result_or_of_its_child() {
        let result = |reason: Value| json!({ "status": "unreviewed", "unit": "u0001", "reason": reason });
        for (error, output, expected) in [
            (
                None,
                Some(result(json!("ModelUnauthorized"))),
                Some("ModelUnauthorized"),
            ),
            (None, Some(result(Value::Null)), None),
            (None, Some(Value::Null), None),
            (Some("States.Runtime"), None, Some("States.Runtime: it broke")),
            (None, None, None),
        ] {
            assert_eq!(reason_of(&child(error, output)).as_deref(), expected);
        }
    }
}
