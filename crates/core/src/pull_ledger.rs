//! The stored ledger of a pull request: one row names the newest version, an artifact that never changes. Only the run
//! that holds the claim writes it, after its review was published.

use serde::{Deserialize, Serialize};

use crate::artifact::{find_artifact, write_artifact};
use crate::error::StageError;
use crate::ledger::Ledger;
use crate::model::change::Target;
use crate::model::key;
use crate::model::run_name::RunName;
use crate::port::{KeepRows, StoreArtifact};
use crate::rows::{self, Update};

/// The row of a pull request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRow {
    /// The number of the newest ledger, from 1.
    pub number: u64,
    /// Its artifact.
    pub key: String,
    /// The run that wrote it.
    pub run: RunName,
    /// Whether it is the run's second one, after a decision about the part that waited.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub is_decided_part: bool,
}

/// Returns the newest ledger; an empty one if there is none, or if its artifact is past its retention.
///
/// # Errors
/// The table or the store fails; a later version of Holdfast wrote the ledger.
pub async fn read(rows: &dyn KeepRows, store: &dyn StoreArtifact, target: &Target) -> Result<Ledger, StageError> {
    let Some(stored) = rows::find::<PullRow>(rows, &row_key(target)).await? else {
        return Ok(Ledger::default());
    };
    let ledger = find_artifact(store, &stored.value.key).await?;
    Ok(ledger.unwrap_or_default())
}

/// Stores a run's ledger as the newest one: after the publication, and once more after a decision about the part that
/// waited. A repeated call changes nothing.
///
/// # Errors
/// The table or the store fails.
pub async fn write(
    rows: &dyn KeepRows,
    store: &dyn StoreArtifact,
    target: &Target,
    run: &RunName,
    is_decided_part: bool,
    ledger: &Ledger,
) -> Result<(), StageError> {
    rows::update(rows, &row_key(target), |found: Option<PullRow>| async move {
        let mut ledger = ledger.clone();
        let number = match found {
            Some(row) if row.run == *run && row.is_decided_part >= is_decided_part => return Ok(Update::Keep(())),
            Some(row) => {
                if row.run == *run
                    && let Some(first_part) = find_artifact::<Ledger>(store, &row.key).await?
                {
                    ledger.add_comments_of(&first_part);
                }
                row.number + 1
            }
            None => 1,
        };
        let key = key::ledger(target, number, run);
        write_artifact(store, &key, &ledger).await?;
        let row = PullRow {
            number,
            key,
            run: run.clone(),
            is_decided_part,
        };
        Ok::<_, StageError>(Update::Write(row, ()))
    })
    .await
}

fn row_key(target: &Target) -> String {
    format!("pull/{}", target.place())
}
