//! `holdfast redrive`: goes on with a review that failed or stayed partial. What a failed run did on the pull request is
//! undone by then, so it goes on as the next attempt of the same review: announced anew, with every answer that was paid
//! for kept.

use std::path::Path;

use holdfast_core::model::report::RunStatus;
use holdfast_core::model::run::Run;
use holdfast_core::model::run_name::stem_of;
use holdfast_core::port::{StartRun, StartedRun};
use serde_json::json;

use crate::cli::RedriveArgs;
use crate::command::follow;
use crate::deployment::Deployment;
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output;
use crate::reach::Reach;
use crate::record::{self, RUNS_MOST, ReadRuns, Record, Records};
use crate::run_name::{self, Choice};
use crate::workflow;
use holdfast_engine::{Archive, Engine};

/// Runs the command. Errors: no such run; it is under way, or came to its end; what keeps it from its end again.
pub async fn run(args: &RedriveArgs) -> Result<Exit, Failure> {
    let (directory, name) = args.data.find_run(&args.run).await?;
    let data = directory.path.as_path();
    let runs = Records::open(data).await?;
    let record = runs.read(&name).await?;
    drop(runs);
    let settings = machine::read_settings()?;
    machine::check_models(&settings)?;
    let (engine, recovered) = machine::open_engine(data, &settings, Reach::attempts_of(&name)).await?;
    follow::tell_recovered(&recovered, args.print.quiet);
    let started = start_next(data, &engine, record).await;
    let attempt = match started {
        Ok(attempt) => attempt,
        Err(failure) => {
            engine.shutdown().await;
            return Err(failure);
        }
    };
    if !args.print.quiet {
        output::complain(&format!("run {name} goes on as {attempt}"));
    }
    follow::to_its_end(engine, data, &attempt, &args.print).await
}

/// Whether a run can be redriven: it has ended, and is not whole.
pub fn is_redrivable(record: &Record) -> bool {
    record.row.status.is_final() && matches!(record.status, RunStatus::Failed | RunStatus::Partial)
}

/// How a review goes on.
enum Next {
    /// By an attempt that is under way.
    Open(String),
    /// By this one.
    Begin(Box<Run>),
}

/// Starts the next attempt of a run that failed or stayed partial; one that was started before goes on. Gives its name.
/// Errors: the run is under way, or came to its end; nothing can be started.
pub async fn start_next(data: &Path, engine: &Engine, record: Record) -> Result<String, Failure> {
    let existing = Archive::open(data)
        .and_then(|archive| archive.executions(RUNS_MOST))
        .map_err(Failure::incomplete)?;
    let existing = existing.iter().map(|row| (row.name.as_str(), !row.status.is_final()));
    let run = match next(record, existing)? {
        Next::Open(name) => return Ok(name),
        Next::Begin(run) => run,
    };
    engine
        .start(&run.run, &workflow::definition(), json!(run))
        .await
        .map_err(Failure::incomplete)?;
    Ok(run.run)
}

/// Runs the command on a deployment; it does not wait for the review's end. Errors: as on one machine.
pub async fn run_on(deployment: &Deployment, args: &RedriveArgs) -> Result<Exit, Failure> {
    let name = record::find_name(deployment, &args.run).await?;
    let record = deployment.read(&name).await?;
    let found = deployment.runs.executions(RUNS_MOST as usize).await;
    let found = found.map_err(Failure::incomplete)?;
    let existing = found.iter().map(|run| (run.name.as_str(), run.status == "RUNNING"));
    let attempt = match next(record, existing)? {
        Next::Open(open) => open,
        Next::Begin(run) => {
            let started = deployment.runs.start_run(&run).await.map_err(Failure::incomplete)?;
            // A list lags behind: that attempt was made and has ended.
            if started == StartedRun::Ended {
                return Err(Failure::usage(format!(
                    "run {} has ended already: redrive that one, if it is not whole",
                    run.run
                )));
            }
            run.run
        }
    };
    let option = deployment.option();
    output::print(&format!(
        "{name}: goes on as {attempt}; holdfast{option} show {attempt} tells how far it is\n"
    ))
    .map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

fn next<'a>(record: Record, existing: impl Iterator<Item = (&'a str, bool)>) -> Result<Next, Failure> {
    if !is_redrivable(&record) {
        return Err(Failure::usage(format!(
            "run {} is {}: only a failed or a partial run can be redriven",
            record.run,
            record.status.as_str()
        )));
    }
    let name = record.run;
    let before: Run = serde_json::from_value(record.row.input).map_err(|error| {
        Failure::usage(format!(
            "run {name} cannot be redriven with this version: its input has another shape: {error}"
        ))
    })?;
    Ok(match run_name::choose(stem_of(&name), existing) {
        Choice::Resume(open) => Next::Open(open),
        Choice::Start { name: attempt, .. } => Next::Begin(Box::new(Run { run: attempt, ..before })),
    })
}
