//! The server's periodic sweep, which retries undo actions and deliveries that failed.

use std::sync::Arc;
use std::time::Duration;

use super::App;
use holdfast_ops::sweep;

/// Delay of the first sweep, so that open runs resume first.
const FIRST_AFTER: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_mins(15);

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
