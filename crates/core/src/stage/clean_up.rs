//! Ends a run from outside its workflow, and undoes its effects in the same way as the workflow.

use crate::announcement;
use crate::artifact::find_run;
use crate::claim;
use crate::error::StageError;
use crate::model::error_name::ErrorName;
use crate::port::{FailedRun, KeepRows, PublishReview, StopRun, StoreArtifact};
use crate::retry;

use super::report_failure::{self, report_failure};
use super::withdraw_announcement::{self, withdraw};

/// Stops a run if it is still in flight, and undoes its effects. A repeated call changes nothing.
///
/// # Errors
/// The engine, GitHub, the table or the store fails.
pub async fn end(
    run: &FailedRun,
    error: ErrorName,
    stop: &dyn StopRun,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    stop.stop_run(&run.run, error, run.cause.as_deref().unwrap_or_default())
        .await?;
    // Who ends a run doesn't want its retry either. What is settled isn't cleaned up, and may show the retry.
    if error != ErrorName::RunSuperseded
        && retry::find(rows, &run.run).await?.is_some()
        && announcement::is_settled(&run.run, store).await?
        && let Some(ended) = find_run(&run.run, &run.started_with, store).await?
    {
        announcement::end_retry(&ended, publish, rows, store).await?;
    }
    retry::forget(rows, &run.run).await?;
    clean_up(run, publish, rows, store).await
}

/// Undoes a run's effects in the same way as the workflow, and writes the reason to its report. A run that finished
/// keeps its result.
///
/// # Errors
/// GitHub, the table or the store fails.
pub async fn clean_up(
    run: &FailedRun,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    if announcement::is_settled(&run.run, store).await? {
        return claim::note_undone(rows, &run.run).await;
    }
    let input = withdraw_announcement::Input {
        run: run.run.clone(),
        started_with: run.started_with.clone(),
        error: run.error.clone(),
    };
    withdraw(&input, run.cause.as_deref(), publish, rows, store).await?;
    let input = report_failure::Input {
        run: run.run.clone(),
        started_with: run.started_with.clone(),
        error: run.error.clone(),
        cause: run.cause.clone(),
    };
    report_failure(&input, store).await?;
    Ok(())
}
