//! `holdfast redrive`: continues a review that failed or stayed partial.

use crate::cli::RedriveArgs;
use crate::command::follow;
use crate::exit::Exit;
use crate::output::{self, file};
use holdfast_ops::access::Access;
use holdfast_ops::deployment::Deployment;
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_ops::redrive;
use holdfast_ops::run_summary::{LocalRuns, ReadRuns};

/// Runs the command.
///
/// # Errors
/// There is no such run; it is in flight or complete; the next attempt fails too.
pub async fn run(args: &RedriveArgs) -> Result<Exit, Failure> {
    file::check(&args.print.output)?;
    let (directory, name) = args.data.place().find_run(&args.run).await?;
    let data = directory.path.as_path();
    let runs = LocalRuns::open(data).await?;
    let record = runs.read(&name).await?;
    drop(runs);
    // Before the engine opens: it would resume the open attempts of a run that can't be redriven.
    redrive::check(&record)?;
    let settings = machine::read_settings()?.for_a_waiting_caller();
    machine::check_models(&settings)?;
    machine::check_writable(data, &settings, &record, "the next attempt").await?;
    let (engine, recovered) = machine::open_engine(data, &settings, Access::attempts_of(&name)).await?;
    follow::report_recovery(&recovered, args.print.quiet);
    let started = redrive::start_next(data, &engine, record).await;
    let attempt = match started {
        Ok(attempt) => attempt,
        Err(failure) => {
            engine.shutdown().await;
            return Err(failure);
        }
    };
    if !args.print.quiet {
        output::print_to_stderr(&format!("run {name} continues as {attempt}"));
    }
    follow::to_its_end(engine, data, &attempt, &args.print).await
}

/// Runs the command on a deployment; it does not wait for the review's end.
///
/// # Errors
/// There is no such run; it is in flight or complete.
pub async fn run_on(deployment: &dyn Deployment, args: &RedriveArgs) -> Result<Exit, Failure> {
    if !args.print.output.is_empty() {
        return Err(Failure::usage(
            "--output needs a run on this machine: the command doesn't wait for the end of a deployment's review",
        ));
    }
    let (name, attempt) = redrive::on_deployment(deployment, &args.run).await?;
    let option = format!(" --stack {}", deployment.name());
    output::print(&format!(
        "{name}: continues as {attempt}; holdfast{option} show {attempt} shows its progress\n"
    ))
    .map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
