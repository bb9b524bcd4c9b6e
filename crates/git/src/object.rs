//! Reads objects after a check of their size, and explains missing ones.

use std::fmt;

use gix::{ObjectId, Repository};
use holdfast_core::port::ReadError;
use holdfast_core::render::size;

/// An object without content.
#[derive(Debug)]
pub(super) enum NoObject {
    /// It is not in this clone.
    Missing,
    /// It is larger than the limit; its size in bytes.
    TooLarge(u64),
    /// It is damaged, or of another kind.
    Unreadable(String),
}

/// Returns an object's content. Reads nothing of an object over the limit.
///
/// # Errors
///
/// The object is missing, larger than `max_bytes`, or can't be decoded.
pub(super) fn read_object(repository: &Repository, id: ObjectId, max_bytes: u64) -> Result<Vec<u8>, NoObject> {
    let size = object_size(repository, id)?;
    if size > max_bytes {
        return Err(NoObject::TooLarge(size));
    }
    match repository.try_find_object(id) {
        Ok(Some(object)) => Ok(object.detach().data),
        Ok(None) => Err(NoObject::Missing),
        Err(error) => Err(NoObject::Unreadable(error.to_string())),
    }
}

/// Returns an object's size in bytes, from its header.
///
/// # Errors
///
/// The object is missing, or its header can't be read.
pub(super) fn object_size(repository: &Repository, id: ObjectId) -> Result<u64, NoObject> {
    match repository.try_find_header(id) {
        Ok(Some(header)) => Ok(header.size()),
        Ok(None) => Err(NoObject::Missing),
        Err(error) => Err(NoObject::Unreadable(error.to_string())),
    }
}

/// The kind of a clone, which decides how missing objects are fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clone {
    /// A partial clone (`git clone --filter`): git fetches missing objects when a command needs them.
    Partial,
    /// A shallow clone (`git clone --depth`).
    Shallow,
    /// A complete clone: a missing object is lost.
    Whole,
}

impl Clone {
    /// Returns the kind of a repository's clone.
    pub fn of(repository: &Repository) -> Self {
        let config = repository.config_snapshot();
        let promised = config.string("extensions.partialClone").is_some()
            || config
                .plumbing()
                .sections_by_name("remote")
                .into_iter()
                .flatten()
                .any(|section| {
                    section
                        .value("promisor")
                        .is_some_and(|value| value.as_slice() == b"true")
                        || section.value("partialclonefilter").is_some()
                });
        if promised {
            Self::Partial
        } else if repository.is_shallow().unwrap_or(false) {
            Self::Shallow
        } else {
            Self::Whole
        }
    }
}

impl fmt::Display for Clone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Partial => {
                "the clone is partial and does not have it: fetch the rest with git fetch --refetch --no-filter, or review \
                 in a clone made without --filter"
            }
            Self::Shallow => "the clone is shallow and does not have it: git fetch --unshallow",
            Self::Whole => "the repository has lost it: git fsck lists what is missing; clone it again",
        })
    }
}

/// Explains in one line why an object gave no content.
pub(super) fn explain(what: &str, id: ObjectId, problem: &NoObject, clone: Clone) -> String {
    let id = id.to_hex_with_len(12);
    match problem {
        NoObject::Missing => format!("{what} (object {id}) is missing: {clone}"),
        NoObject::TooLarge(bytes) => format!("{what} (object {id}) is too large: {}", size(*bytes)),
        NoObject::Unreadable(error) => format!("{what} (object {id}) cannot be read: {error}: git fsck"),
    }
}

/// Returns the explanation as an error of the whole change.
pub(super) fn fail(what: &str, id: ObjectId, problem: &NoObject, clone: Clone) -> ReadError {
    ReadError::Repository(explain(what, id, problem, clone))
}
