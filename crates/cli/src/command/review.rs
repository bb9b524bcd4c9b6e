//! `holdfast review`: resolves the target, starts or resumes its run, follows it to its end or to a decision, and
//! prints it.

use std::io::{IsTerminal, Read, stdin};
use std::path::Path;

use holdfast_core::model::change::Target;
use holdfast_core::model::run::GateMode;
use holdfast_core::model::settings::Settings;

use crate::cli::{Gate, ReviewArgs};
use crate::command::follow;
use crate::exit::Exit;
use crate::output::{self, file};
use holdfast_ops::ci;
use holdfast_ops::data_directory::Kind;
use holdfast_ops::evidence;
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_ops::marker_key::{KeyOrigin, key_origin};
use holdfast_ops::review::{MAX_PATCH_BYTES, Review, ReviewRequest, ReviewRun, Scope, trim_old_snapshots};

/// How to publish withheld findings.
pub const WITHHELD_REMEDIES: &str = "To publish them after an approval, use --gate on and a data directory that outlives the job \
                                     (--data), or let holdfast serve review the repository; --gate off publishes them without one";
/// The note of a review that needs no approval.
const GATE_OFF: &str = "Started with --gate off: the review was published without an approval.";

/// Runs the command.
///
/// # Errors
/// A usage error, or the cause that kept the review from completing.
pub async fn run(args: &ReviewArgs) -> Result<Exit, Failure> {
    file::check(&args.print.output)?;
    let settings = machine::read_settings()?.for_a_waiting_caller();
    machine::check_models(&settings)?;
    let request = request(args)?;
    let directory = request.data_directory(&args.data.place(), &settings)?;
    let data = directory.path.as_path();
    let resolved = request.resolve(&settings, data).await?;
    let evidence = evidence::read(&args.evidence, &resolved.target)?;
    let ends_with_job = args.publish && directory.kind != Kind::Given && ci::system().is_some();
    let review = Review {
        target: &resolved.target,
        publish: args.publish,
        gate: gate_mode(args, ends_with_job),
        settings: &settings,
        evidence: &evidence,
    };
    let job = job(args, data, &settings);
    let (engine, recovered) = machine::open_engine(data, &settings, review.reach()).await?;
    if matches!(resolved.target, Target::WorkTree { .. }) && trim_old_snapshots(data)? {
        request.resolve(&settings, data).await?;
    }
    let lines = resolved.base_note.iter().chain(&resolved.notes);
    for line in lines.filter(|_| !args.print.quiet) {
        output::print_to_stderr(line);
    }
    for line in settings.limits_without_a_price() {
        output::print_to_stderr(&line);
    }
    follow::report_recovery(&recovered, args.print.quiet);
    if let Some(job) = job.as_ref().filter(|_| !args.print.quiet) {
        output::print_to_stderr(job);
    }
    if ends_with_job && review.gate == GateMode::Withhold && !args.print.quiet {
        output::print_to_stderr(&format!(
            "this job's data directory ends with it, so no review can wait for an approval: findings that need one are withheld \
             from the pull request, and printed here. {WITHHELD_REMEDIES}"
        ));
    }
    let gate_note = (review.gate == GateMode::Off).then(|| GATE_OFF.to_owned());
    let notes = resolved.base_note.into_iter().chain(resolved.notes).chain(gate_note);
    let notes = notes.chain(evidence::note(&evidence));
    let notes = notes.collect();
    match review.start_or_resume(&engine, data, notes).await {
        Ok(begun) => {
            let name = match begun {
                ReviewRun::Open(name) => name,
                ReviewRun::Published(name) => {
                    output::print_to_stderr(&format!(
                        "run {name} has already published this review; nothing is posted again"
                    ));
                    name
                }
                ReviewRun::Rejected(name) => {
                    output::print_to_stderr(&format!(
                        "run {name} is this review, and a person rejected it: nothing is posted. The next push starts a new \
                         review, and so does the comment /holdfast review where holdfast serve runs; the rejected findings \
                         stay dismissed"
                    ));
                    name
                }
            };
            let mut print = args.print.clone();
            // A person who names files wants to know about each.
            print.list_files |= !args.files.is_empty();
            follow::to_its_end(engine, data, &name, &print).await
        }
        Err(failure) => {
            engine.shutdown().await;
            Err(failure)
        }
    }
}

/// Returns the gate's effect. Nobody could approve a review that waits in a directory that ends with its job.
fn gate_mode(args: &ReviewArgs, ends_with_job: bool) -> GateMode {
    match args.gate {
        Some(Gate::Off) => GateMode::Off,
        Some(Gate::Withhold) => GateMode::Withhold,
        Some(Gate::On) | None if ends_with_job => GateMode::Withhold,
        Some(Gate::On) | None => GateMode::Wait,
    }
}

/// Returns the line that names the CI system, and how a job with new data recognises the comments of earlier jobs.
fn job(args: &ReviewArgs, data: &Path, settings: &Settings) -> Option<String> {
    let system = ci::system()?;
    if !args.publish {
        return Some(format!("running in {system}"));
    }
    let comments = match key_origin(data, settings) {
        KeyOrigin::Kept => "the comments of earlier jobs are recognised by the marker key".to_owned(),
        KeyOrigin::Derived(name) => {
            format!("the comments of earlier jobs are recognised by a key that is derived from {name}")
        }
        KeyOrigin::Random => "the comments of earlier jobs are not recognised, because the data directory is new: set \
                              HOLDFAST_MARKER_KEY to the same random text in each job"
            .to_owned(),
    };
    Some(format!("running in {system}; {comments}"))
}

/// Returns the request that the arguments make. Reads the patch from stdin, if that is the target.
fn request(args: &ReviewArgs) -> Result<ReviewRequest, Failure> {
    let scope = match (args.staged, args.uncommitted, args.committed) {
        (true, ..) => Scope::Staged,
        (_, true, _) => Scope::Uncommitted,
        (.., true) => Scope::Committed,
        _ => Scope::Everything,
    };
    let patch = match args.target.as_str() {
        "-" => Some(read_patch()?),
        _ => None,
    };
    Ok(ReviewRequest {
        target: args.target.clone(),
        base: args.base.clone(),
        head: args.head.clone(),
        scope,
        files: args.files.clone(),
        patch,
        publish: args.publish,
    })
}

fn read_patch() -> Result<Vec<u8>, Failure> {
    if stdin().is_terminal() {
        return Err(Failure::usage(
            "there is no patch on stdin: git diff HEAD | holdfast review -",
        ));
    }
    let mut patch = Vec::new();
    // One byte more than the limit, so that the check of the size finds it.
    let bytes = u64::try_from(MAX_PATCH_BYTES).unwrap_or(u64::MAX).saturating_add(1);
    let read = stdin().lock().take(bytes).read_to_end(&mut patch);
    read.map_err(|error| {
        Failure::usage(format!(
            "the patch on stdin cannot be read: {error}; start the command again"
        ))
    })?;
    Ok(patch)
}
