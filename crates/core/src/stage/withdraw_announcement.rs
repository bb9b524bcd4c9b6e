//! WithdrawAnnouncement: the undo of OpenReview. Without it the state of a run in progress and the open check would stay
//! on the pull request. A run that failed shows that in place of its state.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::announcement::{self, StateAfter};
use crate::artifact::find_run;
use crate::claim;
use crate::error::StageError;
use crate::model::failure::{Failure, is_shown, is_superseded};
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::port::{KeepRows, PublishReview, StoreArtifact};
use crate::render::RunEnd;
use crate::retry::{self, RetrySettings};

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: RunName,
    /// The execution's input: known even if the first state failed before it stored the run.
    #[serde(default)]
    pub started_with: Value,
    /// The name of the error that ended the review.
    pub error: String,
}

/// The answer to the workflow.
#[derive(Debug, Serialize)]
pub struct Output {
    /// True if the run publishes, so that there was something to undo.
    pub withdrawn: bool,
}

/// Records whether the run is retried by itself, then undoes its effects as [`clean_up`](super::clean_up) does.
///
/// # Errors
/// GitHub, the table or the store fails.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn withdraw_announcement(
    input: &Input,
    retries: &RetrySettings,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    if let Some(awaits) = Failure::of_reason(&input.error).outage_of()
        && let Some(run) = find_run(&input.run, &input.started_with, store).await?
    {
        retry::record(rows, &run, awaits, retries).await?;
    }
    withdraw(input, None, publish, rows, store).await
}

/// Closes the run's claim, so that the run can't write any more; then deletes the draft, closes the check, and replaces
/// the run's state with the reason of its failure. A superseded or cancelled run shows none: the newer run has a state of
/// its own, and the person who cancelled it knows. A missing effect counts as undone. A submitted review stays, and the
/// check's text mentions it.
///
/// # Errors
/// GitHub, the table or the store fails.
pub(super) async fn withdraw(
    input: &Input,
    cancelled_by: Option<&str>,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    claim::close(rows, &input.run).await?;
    if !is_shown(&input.error) {
        retry::forget(rows, &input.run).await?;
    }
    let run = find_run(&input.run, &input.started_with, store).await?;
    let run = run.filter(|run| run.publish);
    if let Some(run) = &run {
        let end = RunEnd {
            error: &input.error,
            cancelled_by,
            retried_until_ms: retry::find(rows, &input.run).await?.map(|retry| retry.until_ms),
        };
        match is_shown(&input.error) && may_show(run, rows, store).await? {
            true => announcement::withdraw_failed(run, &end, publish, rows, store).await?,
            false => {
                let state = match is_superseded(&input.error) {
                    true => StateAfter::EarlierFailure,
                    false => StateAfter::Deleted,
                };
                announcement::withdraw(run, &end, state, publish, store).await?;
                if state == StateAfter::Deleted
                    && let Some(before) = claim::before(rows, &input.run).await?
                {
                    announcement::withdraw_earlier_failure(run, &before, publish, store).await?;
                }
            }
        }
    }
    claim::note_undone(rows, &input.run).await?;
    Ok(Output {
        withdrawn: run.is_some(),
    })
}

/// Returns whether the summary comment is this run's to write: no newer run has the pull request.
async fn may_show(run: &Run, rows: &dyn KeepRows, store: &dyn StoreArtifact) -> Result<bool, StageError> {
    let mut ended = claim::holder(rows, &run.target).await?;
    if let Some(holder) = &ended
        && announcement::is_in_progress(holder, rows, store).await?
    {
        ended = None;
    }
    claim::take_failed(rows, &run.target, &run.run, ended.as_ref()).await
}
