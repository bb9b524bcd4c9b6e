//! `holdfast runs`: every run, newest first.

use std::fmt::Write;

use holdfast_core::model::report::RunStatus;
use holdfast_core::render::counted;
use serde_json::{Value, json};

use crate::cli::{ListFormat, RunsArgs};
use crate::exit::Exit;
use crate::output::style::cut;
use crate::output::{self, text};
use holdfast_ops::data_directory::Kind;
use holdfast_ops::failure::Failure;
use holdfast_ops::lost_artifacts::lost_artifacts;
use holdfast_ops::run_summary::{LocalRuns, ReadRuns, RunSummary};

/// Runs the command on this machine: lists the runs of the current folder's work tree, or of all work trees outside of
/// one, then those of the server.
///
/// # Errors
/// There are no runs, or they can't be read.
pub async fn here(args: &RunsArgs) -> Result<Exit, Failure> {
    let directories = args.data.place().searched()?;
    let (mut tables, mut documents, mut lacking) = (String::new(), Vec::new(), Vec::new());
    for directory in &directories {
        let records = LocalRuns::open(&directory.path).await?.list().await?;
        let count = records.iter().filter(|record| record.lacks_artifacts).count();
        if count > 0 {
            let place = directory.path.display().to_string();
            lacking.push(lost_artifacts(&counted(count, "run"), &place).message);
        }
        match args.format {
            ListFormat::Text => {
                if directory.kind != Kind::Given {
                    let gap = if tables.is_empty() { "" } else { "\n" };
                    let _infallible = writeln!(tables, "{gap}In {}:", output::plain(&directory.title()));
                }
                tables.push_str(&table(&records, output::terminal_columns()));
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
    match lacking.is_empty() {
        true => Ok(Exit::Clean),
        false => Err(Failure::incomplete(lacking.join("\n"))),
    }
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
        ListFormat::Text => table(&records, output::terminal_columns()),
        ListFormat::Json => as_json(records.iter().map(document).collect())?,
    };
    output::print(&printed).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

/// Returns one run as JSON.
pub fn document(record: &RunSummary) -> Value {
    json!({
        "run": record.run,
        "status": record.known_status(),
        "started_ms": record.row.started.0,
        "stopped_ms": record.row.stopped.map(|at| at.0),
        "findings": record.header.report.as_ref().map(|report| report.findings),
        "failure": record.failure.as_ref().filter(|_| !record.lacks_artifacts),
        "note": record.failure.as_ref().filter(|_| record.lacks_artifacts),
        "needs_cleaning": record.needs_cleaning,
    })
}

/// Returns the name of a run's status for people.
pub fn status_of(record: &RunSummary) -> &'static str {
    record.known_status().map_or("unknown", RunStatus::as_str)
}

/// Returns the runs as lines of at most `columns`, where a width is given: a run is one line, or two where one of them
/// would be too long. A run's name is never cut, because commands need it.
fn table(records: &[RunSummary], columns: Option<usize>) -> String {
    if records.is_empty() {
        return "No runs yet.\n".to_owned();
    }
    let widest = records
        .iter()
        .map(|record| record.run.as_str().len())
        .max()
        .unwrap_or(0);
    let rows: Vec<Row<'_>> = records.iter().map(Row::of).collect();
    let longest = rows
        .iter()
        .map(|row| row.line(widest).chars().count())
        .max()
        .unwrap_or(0);
    let fits = columns.is_none_or(|columns| longest <= columns);
    let fitted = |line: &str| columns.map_or_else(|| line.to_owned(), |columns| cut(line, columns));
    let mut out = String::new();
    for row in rows {
        let (line, failure) = match (&row.failure, columns) {
            (Some(failure), None) => (format!("{}  {failure}", row.line(widest)), None),
            (failure, _) if fits => (row.line(widest), failure.as_deref()),
            (failure, _) => {
                let _infallible = writeln!(out, "{}", row.name);
                (format!("  {}", row.facts()), failure.as_deref())
            }
        };
        let _infallible = writeln!(out, "{}", fitted(&line));
        if let Some(failure) = failure {
            let _infallible = writeln!(out, "{}", fitted(&format!("  {failure}")));
        }
    }
    out
}

/// The parts of a run's line.
struct Row<'a> {
    name: &'a str,
    started: String,
    status: &'static str,
    found: String,
    failure: Option<String>,
}

impl<'a> Row<'a> {
    fn of(record: &'a RunSummary) -> Self {
        let found = record.header.report.as_ref().map_or_else(
            || "-".to_owned(),
            |report| counted(usize::try_from(report.findings).unwrap_or(usize::MAX), "finding"),
        );
        let cleaning = if record.needs_cleaning { "  needs cleaning" } else { "" };
        Self {
            name: record.run.as_str(),
            started: text::time(record.row.started.0),
            status: status_of(record),
            found: found + cleaning,
            failure: record.failure.as_deref().map(output::line),
        }
    }

    /// Returns everything but the failure, with the name in a column of `widest`.
    fn line(&self, widest: usize) -> String {
        let Self {
            name,
            started,
            status,
            found,
            ..
        } = self;
        format!("{started}  {name:<widest$}  {status:<17}  {found}")
    }

    /// Returns everything but the name and the failure.
    fn facts(&self) -> String {
        format!("{}  {:<17}  {}", self.started, self.status, self.found)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use holdfast_asl::Timestamp;
    use holdfast_core::stage::RunHeader;
    use holdfast_engine::ExecutionStatus;
    use holdfast_ops::run_summary::ExecutionSummary;

    use super::*;

    fn failed(run: &str, failure: &str) -> RunSummary {
        RunSummary {
            run: run.parse().unwrap(),
            row: ExecutionSummary {
                arn: String::new(),
                name: run.to_owned(),
                status: ExecutionStatus::Failed,
                input: Value::Null,
                error: None,
                cause: None,
                result: None,
                started: Timestamp(0),
                stopped: None,
            },
            status: RunStatus::Failed,
            header: RunHeader::default(),
            failure: Some(failure.to_owned()),
            needs_cleaning: true,
            lacks_artifacts: false,
        }
    }

    #[test]
    fn lines_fit_the_terminal_and_names_are_whole() {
        let name = "octo-demo-12-0123456789ab-0123456789abcdef-1";
        let failure = "RepositoryUnreadable: the folder is gone ".repeat(5);
        let runs = [failed(name, &failure), failed("short-1", "x")];
        for (columns, lines) in [(None, 2), (Some(200), 4), (Some(120), 4), (Some(80), 6), (Some(60), 6)] {
            let text = table(&runs, columns);
            let widest = text.lines().map(|line| line.chars().count()).max();
            assert!(columns.is_none() || widest <= columns, "{columns:?}: {text}");
            assert_eq!(text.lines().count(), lines, "{columns:?}: {text}");
            assert!(text.contains(name) && text.contains("needs cleaning"), "{text}");
        }
        assert!(
            table(&runs, None).contains(failure.trim()),
            "without a terminal nothing is cut"
        );
    }
}
