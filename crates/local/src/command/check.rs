//! `holdfast check`: a state machine or a repository's settings, every problem in one report.

use holdfast_asl::StateMachine;
use holdfast_core::model::policy::Policy;

use crate::cli::CheckArgs;
use crate::failure::{Exit, Failure};
use crate::output;

/// Runs the command. Errors: the file cannot be read, or what is wrong with it.
pub fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let name = args.file.display();
    let text = std::fs::read_to_string(&args.file)
        .map_err(|error| Failure::usage(format!("{name} cannot be read: {error}")))?;
    let is_json = args.file.extension().is_some_and(|extension| extension == "json");
    let said = if is_json {
        let machine = StateMachine::parse(&text).map_err(|problems| Failure::usage(format!("{name}:\n{problems}")))?;
        format!("{name}: {} states, no problem\n", machine.states().len())
    } else {
        Policy::parse(&text).map_err(|problem| Failure::usage(format!("{name}: {}", problem.0)))?;
        format!("{name}: no problem\n")
    };
    output::print(&said).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
