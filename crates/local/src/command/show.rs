//! `holdfast show`: one run: the states it took, its units with their attempts, coverage, what it cost.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;

use holdfast_asl::{EventKind, HistoryEvent, RunPath, StateMachine, picture};
use holdfast_core::model::key;
use holdfast_core::model::plan::Plan;
use holdfast_core::model::run::{RecordedAnswer, Verdict};
use serde_json::{Value, json};

use crate::cli::{ShowArgs, ShowFormat};
use crate::command::runs;
use crate::engine::{Archive, ExecutionRecord};
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output::{self, text};
use crate::record::{self, Record};

/// One state that an execution was in.
struct Taken {
    state: String,
    entered_ms: i64,
    left_ms: Option<i64>,
}

/// One unit with its attempts.
struct UnitShown {
    unit: String,
    path: String,
    status: &'static str,
    states: Vec<Taken>,
    attempts: Vec<AttemptShown>,
}

/// One model call and what the checks said.
struct AttemptShown {
    model: String,
    input_tokens: u64,
    output_tokens: u64,
    problems: Vec<String>,
}

/// Runs the command. Errors: no such run; a file cannot be read.
pub async fn run(args: &ShowArgs) -> Result<Exit, Failure> {
    let data = args.data.data.as_path();
    let name = record::find_name(data, &args.run)?;
    let record = record::read(data, &name).await?;
    let archive = Archive::open(data).map_err(Failure::usage)?;
    let states = || {
        Ok(states_taken(
            &archive.history(record.row.id).map_err(Failure::incomplete)?,
        ))
    };
    let printed = match args.format {
        ShowFormat::Text => as_text(&record, &states()?, &units_of(data, &archive, &record).await?),
        ShowFormat::Json => {
            let document = as_json(&record, &states()?, &units_of(data, &archive, &record).await?);
            serde_json::to_string_pretty(&document).map_err(Failure::incomplete)? + "\n"
        }
        ShowFormat::Svg => as_picture(&archive, &record)?,
    };
    output::print(&printed).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

/// The machine that the run was started with, and its way through it.
fn as_picture(archive: &Archive, record: &Record) -> Result<String, Failure> {
    let definition = archive
        .definition(&record.row.definition_sha256)
        .map_err(Failure::incomplete)?;
    let machine = StateMachine::parse(&definition).map_err(Failure::incomplete)?;
    let mut path = RunPath::of(&archive.history(record.row.id).map_err(Failure::incomplete)?);
    for child in children_of(archive, record)? {
        path.add(&archive.history(child.id).map_err(Failure::incomplete)?);
    }
    Ok(picture(&machine, Some(&path)))
}

/// The executions of the run's maps.
fn children_of(archive: &Archive, record: &Record) -> Result<Vec<ExecutionRecord>, Failure> {
    let mut children = Vec::new();
    for map_run in archive.map_runs(record.row.id).map_err(Failure::incomplete)? {
        children.extend(archive.children(map_run.id).map_err(Failure::incomplete)?);
    }
    Ok(children)
}

fn states_taken(history: &[HistoryEvent]) -> Vec<Taken> {
    let mut taken: Vec<Taken> = Vec::new();
    for event in history {
        match &event.kind {
            EventKind::StateEntered { name, .. } => taken.push(Taken {
                state: name.clone(),
                entered_ms: event.at.0,
                left_ms: None,
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
            _ => {}
        }
    }
    taken
}

async fn units_of(data: &Path, archive: &Archive, record: &Record) -> Result<Vec<UnitShown>, Failure> {
    let (store, run) = (machine::artifacts(data), record.run.as_str());
    let plan: Option<Plan> = record::read_json(&store, &key::plan(run)).await?;
    let paths: HashMap<String, String> = plan
        .map(|plan| plan.units.into_iter().map(|unit| (unit.id, unit.path)).collect())
        .unwrap_or_default();
    let mut units = Vec::new();
    for child in children_of(archive, record)? {
        let history = archive.history(child.id).map_err(Failure::incomplete)?;
        let Some(unit) = child.input.get("unit").and_then(Value::as_str).map(str::to_owned) else {
            continue;
        };
        let mut attempts = Vec::new();
        for attempt in 1_u32.. {
            let Some(answer) = record::read_json::<RecordedAnswer>(&store, &key::answer(run, &unit, attempt)).await?
            else {
                break;
            };
            let verdict: Option<Verdict> = record::read_json(&store, &key::verdict(run, &unit, attempt)).await?;
            attempts.push(AttemptShown {
                model: answer.model,
                input_tokens: answer.input_tokens,
                output_tokens: answer.output_tokens,
                problems: verdict.map(|verdict| verdict.problems).unwrap_or_default(),
            });
        }
        let states = states_taken(&history);
        let last = states.last().map_or("", |taken| taken.state.as_str());
        let status = match (!child.status.is_final(), last) {
            (true, _) => "running",
            (false, "UnitReviewed") => "reviewed",
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

fn as_text(record: &Record, states: &[Taken], units: &[UnitShown]) -> String {
    let mut out = String::new();
    let _infallible = writeln!(
        out,
        "Run {}  {}  started {}",
        record.run,
        record.status.as_str(),
        text::time(record.row.started.0)
    );
    if let Some(failure) = &record.failure {
        let _infallible = writeln!(out, "  failed: {}", output::plain(failure));
    }
    out.push_str("\nStates\n");
    for taken in states {
        let _infallible = writeln!(
            out,
            "  {:<22} {}  {}",
            taken.state,
            text::time(taken.entered_ms),
            lasted(taken)
        );
    }
    if !units.is_empty() {
        out.push_str("\nUnits\n");
    }
    for unit in units {
        let _infallible = writeln!(out, "  {} {:<10} {}", unit.unit, unit.status, output::plain(&unit.path));
        for (number, attempt) in unit.attempts.iter().enumerate() {
            let _infallible = writeln!(
                out,
                "    attempt {} by {}: {} tokens in, {} out; {}",
                number + 1,
                output::plain(&attempt.model),
                attempt.input_tokens,
                attempt.output_tokens,
                if attempt.problems.is_empty() {
                    "valid".to_owned()
                } else {
                    format!("{} problems", attempt.problems.len())
                }
            );
            for problem in &attempt.problems {
                let _infallible = writeln!(out, "      - {}", output::plain(problem));
            }
        }
    }
    if let Some(report) = &record.report {
        let usage = &report.usage;
        let _infallible = writeln!(
            out,
            "\n{} {} findings. {} model calls, {} tokens in, {} out, {:.4} USD.",
            holdfast_core::render::coverage_line(&report.coverage),
            report.findings.len(),
            usage.model_calls,
            usage.input_tokens,
            usage.output_tokens,
            usage.cost_usd
        );
    }
    out
}

fn lasted(taken: &Taken) -> String {
    taken
        .left_ms
        .map_or_else(|| "…".to_owned(), |left| format!("{} ms", left - taken.entered_ms))
}

fn as_json(record: &Record, states: &[Taken], units: &[UnitShown]) -> Value {
    let taken = |states: &[Taken]| -> Vec<Value> {
        states
            .iter()
            .map(|taken| json!({ "state": taken.state, "entered_ms": taken.entered_ms, "left_ms": taken.left_ms }))
            .collect()
    };
    let mut document = runs::document(record);
    document["version"] = json!(1);
    document["states"] = json!(taken(states));
    document["units"] = units
        .iter()
        .map(|unit| {
            let attempts: Vec<Value> = unit
                .attempts
                .iter()
                .map(|attempt| {
                    json!({ "model": attempt.model, "input_tokens": attempt.input_tokens, "output_tokens": attempt.output_tokens, "problems": attempt.problems })
                })
                .collect();
            json!({ "unit": unit.unit, "path": unit.path, "status": unit.status, "states": taken(&unit.states), "attempts": attempts })
        })
        .collect();
    document["report"] = json!(record.report);
    document
}
