//! Artifacts as files below one directory: the key `a/b/c` is the file `ROOT/a/b/c`.

use std::path::PathBuf;

use async_trait::async_trait;
use holdfast_core::port::{StoreArtifact, StoreError};

use holdfast_storage::file;

/// Longest key, in bytes: what S3 takes, so that a key never fits here alone.
const KEY_BYTES: usize = 1024;

/// Longest part of a key, in bytes: what file systems take.
const PART_BYTES: usize = 255;

/// Keeps artifacts below a directory. Files are 0600, new directories 0700.
#[derive(Clone, Debug)]
pub struct FilesStoreArtifact {
    root: PathBuf,
}

impl FilesStoreArtifact {
    /// A store below `root`, which is made with the first artifact.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// The file of a key. Errors: the key would leave the root, or cannot be a file's name.
    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        check_key(key).map_err(|detail| StoreError {
            key: key.escape_debug().to_string(),
            detail: detail.to_owned(),
        })?;
        Ok(self.root.join(key))
    }

    /// File systems block, and a slow one must not stop the others.
    async fn blocking<T: Send + 'static>(
        &self,
        key: &str,
        work: impl FnOnce(PathBuf) -> Result<T, file::FileError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let path = self.path(key)?;
        let fail = |detail: String| StoreError {
            key: key.to_owned(),
            detail,
        };
        let done = tokio::task::spawn_blocking(move || work(path)).await;
        done.map_err(|error| fail(format!("the file's task ended early: {error}")))?
            .map_err(|error| fail(error.to_string()))
    }
}

/// A part that begins with a dot is refused as a whole: that is where `..` and files being written are.
fn check_key(key: &str) -> Result<(), &'static str> {
    if key.is_empty() || key.len() > KEY_BYTES {
        return Err("a key has 1 to 1,024 bytes");
    }
    if key.chars().any(|c| c.is_control() || c == '\\' || c == ':') {
        return Err("a key holds no control character, backslash or colon");
    }
    for part in key.split('/') {
        if part.is_empty() {
            return Err("a key neither begins nor ends with a slash, nor has two together");
        }
        if part.starts_with('.') {
            return Err("no part of a key begins with a dot");
        }
        if part.len() > PART_BYTES {
            return Err("each part of a key has at most 255 bytes");
        }
    }
    Ok(())
}

#[async_trait]
impl StoreArtifact for FilesStoreArtifact {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        let bytes = bytes.to_vec();
        self.blocking(key, move |path| file::write(&path, &bytes)).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.blocking(key, |path| file::read(&path)).await
    }
}
