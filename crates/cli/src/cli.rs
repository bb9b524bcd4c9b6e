//! The command line: names, help texts, defaults. The commands themselves are in `command`, the sections below each help text
//! in `help`.

mod desk;
mod log;
mod print;

use std::ffi::{OsStr, OsString};
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use url::Url;

use crate::{help, output};
use holdfast_ops::data_directory::DataPlace;
use holdfast_server::serve::ServeOptions;
use holdfast_server::setup::SetupOptions;

pub use desk::{FixArgs, InitArgs};
pub use log::{LogArgs, LogFormat};
pub use print::{FailOn, PrintArgs, ReportFormat};

/// A code reviewer that never loses its place.
///
/// Reviews a git change or a pull request as a durable workflow: a review that was killed resumes where it stopped. Settings
/// come from the environment. Without HOLDFAST_MODEL no model is called: findings come from static analysis only.
#[derive(Debug, Parser)]
#[command(name = "holdfast", version = env!("BUILD_VERSION"), max_term_width = 120, after_long_help = help::program())]
pub struct Cli {
    /// Work on the deployment of this CloudFormation stack on AWS instead of a data directory.
    ///
    /// Only for setup, runs, show, approve, reject, cancel, redrive, audit and sweep. Credentials and region are those of the
    /// environment. Requires a program that was built with --features aws.
    #[arg(
        long,
        value_name = "NAME",
        env = "HOLDFAST_STACK",
        global = true,
        display_order = 900
    )]
    pub stack: Option<String>,
    /// The command.
    #[command(subcommand)]
    pub command: Command,
}

impl Cli {
    /// Parses the program's arguments. Ends the program after a usage error, and after printing a help text.
    pub fn of_program() -> Self {
        let command = without_empty_variables(Self::command(), &|name| std::env::var_os(name));
        Self::from_arg_matches(&command.get_matches()).unwrap_or_else(|error| error.exit())
    }
}

/// Removes the environment variables that are set and empty: they count as not set, as for all other settings.
fn without_empty_variables(command: clap::Command, lookup: &dyn Fn(&OsStr) -> Option<OsString>) -> clap::Command {
    let is_empty = |name: &OsStr| lookup(name).is_some_and(|value| value.to_string_lossy().trim().is_empty());
    command
        .mut_args(|arg| match arg.get_env().is_some_and(is_empty) {
            true => arg.env(None::<&'static str>),
            false => arg,
        })
        .mut_subcommands(|command| without_empty_variables(command, lookup))
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Review a change and print the review.
    ///
    /// The target is a git work tree or a pull request. A review that was interrupted resumes when the same command is
    /// started again.
    #[command(after_long_help = help::review())]
    Review(ReviewArgs),
    /// Write a commented .holdfast.yml, the settings of a repository, from the names of its files.
    ///
    /// Never overwrites a file. Languages, vendored and generated folders, tests, CI files and owners become settings and
    /// proposals. Of the files only CODEOWNERS is read.
    #[command(after_long_help = help::init())]
    Init(InitArgs),
    /// Create the GitHub App from a manifest in your browser, and store its secrets.
    #[command(after_long_help = help::setup())]
    Setup(SetupArgs),
    /// Serve GitHub's webhook, the console and the approval pages, and run the reviews.
    ///
    /// Requires HOLDFAST_WEBHOOK_SECRET, and GITHUB_TOKEN or a GitHub App. Open reviews resume at the next start.
    #[command(after_long_help = help::serve())]
    Serve(ServeArgs),
    /// Run any state machine behind the AWS Step Functions API on this machine.
    ///
    /// Requires no settings for GitHub or a model. AWS clients connect with --endpoint-url http://ADDRESS:PORT (or
    /// AWS_ENDPOINT_URL_SFN). The engine calls functions through the Lambda API at --lambda, at AWS_ENDPOINT_URL_LAMBDA or
    /// AWS_ENDPOINT_URL, otherwise on AWS, with the credentials and the region of the environment.
    ///
    /// Requires a program that was built with --features aws.
    #[command(after_long_help = help::engine())]
    Engine(EngineArgs),
    /// List every run, newest first.
    ///
    /// Those of the current folder's work tree, or of all work trees outside of one; then those of the server and of pull
    /// requests.
    #[command(after_long_help = help::runs())]
    Runs(RunsArgs),
    /// Show one run: its states, units, attempts, model calls and coverage.
    #[command(after_long_help = help::show())]
    Show(ShowArgs),
    /// Approve a review that waits for a decision, and resume it.
    #[command(after_long_help = help::approve())]
    Approve(DecideArgs),
    /// Reject a review that waits for a decision: nothing more is published.
    #[command(after_long_help = help::reject())]
    Reject(RejectArgs),
    /// Apply the suggestions of a review to the files of this work tree.
    ///
    /// Shows each change on a terminal and waits for an answer. A suggestion is applied only where its lines are as
    /// reviewed, in files that git tracks; never to files that decide what runs, how it is built or who decides.
    #[command(after_long_help = help::fix())]
    Fix(FixArgs),
    /// Stop a run and undo its effects, or clean up after a failed run.
    #[command(after_long_help = help::cancel())]
    Cancel(DecideArgs),
    /// Resume a review that failed or stayed partial, as its next attempt.
    ///
    /// The attempt keeps finished units and model answers, and repeats the rest. With --stack the command doesn't wait for
    /// its end.
    #[command(after_long_help = help::redrive())]
    Redrive(RedriveArgs),
    /// Print every vote on a review as JSON lines, oldest first: the person, the time, the verdict and what it is about.
    #[command(after_long_help = help::audit())]
    Audit(AuditArgs),
    /// Clean up after runs that ended without undoing their effects.
    ///
    /// Also delivers decisions that the workflow did not receive, requests missed webhook deliveries from GitHub again, and
    /// deletes expired rows. A running server does the same every 15 minutes.
    #[command(after_long_help = help::sweep())]
    Sweep(SweepArgs),
    /// Run a recorded run again from its recorded answers, and print the differences.
    ///
    /// A replay calls no model and writes nothing.
    #[command(after_long_help = help::replay())]
    Replay(ReplayArgs),
    /// Check a repository's settings (.holdfast.yml and .holdfast-rules) or a state machine (*.json), and report every problem.
    #[command(after_long_help = help::check())]
    Check(CheckArgs),
    /// Check the settings, the models, the account on GitHub and the mail server, and print a remedy for each problem.
    ///
    /// Calls each configured model once: each call is short, and paid like any other. Compares the GitHub App with the
    /// manifest, or reads the account of GITHUB_TOKEN. Connects and signs in to the mail server, and sends no mail.
    #[command(after_long_help = help::doctor())]
    Doctor(DoctorArgs),
    /// Copy the data directory, even while reviews run in it.
    ///
    /// The copy is a data directory too: use it with --data.
    #[command(after_long_help = help::backup())]
    Backup(BackupArgs),
    /// Print a script that completes commands and options in a shell.
    #[command(after_long_help = help::completions())]
    Completions(CompletionsArgs),
    /// Write the manual pages, one for each command, for example for a package.
    #[command(after_long_help = help::man())]
    Man(ManArgs),
}

/// The place of the data directory.
#[derive(Debug, Args)]
pub struct DataArgs {
    /// Directory of everything durable: runs, their histories and artifacts.
    ///
    /// Default: below $XDG_STATE_HOME/holdfast (or $HOME/.local/state/holdfast), trees/HASH for the review of a work tree and
    /// server for everything else. Commands that read runs search both.
    #[arg(long, value_name = "DIR", env = "HOLDFAST_DATA")]
    pub data: Option<PathBuf>,
}

impl DataArgs {
    /// Returns the place to search for data; notes about it go to stderr.
    pub fn place(&self) -> DataPlace {
        DataPlace {
            given: self.data.clone(),
            notify: output::print_to_stderr,
        }
    }
}

/// `holdfast review`.
#[derive(Debug, Args)]
pub struct ReviewArgs {
    /// A path in a git work tree, BASE..HEAD, a commit, `-` for a patch on stdin, or a pull request's address:
    /// https://HOST/OWNER/REPO/pull/N.
    ///
    /// A path: uncommitted work and the branch's commits; a folder or a file limits the review to it. A commit: its change
    /// against its first parent. A patch must apply to HEAD of the repository in the current folder exactly.
    #[arg(default_value = ".")]
    pub target: String,
    /// Review from the merge base of REV and the head.
    ///
    /// Default: GITHUB_BASE_REF, origin/HEAD, the branch's upstream, or the nearest main branch; otherwise HEAD, or HEAD~1
    /// without uncommitted work. A line on stderr names the chosen one.
    #[arg(long, value_name = "REV")]
    pub base: Option<String>,
    /// Review the branch up to this commit, without uncommitted work. Default: HEAD.
    #[arg(long, value_name = "REV")]
    pub head: Option<String>,
    /// Review only staged changes: the index against HEAD.
    #[arg(long, group = "scope")]
    pub staged: bool,
    /// Review only uncommitted work: the work tree against HEAD, with untracked files that git doesn't ignore.
    #[arg(long, group = "scope")]
    pub uncommitted: bool,
    /// Review only the branch's commits.
    #[arg(long, group = "scope")]
    pub committed: bool,
    /// Review only these files and folders, and list each file. Paths are relative to the current folder.
    #[arg(long, value_name = "PATH", num_args = 1..)]
    pub files: Vec<PathBuf>,
    /// Read the reports of another tool, as SARIF 2.1.0. Those on added lines become findings, and a model confirms or
    /// refutes them.
    ///
    /// Repeat the option for further files. At most 20 files of 64 MiB each, and 20,000 reports.
    #[arg(long, value_name = "FILE.sarif")]
    pub evidence: Vec<PathBuf>,
    /// Publish the review on the pull request that TARGET names. Where the gate requires an approval, it waits for one:
    /// holdfast approve.
    #[arg(long)]
    pub publish: bool,
    /// Choose what happens to findings at or above the severity of the repository's gate.
    ///
    /// A review that waits for an approval does so in the data directory. A CI job without --data has no such place, so
    /// with on it withholds. Whoever may change the command decides this, not the repository's settings.
    #[arg(long, value_enum, value_name = "EFFECT", requires = "publish")]
    pub gate: Option<Gate>,
    /// Output format and exit status.
    #[command(flatten)]
    pub print: PrintArgs,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// The effect of the gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Gate {
    /// The review, or only these findings, wait for an approval: `gate.mode` in .holdfast.yml (the default).
    On,
    /// They are withheld from the pull request, and the rest is published at once.
    Withhold,
    /// Everything is published at once.
    Off,
}

/// `holdfast setup`.
#[derive(Debug, Args)]
pub struct SetupArgs {
    /// Address by which people and GitHub reach this deployment: https://HOST. Not needed with --stack, which stores the
    /// App's secrets in the stack.
    #[arg(long, value_name = "URL", env = "HOLDFAST_PUBLIC_URL")]
    pub public_url: Option<String>,
    /// Name of the App, unique on GitHub.
    #[arg(long, value_name = "NAME", default_value = "Holdfast")]
    pub name: String,
    /// Organisation that owns the App. Default: the account that is signed in to GitHub.
    #[arg(long, value_name = "LOGIN")]
    pub organization: Option<String>,
    /// Address and port of the page that the browser opens, on this machine only. Port 0 chooses a free port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

impl SetupArgs {
    /// Returns the options of the setup.
    pub fn options<'a>(&'a self, stack: Option<&'a str>) -> SetupOptions<'a> {
        SetupOptions {
            public_url: self.public_url.as_deref(),
            stack,
            name: &self.name,
            organization: self.organization.as_deref(),
            listen: self.listen,
            data: self.data.place(),
            notify: output::print_to_stderr,
        }
    }
}

/// `holdfast serve`.
#[derive(Debug, Args)]
pub struct ServeArgs {
    /// Address and port to listen on. Behind a tunnel or a reverse proxy, set HOLDFAST_PUBLIC_URL to the public address.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
    /// Also serve the AWS Step Functions API at this address, on this machine only: it has no authentication. The reviews
    /// are the executions of the state machine `review`.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub step_functions: Option<SocketAddr>,
    /// Create a new sign-in address for the console, and end all sessions.
    #[arg(long)]
    pub new_console_key: bool,
    /// The form of the log.
    #[command(flatten)]
    pub log: LogArgs,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

impl ServeArgs {
    /// Returns the options of the server.
    pub fn options(&self) -> ServeOptions {
        ServeOptions {
            listen: self.listen,
            step_functions: self.step_functions,
            new_console_key: self.new_console_key,
            data: self.data.place(),
            notify: self.log.notify(),
            version: env!("BUILD_VERSION"),
        }
    }
}

/// `holdfast engine`.
#[derive(Debug, Args)]
pub struct EngineArgs {
    /// Address and port of the API, on this machine only: it has no authentication. Port 0 chooses a free port.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8083")]
    pub listen: SocketAddr,
    /// Address of the Lambda API. Default: AWS_ENDPOINT_URL_LAMBDA or AWS_ENDPOINT_URL, otherwise AWS.
    #[arg(long, value_name = "URL")]
    pub lambda: Option<Url>,
    /// Address of the S3 API, for the objects of ItemReader and ResultWriter. Default: AWS_ENDPOINT_URL_S3 or
    /// AWS_ENDPOINT_URL, otherwise AWS.
    #[arg(long, value_name = "URL")]
    pub s3: Option<Url>,
    /// The form of the log.
    #[command(flatten)]
    pub log: LogArgs,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast runs`.
#[derive(Debug, Args)]
pub struct RunsArgs {
    /// Output format.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast doctor`.
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Output format.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
}

/// `holdfast show`.
#[derive(Debug, Args)]
pub struct ShowArgs {
    /// Name of the run, or an unambiguous beginning of it; holdfast runs lists the names.
    pub run: String,
    /// Output format.
    #[arg(long, value_enum, default_value_t = ShowFormat::Text)]
    pub format: ShowFormat,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast approve` and `holdfast cancel`.
#[derive(Debug, Args)]
pub struct DecideArgs {
    /// Name of the run, or an unambiguous beginning of it; holdfast runs lists the names.
    pub run: String,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast reject`.
#[derive(Debug, Args)]
pub struct RejectArgs {
    /// Reason, shown in the check's summary.
    #[arg(long, value_name = "TEXT")]
    pub reason: String,
    /// The run, and the place of the data directory.
    #[command(flatten)]
    pub decide: DecideArgs,
}

/// `holdfast redrive`.
#[derive(Debug, Args)]
pub struct RedriveArgs {
    /// Name of the run, or an unambiguous beginning of it; holdfast runs lists the names.
    pub run: String,
    /// Output format and exit status.
    #[command(flatten)]
    pub print: PrintArgs,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast audit`.
#[derive(Debug, Args)]
pub struct AuditArgs {
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast sweep`.
#[derive(Debug, Args)]
pub struct SweepArgs {
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast replay`.
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Name of the run, or an unambiguous beginning of it; holdfast runs lists the names.
    pub run: String,
    /// First state to run with this program's code; earlier states return their recorded results. Default: the start.
    #[arg(long, value_name = "STATE")]
    pub from: Option<String>,
    /// Output format.
    #[arg(long, value_enum, default_value_t = ListFormat::Text)]
    pub format: ListFormat,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast check`.
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// File to check. With the settings, the rules in the folder .holdfast-rules beside them are checked and run on their
    /// examples.
    #[arg(default_value = ".holdfast.yml")]
    pub file: PathBuf,
}

/// `holdfast backup`.
#[derive(Debug, Args)]
pub struct BackupArgs {
    /// Directory of the copy: new, or empty.
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
    /// The place of the data directory.
    #[command(flatten)]
    pub data: DataArgs,
}

/// `holdfast completions`.
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// The shell.
    pub shell: Shell,
}

/// `holdfast man`.
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Directory of the pages. It is created if it is missing.
    #[arg(value_name = "DIR")]
    pub to: PathBuf,
}

/// The output format of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Text for a terminal.
    Text,
    /// One JSON document.
    Json,
}

/// The output format of one run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShowFormat {
    /// Text for a terminal.
    Text,
    /// One JSON document.
    Json,
    /// The state machine's picture with the run's path on it.
    Svg,
}
