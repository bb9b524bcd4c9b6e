//! The `holdfast` program: parses the command line, runs the command, exits with its status.

use std::process::ExitCode;

use clap::Parser;
use holdfast_engine::serve_evaluations;
use holdfast_local::cli::Cli;
use holdfast_local::evaluator::EVALUATE_ARGUMENT;
use holdfast_local::program;

fn main() -> ExitCode {
    // Before anything else: a process that evaluates an expression for the engine reads no settings.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == EVALUATE_ARGUMENT) && arguments.next().is_none() {
        return serve_evaluations();
    }
    program::run(&Cli::parse())
}
