//! WithdrawAnnouncement: the undo of OpenReview: neither its comment nor its check must stand for ever.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::claim;
use crate::model::key;
use crate::model::run::{Announcement, Run};
use crate::port::{CheckConclusion, CheckOutcome, KeepRows, PublishReview, StoreArtifact};

use super::StageError;
use super::artifact::find_artifact;

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
/// as undone. Errors: what writing, the table and the store say.
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
        let outcome = CheckOutcome {
            conclusion: CheckConclusion::Neutral,
            title: "The review could not be completed".to_owned(),
            summary: format!(
                "It ended with {}. Nothing was published. Push again or ask for a new review.",
                input.error
            ),
            annotations: Vec::new(),
        };
        undo(run, &outcome, publish, store).await?;
    }
    claim::note_undone(rows, &input.run).await?;
    Ok(Output {
        withdrawn: run.is_some(),
    })
}

/// The run as it was recorded, or as its execution was started.
pub(super) async fn find_run(
    run: &str,
    started_with: &Value,
    store: &dyn StoreArtifact,
) -> Result<Option<Run>, StageError> {
    let recorded = find_artifact(store, &key::run(run)).await?;
    Ok(recorded.or_else(|| Run::deserialize(started_with).ok().filter(|started| started.run == run)))
}

/// Undoes what `open_review` and an unfinished `publish_review` of a run have left on the pull request: the check ends with
/// `outcome`.
pub(super) async fn undo(
    run: &Run,
    outcome: &CheckOutcome,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    publish.withdraw(&run.target, &run.run).await?;
    let recorded: Option<Announcement> = find_artifact(store, &key::announcement(&run.run)).await?;
    let check = match recorded {
        Some(announcement) => announcement.check_run,
        // The state died between the effect and its record: opening again finds the open check by its external id.
        None => publish.open_check(&run.target, &run.run).await?,
    };
    if let Some(check) = check {
        publish.close_check(&run.target, check, outcome).await?;
    }
    Ok(())
}
