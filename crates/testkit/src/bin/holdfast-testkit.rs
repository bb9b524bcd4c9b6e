//! The fakes as programs, for manual tests: a model server, and a GitHub with one pull request.

use clap::{Parser, Subcommand};
use holdfast_testkit::github::FakeGithubOptions;
use holdfast_testkit::model_server::ModelServerOptions;
use holdfast_testkit::{FakeGithub, ModelServer, PullRequest, Script};
use std::error::Error;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

/// Fake a model provider or GitHub on loopback, until the program is stopped.
#[derive(Parser)]
#[command(name = "holdfast-testkit", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// A model provider: POST /v1/messages and POST /v1/chat/completions.
    Model {
        /// The address; port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// The script of its answers.
        #[arg(long, value_name = "NAME", default_value = "valid", value_parser = Script::NAMES)]
        script: String,
        /// The delay before each answer, in milliseconds.
        #[arg(long, value_name = "N", default_value_t = 0)]
        latency_ms: u64,
        /// A file for its requests, as JSON lines; appended to.
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
    },
    /// GitHub's REST API with one pull request, taken from a git repository.
    Github {
        /// The address; port 0 takes a free one.
        #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
        listen: SocketAddr,
        /// A git repository on this machine.
        #[arg(long, value_name = "PATH")]
        repository: PathBuf,
        /// The base revision.
        #[arg(long, value_name = "REV")]
        base: String,
        /// The revision with the change.
        #[arg(long, value_name = "REV")]
        head: String,
        /// The repository's name on the fake.
        #[arg(long, value_name = "OWNER/NAME", value_parser = slug)]
        slug: String,
        /// The pull request's number.
        #[arg(long, value_name = "N")]
        pull_request: u64,
        /// A file for its requests, as JSON lines; appended to.
        #[arg(long, value_name = "FILE")]
        journal: Option<PathBuf>,
    },
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    match Arguments::parse().command {
        Command::Model {
            listen,
            script,
            latency_ms,
            journal,
        } => {
            let script = Script::named(&script).ok_or_else(|| format!("no script is named {script}"))?;
            let latency = Duration::from_millis(latency_ms);
            let options = ModelServerOptions {
                listen,
                latency,
                journal,
                ..ModelServerOptions::default()
            };
            let server = ModelServer::start_with(script, options)?;
            writeln!(out, "{}", server.url())?;
            wait(out)
        }
        Command::Github {
            listen,
            repository,
            base,
            head,
            slug,
            pull_request,
            journal,
        } => {
            let options = FakeGithubOptions {
                listen,
                journal,
                ..FakeGithubOptions::default()
            };
            let change = PullRequest::from_git(&repository, &base, &head, &slug, pull_request)?;
            let github = FakeGithub::start_with(options)?;
            github.add(change);
            writeln!(out, "{}", github.url())?;
            writeln!(out, "pull request: {}", github.pull_request_url(&slug, pull_request))?;
            writeln!(
                out,
                "tokens: {} {}",
                FakeGithub::USER_TOKEN,
                FakeGithub::INSTALLATION_TOKEN
            )?;
            wait(out)
        }
    }
}

fn slug(text: &str) -> Result<String, String> {
    let is_name = |name: &str| !name.is_empty() && !name.contains('/');
    match text.split_once('/') {
        Some((owner, name)) if is_name(owner) && is_name(name) => Ok(text.into()),
        _ => Err("must be OWNER/NAME".into()),
    }
}

/// Waits for the end of the process; the servers have their own threads.
fn wait(mut out: impl Write) -> Result<(), Box<dyn Error>> {
    out.flush()?;
    loop {
        std::thread::park();
    }
}
