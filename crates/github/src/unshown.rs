//! Files whose content changed and for which GitHub gives no patch: large ones, those with NUL bytes, and texts that a
//! `.gitattributes` of the change calls binary. Both versions are read and compared here, so that no attribute hides a text
//! and secrets are found in what is not reviewed.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures::{TryStreamExt, stream};
use holdfast_core::diff::{Content, content_of, parse_patch, unified, without_nul};
use holdfast_core::filter::is_binary_by_design;
use holdfast_core::model::change::{ChangedFile, FileKind, FileStatus};
use holdfast_core::rule::secret_findings;

use super::classify::Trees;
use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::{BLOB_MOST, CONTENTS_READ, Place};

/// Maximum number of files of one change that are read for this.
const MAX_FILES: usize = 200;
/// Largest version that is read, in bytes.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// Bytes of all versions of one change together.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Files that are read at the same time.
const CONCURRENT_FILES: usize = 8;

/// Fills in what GitHub left out, within the bounds; what is over them keeps its reason and adds that it was not searched.
/// Returns the files whose patch is coarse. Fails where GitHub does, other than for a version that is not there.
pub(super) async fn fill(
    connection: &GithubConnection,
    place: Place<'_>,
    files: &mut [ChangedFile],
    trees: &Trees,
) -> Result<Vec<String>, Failure> {
    let spent = Arc::new(AtomicU64::new(0));
    let coarse = Mutex::new(Vec::new());
    let wanted: Vec<&mut ChangedFile> = files.iter_mut().filter(|file| is_unshown(file)).collect();
    stream::iter(wanted.into_iter().enumerate().map(Ok))
        .try_for_each_concurrent(CONCURRENT_FILES, |(index, file)| {
            let (spent, coarse) = (Arc::clone(&spent), &coarse);
            async move {
                let versions = if index < MAX_FILES {
                    read_versions(connection, place, file, trees, &spent).await?
                } else {
                    None
                };
                match versions {
                    Some((before, after)) => {
                        if compare(file, &before, &after) {
                            coarse
                                .lock()
                                .unwrap_or_else(PoisonError::into_inner)
                                .push(file.path.clone());
                        }
                    }
                    None => note(file, "too large to search for secrets"),
                }
                Ok(())
            }
        })
        .await?;
    let mut coarse = coarse.into_inner().unwrap_or_else(PoisonError::into_inner);
    coarse.sort();
    Ok(coarse)
}

fn is_unshown(file: &ChangedFile) -> bool {
    file.patch.is_none()
        && file.omitted.is_some()
        && file.status != FileStatus::Deleted
        && file.kind != FileKind::Submodule
        && !is_binary_by_design(&file.path)
}

/// Both versions; an absent one is empty. `None` where one is over a bound or not to be had.
async fn read_versions(
    connection: &GithubConnection,
    place: Place<'_>,
    file: &ChangedFile,
    trees: &Trees,
    spent: &AtomicU64,
) -> Result<Option<(Vec<u8>, Vec<u8>)>, Failure> {
    let old_path = file.previous_path.as_deref().unwrap_or(&file.path);
    let (old, new) = (trees.base.blob(old_path), trees.head.blob(&file.path));
    let Some(new) = new else {
        return Ok(None);
    };
    let old = old.filter(|_| file.status != FileStatus::Added);
    let sizes = [old.map_or(0, |(_, size)| size), new.1];
    let bytes = sizes.iter().sum();
    let is_over = sizes.iter().any(|size| *size > MAX_FILE_BYTES);
    if is_over || spent.fetch_add(bytes, Ordering::Relaxed).saturating_add(bytes) > MAX_BYTES {
        return Ok(None);
    }
    let before = match old {
        Some((blob, _)) => read_blob(connection, place, blob).await?,
        None => Some(Vec::new()),
    };
    Ok(before.zip(read_blob(connection, place, new.0).await?))
}

async fn read_blob(connection: &GithubConnection, place: Place<'_>, blob: &str) -> Result<Option<Vec<u8>>, Failure> {
    let most = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
    let call = connection.get_raw(&place.repository(&["git", "blobs", blob]), most, CONTENTS_READ);
    match connection.send(call).await {
        Ok(reply) => Ok(Some(reply.body)),
        Err(Failure {
            kind: Kind::NotFound | Kind::TooLong,
            ..
        }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

/// A text of ordinary size gets its patch and is reviewed. Of other texts only secrets are kept. Returns whether the patch
/// is coarse.
fn compare(file: &mut ChangedFile, before: &[u8], after: &[u8]) -> bool {
    let largest = before.len().max(after.len());
    let patch = match content_of(before, after) {
        Content::Binary => {
            file.kind = FileKind::Binary;
            return false;
        }
        Content::TextWithNul => {
            (file.kind, file.omitted) = (FileKind::Binary, Some("has NUL bytes".to_owned()));
            unified(&without_nul(before), &without_nul(after))
        }
        Content::Text => {
            if file.kind == FileKind::Binary {
                file.kind = FileKind::Text;
            }
            unified(before, after)
        }
    };
    (file.additions, file.deletions) = (patch.additions, patch.deletions);
    if file.kind == FileKind::Text && largest <= BLOB_MOST {
        file.omitted = None;
        file.patch = Some(patch.text).filter(|text| !text.is_empty());
        return patch.is_coarse;
    }
    if file.kind == FileKind::Text {
        file.omitted = Some(format!("too large to show: {largest} bytes"));
    }
    file.secrets = secret_findings(&file.path, &parse_patch(&patch.text).unwrap_or_default());
    false
}

fn note(file: &mut ChangedFile, what: &str) {
    if let Some(reason) = &mut file.omitted {
        reason.push_str("; ");
        reason.push_str(what);
    }
}
