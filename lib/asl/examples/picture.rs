//! Draws a state machine: `cargo run -p holdfast-asl --example picture -- DEFINITION.asl.json > PICTURE.svg`.

use std::io::Write;
use std::process::ExitCode;

use holdfast_asl::{StateMachine, picture};

fn main() -> ExitCode {
    match draw() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => {
            let _ = writeln!(std::io::stderr(), "picture: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn draw() -> Result<(), String> {
    let path = std::env::args().nth(1).ok_or("name a state machine's definition")?;
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
    let machine = StateMachine::parse(&text).map_err(|errors| format!("{path}: {errors}"))?;
    std::io::stdout()
        .write_all(picture(&machine, None).as_bytes())
        .map_err(|error| error.to_string())
}
