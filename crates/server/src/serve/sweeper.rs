//! The server's periodic work: the sweep, which retries undo actions and deliveries that failed, and the retry of reviews
//! that an outage or a limit ended.

use std::sync::Arc;
use std::time::Duration;

use super::App;
use holdfast_ops::metrics::table;
use holdfast_ops::{redrive, sweep};

/// Delay of the first sweep, so that open runs resume first.
const FIRST_AFTER: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_mins(15);
/// The time between two looks for reviews to retry. A look without any reads one list of the table.
const RETRY_EVERY: Duration = Duration::from_secs(15);

/// Sweeps periodically until the task is aborted.
pub async fn sweep_periodically(app: Arc<App>) {
    let mut pause = FIRST_AFTER;
    loop {
        tokio::time::sleep(pause).await;
        pause = EVERY;
        match sweep::in_engine(&app.data, &app.opened).await {
            Ok(summary) => {
                let swept = summary.swept;
                for run in &swept.cleaned {
                    tracing::info!(run = run.as_str(), "cleaned up after a run");
                }
                for run in &swept.delivered {
                    tracing::info!(run = run.as_str(), "delivered a decision");
                }
                for left in &swept.left {
                    tracing::error!(left, "still needs cleaning; the next sweep retries");
                }
            }
            Err(failure) => tracing::error!(%failure, "the sweep failed"),
        }
    }
}

/// Retries reviews whose outage is over, until the task is aborted.
pub async fn retry_periodically(app: Arc<App>) {
    let mut pause = FIRST_AFTER;
    loop {
        tokio::time::sleep(pause).await;
        pause = RETRY_EVERY;
        match redrive::start_due(&app.opened, app.pulls.as_ref()).await {
            Ok(redriven) => {
                for run in &redriven.started {
                    app.opened.metrics.increment(&table::RUNS_RETRIED, &[]);
                    tracing::info!(
                        run = run.as_str(),
                        "retries a review that an outage or a limit had ended"
                    );
                }
                for left in &redriven.left {
                    tracing::warn!(left, "a review is not retried yet");
                }
            }
            Err(failure) => tracing::error!(%failure, "no review can be retried now"),
        }
    }
}
