//! The stored change: a header (`change.json`: target, title, authors, the list of files with their counts) and the
//! patches in chunks of consecutive files (`patches/0001.json`…). Lists and pages read the header only; a stage that
//! needs patches reads their chunks.

use std::collections::BTreeSet;
use std::ops::Range;

use futures::StreamExt;
use serde::{Deserialize, Serialize};

use crate::model::change::{Change, ChangedFile};
use crate::model::error_name::ErrorName;
use crate::model::finding::Finding;
use crate::model::key;
use crate::model::run::PAYLOAD_VERSION;
use crate::model::run_name::RunName;
use crate::port::{FILES_PER_READ, StoreArtifact};

use super::{AT_ONCE, StageError, find_artifact, read_artifact, write_artifact};

/// The maximum number of files in a chunk: GatherContext reads their texts together.
pub const MAX_CHUNK_FILES: usize = FILES_PER_READ;
/// A chunk ends with the file whose patch takes it over this size, in bytes.
const MAX_CHUNK_BYTES: usize = 512 * 1024;

/// The header, and the sizes of the chunks of patches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StoredChange {
    /// The payload version; 1 where it isn't named.
    #[serde(default = "first_version")]
    version: u32,
    /// The header: files without their patches. In version 1 the patches are in it.
    #[serde(flatten)]
    pub header: Change,
    /// The number of files in each chunk, in order. Empty in version 1.
    #[serde(default)]
    chunks: Vec<usize>,
}

/// The patches of consecutive files.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PatchChunk {
    /// One entry for each file.
    files: Vec<FilePatch>,
}

/// The fields of a file that the header leaves out.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct FilePatch {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patch: Option<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    secrets: Vec<Finding>,
}

const fn first_version() -> u32 {
    1
}

impl StoredChange {
    /// Returns the indices of each chunk's files.
    pub fn chunks(&self) -> Vec<Range<usize>> {
        let total = self.header.files.len();
        if self.version < 2 {
            let starts = (0..total).step_by(MAX_CHUNK_FILES);
            return starts.map(|start| start..total.min(start + MAX_CHUNK_FILES)).collect();
        }
        let mut next = 0;
        let ranges = self.chunks.iter().map(|files| {
            let start = next;
            next += files;
            start..next
        });
        ranges.collect()
    }

    /// Returns the number of stored chunks of patches; 0 in version 1.
    pub fn stored_chunks(&self) -> usize {
        if self.version < 2 { 0 } else { self.chunks.len() }
    }

    /// Reads the files of a chunk, with their patches.
    ///
    /// # Errors
    /// There is no such chunk, or it doesn't fit the header; the store fails.
    pub async fn read_files(
        &self,
        run: &RunName,
        chunk: usize,
        store: &dyn StoreArtifact,
    ) -> Result<Vec<ChangedFile>, StageError> {
        let range = self.chunks().get(chunk).cloned().unwrap_or_default();
        let files = self.header.files.get(range).unwrap_or_default();
        if self.version < 2 {
            return Ok(files.to_vec());
        }
        let key = key::patches(run, chunk);
        let patches: PatchChunk = read_artifact(store, &key).await?;
        let fits = files.len() == patches.files.len()
            && files
                .iter()
                .zip(&patches.files)
                .all(|(file, patch)| file.path == patch.path);
        if !fits || files.is_empty() {
            let message =
                format!("artifact {key} doesn't fit the list of files in change.json: start the review again");
            return Err(StageError::new(ErrorName::PayloadInvalid, message));
        }
        let whole = files.iter().zip(patches.files).map(|(file, stored)| ChangedFile {
            patch: stored.patch,
            secrets: stored.secrets,
            ..file.clone()
        });
        Ok(whole.collect())
    }
}

/// Stores a change and returns its header. The header is written last, so its presence means that all chunks are there.
///
/// # Errors
/// The store fails.
pub async fn write_change(
    run: &RunName,
    change: &Change,
    store: &dyn StoreArtifact,
) -> Result<StoredChange, StageError> {
    let chunks = chunk_sizes(&change.files);
    let mut start = 0;
    let mut writes = Vec::new();
    for (number, size) in chunks.iter().enumerate() {
        let files = change.files.get(start..start + size).unwrap_or_default();
        start += size;
        writes.push(write_chunk(run, number, files, store));
    }
    let mut writes = futures::stream::iter(writes).buffer_unordered(AT_ONCE);
    while let Some(written) = writes.next().await {
        written?;
    }
    let files = change.files.iter().map(|file| ChangedFile {
        path: file.path.clone(),
        previous_path: file.previous_path.clone(),
        omitted: file.omitted.clone(),
        patch: None,
        secrets: Vec::new(),
        ..*file
    });
    let stored = StoredChange {
        version: PAYLOAD_VERSION,
        header: Change {
            files: files.collect(),
            base: change.base.clone(),
            base_tip: change.base_tip.clone(),
            head: change.head.clone(),
            title: change.title.clone(),
            description: change.description.clone(),
            author: change.author.clone(),
            url: change.url.clone(),
            is_branch_here: change.is_branch_here,
            files_total: change.files_total,
            notes: change.notes.clone(),
        },
        chunks,
    };
    write_artifact(store, &key::change(run), &stored).await?;
    Ok(stored)
}

async fn write_chunk(
    run: &RunName,
    number: usize,
    files: &[ChangedFile],
    store: &dyn StoreArtifact,
) -> Result<(), StageError> {
    let patches = files.iter().map(|file| FilePatch {
        path: file.path.clone(),
        patch: file.patch.clone(),
        secrets: file.secrets.clone(),
    });
    let chunk = PatchChunk {
        files: patches.collect(),
    };
    write_artifact(store, &key::patches(run, number), &chunk).await
}

/// Returns the number of files in each chunk.
fn chunk_sizes(files: &[ChangedFile]) -> Vec<usize> {
    let mut sizes = Vec::new();
    let (mut count, mut bytes) = (0, 0);
    for file in files {
        count += 1;
        bytes += file.patch.as_ref().map_or(0, String::len);
        if count == MAX_CHUNK_FILES || bytes > MAX_CHUNK_BYTES {
            sizes.push(count);
            (count, bytes) = (0, 0);
        }
    }
    if count > 0 {
        sizes.push(count);
    }
    sizes
}

/// Returns the failure of a stage that finds no change.
pub(super) fn missing_change(run: &RunName) -> StageError {
    let key = key::change(run);
    StageError::new(
        ErrorName::ArtifactMissing,
        format!("artifact {key} is missing: an earlier state wrote it, and it was removed"),
    )
}

/// Reads a run's change without patches (a run of version 1 has them in it).
///
/// # Errors
/// It isn't there or has another shape; the store fails.
pub async fn read_change(run: &RunName, store: &dyn StoreArtifact) -> Result<StoredChange, StageError> {
    read_artifact(store, &key::change(run)).await
}

/// Reads a run's change with the patches of these files only; `None` where the run has no change yet.
///
/// # Errors
/// An artifact has another shape or is missing; the store fails.
pub async fn find_change_of(
    run: &RunName,
    paths: &BTreeSet<&str>,
    store: &dyn StoreArtifact,
) -> Result<Option<Change>, StageError> {
    find_with_patches(run, |file| paths.contains(file.path.as_str()), store).await
}

/// Reads a run's whole change, with every patch; `None` where the run has no change yet.
///
/// # Errors
/// An artifact has another shape or is missing; the store fails.
pub async fn find_whole_change(run: &RunName, store: &dyn StoreArtifact) -> Result<Option<Change>, StageError> {
    find_with_patches(run, |_| true, store).await
}

/// Reads a run's change and the chunks of the wanted files: only these files get their patches.
async fn find_with_patches(
    run: &RunName,
    is_wanted: impl Fn(&ChangedFile) -> bool,
    store: &dyn StoreArtifact,
) -> Result<Option<Change>, StageError> {
    let Some(mut stored) = find_artifact::<StoredChange>(store, &key::change(run)).await? else {
        return Ok(None);
    };
    let files_of = |range: &Range<usize>| stored.header.files.get(range.clone()).unwrap_or_default();
    let mut chunks = stored.chunks().into_iter().enumerate().collect::<Vec<_>>();
    chunks.retain(|(_, range)| files_of(range).iter().any(&is_wanted));
    let reads: Vec<_> = chunks
        .iter()
        .map(|(chunk, _)| stored.read_files(run, *chunk, store))
        .collect();
    let read: Vec<_> = futures::stream::iter(reads).buffered(AT_ONCE).collect().await;
    for ((_, range), whole) in chunks.into_iter().zip(read) {
        for (file, whole) in stored.header.files.iter_mut().skip(range.start).zip(whole?) {
            if is_wanted(file) {
                *file = whole;
            }
        }
    }
    Ok(Some(stored.header))
}
