//! `holdfast replay`: runs a recorded run again from its recorded answers, and prints the differences.

use crate::cli::{ListFormat, ReplayArgs};
use crate::exit::Exit;
use crate::output;
use holdfast_ops::failure::Failure;
use holdfast_ops::replay::{self, Replayed, text};

/// Runs the command.
///
/// # Errors
/// There is no such run or state, or the recording can't be read.
pub async fn run(args: &ReplayArgs) -> Result<Exit, Failure> {
    let (directory, name) = args.data.place().find_run(&args.run).await?;
    let replayed = replay::replay(&directory.path, &name, args.from.as_deref()).await?;
    let printed = match args.format {
        ListFormat::Text => text::replay_text(&replayed),
        ListFormat::Json => output::json(&replayed).map_err(Failure::incomplete)?,
    };
    output::print(&printed).map_err(Failure::incomplete)?;
    Ok(exit_of(&replayed))
}

/// Returns 3 for a replay with a missing answer, whatever else differs.
const fn exit_of(replayed: &Replayed) -> Exit {
    match (replayed.complete, replayed.same) {
        (false, _) => Exit::Incomplete,
        (true, false) => Exit::Found,
        (true, true) => Exit::Clean,
    }
}
