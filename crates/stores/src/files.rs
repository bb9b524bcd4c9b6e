//! Artifacts as files below one directory: the key `a/b/c` is the file `ROOT/a/b/c`.

use std::path::PathBuf;

use async_trait::async_trait;
use holdfast_core::port::{StoreArtifact, StoreError};

use holdfast_storage::file;

/// Maximum length of a key, in bytes: S3's limit, so that every key that fits here fits there.
const MAX_KEY_BYTES: usize = 1024;

/// Maximum length of a part of a key, in bytes: the limit of file systems.
const MAX_PART_BYTES: usize = 255;

/// Stores artifacts below a directory. Files have the mode 0600, new directories 0700.
#[derive(Clone, Debug)]
pub struct FilesStoreArtifact {
    root: PathBuf,
}

impl FilesStoreArtifact {
    /// Uses `root`, which the first write creates.
    pub fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Returns the file of a key. Fails if the key points outside of the root, or is not a valid file name.
    fn path(&self, key: &str) -> Result<PathBuf, StoreError> {
        check_key(key).map_err(|detail| StoreError {
            key: key.escape_debug().to_string(),
            detail: detail.to_owned(),
        })?;
        Ok(self.root.join(key))
    }

    /// Runs `work` off the async threads: a slow file system must not block other tasks.
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

/// Checks a key. No part may begin with a dot: this excludes `..` and the temporary files of writes.
fn check_key(key: &str) -> Result<(), &'static str> {
    if key.is_empty() || key.len() > MAX_KEY_BYTES {
        return Err("a key has 1 to 1,024 bytes");
    }
    if key.chars().any(|c| c.is_control() || c == '\\' || c == ':') {
        return Err("a key has no control character, backslash or colon");
    }
    for part in key.split('/') {
        if part.is_empty() {
            return Err("a key neither begins nor ends with a slash, and has no two slashes in a row");
        }
        if part.starts_with('.') {
            return Err("no part of a key begins with a dot");
        }
        if part.len() > MAX_PART_BYTES {
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
