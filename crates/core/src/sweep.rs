//! The sweep: undoes the effects of runs that ended without their own undo (it kept failing, the execution timed out or
//! was stopped from outside), and delivers decisions and webhooks that did not arrive. The run's own records have the
//! effects to undo. A repeated sweep has no second effect.

use crate::approval::{Undelivered, deliver_all};
use crate::claim;
use crate::error::StageError;
use crate::model::run_name::RunName;
use crate::port::{AnswerTask, Deadline, KeepRows, ListFailedRuns, PublishReview, RedeliverWebhooks, StoreArtifact};

pub use crate::stage::clean_up::{clean_up, end};

use serde::Serialize;

/// Maximum number of failed runs in one sweep, the newest.
pub const MAX_RUNS: usize = 1_000;

/// Maximum age of a delivery that is requested again, in ms: GitHub doesn't redeliver older ones.
const REDELIVERED_MS: i64 = 3 * 86_400_000;

/// The ports of a sweep.
#[derive(Clone, Copy)]
pub struct Ports<'a> {
    /// Lists failed runs.
    pub runs: &'a dyn ListFailedRuns,
    /// Delivers decisions to the workflow.
    pub tasks: &'a dyn AnswerTask,
    /// Requests webhooks again.
    pub deliveries: &'a dyn RedeliverWebhooks,
    /// Writes to pull requests.
    pub publish: &'a dyn PublishReview,
    /// Stores claims and questions.
    pub rows: &'a dyn KeepRows,
    /// Stores artifacts.
    pub store: &'a dyn StoreArtifact,
    /// Limits the time of the sweep.
    pub deadline: &'a dyn Deadline,
}

/// The result of a sweep.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Swept {
    /// Runs that were cleaned.
    pub cleaned: Vec<RunName>,
    /// Runs whose decision was delivered.
    pub delivered: Vec<RunName>,
    /// Number of deliveries requested again.
    pub redelivered: u64,
    /// One line for each task left for the next sweep.
    pub left: Vec<String>,
}

/// Delivers decisions that the workflow doesn't know, cleans up after every failed run that needs it, and requests
/// missed webhooks again. A failure of one doesn't stop the others. Once the deadline is over, the next sweep does the
/// rest.
///
/// # Errors
/// The runs can't be listed, or the table can't be read.
pub async fn sweep(now_ms: i64, ports: Ports<'_>) -> Result<Swept, StageError> {
    let Ports {
        publish,
        rows,
        store,
        deadline,
        ..
    } = ports;
    let mut swept = Swept::default();
    for delivered in deliver_all(rows, ports.tasks, deadline).await? {
        match delivered {
            Ok(run) => swept.delivered.push(run),
            Err(Undelivered { run, failure }) => swept
                .left
                .push(format!("run {run} does not know its decision: {failure}")),
        }
    }
    for Cleaned { run, failure } in clean_all(ports.runs, publish, rows, store, deadline).await? {
        match failure {
            None => swept.cleaned.push(run),
            Some(failure) => swept.left.push(format!("run {run} still needs cleaning: {failure}")),
        }
    }
    if deadline.is_over() {
        let rest = "the sweep's time ran out; the next sweep continues";
        swept.left.push(rest.to_owned());
        return Ok(swept);
    }
    match ports.deliveries.redeliver_failed(now_ms - REDELIVERED_MS).await {
        Ok(redelivered) => swept.redelivered = redelivered,
        Err(error) => swept.left.push(format!("missed deliveries of webhooks: {error}")),
    }
    Ok(swept)
}

/// The result of cleaning up after one run.
#[derive(Debug)]
pub struct Cleaned {
    /// The run.
    pub run: RunName,
    /// The reason why it failed; the next sweep retries it.
    pub failure: Option<StageError>,
}

/// Cleans up after every failed run that needs it. A failure of one doesn't stop the others. Stops when the deadline is
/// over.
///
/// # Errors
/// The runs can't be listed, or the table can't be read.
pub async fn clean_all(
    runs: &dyn ListFailedRuns,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
    deadline: &dyn Deadline,
) -> Result<Vec<Cleaned>, StageError> {
    let mut cleaned = Vec::new();
    for run in runs.failed_runs(MAX_RUNS).await? {
        if deadline.is_over() {
            break;
        }
        if !claim::needs_cleaning(rows, &run.run).await? {
            continue;
        }
        let name = run.run.clone();
        let cleaning = async {
            // Only runs that need it are read in detail: an engine may list thousands.
            let run = runs.detail(run).await?;
            clean_up(&run, publish, rows, store).await
        };
        let failure = cleaning.await.err();
        cleaned.push(Cleaned { run: name, failure });
    }
    Ok(cleaned)
}
