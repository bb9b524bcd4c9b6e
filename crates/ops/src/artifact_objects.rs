//! The artifacts of a data directory as the engine's objects.

use std::path::Path;

use async_trait::async_trait;
use holdfast_core::port::StoreArtifact;
use holdfast_engine::{ObjectFailure, Objects};
use holdfast_stores::files::FilesStoreArtifact;

use crate::machine::{BUCKET, artifacts};

/// Returns the artifacts as the engine's objects, in one bucket.
pub fn artifact_objects(data: &Path) -> impl Objects + use<> {
    ArtifactObjects { store: artifacts(data) }
}

struct ArtifactObjects {
    store: FilesStoreArtifact,
}

#[async_trait]
impl Objects for ArtifactObjects {
    async fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ObjectFailure> {
        check_bucket(bucket)?;
        let found = self.store.get(key).await.map_err(|error| ObjectFailure {
            message: error.to_string(),
        })?;
        found.ok_or_else(|| ObjectFailure {
            message: format!("there is no object {key} in {bucket}"),
        })
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), ObjectFailure> {
        check_bucket(bucket)?;
        self.store.put(key, &bytes).await.map_err(|error| ObjectFailure {
            message: error.to_string(),
        })
    }
}

fn check_bucket(bucket: &str) -> Result<(), ObjectFailure> {
    if bucket == BUCKET {
        Ok(())
    } else {
        Err(ObjectFailure {
            message: format!("there is no bucket {bucket} on this machine, only {BUCKET}"),
        })
    }
}
