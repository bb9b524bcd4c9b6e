//! `holdfast review`: resolves the target, starts or resumes its run, follows it to its end or to a wait, prints it.

use std::io::{IsTerminal, stderr};
use std::path::Path;

use holdfast_adapters::git::resolve_target;
use holdfast_adapters::github::{GithubReadChange, parse_address};
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::finding::Severity;
use holdfast_core::model::report::{Report, RunStatus};
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::settings::Settings;
use holdfast_core::port::ReadError;
use serde_json::json;

use crate::cli::{ReportFormat, ReviewArgs};
use crate::engine::{Archive, Engine, Recovered};
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output::progress::Progress;
use crate::output::{self, sarif, text};
use crate::record::{self, Record};
use crate::run_name::{self, Choice};
use crate::workflow;

/// Runs the command. Errors: what keeps a review from its end, in one line.
pub async fn run(args: &ReviewArgs) -> Result<Exit, Failure> {
    let settings = machine::read_settings()?;
    machine::check_models(&settings)?;
    let target = find_target(args, &settings).await?;
    let data = args.data.data.as_path();
    let (engine, recovered) = machine::open_engine(data, &settings).await?;
    tell_recovered(&recovered, args.quiet);
    let name = start_or_resume(&engine, data, &target, args, &settings).await?;
    let progress = Progress::start(&engine, &name, data, !args.quiet && stderr().is_terminal());
    let waited = tokio::select! {
        outcome = engine.wait(&name) => Some(outcome),
        _ = tokio::signal::ctrl_c() => None,
    };
    progress.finish().await;
    engine.shutdown().await;
    let Some(outcome) = waited else {
        return Err(Failure::incomplete(format!(
            "interrupted; run {name} goes on when the same command is started again"
        )));
    };
    outcome.map_err(|error| {
        Failure::incomplete(format!(
            "{error}; run {name} goes on when the same command is started again"
        ))
    })?;
    let record = record::read(data, &name).await?;
    print_record(&record, args)
}

/// The target with its commits resolved. Errors: wrong usage, or what reading says.
async fn find_target(args: &ReviewArgs, settings: &Settings) -> Result<Target, Failure> {
    if !args.target.contains("://") {
        if args.publish {
            return Err(Failure::usage(
                "--publish needs a pull request's address: a work tree has nowhere to publish to",
            ));
        }
        return resolve_target(Path::new(&args.target), args.base.as_deref(), args.head.as_deref())
            .map_err(Failure::usage);
    }
    if args.base.is_some() || args.head.is_some() {
        return Err(Failure::usage(
            "--base and --head are for work trees: a pull request has its own",
        ));
    }
    if args.publish && settings.github_token.is_none() && settings.github_app.is_none() {
        return Err(Failure::usage(
            "--publish needs GITHUB_TOKEN (environment), a token that may write pull requests on the repository, or a \
             GitHub App: HOLDFAST_GITHUB_APP_ID and HOLDFAST_GITHUB_APP_KEY_FILE",
        ));
    }
    let address = parse_address(&args.target).map_err(Failure::usage)?;
    let read = GithubReadChange::new(machine::github(settings)?);
    read.resolve(&address).await.map_err(|error| match error {
        ReadError::Unavailable(_) | ReadError::RateLimited { .. } => Failure::incomplete(error),
        other => Failure::usage(other),
    })
}

/// Finds the open run of this target and these settings, or one that has published already, or starts the next one.
async fn start_or_resume(
    engine: &Engine,
    data: &Path,
    target: &Target,
    args: &ReviewArgs,
    settings: &Settings,
) -> Result<String, Failure> {
    let stem = run_name::stem(target, &settings.model, &settings.model_light, args.publish);
    let existing = Archive::open(data)
        .and_then(|archive| archive.executions(record::RUNS_MOST))
        .map_err(Failure::incomplete)?;
    let name = match run_name::choose(
        &stem,
        existing.iter().map(|row| (row.name.as_str(), !row.status.is_final())),
    ) {
        Choice::Resume(name) => return Ok(name),
        Choice::Start { name, previous } => match published(data, previous.filter(|_| args.publish)).await? {
            Some(before) => {
                output::complain(&format!(
                    "run {before} has published this review already; nothing is posted again"
                ));
                return Ok(before);
            }
            None => name,
        },
    };
    let run = Run {
        version: PAYLOAD_VERSION,
        run: name.clone(),
        bucket: machine::BUCKET.to_owned(),
        target: target.clone(),
        publish: args.publish,
        max_concurrency: settings.max_concurrency,
        model: settings.model.clone(),
        model_light: settings.model_light.clone(),
    };
    engine
        .start(&name, &workflow::definition(), json!(run))
        .await
        .map_err(Failure::incomplete)?;
    Ok(name)
}

/// The run, if it ended with its review on the pull request.
async fn published(data: &Path, run: Option<String>) -> Result<Option<String>, Failure> {
    let Some(run) = run else { return Ok(None) };
    let record = record::read(data, &run).await?;
    Ok((record.status == RunStatus::Published).then_some(run))
}

fn tell_recovered(recovered: &Recovered, quiet: bool) {
    for (name, why) in &recovered.unreadable {
        output::complain(&format!("run {name} cannot go on with this version: {why}"));
    }
    if let Some(behind_ms) = recovered.clock_set_back_ms {
        output::complain(&format!(
            "the clock was set back by {} s: time goes on from where it was, so that nothing waits longer",
            behind_ms / 1_000
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
fn print_record(record: &Record, args: &ReviewArgs) -> Result<Exit, Failure> {
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
