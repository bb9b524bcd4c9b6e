//! `holdfast sweep`: cleans up after runs that ended without undoing their effects.

use std::fmt::Write;

use crate::cli::SweepArgs;
use crate::exit::Exit;
use crate::output;
use holdfast_ops::deployment::Deployment;
use holdfast_ops::failure::Failure;
use holdfast_ops::machine;
use holdfast_ops::sweep::{self, SweepSummary};

/// Runs the command.
///
/// # Errors
/// A run still needs cleaning; the data can't be read.
pub async fn run(args: &SweepArgs) -> Result<Exit, Failure> {
    let settings = machine::read_settings()?;
    let place = args.data.place();
    let mut summary = SweepSummary::default();
    for directory in place.existing()? {
        place.note(&directory, "sweeping");
        summary.add(sweep::on_machine(&directory.path, &settings).await?);
    }
    print(&summary)
}

/// Runs the command on a deployment.
///
/// # Errors
/// A run still needs cleaning; the data can't be read.
pub async fn run_on(deployment: &dyn Deployment) -> Result<Exit, Failure> {
    print(&sweep::on_deployment(deployment).await?)
}

fn print(summary: &SweepSummary) -> Result<Exit, Failure> {
    output::print(&text(summary)).map_err(Failure::incomplete)?;
    match summary.swept.left.is_empty() {
        true => Ok(Exit::Clean),
        false => Err(Failure::incomplete(summary.swept.left.join("\n"))),
    }
}

fn text(summary: &SweepSummary) -> String {
    let swept = &summary.swept;
    let mut text = String::new();
    for run in &swept.delivered {
        let _infallible = writeln!(text, "{run}: decision delivered");
    }
    for run in &swept.cleaned {
        let _infallible = writeln!(text, "{run}: cleaned");
    }
    if swept.redelivered > 0 {
        let _infallible = writeln!(
            text,
            "missed webhook deliveries requested from GitHub again: {}",
            swept.redelivered
        );
    }
    if summary.deleted_rows > 0 {
        let _infallible = writeln!(text, "expired rows deleted: {}", summary.deleted_rows);
    }
    if text.is_empty() && swept.left.is_empty() {
        text.push_str("Nothing needs cleaning.\n");
    }
    text
}
