//! What a newer run does with the one that had the pull request before it: stops it, undoes what it announced, and has its
//! record say so. The result of a run that came to its end stays.

use serde_json::Value;

use crate::model::error_name::ErrorName;
use crate::port::{FailedRun, KeepRows, PublishReview, StopRun, StoreArtifact};
use crate::sweep::clean_up;

use super::StageError;

/// Ends the run `before` in favour of `run`, whose claim is taken: `before` writes no more from then on. Done twice, there
/// is one effect. Errors: what the engine, writing, the table and the store say.
pub(super) async fn supersede(
    before: &str,
    run: &str,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    runs: &dyn StopRun,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let superseded = FailedRun {
        run: before.to_owned(),
        // It has left its record: only who did so takes a claim.
        started_with: Value::Null,
        error: ErrorName::RunSuperseded.to_string(),
        cause: Some(format!("run {run} has taken over")),
    };
    let cause = superseded.cause.as_deref().unwrap_or_default();
    runs.stop_run(before, ErrorName::RunSuperseded, cause).await?;
    clean_up(&superseded, publish, rows, store).await
}
