//! `holdfast backup`: a copy of the data directory, also while reviews run in it.

use crate::cli::BackupArgs;
use crate::failure::{Exit, Failure};
use crate::output;

/// Runs the command. Errors: there is nothing to copy, or the destination is not empty or cannot be written.
pub async fn run(args: &BackupArgs) -> Result<Exit, Failure> {
    let directory = args.data.only()?;
    directory.note("a copy of the data");
    let (from, to) = (directory.path, args.to.clone());
    let copied = tokio::task::spawn_blocking(move || holdfast_engine::back_up(&from, &to)).await;
    let copied = copied.map_err(Failure::incomplete)?.map_err(Failure::usage)?;
    output::print(&format!(
        "{}: {} bytes of runs and their histories, {} files with {} bytes; use it with --data {0}\n",
        args.to.display(),
        copied.database_bytes,
        copied.files,
        copied.file_bytes
    ))
    .map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
