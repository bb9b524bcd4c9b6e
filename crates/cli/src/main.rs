//! The `holdfast` program: parses the command line, runs the command, exits with its status.

mod cli;
mod command;
mod exit;
mod help;
mod output;
mod program;
mod verdict;

use std::process::ExitCode;

use holdfast_engine::serve_evaluations;
use holdfast_ops::evaluator::EVALUATE_ARGUMENT;

use cli::Cli;

/// The engine allocates and drops many small JSON values on several threads, so it spends its time in the allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // First: a process that evaluates expressions for the engine reads no settings.
    let mut arguments = std::env::args_os().skip(1);
    if arguments.next().is_some_and(|first| first == EVALUATE_ARGUMENT) && arguments.next().is_none() {
        return serve_evaluations();
    }
    program::run(&Cli::of_program())
}
