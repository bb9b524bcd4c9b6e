//! Git work trees, through gix: finds the commits of a review, and reads the change between them. Never writes.
//!
//! A repository may be a stranger's. `budget` bounds its size, depth and time, and it is read on threads that are
//! abandoned after a time limit.

mod base;
mod budget;
mod change;
mod object;
mod open;
mod path;
mod remote;
mod rename;
mod resolve;
mod tracked;
mod tree_diff;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{ReadChange, ReadError, RootEntry};

use budget::Limits;
use holdfast_bounded::{GivenUp, Threads};

pub use remote::origin_page;
pub use resolve::{Ends, ResolvedTarget, resolve_target};
pub use tracked::{tracked_file, work_tree_root};

/// Maximum size of a file that is read as a whole, in bytes.
const MAX_BLOB_BYTES: u64 = 1024 * 1024;
/// Time limit of one call. A repository that takes longer has a file that blocks, or is on a drive that doesn't answer.
/// The limit is longer than that of a change, which ends by itself with the files that it has read.
const MAX_REPOSITORY_TIME: Duration = Duration::from_mins(2);
/// Maximum number of repositories that are read at the same time.
const THREADS: usize = 16;

static POOL: LazyLock<Threads> = LazyLock::new(|| Threads::new(THREADS));

/// Reads changes of work trees on this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct GitReadChange;

impl GitReadChange {
    /// Needs no setup: the target names its path.
    pub const fn new() -> Self {
        Self
    }
}

#[async_trait]
impl ReadChange for GitReadChange {
    async fn read_change(&self, target: &Target) -> Result<Change, ReadError> {
        let (path, base, head) = ends(target)?;
        bounded(path, move |path| {
            change::read_change(&open::open(path)?, &base, &head, Limits::default())
        })
        .await
    }

    async fn read_file(&self, target: &Target, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        let (work_tree, _, _) = ends(target)?;
        let (path, at) = (path.to_owned(), at.clone());
        bounded(work_tree, move |work_tree| {
            Ok(change::read_files(&open::open(work_tree)?, &[path], &at)?
                .pop()
                .flatten())
        })
        .await
    }

    async fn read_files(
        &self,
        target: &Target,
        paths: &[&str],
        at: &CommitSha,
    ) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        let (work_tree, _, _) = ends(target)?;
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let at = at.clone();
        bounded(work_tree, move |work_tree| {
            change::read_files(&open::open(work_tree)?, &paths, &at)
        })
        .await
    }

    async fn read_root(&self, target: &Target, at: &CommitSha) -> Result<Option<Vec<RootEntry>>, ReadError> {
        let (work_tree, _, _) = ends(target)?;
        let at = at.clone();
        bounded(work_tree, move |work_tree| {
            change::read_root(&open::open(work_tree)?, &at).map(Some)
        })
        .await
    }

    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError> {
        ends(target).map(|(_, _, head)| head)
    }
}

fn ends(target: &Target) -> Result<(PathBuf, CommitSha, CommitSha), ReadError> {
    match target {
        Target::WorkTree { path, base, head } => Ok((path.into(), base.clone(), head.clone())),
        Target::PullRequest { .. } => Err(ReadError::Repository("a pull request is not a work tree".to_owned())),
    }
}

/// Runs `work`, which reads from disk, off the async threads and within a time limit.
async fn bounded<T: Send + 'static>(
    path: PathBuf,
    work: impl FnOnce(&Path) -> Result<T, ReadError> + Send + 'static,
) -> Result<T, ReadError> {
    let place = path.clone();
    POOL.run(MAX_REPOSITORY_TIME, move || work(&place))
        .await
        .unwrap_or_else(|problem| Err(gave_up(&path, problem)))
}

/// Returns the error of a repository that gave no answer.
fn gave_up(path: &Path, problem: GivenUp) -> ReadError {
    ReadError::Repository(match problem {
        GivenUp::TimeUp => format!(
            "{} did not answer within {} s: a file in its .git folder may be a pipe, or lie on a drive that does not \
             answer",
            path.display(),
            MAX_REPOSITORY_TIME.as_secs()
        ),
        GivenUp::Broken => format!("reading {} broke off: git fsck", path.display()),
    })
}

#[cfg(test)]
mod hostile_tests;
