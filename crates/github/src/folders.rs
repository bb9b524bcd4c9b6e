//! Finds out whether a path at a commit is a file, a link or a folder, from the list of its folder. The path's own
//! contents don't show it, because GitHub follows links there.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use holdfast_core::model::sha::CommitSha;
use serde::Deserialize;
use serde::de::IgnoredAny;

use super::classify::{blob_in, read_tree};
use super::connection::GithubConnection;
use super::failure::{Failure, Kind};
use super::read::{CONTENTS_READ, MAX_BLOB_BYTES, Place};
use super::wire::{TreeEntry, TreeListing};

/// GitHub lists no more entries of a folder than this, and doesn't mark the list as incomplete.
const MAX_ENTRIES: usize = 1_000;
/// Number of folders in the cache: files of one folder are mostly read one after the other.
const CACHED_FOLDERS: usize = 8;

/// One entry of a folder.
#[derive(Clone, Debug, Deserialize)]
struct Entry {
    name: String,
    /// `file`, `dir`, `symlink` or `submodule`.
    #[serde(rename = "type")]
    kind: String,
    sha: String,
    #[serde(default)]
    size: u64,
}

/// `GET …/contents/PATH`: a list for a folder, an object for anything else.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listing {
    Folder(Vec<Entry>),
    Other(IgnoredAny),
}

type Listed = Arc<Vec<Entry>>;

/// The folders that were listed last, by their addresses. A folder at a commit never changes.
#[derive(Clone, Debug, Default)]
pub(super) struct Folders {
    last: Arc<Mutex<VecDeque<(String, Listed)>>>,
}

impl Folders {
    /// Returns the blob of a path that is a file of at most [`MAX_BLOB_BYTES`].
    ///
    /// # Errors
    /// The folder or the commit's tree can't be read.
    pub async fn find_blob(
        &self,
        connection: &GithubConnection,
        place: Place<'_>,
        parts: &[&str],
        at: &CommitSha,
    ) -> Result<Option<String>, Failure> {
        let Some((name, folder)) = parts.split_last() else {
            return Ok(None);
        };
        let entries = self.list(connection, place, folder, at).await?;
        match entries.iter().find(|entry| entry.name == *name) {
            Some(entry) => {
                let is_read = entry.kind == "file" && entry.size <= MAX_BLOB_BYTES as u64;
                Ok(is_read.then(|| entry.sha.clone()))
            }
            None if entries.len() < MAX_ENTRIES => Ok(None),
            // Beyond the end of the list: the commit's whole tree has it.
            None => {
                let tree = read_tree(connection, place, at.as_str()).await?;
                Ok(tree.and_then(|tree| blob_in(&tree, &parts.join("/"), MAX_BLOB_BYTES as u64)))
            }
        }
    }

    async fn list(
        &self,
        connection: &GithubConnection,
        place: Place<'_>,
        folder: &[&str],
        at: &CommitSha,
    ) -> Result<Listed, Failure> {
        let segments = place.repository(&[&["contents"], folder].concat());
        let address = format!("{}@{at}", segments.join("/"));
        let known = self
            .remembered()
            .iter()
            .find(|(key, _)| *key == address)
            .map(|(_, listed)| Arc::clone(listed));
        if let Some(listed) = known {
            return Ok(listed);
        }
        let listed = if folder.is_empty() {
            list_root(connection, place, at).await?
        } else {
            let call = connection.get(&segments, CONTENTS_READ).query("ref", at.as_str());
            match connection.json::<Listing>(call).await {
                Ok(Listing::Folder(entries)) => entries,
                Ok(Listing::Other(_))
                | Err(Failure {
                    kind: Kind::NotFound, ..
                }) => Vec::new(),
                Err(failure) => return Err(failure),
            }
        };
        let listed = Arc::new(listed);
        let mut last = self.remembered();
        last.push_front((address, Arc::clone(&listed)));
        last.truncate(CACHED_FOLDERS);
        Ok(listed)
    }

    fn remembered(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, Listed)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Lists the root's entries from the commit's tree: the root's contents have no address.
async fn list_root(connection: &GithubConnection, place: Place<'_>, at: &CommitSha) -> Result<Vec<Entry>, Failure> {
    let call = connection.get(&place.repository(&["git", "trees", at.as_str()]), CONTENTS_READ);
    let tree = match connection.json::<TreeListing>(call).await {
        Ok(listing) => listing.tree,
        Err(Failure {
            kind: Kind::NotFound, ..
        }) => return Ok(Vec::new()),
        Err(failure) => return Err(failure),
    };
    let entry = |entry: TreeEntry| Entry {
        kind: match entry.mode.get(..3) {
            Some("100") => "file",
            Some("120") => "symlink",
            _ => "dir",
        }
        .to_owned(),
        name: entry.path,
        sha: entry.sha,
        size: entry.size.unwrap_or(0),
    };
    Ok(tree.into_iter().map(entry).collect())
}
