//! `holdfast review`: resolves the target, starts or resumes its run, follows it to its end or to a wait, prints it.

use std::path::Path;

use holdfast_adapters::git::{Ends, resolve_target};
use holdfast_adapters::github::{GithubReadChange, parse_address};
use holdfast_core::model::change::Target;
use holdfast_core::model::report::RunStatus;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::run_name::{stem, stem_without_base};
use holdfast_core::model::settings::Settings;
use holdfast_core::port::ReadError;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::cli::ReviewArgs;
use crate::command::follow;
use crate::failure::{Exit, Failure};
use crate::machine;
use crate::output;
use crate::reach::Reach;
use crate::record;
use crate::run_name::{self, Choice};
use crate::workflow;
use holdfast_engine::{Archive, Engine};

/// Runs the command. Errors: what keeps a review from its end, in one line.
pub async fn run(args: &ReviewArgs) -> Result<Exit, Failure> {
    let settings = machine::read_settings()?;
    machine::check_models(&settings)?;
    let (target, base_note) = find_target(args, &settings).await?;
    let directory = match &target {
        Target::WorkTree { .. } => args.data.for_tree(Path::new(&args.target))?,
        Target::PullRequest { .. } => args.data.for_server()?,
    };
    let data = directory.path.as_path();
    // Whatever else is open in the directory, this command resumes its own review and writes nowhere but where it says.
    let stem = stem(&target, &settings.model, &settings.model_light, args.publish);
    let older = stem_without_base(&target, &settings.model, &settings.model_light, args.publish);
    let reach = Reach::review([&stem, &older], args.publish.then_some(&target));
    let (engine, recovered) = machine::open_engine(data, &settings, reach).await?;
    // A base that was given needs no line of its own: the report has it.
    if let Some(note) = base_note
        .as_deref()
        .filter(|_| args.base.is_none() && !args.print.quiet)
    {
        output::complain(note);
    }
    follow::tell_recovered(&recovered, args.print.quiet);
    match start_or_resume(&engine, data, &stem, &target, base_note, args, &settings).await {
        Ok(name) => follow::to_its_end(engine, data, &name, &args.print).await,
        Err(failure) => {
            engine.shutdown().await;
            Err(failure)
        }
    }
}

/// The target with its commits resolved, and for a work tree which base was chosen and why. Errors: wrong usage, or what
/// reading says.
async fn find_target(args: &ReviewArgs, settings: &Settings) -> Result<(Target, Option<String>), Failure> {
    if !args.target.contains("://") {
        if args.publish {
            return Err(Failure::usage(
                "--publish needs a pull request's address: a work tree has nowhere to publish to",
            ));
        }
        // Set by GitHub Actions for a pull request's workflow runs.
        let base_branch = std::env::var("GITHUB_BASE_REF").ok();
        let ends = Ends {
            base: args.base.as_deref(),
            head: args.head.as_deref(),
            base_branch: base_branch.as_deref(),
        };
        let resolved = resolve_target(Path::new(&args.target), ends).map_err(Failure::usage)?;
        return Ok((resolved.target, Some(resolved.base_note)));
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
    let target = read.resolve(&address).await.map_err(|error| match error {
        ReadError::Unavailable(_) | ReadError::RateLimited { .. } => Failure::incomplete(error),
        other => Failure::usage(other),
    })?;
    Ok((target, None))
}

/// Finds the open run of this target and these settings, or one that has published already, or starts the next one.
async fn start_or_resume(
    engine: &Engine,
    data: &Path,
    stem: &str,
    target: &Target,
    base_note: Option<String>,
    args: &ReviewArgs,
    settings: &Settings,
) -> Result<String, Failure> {
    let existing = Archive::open(data)
        .and_then(|archive| archive.executions(record::RUNS_MOST))
        .map_err(Failure::incomplete)?;
    let runs = || existing.iter().map(|row| (row.name.as_str(), !row.status.is_final()));
    // A review that version 0.1 began is named otherwise: it resumes, and what it publishes is fenced by its own diff.
    let older = stem_without_base(target, &settings.model, &settings.model_light, args.publish);
    let choice = match run_name::choose(&older, runs()) {
        Choice::Resume(name) => Choice::Resume(name),
        Choice::Start { .. } => run_name::choose(stem, runs()),
    };
    let name = match choice {
        Choice::Resume(name) => {
            let input = existing.iter().find(|row| row.name == name).map(|row| &row.input);
            let is_ours = input.is_some_and(|input| is_own(input, &name, target, args.publish, settings));
            return match is_ours {
                true => Ok(name),
                false => Err(Failure::usage(format!(
                    "run {name} in {} was started with another target or other settings than its name says, and is not \
                     resumed: holdfast show {name} shows it, holdfast cancel {name} ends it",
                    data.display()
                ))),
            };
        }
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
        notes: base_note.into_iter().collect(),
        tokens: settings.model_tokens,
    };
    engine
        .start(&name, &workflow::definition(), json!(run))
        .await
        .map_err(Failure::incomplete)?;
    Ok(name)
}

/// Whether an execution was started with what this command is given. Its name holds only a part of that.
fn is_own(input: &Value, name: &str, target: &Target, publish: bool, settings: &Settings) -> bool {
    Run::deserialize(input).is_ok_and(|run| {
        run.run == name
            && (run.target == *target || run.target == target.without_identity())
            && run.publish == publish
            && run.bucket == machine::BUCKET
            && (run.model, run.model_light) == (settings.model.clone(), settings.model_light.clone())
    })
}

/// The run, if it ended with its review on the pull request.
async fn published(data: &Path, run: Option<String>) -> Result<Option<String>, Failure> {
    let Some(run) = run else { return Ok(None) };
    let record = record::read(data, &run).await?;
    Ok((record.status == RunStatus::Published).then_some(run))
}
