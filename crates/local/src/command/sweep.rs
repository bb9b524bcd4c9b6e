//! `holdfast sweep`: cleans up after runs that ended without undoing what they did, tells the workflow decisions that it
//! does not know, and forgets old rows.

use std::fmt::Write;
use std::path::Path;

use holdfast_core::sweep::{Ports, Swept, sweep};

use crate::cli::SweepArgs;
use crate::deployment::Deployment;
use crate::executions::ArchivedRuns;
use crate::failure::{Exit, Failure};
use crate::machine::{self, Opened};
use crate::output;
use crate::reach::Reach;

/// Runs the command. Errors: a run still needs cleaning; the data cannot be read.
pub async fn run(args: &SweepArgs) -> Result<Exit, Failure> {
    let settings = machine::read_settings()?;
    let (mut swept, mut forgotten) = (Swept::default(), 0);
    for directory in args.data.existing()? {
        directory.note("sweeping");
        let opened = machine::open(&directory.path, &settings, Reach::all()).await?;
        let found = sweep_once(&directory.path, &opened).await;
        opened.engine.shutdown().await;
        let (found, rows) = found?;
        swept.delivered.extend(found.delivered);
        swept.cleaned.extend(found.cleaned);
        swept.left.extend(found.left);
        swept.redelivered += found.redelivered;
        forgotten += rows;
    }
    end(&swept, forgotten)
}

/// The same on a deployment. AWS forgets its old rows.
pub async fn run_on(deployment: &Deployment) -> Result<Exit, Failure> {
    let github = deployment.github().await?;
    let ports = Ports {
        runs: &deployment.runs,
        tasks: &deployment.runs,
        deliveries: &github.deliveries,
        publish: &github.publish,
        rows: &deployment.rows,
        store: &deployment.store,
    };
    let swept = sweep(machine::now_ms(), ports).await.map_err(Failure::incomplete)?;
    end(&swept, 0)
}

fn end(swept: &Swept, forgotten: u64) -> Result<Exit, Failure> {
    output::print(&said(swept, forgotten)).map_err(Failure::incomplete)?;
    match swept.left.is_empty() {
        true => Ok(Exit::Clean),
        false => Err(Failure::incomplete(swept.left.join("\n"))),
    }
}

/// One sweep, and the rows that it forgot. Errors: the runs or the table cannot be read.
pub async fn sweep_once(data: &Path, opened: &Opened) -> Result<(Swept, u64), Failure> {
    let runs = ArchivedRuns {
        data: data.to_path_buf(),
    };
    let stages = &opened.stages;
    let ports = Ports {
        runs: &runs,
        tasks: opened.runs.as_ref(),
        deliveries: opened.deliveries.as_ref(),
        publish: stages.publish.as_ref(),
        rows: stages.rows.as_ref(),
        store: stages.store.as_ref(),
    };
    let swept = sweep(machine::now_ms(), ports).await.map_err(Failure::incomplete)?;
    let forgotten = opened.table.forget_old().await.map_err(Failure::incomplete)?;
    Ok((swept, forgotten))
}

fn said(swept: &Swept, forgotten: u64) -> String {
    let mut said = String::new();
    for run in &swept.delivered {
        let _infallible = writeln!(said, "{run}: decision delivered");
    }
    for run in &swept.cleaned {
        let _infallible = writeln!(said, "{run}: cleaned");
    }
    if swept.redelivered > 0 {
        let _infallible = writeln!(
            said,
            "GitHub was asked for {} missed deliveries again",
            swept.redelivered
        );
    }
    if forgotten > 0 {
        let _infallible = writeln!(said, "{forgotten} old rows forgotten");
    }
    if said.is_empty() && swept.left.is_empty() {
        said.push_str("Nothing needs cleaning.\n");
    }
    said
}
