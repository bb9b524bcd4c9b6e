//! Artifacts as JSON documents.

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::model::error_name::ErrorName;
use crate::model::key;
use crate::model::run::Run;
use crate::model::run_name::RunName;
use crate::port::StoreArtifact;

use crate::error::StageError;

/// Reads a document that an earlier state wrote.
///
/// # Errors
///
/// The store fails; the document is missing or has another shape.
pub async fn read_artifact<T: DeserializeOwned>(store: &dyn StoreArtifact, key: &str) -> Result<T, StageError> {
    find_artifact(store, key).await?.ok_or_else(|| {
        StageError::new(
            ErrorName::ArtifactMissing,
            format!("artifact {key} is missing: an earlier state wrote it, and it was removed"),
        )
    })
}

/// Reads a document that may be missing.
///
/// # Errors
///
/// The store fails; the document has another shape.
pub async fn find_artifact<T: DeserializeOwned>(store: &dyn StoreArtifact, key: &str) -> Result<Option<T>, StageError> {
    let Some(bytes) = store.get(key).await? else {
        return Ok(None);
    };
    serde_json::from_slice(&bytes).map(Some).map_err(|error| {
        StageError::new(
            ErrorName::PayloadInvalid,
            format!("artifact {key} has another shape: {error}"),
        )
    })
}

/// Writes a document.
///
/// # Errors
///
/// The store fails; the value can't be written as JSON.
pub async fn write_artifact<T: Serialize + Sync>(
    store: &dyn StoreArtifact,
    key: &str,
    value: &T,
) -> Result<(), StageError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| StageError::new(ErrorName::PayloadInvalid, format!("artifact {key}: {error}")))?;
    Ok(store.put(key, &bytes).await?)
}

/// Returns the stored run, or else the execution's input.
///
/// # Errors
///
/// The store fails; the stored run or the input has another shape.
pub async fn find_run(
    run: &RunName,
    started_with: &Value,
    store: &dyn StoreArtifact,
) -> Result<Option<Run>, StageError> {
    let recorded = find_artifact(store, &key::run(run)).await?;
    Ok(recorded.or_else(|| {
        Run::deserialize(started_with)
            .ok()
            .filter(|started| started.run == *run)
    }))
}
