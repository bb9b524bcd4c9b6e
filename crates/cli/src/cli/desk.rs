//! The arguments of the commands that write to a work tree.

use std::path::PathBuf;

use clap::Args;

use super::DataArgs;

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

/// `holdfast fix`.
#[derive(Debug, Args)]
pub struct FixArgs {
    /// Name of the run, or an unambiguous beginning of it; holdfast runs lists the names. Default: the newest finished review
    /// of this work tree.
    pub run: Option<String>,
    /// Apply every suggestion without a question.
    #[arg(long)]
    pub all: bool,
    /// Print every suggestion as one patch for git apply, and change no file.
    #[arg(long, conflicts_with = "all")]
    pub print: bool,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}
