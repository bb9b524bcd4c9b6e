//! Git work trees, through gix: finds the ends of a review, takes a snapshot of uncommitted work, and reads the change
//! between the ends. Snapshots are written to the data directory. A review writes nothing to the repository; `edit`
//! replaces tracked files for `holdfast fix`.
//!
//! A repository may be a stranger's. `budget` bounds its size, depth and time, and it is read on threads that are
//! abandoned after a time limit.

mod base;
mod budget;
mod change;
mod edit;
mod ends;
mod environment;
mod limits;
mod names;
mod object;
mod open;
mod patch;
mod patch_fault;
mod patch_text;
mod path;
mod remote;
mod rename;
mod resolve;
mod revision;
mod scan;
mod selection;
mod snapshot;
mod tracked;
mod tree_diff;
mod wording;
mod worktree_file;

use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::model::change::{Change, Target};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{ReadChange, ReadError, RootEntry};

use budget::Limits;
use gix::Repository;
use holdfast_bounded::{GivenUp, Threads};
use snapshot::Remarks;

pub use edit::{Editable, NoEdit, Replacement, bytes_of_path, read_tracked, replace_tracked};
pub use names::tracked_names;
pub use remote::origin_page;
pub use resolve::{ResolvedTarget, resolve_target};
pub use selection::{Scope, Selection};
pub use snapshot::{are_snapshots_large, remove_snapshots};
pub use tracked::{tracked_file, work_tree_root};

/// Maximum size of a file that is read as a whole, in bytes.
const MAX_BLOB_BYTES: u64 = 1024 * 1024;
/// Time limit of one call. A repository that takes longer has a file that blocks, or is on a drive that doesn't answer.
/// The limit is longer than that of a change, which ends by itself with the files that it has read.
const MAX_REPOSITORY_TIME: Duration = Duration::from_mins(2);
/// Maximum number of repositories that are read at the same time.
const THREADS: usize = 16;

static POOL: LazyLock<Threads> = LazyLock::new(|| Threads::new(THREADS));

/// Maximum size of a patch to review, in bytes.
pub const MAX_PATCH_BYTES: usize = patch_text::MAX_PATCH_BYTES;

/// Reads changes of work trees on this machine.
#[derive(Clone, Debug, Default)]
pub struct GitReadChange {
    data: Option<PathBuf>,
}

impl GitReadChange {
    /// Reads commits only. The target names its path.
    pub const fn new() -> Self {
        Self { data: None }
    }

    /// Reads commits, and the snapshots of a data directory.
    pub const fn with_snapshots(data: PathBuf) -> Self {
        Self { data: Some(data) }
    }
}

/// Opens the repository that has a commit: the one at `path`, or that of its snapshots.
fn open_at(path: &Path, data: Option<&Path>, commit: &CommitSha) -> Result<(Repository, Remarks), ReadError> {
    let repository = open::open(path)?;
    let id = change::object_id(commit)?;
    if let Some(data) = data
        && !id.is_empty_tree()
        && !repository.has_object(id)
        && let Some(found) = snapshot::find(&revision::root_of(&repository)?, data, id)?
    {
        return Ok(found);
    }
    Ok((repository, Remarks::default()))
}

#[async_trait]
impl ReadChange for GitReadChange {
    async fn read_change(&self, target: &Target) -> Result<Change, ReadError> {
        let (path, base, head, only) = ends(target)?;
        let data = self.data.clone();
        bounded(path, move |path| {
            let (repository, remarks) = open_at(path, data.as_deref(), &head)?;
            let reviewed = change::Reviewed {
                base: &base,
                head: &head,
                only: &only,
                remarks: &remarks,
            };
            change::read_change(&repository, &reviewed, Limits::default())
        })
        .await
    }

    async fn read_file(&self, target: &Target, path: &str, at: &CommitSha) -> Result<Option<Vec<u8>>, ReadError> {
        Ok(self.read_files(target, &[path], at).await?.pop().flatten())
    }

    async fn read_files(
        &self,
        target: &Target,
        paths: &[&str],
        at: &CommitSha,
    ) -> Result<Vec<Option<Vec<u8>>>, ReadError> {
        let (work_tree, ..) = ends(target)?;
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let (data, at) = (self.data.clone(), at.clone());
        bounded(work_tree, move |work_tree| {
            change::read_files(&open_at(work_tree, data.as_deref(), &at)?.0, &paths, &at)
        })
        .await
    }

    async fn read_root(&self, target: &Target, at: &CommitSha) -> Result<Option<Vec<RootEntry>>, ReadError> {
        let (work_tree, ..) = ends(target)?;
        let (data, at) = (self.data.clone(), at.clone());
        bounded(work_tree, move |work_tree| {
            change::read_root(&open_at(work_tree, data.as_deref(), &at)?.0, &at).map(Some)
        })
        .await
    }

    async fn read_folder(
        &self,
        target: &Target,
        name: &str,
        at: &CommitSha,
    ) -> Result<Option<Vec<RootEntry>>, ReadError> {
        let (work_tree, ..) = ends(target)?;
        let (data, at, name) = (self.data.clone(), at.clone(), name.to_owned());
        bounded(work_tree, move |work_tree| {
            change::read_folder(&open_at(work_tree, data.as_deref(), &at)?.0, &name, &at).map(Some)
        })
        .await
    }

    async fn current_head(&self, target: &Target) -> Result<CommitSha, ReadError> {
        ends(target).map(|(_, _, head, _)| head)
    }
}

type Ends = (PathBuf, CommitSha, CommitSha, Vec<String>);

fn ends(target: &Target) -> Result<Ends, ReadError> {
    match target {
        Target::WorkTree { path, base, head, only } => Ok((path.into(), base.clone(), head.clone(), only.clone())),
        Target::PullRequest { .. } => Err(revision::fail("a pull request is not a work tree".to_owned())),
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
#[cfg(test)]
mod memory_tests;
