//! Compares changed files for which GitHub gives no patch: large ones, those with NUL bytes, and texts that a
//! `.gitattributes` of the change calls binary. Both versions are read here, so that no attribute hides a text, and
//! secrets are found in files that aren't reviewed.

use futures::{StreamExt, TryStreamExt, stream};
use holdfast_core::content::fill_content;
use holdfast_core::filter::is_binary_by_design;
use holdfast_core::model::change::{ChangedFile, FileKind, FileStatus};

use super::blobs::{Wanted, read_blobs};
use super::classify::{Tree, Trees};
use super::connection::GithubConnection;
use super::failure::Failure;
use super::read::Place;

/// Maximum number of such files that are read in one change.
const MAX_FILES: usize = 200;
/// Maximum size of a version, in bytes.
const MAX_FILE_BYTES: u64 = 8 * 1024 * 1024;
/// Maximum size of all versions of one change together, in bytes.
const MAX_BYTES: u64 = 64 * 1024 * 1024;
/// Limits of one group of files: their number, and the bytes of all of them. A larger file is a group by itself.
const GROUP_FILES: usize = 25;
const GROUP_BYTES: u64 = 4 * 1024 * 1024;
/// Maximum number of groups in flight.
const CONCURRENT_GROUPS: usize = 4;

/// Both versions of a file; an added file has no base version.
struct Versions {
    old: Option<Wanted>,
    new: Wanted,
}

impl Versions {
    fn bytes(&self) -> u64 {
        let old = self.old.as_ref().and_then(|old| old.bytes).unwrap_or(0);
        old + self.new.bytes.unwrap_or(0)
    }
}

/// Adds the missing patches, within the limits. A file beyond them keeps its reason, and gets the reason why it wasn't
/// searched for secrets. Returns the files whose patch is coarse.
///
/// # Errors
///
/// A request to GitHub fails, for another reason than a missing version.
pub(super) async fn fill(
    connection: &GithubConnection,
    place: Place<'_>,
    files: &mut [ChangedFile],
    trees: Option<&Trees>,
) -> Result<Vec<String>, Failure> {
    let mut groups: Vec<Vec<(&mut ChangedFile, Versions)>> = Vec::new();
    let (mut bytes_left, mut group_left) = (MAX_BYTES, 0);
    for (index, file) in files.iter_mut().filter(|file| is_unshown(file)).enumerate() {
        let versions = match find_versions(file, trees) {
            Ok(_) if index >= MAX_FILES => Err("not searched for secrets: the change has too many such files"),
            Ok(versions) if is_over(&versions, bytes_left) => Err("too large to search for secrets"),
            versions => versions,
        };
        match versions {
            Ok(versions) => {
                let bytes = versions.bytes();
                bytes_left -= bytes;
                match groups.last_mut() {
                    Some(group) if group.len() < GROUP_FILES && bytes <= group_left => {
                        group_left -= bytes;
                        group.push((file, versions));
                    }
                    _ => {
                        group_left = GROUP_BYTES.saturating_sub(bytes);
                        groups.push(vec![(file, versions)]);
                    }
                }
            }
            Err(reason) => note(file, reason),
        }
    }
    let mut reads = Vec::new();
    for group in groups {
        reads.push(read_group(connection, place, group));
    }
    let coarse: Vec<Vec<String>> = stream::iter(reads).buffered(CONCURRENT_GROUPS).try_collect().await?;
    Ok(coarse.concat())
}

fn is_over(versions: &Versions, bytes_left: u64) -> bool {
    let is_large = |wanted: &Wanted| wanted.bytes.is_some_and(|bytes| bytes > MAX_FILE_BYTES);
    is_large(&versions.new) || versions.old.as_ref().is_some_and(is_large) || versions.bytes() > bytes_left
}

/// Reads the files of a group in a few requests and compares both versions. Returns the files whose patch is coarse.
async fn read_group(
    connection: &GithubConnection,
    place: Place<'_>,
    group: Vec<(&mut ChangedFile, Versions)>,
) -> Result<Vec<String>, Failure> {
    let wanted: Vec<Wanted> = group
        .iter()
        .flat_map(|(_, versions)| versions.old.iter().chain([&versions.new]).cloned())
        .collect();
    let most = usize::try_from(MAX_FILE_BYTES).unwrap_or(usize::MAX);
    let mut coarse = Vec::new();
    let mut contents = read_blobs(connection, place, &wanted, most).await?.into_iter();
    for (file, versions) in group {
        let before = match versions.old {
            Some(_) => contents.next().flatten(),
            None => Some(Vec::new()),
        };
        match before.zip(contents.next().flatten()) {
            Some((before, after)) => {
                if fill_content(file, &before, &after) {
                    coarse.push(file.path.clone());
                }
            }
            None => note(file, MISSING),
        }
    }
    Ok(coarse)
}

fn is_unshown(file: &ChangedFile) -> bool {
    file.patch.is_none()
        && file.omitted.is_some()
        && file.status != FileStatus::Deleted
        && file.kind != FileKind::Submodule
        && !is_binary_by_design(&file.path)
}

/// The reason for a version that GitHub lists, but has no content for.
const MISSING: &str = "not searched for secrets: GitHub has no content for it";
/// The reason for a file that is missing in an incomplete tree.
const UNLISTED: &str = "not searched for secrets: GitHub's list of the repository's files is incomplete";

/// Returns both versions of a file. Fails with the reason if one isn't available.
fn find_versions(file: &ChangedFile, trees: Option<&Trees>) -> Result<Versions, &'static str> {
    let trees = trees.ok_or(UNLISTED)?;
    let find = |tree: &Tree, path: &str| {
        let blob = tree.blob(path).map(|(name, bytes)| Wanted {
            name: name.to_owned(),
            bytes: Some(bytes),
        });
        blob.ok_or(if tree.is_whole() { MISSING } else { UNLISTED })
    };
    let old_path = file.previous_path.as_deref().unwrap_or(&file.path);
    let old = match file.status {
        FileStatus::Added => None,
        // A link or a submodule became a file: the base has no content for it.
        FileStatus::TypeChanged => find(&trees.base, old_path).ok(),
        _ => Some(find(&trees.base, old_path)?),
    };
    Ok(Versions {
        old,
        new: find(&trees.head, &file.path)?,
    })
}

fn note(file: &mut ChangedFile, what: &str) {
    if let Some(reason) = &mut file.omitted {
        reason.push_str("; ");
        reason.push_str(what);
    }
}

#[cfg(test)]
#[path = "unshown_tests.rs"]
mod tests;
