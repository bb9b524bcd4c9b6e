//! `holdfast sweep`: cleans up after runs that ended without undoing what they did, tells the workflow decisions that it
//! does not know, and forgets old rows.

use std::fmt::Write;
use std::path::Path;

use holdfast_core::approval::deliver_all;
use holdfast_core::stage::StageError;
use holdfast_core::sweep::sweep;

use crate::cli::SweepArgs;
use crate::executions::ArchivedRuns;
use crate::failure::{Exit, Failure};
use crate::machine::{self, Opened};
use crate::output;

/// How far back deliveries are looked at: GitHub sends none again that is older than three days.
const REDELIVERED_MS: i64 = 3 * 86_400_000;

/// Runs the command. Errors: a run still needs cleaning; the data cannot be read.
pub async fn run(args: &SweepArgs) -> Result<Exit, Failure> {
    let data = args.data.data.as_path();
    let settings = machine::read_settings()?;
    let opened = machine::open(data, &settings).await?;
    let swept = sweep_once(data, &opened).await;
    opened.engine.shutdown().await;
    let swept = swept?;
    output::print(&swept.said()).map_err(Failure::incomplete)?;
    match swept.left.is_empty() {
        true => Ok(Exit::Clean),
        false => Err(Failure::incomplete(swept.left.join("\n"))),
    }
}

/// What one sweep did, and what it could not do.
#[derive(Debug, Default)]
pub struct Swept {
    /// Runs that were cleaned.
    pub cleaned: Vec<String>,
    /// Runs whose decision was delivered.
    pub delivered: Vec<String>,
    /// Deliveries that GitHub was asked for again.
    pub redelivered: u64,
    /// Rows that were forgotten.
    pub forgotten: u64,
    /// One line for each thing that is left for the next sweep.
    pub left: Vec<String>,
}

/// One sweep. Errors: the runs or the table cannot be read.
pub async fn sweep_once(data: &Path, opened: &Opened) -> Result<Swept, Failure> {
    let runs = ArchivedRuns {
        data: data.to_path_buf(),
    };
    let stages = &opened.stages;
    let (publish, rows, store) = (stages.publish.as_ref(), stages.rows.as_ref(), stages.store.as_ref());
    let mut swept = Swept::default();
    for (run, failure) in deliver_all(rows, opened.runs.as_ref())
        .await
        .map_err(Failure::incomplete)?
    {
        match failure {
            None => swept.delivered.push(run),
            Some(failure) => swept
                .left
                .push(format!("run {run} does not know its decision: {failure}")),
        }
    }
    for cleaned in sweep(&runs, publish, rows, store).await.map_err(Failure::incomplete)? {
        match cleaned.failure {
            None => swept.cleaned.push(cleaned.run),
            Some(failure) => swept.left.push(still_needs_cleaning(&cleaned.run, &failure)),
        }
    }
    let since_ms = machine::now_ms() - REDELIVERED_MS;
    match opened.deliveries.redeliver_failed(since_ms).await {
        Ok(redelivered) => swept.redelivered = redelivered,
        Err(error) => swept.left.push(format!("missed deliveries of webhooks: {error}")),
    }
    swept.forgotten = opened.table.forget_old().await.map_err(Failure::incomplete)?;
    Ok(swept)
}

fn still_needs_cleaning(run: &str, failure: &StageError) -> String {
    format!("run {run} still needs cleaning: {failure}")
}

impl Swept {
    fn said(&self) -> String {
        let mut said = String::new();
        for run in &self.delivered {
            let _infallible = writeln!(said, "{run}: decision delivered");
        }
        for run in &self.cleaned {
            let _infallible = writeln!(said, "{run}: cleaned");
        }
        if self.redelivered > 0 {
            let _infallible = writeln!(
                said,
                "GitHub was asked for {} missed deliveries again",
                self.redelivered
            );
        }
        if self.forgotten > 0 {
            let _infallible = writeln!(said, "{} old rows forgotten", self.forgotten);
        }
        if said.is_empty() && self.left.is_empty() {
            said.push_str("Nothing needs cleaning.\n");
        }
        said
    }
}
