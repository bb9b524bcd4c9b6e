//! What a newer run does with the one that had the pull request before it: stops it, undoes what it announced, and has its
//! record say so. The result of a run that came to its end stays.

use serde_json::Value;

use crate::model::error_name::ErrorName;
use crate::port::{FailedRun, KeepRows, PublishReview, StopRun, StoreArtifact};

use super::StageError;
use super::clean_up::end;

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
    let error = ErrorName::RunSuperseded;
    let cause = format!("run {run} has taken over");
    // The input is null: it has left its record, as only who did so takes a claim.
    let superseded = FailedRun::ended(before, Value::Null, error, cause);
    end(&superseded, error, runs, publish, rows, store).await
}
