//! OpenReview: records the run, reads the change once, and announces the review on the pull request. The announcement
//! and its undo are in [`crate::announcement`].

use serde::{Deserialize, Serialize};

use crate::announcement;
use crate::claim;
use crate::identity;
use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::run::{OLDEST_PAYLOAD_VERSION, PAYLOAD_VERSION, Run};
use crate::model::run_name::RunName;
use crate::port::{KeepRows, PublishReview, ReadChange, StopRun, StoreArtifact};

use super::run_header::write_header;
use super::supersede::supersede;
use super::{StageError, write_artifact, write_change};

/// The execution's input.
#[derive(Debug, Deserialize)]
pub struct Input {
    /// The run.
    pub run: Run,
}

/// The values for the next states.
#[derive(Debug, Serialize)]
pub struct Output {
    /// The run's name.
    pub run: RunName,
    /// The number of changed files.
    pub files: u64,
}

/// Reads the change. When publishing, also claims the pull request, ends the run that had it before, and announces the
/// review. A repeated call finds the effects of the first one.
///
/// # Errors
/// The payload has an unknown version; the head or the base moved; a newer run has taken over; GitHub, the table or the
/// store fails.
#[tracing::instrument(skip_all, fields(run = %input.run.run))]
pub async fn open_review(
    input: &Input,
    read: &dyn ReadChange,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    runs: &dyn StopRun,
    store: &dyn StoreArtifact,
) -> Result<Output, StageError> {
    let run = &input.run;
    if !(OLDEST_PAYLOAD_VERSION..=PAYLOAD_VERSION).contains(&run.version) {
        let message = format!(
            "run {}: payload version {} is not one that this program reads ({OLDEST_PAYLOAD_VERSION} to {PAYLOAD_VERSION})",
            run.run, run.version
        );
        return Err(StageError::new(ErrorName::PayloadInvalid, message));
    }
    if run.publish {
        claim::check_open(rows, &run.run).await?;
    }
    write_artifact(store, &key::run(&run.run), run).await?;
    let change = read.read_change(&run.target).await?;
    claim::check_head(&run.target, &change.head)?;
    identity::check_change(&run.target, &change)?;
    let change = write_change(&run.run, &change, store).await?.header;
    write_header(&run.run, &change, store).await?;
    if run.publish {
        if let Some(before) = claim::take(rows, read, &run.target, &run.run).await?.before {
            supersede(&before, &run.run, publish, rows, runs, store).await?;
        }
        announcement::announce(run, change.files_total, publish, rows, store).await?;
    }
    Ok(Output {
        run: run.run.clone(),
        files: change.files_total,
    })
}
