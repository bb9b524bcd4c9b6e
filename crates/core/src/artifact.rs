//! Artifacts as JSON documents.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::model::error_name::ErrorName;
use crate::port::StoreArtifact;

use crate::error::StageError;

/// Reads a document that an earlier state wrote. Errors: the store fails, nothing is there, another shape.
pub async fn read_artifact<T: DeserializeOwned>(store: &dyn StoreArtifact, key: &str) -> Result<T, StageError> {
    find_artifact(store, key).await?.ok_or_else(|| {
        StageError::new(
            ErrorName::ArtifactMissing,
            format!("artifact {key} is not there: an earlier state wrote it and something removed it"),
        )
    })
}

/// Reads a document that may not be there.
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
pub async fn write_artifact<T: Serialize + Sync>(
    store: &dyn StoreArtifact,
    key: &str,
    value: &T,
) -> Result<(), StageError> {
    let bytes = serde_json::to_vec(value)
        .map_err(|error| StageError::new(ErrorName::PayloadInvalid, format!("artifact {key}: {error}")))?;
    Ok(store.put(key, &bytes).await?)
}
