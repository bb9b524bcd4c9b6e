//! Takes a pull request over from an older run: stops that run, undoes its announcement, and writes the reason to its
//! report. A run that finished keeps its result.

use serde_json::Value;

use crate::model::error_name::ErrorName;
use crate::model::run_name::RunName;
use crate::port::{FailedRun, KeepRows, PublishReview, StopRun, StoreArtifact};

use super::StageError;
use super::clean_up::end;

/// Ends the run `before` in favour of `run`. `run` holds the claim already, so `before` can't write any more. Repeating
/// it changes nothing.
///
/// # Errors
/// The engine, GitHub, the table or the store fails.
pub(super) async fn supersede(
    before: &RunName,
    run: &RunName,
    publish: &dyn PublishReview,
    rows: &dyn KeepRows,
    runs: &dyn StopRun,
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let error = ErrorName::RunSuperseded;
    let cause = format!("run {run} has replaced this one");
    // The input is null: `before` had a claim, and a run stores its record before it takes one.
    let superseded = FailedRun::ended(before.clone(), Value::Null, error, cause);
    end(&superseded, error, runs, publish, rows, store).await
}
