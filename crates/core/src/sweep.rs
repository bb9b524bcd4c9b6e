//! Cleaning up after runs that ended without undoing what they did: the undo kept failing, the execution timed out or was
//! stopped from outside. And what else a sweep does: decisions and webhooks that did not arrive. What to undo is found in the
//! run's own records; done twice, there is one effect.

use crate::approval::deliver_all;
use crate::claim;
use crate::error::StageError;
use crate::port::{AnswerTask, KeepRows, ListFailedRuns, PublishReview, RedeliverWebhooks, StoreArtifact};

pub use crate::stage::clean_up::{clean_up, end};

use serde::Serialize;

/// Failed runs that one sweep looks at, the newest.
const MAX_RUNS: usize = 1_000;

/// How far back deliveries are looked at, in ms: GitHub sends none again that is older than three days.
const REDELIVERED_MS: i64 = 3 * 86_400_000;

/// What a sweep reaches.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Lists failed runs.
    pub runs: &'a dyn ListFailedRuns,
    /// Tells the workflow decisions.
    pub tasks: &'a dyn AnswerTask,
    /// Asks for webhooks again.
    pub deliveries: &'a dyn RedeliverWebhooks,
    /// Writes to pull requests.
    pub publish: &'a dyn PublishReview,
    /// Keeps claims and questions.
    pub rows: &'a dyn KeepRows,
    /// Keeps artifacts.
    pub store: &'a dyn StoreArtifact,
}

/// What one sweep did, and what it could not do.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Runs that were cleaned.
    pub cleaned: Vec<String>,
    /// Runs whose decision was delivered.
    pub delivered: Vec<String>,
    /// Deliveries that GitHub was asked for again.
    pub redelivered: u64,
    /// One line for each thing that is left for the next sweep.
    pub left: Vec<String>,
}

/// Tells the workflow decisions that it does not know, cleans up after every failed run that needs it, and asks for
/// webhooks that were not taken. One thing that cannot be done keeps none of the others waiting. Errors: the runs cannot
/// be listed, or the table not read.
pub async fn sweep(now_ms: i64, ports: Ports<'_>) -> Result<Swept, StageError> {
    let Ports {
        publish, rows, store, ..
    } = ports;
    let mut swept = Swept::default();
    for (run, failure) in deliver_all(rows, ports.tasks).await? {
        match failure {
            None => swept.delivered.push(run),
            Some(failure) => swept
                .left
                .push(format!("run {run} does not know its decision: {failure}")),
        }
    }
    for Cleaned { run, failure } in clean_all(ports.runs, publish, rows, store).await? {
        match failure {
            None => swept.cleaned.push(run),
            Some(failure) => swept.left.push(format!("run {run} still needs cleaning: {failure}")),
        }
    }
    match ports.deliveries.redeliver_failed(now_ms - REDELIVERED_MS).await {
        Ok(redelivered) => swept.redelivered = redelivered,
        Err(error) => swept.left.push(format!("missed deliveries of webhooks: {error}")),
    }
    Ok(swept)
}

/// What came of one run that needed cleaning.
#[derive(Debug)]
pub struct Cleaned {
    /// The run.
    pub run: String,
    /// Why it could not be cleaned; it is tried again by the next sweep.
    pub failure: Option<StageError>,
}

/// Cleans up after every failed run that needs it; one that cannot be cleaned keeps none of the others waiting. Errors: the
/// runs cannot be listed, or the table not read.
pub async fn clean_all(
    runs: &dyn ListFailedRuns,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<Vec<Cleaned>, StageError> {
    let mut cleaned = Vec::new();
    for run in runs.failed_runs(MAX_RUNS).await? {
        if !claim::needs_cleaning(rows, &run.run).await? {
            continue;
        }
        let name = run.run.clone();
        let cleaning = async {
            // Asked of those alone that need it: an engine may list thousands.
            let run = runs.detail(run).await?;
            clean_up(&run, publish, rows, store).await
        };
        let failure = cleaning.await.err();
        cleaned.push(Cleaned { run: name, failure });
    }
    Ok(cleaned)
}
