//! The sweeper beside the server: now and then, everything that was left is tried again.

use std::sync::Arc;
use std::time::Duration;

use super::App;
use holdfast_ops::sweep;

/// How long after the start, so that the open runs are under way.
const FIRST_AFTER: Duration = Duration::from_secs(5);
const EVERY: Duration = Duration::from_mins(15);

/// Sweeps until it is aborted.
pub async fn sweep_for_ever(app: Arc<App>) {
    let mut pause = FIRST_AFTER;
    loop {
        tokio::time::sleep(pause).await;
        pause = EVERY;
        match sweep::in_engine(&app.data, &app.opened).await {
            Ok(summary) => {
                let swept = summary.swept;
                for run in &swept.cleaned {
                    tracing::info!(run, "cleaned up after a run");
                }
                for run in &swept.delivered {
                    tracing::info!(run, "delivered a decision");
                }
                for left in &swept.left {
                    tracing::error!(left, "left for the next sweep");
                }
            }
            Err(failure) => tracing::error!(%failure, "the sweep failed"),
        }
    }
}
