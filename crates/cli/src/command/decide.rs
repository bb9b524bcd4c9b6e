//! `holdfast approve` and `holdfast reject`.

use holdfast_core::model::approval::Verdict;
use holdfast_core::model::run_name::RunName;

use crate::cli::{DecideArgs, RejectArgs};
use crate::command::stop_signal::wait_for_signal;
use crate::exit::Exit;
use crate::output;
use holdfast_ops::decide::{self, Decided, Decision};
use holdfast_ops::deployment::Deployment;
use holdfast_ops::failure::Failure;

const APPROVED: Decision = Decision {
    verdict: Verdict::Approved,
    reason: None,
};

fn rejected(args: &RejectArgs) -> Result<Decision, Failure> {
    if args.reason.trim().is_empty() {
        return Err(Failure::usage(
            "--reason must not be empty: the check's summary shows it",
        ));
    }
    Ok(Decision {
        verdict: Verdict::Rejected,
        reason: Some(args.reason.clone()),
    })
}

/// Runs `holdfast approve`.
///
/// # Errors
/// The run waits for no decision, or the review fails afterwards.
pub async fn approve(args: &DecideArgs) -> Result<Exit, Failure> {
    here(args, APPROVED).await
}

/// Runs `holdfast reject`.
///
/// # Errors
/// The run waits for no decision, or the review fails afterwards.
pub async fn reject(args: &RejectArgs) -> Result<Exit, Failure> {
    let decision = rejected(args)?;
    here(&args.decide, decision).await
}

/// Runs `holdfast approve` on a deployment.
///
/// # Errors
/// The run waits for no decision, or the review fails afterwards.
pub async fn approve_on(deployment: &dyn Deployment, args: &DecideArgs) -> Result<Exit, Failure> {
    on(deployment, args, APPROVED).await
}

/// Runs `holdfast reject` on a deployment.
///
/// # Errors
/// The run waits for no decision, or the review fails afterwards.
pub async fn reject_on(deployment: &dyn Deployment, args: &RejectArgs) -> Result<Exit, Failure> {
    on(deployment, &args.decide, rejected(args)?).await
}

async fn here(args: &DecideArgs, decision: Decision) -> Result<Exit, Failure> {
    let (directory, name) = args.data.place().find_run(&args.run).await?;
    let verdict = decision.verdict;
    let decided = tokio::select! {
        decided = decide::on_machine(&directory.path, &name, user(), decision) => decided?,
        stopped = wait_for_signal() => {
            return Err(Failure::incomplete(format!(
                "{}: holdfast show {name} shows the run's state. If it still waits, decide again; if it is running, start \
                 holdfast serve or the same holdfast review to resume it",
                stopped?
            )));
        }
    };
    print(&name, "", verdict, decided)
}

async fn on(deployment: &dyn Deployment, args: &DecideArgs, decision: Decision) -> Result<Exit, Failure> {
    let verdict = decision.verdict;
    let (name, decided) = decide::on_deployment(deployment, &args.run, decision).await?;
    let option = format!(" --stack {}", deployment.name());
    print(&name, &option, verdict, decided)
}

fn print(name: &RunName, option: &str, verdict: Verdict, decided: Decided) -> Result<Exit, Failure> {
    let (line, failure) = match decided {
        Decided::Counted { have, needed } => (format!("{have} of {needed} approvals"), None),
        Decided::StillRunning => (
            format!(
                "{}; the review is still running: holdfast{option} show {name} shows its progress",
                verdict.as_str()
            ),
            None,
        ),
        Decided::Ended(record) => (record.status.as_str().to_owned(), record.failure),
    };
    output::print(&format!("{name}: {line}\n")).map_err(Failure::incomplete)?;
    match failure {
        Some(failure) => Err(Failure::incomplete(format!("run {name}: {failure}"))),
        None => Ok(Exit::Clean),
    }
}

/// Returns the operating system's name of the user at the terminal.
fn user() -> String {
    let named = ["USER", "LOGNAME", "USERNAME"]
        .iter()
        .filter_map(|name| std::env::var(name).ok())
        .find(|name| !name.trim().is_empty());
    named.unwrap_or_else(|| "somebody".to_owned()) + " (terminal)"
}
