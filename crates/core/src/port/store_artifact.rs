//! Artifacts: everything that can grow. States carry keys, never contents.

use async_trait::async_trait;

/// The store failed.
#[derive(Debug, thiserror::Error)]
#[error("artifact {key}: {detail}")]
pub struct StoreError {
    /// The artifact's key.
    pub key: String,
    /// What went wrong, and where.
    pub detail: String,
}

/// Keeps artifacts by key. Writing the same key again replaces it, whole or not at all.
#[async_trait]
pub trait StoreArtifact: Send + Sync {
    /// Writes; durable when it returns. Errors: the store is full, unreachable or refuses.
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError>;
    /// Reads; `None` where there is nothing at that key.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
}
