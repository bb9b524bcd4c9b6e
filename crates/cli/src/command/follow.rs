//! Follows a run to its end or to a person's decision, and prints its review. `review` and `redrive` share it.

use std::cell::OnceCell;
use std::path::Path;

use holdfast_core::model::change::Change;
use holdfast_core::model::report::{Report, RunStatus};
use holdfast_core::model::run_name::RunName;
use holdfast_core::render::{counted, is_or_are};

use crate::cli::PrintArgs;
use crate::command::review::WITHHELD_REMEDIES;
use crate::command::stop_signal::wait_for_signal;
use crate::exit::Exit;
use crate::output::progress::Progress;
use crate::output::review::Review;
use crate::output::style::Style;
use crate::output::{self, file, text};
use crate::verdict::Verdict;
use holdfast_engine::{Engine, Recovered};
use holdfast_ops::ci;
use holdfast_ops::failure::Failure;
use holdfast_ops::recovery::recovery_notes;
use holdfast_ops::repository_page;
use holdfast_ops::run_log;
use holdfast_ops::run_summary::{self, LocalRuns, ReadRuns, RunSummary};

/// Follows a run until it has ended or waits for a person, closes the engine and prints the review.
///
/// # Errors
/// The review couldn't be completed; the failure names the cause.
pub async fn to_its_end(engine: Engine, data: &Path, name: &RunName, args: &PrintArgs) -> Result<Exit, Failure> {
    let progress = Progress::start(&engine, name, data, args.quiet);
    let waited = tokio::select! {
        outcome = engine.wait(name.as_str()) => Ok(outcome),
        stopped = wait_for_signal() => Err(stopped),
    };
    progress.finish().await;
    engine.shutdown().await;
    let resume = format!("start the same command again to resume run {name}");
    match waited {
        Err(stopped) => Err(Failure::incomplete(format!(
            "{}{}; {resume}",
            stopped?,
            finished_so_far(data, name).await
        ))),
        Ok(Err(error)) => Err(Failure::incomplete(format!("{error}; {resume}"))),
        Ok(Ok(_)) => {
            let runs = LocalRuns::open(data).await?;
            let summary = runs.read(name).await?;
            let report = run_summary::read_report(&summary, runs.store()).await?;
            run_log::log_end(&summary, report.as_ref());
            let change = run_summary::read_change(name, report.as_ref(), runs.store()).await?;
            let page = match &report {
                Some(report) => repository_page::read(name, report, runs.store()).await,
                None => None,
            };
            print_review(&summary, report.as_ref(), change.as_ref(), page.as_deref(), args, data)
        }
    }
}

/// Returns the finished part of a run that was stopped, for the end of a sentence; empty where no unit has begun.
async fn finished_so_far(data: &Path, name: &RunName) -> String {
    let read = async { LocalRuns::open(data).await?.finished_units(name) };
    match read.await {
        Ok((_, 0)) | Err(_) => String::new(),
        Ok((finished, total)) => format!(
            ": {finished} of {} finished, and their results are stored",
            counted(total, "unit")
        ),
    }
}

/// Prints the notes on the engine's open executions.
pub fn report_recovery(recovered: &Recovered, quiet: bool) {
    for note in recovery_notes(recovered, quiet) {
        output::print_to_stderr(&note);
    }
}

/// Prints the review; returns the program's exit status.
fn print_review(
    record: &RunSummary,
    report: Option<&Report>,
    change: Option<&Change>,
    page: Option<&str>,
    args: &PrintArgs,
    data: &Path,
) -> Result<Exit, Failure> {
    let Some(report) = report else {
        return Err(Failure::incomplete(format!(
            "run {} could not be completed: {}",
            record.run,
            record.failure.as_deref().unwrap_or("it has no report")
        )));
    };
    let verdict = Verdict::of(report, args.fail_on);
    let review = Review {
        report,
        change,
        page,
        fail_on: args.fail_on,
        list_files: args.list_files,
        verdict: &verdict,
        public: OnceCell::new(),
    };
    let mut unwritten = Vec::new();
    for output in &args.output {
        let text = review.render(output.format, Style::PLAIN)?;
        if let Err(error) = file::write(&output.path, &text) {
            unwritten.push(format!("{} can't be written: {error}", output.path.display()));
        }
    }
    let printed = review.render(args.format, Style::of_stdout())?;
    output::print(&printed).map_err(|error| Failure::incomplete(format!("can't write to standard output: {error}")))?;
    if report.coverage.is_empty() && report.status == RunStatus::Skipped {
        output::print_to_stderr(&format!(
            "nothing to review: no file differs between {} and {}",
            text::short(&report.target.base),
            text::short(&report.target.head)
        ));
    }
    if report.status == RunStatus::AwaitingApproval {
        output::print_to_stderr(&format!(
            "a person has to decide: holdfast approve {0}, or holdfast reject {0} --reason TEXT",
            record.run
        ));
        if let Some(system) = ci::system() {
            output::print_to_stderr(&format!(
                "the review waits in {}: keep this directory after the job of {system}, otherwise nobody can approve what \
                 waits, and it is never published",
                data.display()
            ));
        }
    }
    if report.withheld > 0 {
        output::print_to_stderr(&format!(
            "{} {} withheld from the pull request. {WITHHELD_REMEDIES}",
            counted(report.withheld, "finding"),
            is_or_are(report.withheld)
        ));
    }
    if let Some(failure) = &record.failure {
        output::print_to_stderr(&format!("run {}: {failure}", record.run));
    }
    if unwritten.is_empty() {
        Ok(verdict.exit)
    } else {
        Err(Failure::incomplete(format!(
            "the review ended, but --output: {}. Then repeat the command: nothing is reviewed twice",
            unwritten.join("; ")
        )))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use clap::ValueEnum;
    use holdfast_core::model::change::Change;
    use holdfast_core::model::report::Report;
    use holdfast_testkit::planted;
    use serde_json::json;

    use super::*;
    use crate::cli::{FailOn, ReportFormat};

    /// Returns a report and its change with a secret in every text, even in names that come from GitHub.
    fn leaking(secret: &str) -> (Report, Change) {
        let mut report = planted::report(secret);
        for field in ["/target/repository", "/target/url", "/findings/0/source"] {
            *report.pointer_mut(field).unwrap() = json!(format!("see {secret} now"));
        }
        (
            serde_json::from_value(report).unwrap(),
            serde_json::from_value(planted::change(secret)).unwrap(),
        )
    }

    #[test]
    fn no_format_of_a_report_shows_a_secret() {
        let secret = planted::secret();
        let (report, change) = leaking(&secret);
        let fail_on = FailOn::High;
        let review = Review {
            report: &report,
            change: Some(&change),
            page: None,
            fail_on,
            list_files: true,
            verdict: &Verdict::of(&report, fail_on),
            public: OnceCell::new(),
        };
        for &format in ReportFormat::value_variants() {
            let printed = review.render(format, Style::PLAIN).unwrap();
            assert!(!planted::shows(&printed, &secret), "{format:?}: {printed}");
            let hidden = match format {
                ReportFormat::Text => "(hidden: GitHub token)",
                _ => "SECRET_1",
            };
            assert!(printed.contains(hidden), "{format:?}: {printed}");
        }
    }
}
