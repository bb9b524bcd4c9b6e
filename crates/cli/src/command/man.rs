//! `holdfast man`: writes the manual pages, one for the program and one for each command.

use std::fs;

use clap::CommandFactory;
use holdfast_core::render::counted;

use crate::cli::{Cli, ManArgs};
use crate::exit::Exit;
use crate::output;
use holdfast_ops::failure::Failure;

/// Runs the command.
///
/// # Errors
/// The folder can't be created or written.
pub fn run(args: &ManArgs) -> Result<Exit, Failure> {
    let unwritable = |error| {
        Failure::usage(format!(
            "{}: the manual pages can't be written: {error}; choose another folder",
            args.to.display()
        ))
    };
    fs::create_dir_all(&args.to).map_err(unwritable)?;
    let program = Cli::command();
    let commands = program.get_subcommands().count();
    clap_mangen::generate_to(program, &args.to).map_err(unwritable)?;
    output::print(&format!(
        "{}: {}\n",
        args.to.display(),
        counted(commands + 1, "manual page")
    ))
    .map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
