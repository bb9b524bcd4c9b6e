//! Detects runs whose artifacts are missing: they were deleted, or a copy of the data directory lacks them.

use holdfast_asl::{EventKind, HistoryEvent};
use holdfast_core::model::key;
use holdfast_core::model::run_name::RunName;
use holdfast_core::port::StoreArtifact;
use holdfast_core::stage::state;

use crate::failure::Failure;

/// Fails if a run's artifacts are missing: its history shows that they were stored.
///
/// # Errors
/// They are missing, or can't be read.
pub async fn check_artifacts(
    run: &RunName,
    history: &[HistoryEvent],
    place: &str,
    store: &dyn StoreArtifact,
) -> Result<(), Failure> {
    let is_opened = history
        .iter()
        .any(|event| matches!(&event.kind, EventKind::StateExited { name, .. } if name == state::OPEN_REVIEW));
    if !is_opened {
        return Ok(());
    }
    for key in [key::run(run), key::change(run), key::report(run)] {
        if store.get(&key).await.map_err(Failure::incomplete)?.is_some() {
            return Ok(());
        }
    }
    Err(lost_artifacts(&format!("run {run}"), place))
}

/// Returns the failure of a command that needs the artifacts of `what`, a run or runs, which are missing in `place`.
pub fn lost_artifacts(what: &str, place: &str) -> Failure {
    Failure::incomplete(format!(
        "the artifacts of {what} are missing in {place}: they were deleted, or a copy lacks the folder artifacts. Copy all \
         of the original, or use holdfast backup"
    ))
}
