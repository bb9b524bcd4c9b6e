//! `holdfast backup`: copies the data directory, even while reviews run in it.

use holdfast_core::render::counted;

use crate::cli::BackupArgs;
use crate::exit::Exit;
use crate::output;
use holdfast_ops::failure::Failure;

/// Runs the command.
///
/// # Errors
/// There is nothing to copy, or the destination isn't empty or can't be written.
pub async fn run(args: &BackupArgs) -> Result<Exit, Failure> {
    let place = args.data.place();
    let directory = place.only()?;
    place.note(&directory, "a copy of the data");
    let (from, to) = (directory.path, args.to.clone());
    let copied = tokio::task::spawn_blocking(move || holdfast_engine::back_up(&from, &to)).await;
    let copied = copied.map_err(Failure::incomplete)?.map_err(Failure::usage)?;
    output::print(&format!(
        "{}: {} bytes of runs and their histories, {} with {} bytes; use it with --data {0}\n",
        args.to.display(),
        copied.database_bytes,
        counted(copied.files, "file"),
        copied.file_bytes
    ))
    .map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}
