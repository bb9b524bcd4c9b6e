//! `holdfast runs`: every run, newest first.

use std::fmt::Write;

use holdfast_core::render::counted;
use serde_json::{Value, json};

use crate::cli::{ListFormat, RunsArgs};
use crate::exit::Exit;
use crate::output::{self, text};
use holdfast_ops::data_directory::Kind;
use holdfast_ops::failure::Failure;
use holdfast_ops::run_summary::{LocalRuns, ReadRuns, RunSummary};

/// Runs the command on this machine: lists the runs of the current folder's work tree, or of all work trees outside of
/// one, then those of the server.
///
/// # Errors
/// There are no runs, or they can't be read.
pub async fn here(args: &RunsArgs) -> Result<Exit, Failure> {
    let directories = args.data.place().searched()?;
    let (mut tables, mut documents) = (String::new(), Vec::new());
    for directory in &directories {
        let records = LocalRuns::open(&directory.path).await?.list().await?;
        match args.format {
            ListFormat::Text => {
                if directory.kind != Kind::Given {
                    let gap = if tables.is_empty() { "" } else { "\n" };
                    let _infallible = writeln!(tables, "{gap}In {}:", output::plain(&directory.title()));
                }
                tables.push_str(&table(&records));
            }
            ListFormat::Json => documents.extend(records.iter().map(|record| {
                let mut document = document(record);
                document["data"] = json!(directory.path.display().to_string());
                document
            })),
        }
    }
    let printed = match args.format {
        ListFormat::Text => tables,
        ListFormat::Json => as_json(documents)?,
    };
    output::print(&printed).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

fn as_json(listed: Vec<Value>) -> Result<String, Failure> {
    output::json(&json!({ "version": 1, "runs": listed })).map_err(Failure::incomplete)
}

/// Runs the command on another place of runs.
///
/// # Errors
/// The runs can't be read.
pub async fn run(args: &RunsArgs, runs: &dyn ReadRuns) -> Result<Exit, Failure> {
    let records = runs.list().await?;
    let printed = match args.format {
        ListFormat::Text => table(&records),
        ListFormat::Json => as_json(records.iter().map(document).collect())?,
    };
    output::print(&printed).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

/// Returns one run as JSON.
pub fn document(record: &RunSummary) -> Value {
    json!({
        "run": record.run,
        "status": record.status,
        "started_ms": record.row.started.0,
        "stopped_ms": record.row.stopped.map(|at| at.0),
        "findings": record.header.report.as_ref().map(|report| report.findings),
        "failure": record.failure,
        "needs_cleaning": record.needs_cleaning,
    })
}

fn table(records: &[RunSummary]) -> String {
    let mut out = String::new();
    if records.is_empty() {
        out.push_str("No runs yet.\n");
    }
    let widest = records.iter().map(|record| record.run.len()).max().unwrap_or(0);
    for record in records {
        let found = record.header.report.as_ref().map_or_else(
            || "-".to_owned(),
            |report| counted(usize::try_from(report.findings).unwrap_or(usize::MAX), "finding"),
        );
        let failure = record
            .failure
            .as_deref()
            .map_or_else(String::new, |failure| format!("  {}", output::line(failure)));
        let cleaning = if record.needs_cleaning { "  needs cleaning" } else { "" };
        let _infallible = writeln!(
            out,
            "{}  {:<widest$}  {:<17}  {found}{cleaning}{failure}",
            text::time(record.row.started.0),
            record.run,
            record.status.as_str()
        );
    }
    out
}
