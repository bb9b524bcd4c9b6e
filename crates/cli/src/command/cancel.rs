//! `holdfast cancel`: stops a run and undoes its effects.

use holdfast_core::model::run_name::RunName;

use crate::cli::DecideArgs;
use crate::exit::Exit;
use crate::output;
use holdfast_ops::cancel;
use holdfast_ops::deployment::Deployment;
use holdfast_ops::failure::Failure;

/// Runs the command.
///
/// # Errors
/// There is no such run, or it has succeeded; the undo fails.
pub async fn run(args: &DecideArgs) -> Result<Exit, Failure> {
    let (directory, name) = args.data.place().find_run(&args.run).await?;
    cancel::on_machine(&directory.path, &name).await?;
    print(&name)
}

/// Runs the command on a deployment.
///
/// # Errors
/// There is no such run, or it has succeeded; the undo fails.
pub async fn run_on(deployment: &dyn Deployment, args: &DecideArgs) -> Result<Exit, Failure> {
    print(&cancel::on_deployment(deployment, &args.run).await?)
}

fn print(name: &RunName) -> Result<Exit, Failure> {
    output::print(&format!("{name}: cancelled\n")).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
