//! `holdfast show`: prints one run's states, its units with their attempts, its coverage and its cost.

use std::fmt::Write;

use holdfast_core::model::report::Report;
use holdfast_core::model::run_name::RunName;
use holdfast_core::render::counted;
use serde_json::{Value, json};

use crate::cli::{ShowArgs, ShowFormat};
use crate::command::runs as listed;
use crate::exit::Exit;
use crate::output::{self, text};
use holdfast_ops::failure::Failure;
use holdfast_ops::find_run;
use holdfast_ops::lost_artifacts::check_artifacts;
use holdfast_ops::run_details::{StateVisit, UnitDetails, draw_picture, states_taken, units_of};
use holdfast_ops::run_summary::{self, LocalRuns, ReadRuns, RunSummary};

/// Runs the command on this machine.
///
/// # Errors
/// There is no such run, or a part of it can't be read.
pub async fn here(args: &ShowArgs) -> Result<Exit, Failure> {
    let (directory, name) = args.data.place().find_run(&args.run).await?;
    print(args, &LocalRuns::open(&directory.path).await?, &name).await
}

/// Runs the command on another place of runs.
///
/// # Errors
/// There is no such run, or a part of it can't be read.
pub async fn run(args: &ShowArgs, runs: &dyn ReadRuns) -> Result<Exit, Failure> {
    let name = find_run::find_name(runs, &args.run).await?;
    print(args, runs, &name).await
}

async fn print(args: &ShowArgs, runs: &dyn ReadRuns, name: &RunName) -> Result<Exit, Failure> {
    let record = runs.read(name).await?;
    let mut artifacts = Ok(());
    let printed = match args.format {
        ShowFormat::Svg => draw_picture(runs, &record).await?,
        ShowFormat::Text | ShowFormat::Json => {
            let history = runs.history(&record).await?;
            let states = states_taken(&history);
            let units = units_of(runs, &record).await?;
            let report = run_summary::read_report(&record, runs.store()).await?;
            let retried_until_ms = runs.retried_until_ms(name).await;
            artifacts = check_artifacts(name, &history, &runs.place(), runs.store()).await;
            if args.format == ShowFormat::Text {
                as_text(&record, retried_until_ms, report.as_ref(), &states, &units)
            } else {
                let mut document = as_json(&record, report.as_ref(), &states, &units);
                document["retried_until_ms"] = json!(retried_until_ms);
                output::json(&document).map_err(Failure::incomplete)?
            }
        }
    };
    output::print(&printed).map_err(Failure::incomplete)?;
    // What is there is shown.
    artifacts.map(|()| Exit::Clean)
}

/// Returns the findings that comments in the code silence, one line each; empty if there is none.
fn silenced(report: &Report) -> String {
    let mut out = String::new();
    if !report.silenced.is_empty() {
        out.push_str("\nSilenced\n");
    }
    for silenced in &report.silenced {
        let finding = &silenced.finding;
        let reason = silenced.reason.as_deref().unwrap_or("no reason");
        let _infallible = writeln!(
            out,
            "  {} line {}  {} by {}: {}",
            output::name(&finding.path),
            finding.line,
            output::line(&finding.source.to_string()),
            silenced.word,
            output::line(reason)
        );
    }
    out
}

fn as_text(
    record: &RunSummary,
    retried_until_ms: Option<i64>,
    report: Option<&Report>,
    states: &[StateVisit],
    units: &[UnitDetails],
) -> String {
    let mut out = String::new();
    let _infallible = writeln!(
        out,
        "Run {}  {}  started {}",
        record.run,
        listed::status_of(record),
        text::time(record.row.started.0)
    );
    if let Some(failure) = &record.failure {
        let _infallible = writeln!(out, "  failed: {}", output::line(failure));
    }
    if let Some(until_ms) = retried_until_ms {
        let until = text::time(until_ms);
        let _infallible = writeln!(
            out,
            "  retried by itself once the outage or the limit is over, until {until}"
        );
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
        let _infallible = writeln!(out, "  {} {:<10} {}", unit.unit, unit.status, output::name(&unit.path));
        for (number, attempt) in unit.attempts.iter().enumerate() {
            let _infallible = writeln!(
                out,
                "    attempt {} by {}: {} in, {} out; {}",
                number + 1,
                output::line(&attempt.model),
                counted(attempt.input_tokens, "token"),
                attempt.output_tokens,
                if attempt.problems.is_empty() {
                    "valid".to_owned()
                } else {
                    counted(attempt.problems.len(), "problem")
                }
            );
            for problem in &attempt.problems {
                let _infallible = writeln!(out, "      - {}", output::line(problem));
            }
        }
    }
    if let Some(report) = report {
        out.push_str(&silenced(report));
        let usage = &report.usage;
        let _infallible = writeln!(
            out,
            "\n{} {}. {}, {} in, {} out, {:.4} USD{}.",
            holdfast_core::render::coverage_line(&report.coverage),
            counted(report.findings.len(), "finding"),
            counted(usage.model_calls, "model call"),
            counted(usage.input_tokens, "token"),
            usage.output_tokens,
            usage.cost_usd,
            match usage.unpriced_calls {
                0 => String::new(),
                calls => format!(
                    " without {} of unknown price (set HOLDFAST_MODEL_PRICES)",
                    counted(calls, "call")
                ),
            }
        );
    }
    out
}

fn lasted(taken: &StateVisit) -> String {
    match (taken.left_ms, taken.until_ms) {
        (Some(left), _) => format!("{} ms", left - taken.entered_ms),
        (None, Some(until)) => format!("waits until {}", text::time(until)),
        (None, None) => "…".to_owned(),
    }
}

fn as_json(record: &RunSummary, report: Option<&Report>, states: &[StateVisit], units: &[UnitDetails]) -> Value {
    let taken = |states: &[StateVisit]| -> Vec<Value> {
        states
            .iter()
            .map(|taken| {
                let mut visit =
                    json!({ "state": taken.state, "entered_ms": taken.entered_ms, "left_ms": taken.left_ms });
                if let Some(until_ms) = taken.until_ms {
                    visit["until_ms"] = json!(until_ms);
                }
                visit
            })
            .collect()
    };
    let mut document = listed::document(record);
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
    document["report"] = json!(report);
    document
}
