//! `holdfast completions`: prints a script that completes commands and options in a shell.

use clap::CommandFactory;

use crate::cli::{Cli, CompletionsArgs};
use crate::exit::Exit;
use crate::output;
use holdfast_ops::failure::Failure;

/// Runs the command.
///
/// # Errors
/// Stdout can't be written.
pub fn run(args: &CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "holdfast", &mut script);
    let script = String::from_utf8(script).map_err(Failure::incomplete)?;
    output::print(&script).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
