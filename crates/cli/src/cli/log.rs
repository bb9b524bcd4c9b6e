//! The option that the servers share: the form of their log.

use clap::{Args, ValueEnum};
use holdfast_ops::data_directory::Notify;

use crate::output;

/// The form of a server's log.
#[derive(Clone, Copy, Debug, Args)]
pub struct LogArgs {
    /// Form of the log on stderr. With json, each line is a JSON document with timestamp, level, target and fields, also the
    /// messages about start and end.
    #[arg(long, value_enum, default_value_t = LogFormat::Text)]
    pub log_format: LogFormat,
}

impl LogArgs {
    /// Returns the receiver of messages for the operator.
    pub fn notify(self) -> Notify {
        match self.log_format {
            LogFormat::Text => output::print_to_stderr,
            LogFormat::Json => output::log,
        }
    }
}

/// The form of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum LogFormat {
    /// Text for a person.
    Text,
    /// One JSON document in each line.
    Json,
}
