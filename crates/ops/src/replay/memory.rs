//! Artifacts in memory: those of the recorded run, and those that its replay writes. No diff and no prompt of a replay
//! is written to a disk.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use holdfast_core::port::{StoreArtifact, StoreError};
use serde::de::DeserializeOwned;

use crate::failure::Failure;
use holdfast_engine::{ObjectFailure, Objects};

/// The prefix of cached answers, which a replay doesn't store: they would hide a changed prompt.
const CACHE: &str = "cache/";

/// Artifacts by key.
#[derive(Debug, Default)]
pub struct MemoryStore {
    kept: Mutex<HashMap<String, Vec<u8>>>,
}

impl MemoryStore {
    /// Stores an artifact.
    pub fn insert(&self, key: &str, bytes: Vec<u8>) {
        self.lock().insert(key.to_owned(), bytes);
    }

    /// Returns an artifact's bytes.
    pub fn bytes(&self, key: &str) -> Option<Vec<u8>> {
        self.lock().get(key).cloned()
    }

    /// Reads a JSON artifact; `None` where there is none.
    ///
    /// # Errors
    /// It has another shape.
    pub fn document<T: DeserializeOwned>(&self, key: &str) -> Result<Option<T>, Failure> {
        let Some(bytes) = self.bytes(key) else { return Ok(None) };
        serde_json::from_slice(&bytes)
            .map(Some)
            .map_err(|error| Failure::incomplete(format!("artifact {key} is damaged: {error}")))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Vec<u8>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl StoreArtifact for MemoryStore {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        if !key.starts_with(CACHE) {
            self.insert(key, bytes.to_vec());
        }
        Ok(())
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.bytes(key))
    }
}

#[async_trait]
impl Objects for MemoryStore {
    async fn get(&self, _bucket: &str, key: &str) -> Result<Vec<u8>, ObjectFailure> {
        self.bytes(key).ok_or_else(|| ObjectFailure {
            message: format!("there is no object {key}"),
        })
    }

    async fn put(&self, _bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), ObjectFailure> {
        self.insert(key, bytes);
        Ok(())
    }
}
