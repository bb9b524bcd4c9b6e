//! Cleaning up after runs that ended without undoing what they did: the undo kept failing, the execution timed out or was
//! stopped from outside. What to undo is found in the run's own records; done twice, there is one effect.

use crate::claim;
use crate::model::key;
use crate::model::run::Announcement;
use crate::port::{FailedRun, KeepRows, ListFailedRuns, PublishReview, StoreArtifact};
use crate::stage::report_failure::{self, report_failure};
use crate::stage::withdraw_announcement::{self, withdraw_announcement};
use crate::stage::{StageError, find_artifact};

/// Failed runs that one sweep looks at, the newest.
const RUNS_MOST: usize = 1_000;

/// What came of one run that needed cleaning.
#[derive(Debug)]
pub struct Swept {
    /// The run.
    pub run: String,
    /// Why it could not be cleaned; it is tried again by the next sweep.
    pub failure: Option<StageError>,
}

/// Cleans up after every failed run that needs it; one that cannot be cleaned keeps none of the others waiting. Errors: the
/// runs cannot be listed, or the table not read.
pub async fn sweep(
    runs: &dyn ListFailedRuns,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<Vec<Swept>, StageError> {
    let mut swept = Vec::new();
    for run in runs.failed_runs(RUNS_MOST).await? {
        if !claim::needs_cleaning(rows, &run.run).await? {
            continue;
        }
        let failure = clean_up(&run, publish, rows, store).await.err();
        swept.push(Swept { run: run.run, failure });
    }
    Ok(swept)
}

/// Undoes what a run did, as the workflow does it, and has its record say why. The result of a run that came to its end
/// stays. Errors: what writing, the table and the store say.
pub async fn clean_up(
    run: &FailedRun,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let announced: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
    if announced.is_some_and(|announcement| announcement.settled) {
        return claim::note_undone(rows, &run.run).await;
    }
    let input = withdraw_announcement::Input {
        run: run.run.clone(),
        started_with: run.started_with.clone(),
        error: run.error.clone(),
    };
    withdraw_announcement(&input, publish, rows, store).await?;
    let input = report_failure::Input {
        run: run.run.clone(),
        started_with: run.started_with.clone(),
        error: run.error.clone(),
        cause: run.cause.clone(),
    };
    report_failure(&input, publish, store).await?;
    Ok(())
}
