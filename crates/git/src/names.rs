//! Lists the files that git tracks, by name, with the content of a few small ones.

use std::path::{Path, PathBuf};

use gix::index::entry::Stage;
use holdfast_core::port::ReadError;
use holdfast_core::starter::{OWNERS_PATHS, RepositoryNames};

use super::object::read_object;
use super::open::open;
use super::path::{is_inside, path_text};
use super::revision::{index_of, own_root};

/// Maximum number of listed files.
const MAX_NAMES: usize = 200_000;
/// Maximum size of a CODEOWNERS file, in bytes.
const MAX_OWNERS_BYTES: u64 = 256 * 1024;

/// Returns the root of the work tree that contains `path`, and its tracked files. Content is that of git's index, so no
/// file of the work tree is opened.
///
/// # Errors
///
/// The path is in no work tree, or the index can't be read.
pub async fn tracked_names(path: PathBuf) -> Result<(PathBuf, RepositoryNames), ReadError> {
    super::bounded(path, list).await
}

fn list(path: &Path) -> Result<(PathBuf, RepositoryNames), ReadError> {
    let repository = open(path)?;
    let root = own_root(&repository)?;
    let index = index_of(&repository)?;
    let entries = index.entries();
    let paths = entries.iter().map(|entry| entry.path(&index)).take(MAX_NAMES);
    let owners = OWNERS_PATHS.iter().find_map(|owners| {
        let entry = index.entry_by_path_and_stage((*owners).into(), Stage::Unconflicted)?;
        let is_file = entry.mode.to_tree_entry_mode().is_some_and(|mode| mode.is_blob());
        let content = read_object(&repository, entry.id, MAX_OWNERS_BYTES)
            .ok()
            .filter(|_| is_file)?;
        Some(((*owners).to_owned(), String::from_utf8(content).ok()?))
    });
    let names = RepositoryNames {
        paths: paths
            .filter(|path| is_inside(path))
            .map(|path| path_text(path))
            .collect(),
        is_cut: entries.len() > MAX_NAMES,
        owners,
    };
    Ok((root, names))
}
