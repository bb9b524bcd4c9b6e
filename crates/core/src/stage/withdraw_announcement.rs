//! WithdrawAnnouncement: the undo of OpenReview's check: it must not stand in progress for ever.

use serde::{Deserialize, Serialize};

use crate::model::key;
use crate::model::run::{Announcement, Run};
use crate::port::{CheckConclusion, CheckOutcome, PublishReview, StoreArtifact};

use super::StageError;
use super::artifact::find_artifact;

/// The run.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// Its name.
    pub run: String,
    /// The name of the error that ended the review.
    pub error: String,
}

/// What was undone.
#[derive(Debug, Serialize)]
pub struct Output {
    /// Whether there was something to undo.
    pub withdrawn: bool,
}

/// Closes the check, where one was opened. Errors: what writing and the store say.
#[tracing::instrument(skip_all, fields(run = %input.run))]
pub async fn withdraw_announcement(
    input: &Input,
    publish: &dyn PublishReview,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    let Some(run) = find_artifact::<Run>(store, &key::run(&input.run))
        .await?
        .filter(|run| run.publish)
    else {
        return Ok(Output { withdrawn: false });
    };
    let recorded: Option<Announcement> = find_artifact(store, &key::announcement(&input.run)).await?;
    let check = match recorded {
        Some(announcement) => announcement.check_run,
        // The state died between the effect and its record: opening again finds the open check by its external id.
        None => publish.open_check(&run.target, &run.run).await?,
    };
    let Some(check) = check else {
        return Ok(Output { withdrawn: false });
    };
    let outcome = CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title: "The review could not be completed".to_owned(),
        summary: format!(
            "It ended with {}. Nothing was published. Push again or ask for a new review.",
            input.error
        ),
        annotations: Vec::new(),
    };
    publish.close_check(&run.target, check, &outcome).await?;
    Ok(Output { withdrawn: true })
}
