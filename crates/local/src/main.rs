//! The `holdfast` program: parses the command line, runs the command, exits with its status.

use std::process::ExitCode;

use clap::Parser;
use holdfast_local::cli::Cli;
use holdfast_local::program;

fn main() -> ExitCode {
    program::run(&Cli::parse())
}
