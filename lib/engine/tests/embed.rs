//! Runs the README's example: its first run is killed, its second one resumes.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../examples/embed.rs"]
mod example;

use std::path::Path;
use std::process::Command;

/// Set for the process that runs the example.
const PLAYS: &str = "HOLDFAST_PLAYS_EXAMPLE";

/// This program is both the test and the process that it kills.
fn main() {
    if std::env::var_os(PLAYS).is_some() {
        return example::main().unwrap();
    }
    the_second_run_resumes_what_the_first_one_began();
}

fn run(directory: &Path, arguments: &[&str]) -> (bool, String) {
    let mut program = Command::new(std::env::current_exe().unwrap());
    let output = program.arg(directory).args(arguments).env(PLAYS, "1").output().unwrap();
    (output.status.success(), String::from_utf8(output.stdout).unwrap())
}

fn the_second_run_resumes_what_the_first_one_began() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("data");
    let (finished, first) = run(&data, &["--kill"]);
    assert!(!finished && first.contains("recovered: 0"), "{first}");
    assert!(first.contains("charge, key") && first.contains("ship, key"), "{first}");
    let (finished, second) = run(&data, &[]);
    assert!(finished && second.contains("recovered: 1"), "{second}");
    assert!(
        second.contains("ship, key") && !second.contains("charge, key"),
        "{second}"
    );
    assert!(second.contains("Succeeded"), "{second}");
    // The execution has ended: a third run starts nothing.
    let (finished, third) = run(&data, &[]);
    assert!(
        finished && third.contains("recovered: 0") && third.contains("Succeeded"),
        "{third}"
    );
    assert!(!third.contains("ship, key"), "{third}");
}
