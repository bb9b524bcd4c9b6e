//! The arguments of the commands that write to a work tree.

use std::path::PathBuf;

use clap::Args;

/// `holdfast init`.
#[derive(Debug, Args)]
pub struct InitArgs {
    /// Folder in the work tree. Default: the current folder. The file is written at the root of the work tree.
    #[arg(value_name = "DIR")]
    pub folder: Option<PathBuf>,
    /// Print the file instead of writing it.
    #[arg(long)]
    pub print: bool,
}
