//! Git work trees, through gix: which commits a review is of, and the change between them. Never writes.

mod change;
mod patch;
mod resolve;
mod tracked;

use async_trait::async_trait;
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{ReadChange, ReadError, RootEntry};

pub use resolve::resolve_target;
pub use tracked::{tracked_file, work_tree_root};

/// Largest blob that is shown, in bytes, on either side.
const BLOB_MOST: u64 = 1024 * 1024;

/// Reads changes of work trees on this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct GitReadChange;

impl GitReadChange {
    /// There is nothing to set up: the target names its path.
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl ReadChange for GitReadChange {
    async fn read_change(&self, target: &Target) -> Result<Change, ReadError> {
        let (path, base, head) = ends(target)?;
        blocking(move || change::read_change(&resolve::open(&path)?, &base, &head)).await
    }

    async fn read_file(&self, target: &Target, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        let (work_tree, _, _) = ends(target)?;
        let (path, at) = (path.to_owned(), at.clone());
        blocking(move || change::read_file(&resolve::open(&work_tree)?, &path, &at)).await
    }

    async fn read_root(&self, target: &Target, at: &CommitSha) -> Result<Option<Vec<RootEntry>>, ReadError> {
        let (work_tree, _, _) = ends(target)?;
        let at = at.clone();
        blocking(move || change::read_root(&resolve::open(&work_tree)?, &at).map(Some)).await
    }

    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError> {
        ends(target).map(|(_, _, head)| head)
    }
}

fn ends(target: &Target) -> Result<(std::path::PathBuf, CommitSha, CommitSha), ReadError> {
    match target {
        Target::WorkTree { path, base, head } => Ok((path.into(), base.clone(), head.clone())),
        Target::PullRequest { .. } => Err(ReadError::Repository("a pull request is not a work tree".to_owned())),
    }
}

/// Git's objects are read from disk: off the async threads.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(ReadError::Repository(format!(
            "reading the repository broke off: {error}"
        )))
    })
}
