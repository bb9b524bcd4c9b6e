//! WithdrawAnnouncement: the undo of OpenReview: neither its comment nor its check must stand for ever.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::claim;
use crate::model::error_name::ErrorName;
use crate::model::failure::Failure;
use crate::model::key;
use crate::model::run::Run;
use crate::port::{CheckConclusion, CheckOutcome, KeepRows, PublishReview, StoreArtifact};

use super::StageError;
use crate::artifact::find_artifact;
use super::publish_review::settle;

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
        undo(run, &input.error, publish, store).await?;
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

/// Undoes what `open_review` and an unfinished `publish_review` of a run have left on the pull request. Errors: what writing
/// and the store say.
pub(super) async fn undo(
    run: &Run,
    error: &str,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let is_published = publish.withdraw(&run.target, &run.run).await?;
    let why = Failure::of_reason(error).sentence();
    let (title, summary) = if is_published {
        (
            "The review was published without its summary",
            format!("It ended after the review was published: {why}."),
        )
    } else {
        (
            "The review could not be completed",
            format!("It ended: {why}. Nothing was published. Push again or ask for a new review."),
        )
    };
    let outcome = CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title: title.to_owned(),
        summary,
        annotations: Vec::new(),
    };
    publish.close_checks(&run.target, &run.run, &outcome).await?;
    if is_published {
        // Others have seen it: it is the run's result.
        settle(&run.run, true, store).await?;
    }
    Ok(())
}

/// After what the fence said: a run that was superseded undoes what it has written since it asked before. Whoever took over
/// has stopped it, so that no other state of it does, and may have looked before this was there. Errors: what the fence said;
/// what writing and the store say.
pub(super) async fn undo_if_superseded(
    held: Result<(), StageError>,
    run: &Run,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    if let Err(StageError { name, .. }) = &held
        && *name == ErrorName::RunSuperseded
    {
        undo(run, name.as_str(), publish, store).await?;
    }
    held
}
