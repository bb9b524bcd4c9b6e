//! WithdrawAnnouncement: the undo of OpenReview: neither its comment nor its check must stand for ever.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::announcement;
use crate::artifact::find_run;
use crate::claim;
use crate::error::StageError;
use crate::port::{KeepRows, PublishReview, StoreArtifact};

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: String,
    /// The execution's input: known even where the first state failed before it left a record.
    #[serde(default)]
    pub started_with: Value,
    /// The name of the error that ended the review.
    pub error: String,
}

/// What was undone.
#[derive(Debug, Serialize)]
pub struct Output {
    /// Whether there was something to undo.
    pub withdrawn: bool,
}

/// Ends the run's right to write, then deletes the announcement and the draft and closes the check; what is not there counts
/// as undone. A review that was submitted stays, and the check says so. Errors: what writing, the table and the store say.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn withdraw_announcement(
    input: &Input,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    claim::close(rows, &input.run).await?;
    let run = find_run(&input.run, &input.started_with, store).await?;
    let run = run.filter(|run| run.publish);
    if let Some(run) = &run {
        announcement::withdraw(run, &input.error, publish, store).await?;
    }
    claim::note_undone(rows, &input.run).await?;
    Ok(Output {
        withdrawn: run.is_some(),
    })
}
