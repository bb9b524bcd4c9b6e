//! A program that only evaluates expressions for an engine in another process: see
//! [`Evaluator::in_processes`](holdfast_engine::Evaluator::in_processes).

use std::process::ExitCode;

fn main() -> ExitCode {
    holdfast_engine::serve_evaluations()
}
