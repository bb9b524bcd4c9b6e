//! Following a run to its end or to a wait, and printing its review: what `review` and `redrive` share.

use std::io::{IsTerminal, stderr};
use std::path::Path;

use holdfast_core::model::change::Change;
use holdfast_core::model::finding::Severity;
use holdfast_core::model::report::{Report, RunStatus};

use crate::cli::{PrintArgs, ReportFormat};
use crate::engine::{Engine, Recovered};
use crate::failure::{Exit, Failure};
use crate::output::progress::Progress;
use crate::output::{self, sarif, text};
use crate::record::{self, Record};

/// Follows a run until it has ended or waits for a person, closes the engine and prints the review. Errors: what keeps the
/// review from its end, in one line.
pub async fn to_its_end(engine: Engine, data: &Path, name: &str, args: &PrintArgs) -> Result<Exit, Failure> {
    let progress = Progress::start(&engine, name, data, !args.quiet && stderr().is_terminal());
    let waited = tokio::select! {
        outcome = engine.wait(name) => Some(outcome),
        _ = tokio::signal::ctrl_c() => None,
    };
    progress.finish().await;
    engine.shutdown().await;
    let goes_on = format!("run {name} goes on when the same command is started again");
    match waited {
        None => Err(Failure::incomplete(format!("interrupted; {goes_on}"))),
        Some(Err(error)) => Err(Failure::incomplete(format!("{error}; {goes_on}"))),
        Some(Ok(_)) => print_record(&record::read(data, name).await?, args),
    }
}

/// Says what was found in the data directory.
pub fn tell_recovered(recovered: &Recovered, quiet: bool) {
    for (name, why) in &recovered.unreadable {
        output::complain(&format!("run {name} cannot go on with this version: {why}"));
    }
    if let Some(behind_ms) = recovered.clock_set_back_ms {
        output::complain(&format!(
            "the clock was set back by {} s: time goes on from where it was, so that nothing waits longer",
            behind_ms / 1_000
        ));
    }
    if recovered.left_alone > 0 && !quiet {
        output::complain(&format!(
            "{} other open executions in the data directory stay as they are: holdfast runs lists them, holdfast cancel RUN ends \
             one",
            recovered.left_alone
        ));
    }
    if recovered.executions > 0 && !quiet {
        output::complain(&format!(
            "recovered {} open executions: {} go on from {} events, {} wait for their time or an answer",
            recovered.executions,
            recovered.executions - recovered.waiting,
            recovered.events,
            recovered.waiting
        ));
    }
}

/// Prints the review and says how the program ends.
fn print_record(record: &Record, args: &PrintArgs) -> Result<Exit, Failure> {
    let Some(report) = &record.report else {
        return Err(Failure::incomplete(format!(
            "run {} could not be completed: {}",
            record.run,
            record.failure.as_deref().unwrap_or("it left no report")
        )));
    };
    let printed = render(report, record.change.as_ref(), args.format)?;
    output::print(&printed)
        .map_err(|error| Failure::incomplete(format!("standard output cannot be written: {error}")))?;
    if report.coverage.is_empty() && report.status == RunStatus::Skipped {
        output::complain(&format!(
            "nothing to review: no file differs between {} and {}",
            text::short(&report.target.base),
            text::short(&report.target.head)
        ));
    }
    if report.status == RunStatus::AwaitingApproval {
        output::complain(&format!(
            "a person has to decide: holdfast approve {0}, or holdfast reject {0} --reason TEXT",
            record.run
        ));
    }
    if let Some(failure) = &record.failure {
        output::complain(&format!("run {}: {failure}", record.run));
    }
    Ok(exit_of(report, args.fail_on.into()))
}

fn render(report: &Report, change: Option<&Change>, format: ReportFormat) -> Result<String, Failure> {
    let as_json = |value: Result<String, serde_json::Error>| value.map(|text| text + "\n").map_err(Failure::incomplete);
    match format {
        ReportFormat::Text => Ok(text::report_text(report, change, text::Style::of_stdout())),
        ReportFormat::Markdown => Ok(holdfast_core::render::report_markdown(report)),
        ReportFormat::Json => as_json(serde_json::to_string_pretty(report)),
        ReportFormat::Sarif => as_json(serde_json::to_string_pretty(&sarif::report_sarif(report))),
    }
}

/// A review that is not whole is 3, whatever it found; else the findings decide.
fn exit_of(report: &Report, fail_on: Severity) -> Exit {
    match report.status {
        RunStatus::Partial | RunStatus::Failed | RunStatus::Superseded | RunStatus::Running => Exit::Incomplete,
        _ if report
            .coverage
            .iter()
            .any(|entry| entry.outcome == holdfast_core::model::report::Outcome::Unreviewed) =>
        {
            Exit::Incomplete
        }
        _ if report.findings.iter().any(|finding| finding.severity >= fail_on) => Exit::Found,
        _ => Exit::Clean,
    }
}
