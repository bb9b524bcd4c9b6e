//! The port to artifacts: everything that can grow. States carry keys, never contents.

use async_trait::async_trait;

/// The store failed.
#[derive(Debug, thiserror::Error)]
#[error("artifact {key}: {detail}")]
pub struct StoreError {
    /// The artifact's key.
    pub key: String,
    /// What failed, and where.
    pub detail: String,
}

/// Stores artifacts by key. Writing the same key again replaces the artifact, whole or not at all.
#[async_trait]
pub trait StoreArtifact: Send + Sync {
    /// Writes an artifact; durable when it returns.
    ///
    /// # Errors
    ///
    /// The store is full, can't be reached or refuses the artifact.
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError>;
    /// Reads an artifact; `None` where the key has none.
    ///
    /// # Errors
    ///
    /// The store can't be reached.
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError>;
}
