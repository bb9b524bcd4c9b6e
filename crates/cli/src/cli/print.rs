//! Arguments for the output and the exit status of a review.

use clap::{Args, ValueEnum};
use holdfast_core::model::finding::Severity;

use crate::output::file::OutputFile;

/// Options for the output and the exit status of a review.
#[derive(Clone, Debug, Args)]
pub struct PrintArgs {
    /// Output format.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Also write the review to FILE in this format, such as sarif=review.sarif. Can be repeated.
    ///
    /// Files that can't be written are refused before the review starts.
    #[arg(long, value_name = "FORMAT=FILE")]
    pub output: Vec<OutputFile>,
    /// Exit with status 1 if there is a finding at or above this severity.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::High)]
    pub fail_on: FailOn,
    /// List every file in the text, with its outcome. Default: only files that need attention.
    #[arg(long)]
    pub list_files: bool,
    /// Print no progress on stderr.
    ///
    /// Default: on a terminal every unit, the counts and the elapsed time; elsewhere, and with NO_COLOR or TERM=dumb, a line
    /// at the start and every 30 s; and a line when the review waits for the model's server.
    #[arg(long)]
    pub quiet: bool,
}

/// The output format of a review.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// Text for a terminal.
    Text,
    /// One JSON document, version 1.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// One Markdown document.
    Markdown,
    /// Annotations of GitHub Actions: workflow commands.
    Github,
    /// Diagnostics for reviewdog, with suggestions.
    Rdjson,
    /// Code quality for GitLab.
    Gitlab,
    /// Test results in JUnit's XML.
    Junit,
}

/// A severity on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailOn {
    /// Only critical.
    Critical,
    /// High or worse.
    High,
    /// Medium or worse.
    Medium,
    /// Low or worse.
    Low,
    /// Never.
    None,
}

impl FailOn {
    /// Returns the lowest severity that counts; nothing for [`Self::None`].
    pub const fn severity(self) -> Option<Severity> {
        match self {
            Self::Critical => Some(Severity::Critical),
            Self::High => Some(Severity::High),
            Self::Medium => Some(Severity::Medium),
            Self::Low => Some(Severity::Low),
            Self::None => None,
        }
    }
}
