//! The command line's shape: names, help texts, defaults. What the commands do stands in `command`.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use holdfast_core::model::finding::Severity;
use url::Url;

use crate::output;
use holdfast_ops::data_directory::DataPlace;
use holdfast_server::serve::ServeOptions;
use holdfast_server::setup::SetupOptions;

/// A code reviewer that never loses its place.
///
/// Reviews a git change or a pull request as a durable workflow: a review that was killed goes on where it stopped.
/// Settings come from the environment (HOLDFAST_MODEL, HOLDFAST_MODEL_URL, ANTHROPIC_API_KEY, OPENAI_API_KEY,
/// GITHUB_TOKEN, …); without any, findings come from static analysis alone.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version, max_term_width = 120)]
pub struct Cli {
    /// Works on the deployment of this CloudFormation stack on AWS instead of a data directory, with the AWS credentials
    /// and the region of the environment: runs, show, approve, reject, cancel, audit, sweep and setup.
    #[arg(long, value_name = "NAME", env = "HOLDFAST_STACK", global = true)]
    pub stack: Option<String>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Reviews a change and prints the review.
    Review(ReviewArgs),
    /// Makes the GitHub App from a manifest, on a page of this machine, and stores its secrets.
    Setup(SetupArgs),
    /// Serves GitHub's webhook, the console and the approval pages, and runs the reviews.
    Serve(ServeArgs),
    /// Runs state machines of any kind: the AWS Step Functions API on this machine, functions through the Lambda API.
    ///
    /// Needs no settings of GitHub's or of a model's. AWS clients reach it with --endpoint-url http://ADDRESS:PORT (or
    /// AWS_ENDPOINT_URL_SFN). Functions are invoked where AWS_ENDPOINT_URL_LAMBDA, AWS_ENDPOINT_URL or --lambda say, else on
    /// AWS, with the credentials and the region of the environment.
    Engine(EngineArgs),
    /// Lists every run, newest first.
    Runs(RunsArgs),
    /// Shows one run: states taken, attempts, model calls, coverage.
    Show(ShowArgs),
    /// Approves a review that waits for a decision, and lets it go on.
    Approve(DecideArgs),
    /// Rejects a review that waits for a decision: nothing is published.
    Reject(RejectArgs),
    /// Stops a run and undoes what it did; also cleans up after one that failed and could not.
    Cancel(DecideArgs),
    /// Goes on with a review that failed or stayed partial: what was finished is kept, the rest is done again.
    Redrive(RedriveArgs),
    /// Prints who decided what, when and on which version of the page: one JSON document a line, oldest first.
    Audit(AuditArgs),
    /// Cleans up after runs that ended without undoing what they did.
    Sweep(SweepArgs),
    /// Runs a recorded run again from its recorded answers, without a model and without writes, and says what differs.
    Replay(ReplayArgs),
    /// Checks a state machine (*.json) or a repository's settings (.holdfast.yml): every problem in one report.
    Check(CheckArgs),
    /// Call each configured model once and report what works: the key, structured output, limits, usage. Compare the
    /// GitHub App with the manifest.
    ///
    /// Each call is short, and paid like any other. Exit status 3 when a model doesn't work, or the App lacks a permission
    /// or an event that reviews need.
    Doctor(DoctorArgs),
    /// Copies the data directory, also while reviews run in it. The copy is a data directory itself.
    Backup(BackupArgs),
}

/// Where everything durable is.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// Directory of everything durable: runs, their histories and artifacts. Default: $XDG_STATE_HOME/holdfast (or
    /// $HOME/.local/state/holdfast), in it trees/HASH for the review of a work tree and server for all else. Commands that
    /// read runs look into both.
    #[arg(long, value_name = "DIR", env = "HOLDFAST_DATA")]
    pub data: Option<PathBuf>,
}

impl DataArgs {
    /// Returns where data is looked for; notes about it go to stderr.
    pub fn place(&self) -> DataPlace {
        DataPlace {
            given: self.data.clone(),
            notify: output::complain,
        }
    }
}

/// `holdfast review`.
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// A git work tree (a path), or a pull request's address https://HOST/OWNER/REPO/pull/N.
    pub target: String,
    /// Reviews merge-base(BASE,HEAD)..HEAD. Default: GITHUB_BASE_REF, origin/HEAD, the branch's upstream, or the nearest main
    /// branch; else HEAD~1. A line on stderr tells which was taken.
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// The commit to review. Default: HEAD.
    #[arg(long, value_name = "REV")]
    pub head: Option<String>,
    /// Posts the review to the pull request, through the approval gate.
    #[arg(long)]
    pub publish: bool,
    /// How the review is printed, and when it is found wanting.
    #[command(flatten)]
    pub print: PrintArgs,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// How a review is printed, and when it is found wanting.
#[derive(Debug, Args)]
pub struct PrintArgs {
    /// How the review is printed.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// Exit with status 1 when there is a finding at or above this severity.
    #[arg(long, value_enum, value_name = "SEVERITY", default_value_t = FailOn::High)]
    pub fail_on: FailOn,
    /// No progress on stderr.
    #[arg(long)]
    pub quiet: bool,
}

/// `holdfast setup`.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// What people and GitHub reach this deployment by: https://HOST. Not needed with --stack, which also says that the
    /// App's secrets go into the stack's.
    #[arg(long, value_name = "URL", env = "HOLDFAST_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// The App's name: on GitHub each name is there once.
    #[arg(long, value_name = "NAME", default_value = "Holdfast")]
    pub name: String,
    /// The organisation that owns the App. Default: the account that is signed in to GitHub.
    #[arg(long, value_name = "LOGIN")]
    pub organization: Option<String>,
    /// Address of the page that the browser opens. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

impl SetupArgs {
    /// Returns what the page and its server need.
    pub fn options<'a>(&'a self, stack: Option<&'a str>) -> SetupOptions<'a> {
        SetupOptions {
            public_url: self.public_url.as_deref(),
            stack,
            name: &self.name,
            organization: self.organization.as_deref(),
            listen: self.listen,
            data: self.data.place(),
            notify: output::complain,
        }
    }
}

/// `holdfast serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on. Behind a tunnel or a reverse proxy, HOLDFAST_PUBLIC_URL says what people see.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Answers the AWS Step Functions API here too, on this machine alone: it has no authentication. The reviews are the
    /// executions of the state machine `review`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub step_functions: Option<SocketAddr>,
    /// Makes a new address to sign in to the console with, and ends all sessions.
    #[arg(long)]
    pub new_console_key: bool,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

impl ServeArgs {
    /// Returns what the server needs.
    pub fn options(&self) -> ServeOptions {
        ServeOptions {
            listen: self.listen,
            step_functions: self.step_functions,
            new_console_key: self.new_console_key,
            data: self.data.place(),
            notify: output::complain,
        }
    }
}

/// `holdfast engine`.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// Address and port of the API: of this machine alone, since it has no authentication. Port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8083")]
    pub listen: SocketAddr,
    /// Where functions are invoked. Default: as AWS_ENDPOINT_URL_LAMBDA or AWS_ENDPOINT_URL say, else on AWS.
    #[arg(long, value_name = "URL")]
    pub lambda: Option<Url>,
    /// Where the objects of ItemReader and ResultWriter are. Default: as AWS_ENDPOINT_URL_S3 or AWS_ENDPOINT_URL say, else
    /// on AWS.
    #[arg(long, value_name = "URL")]
    pub s3: Option<Url>,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// How the list is printed.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// How the report is printed.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// `holdfast show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// The run's name, or an unambiguous beginning of it.
    pub run: String,
    /// How the run is printed.
    #[arg(long, value_enum, default_value_t = ShowFormat::Text)]
    pub format: ShowFormat,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast approve`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// The run's name, or an unambiguous beginning of it.
    pub run: String,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast reject`.
#[derive(Debug, Args)]
pub struct RejectArgs {
    /// Why; it stands in the check's summary.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// Which run, and where it is.
    #[command(flatten)]
    pub decide: DecideArgs,
}

/// `holdfast redrive`.
#[derive(Debug, Args)]
pub struct RedriveArgs {
    /// The run's name, or an unambiguous beginning of it.
    pub run: String,
    /// How the review is printed, and when it is found wanting.
    #[command(flatten)]
    pub print: PrintArgs,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// The run's name, or an unambiguous beginning of it.
    pub run: String,
    /// The state from which on this program's code runs; those before it give what they gave. Default: from the start.
    #[arg(long, value_name = "STATE")]
    pub from: Option<String>,
    /// How the differences are printed.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The file.
    #[arg(default_value = ".holdfast.yml")]
    pub file: PathBuf,
}

/// `holdfast backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// The copy's directory: new, or empty.
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
    /// Where everything durable is.
    #[command(flatten)]
    pub data: DataArgs,
}

/// How a review is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    /// For people at a terminal.
    Text,
    /// One JSON document, version 1.
    Json,
    /// SARIF 2.1.0, for code scanning.
    Sarif,
    /// One Markdown document.
    Markdown,
}

/// How a list is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// For people at a terminal.
    Text,
    /// One JSON document.
    Json,
}

/// How one run is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// For people at a terminal.
    Text,
    /// One JSON document.
    Json,
    /// The state machine's picture with the run's path on it.
    Svg,
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
}

impl From<FailOn> for Severity {
    fn from(value: FailOn) -> Self {
        match value {
            FailOn::Critical => Self::Critical,
            FailOn::High => Self::High,
            FailOn::Medium => Self::Medium,
            FailOn::Low => Self::Low,
        }
    }
}
