//! `holdfast init`: proposes a repository's settings and writes them.

use std::path::Path;

use crate::cli::InitArgs;
use crate::exit::Exit;
use crate::output;
use holdfast_ops::failure::Failure;
use holdfast_ops::init::propose;

/// Runs the command.
///
/// # Errors
/// The folder is in no work tree, the file exists, or it can't be written.
pub async fn run(args: &InitArgs) -> Result<Exit, Failure> {
    let folder = args.folder.as_deref().unwrap_or_else(|| Path::new("."));
    let proposal = propose(folder).await?;
    let printed = match args.print {
        true => proposal.text,
        false => {
            proposal.write()?;
            format!(
                "{}: written. Read it, and commit it to the base branch: it counts from there\n",
                output::name(&proposal.place.to_string_lossy())
            )
        }
    };
    output::print(&printed).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
