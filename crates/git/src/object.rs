//! Objects, their size looked at before they are read, and what helps when one is missing.

use std::fmt;

use gix::{ObjectId, Repository};
use holdfast_core::port::ReadError;

/// An object that gave no content.
#[derive(Debug)]
pub(super) enum NoObject {
    /// Not in this clone.
    Missing,
    /// Larger than is read, in bytes.
    TooLarge(u64),
    /// There, but damaged or of another kind.
    Unreadable(String),
}

/// An object's content. Nothing is read of one over the limit.
///
/// # Errors
///
/// The object is missing, larger than `most` bytes, or cannot be decoded.
pub(super) fn read_object(repository: &Repository, id: ObjectId, most: u64) -> Result<Vec<u8>, NoObject> {
    let size = object_size(repository, id)?;
    if size > most {
        return Err(NoObject::TooLarge(size));
    }
    match repository.try_find_object(id) {
        Ok(Some(object)) => Ok(object.detach().data),
        Ok(None) => Err(NoObject::Missing),
        Err(error) => Err(NoObject::Unreadable(error.to_string())),
    }
}

/// An object's size in bytes, from its header.
///
/// # Errors
///
/// The object is missing, or its header cannot be read.
pub(super) fn object_size(repository: &Repository, id: ObjectId) -> Result<u64, NoObject> {
    match repository.try_find_header(id) {
        Ok(Some(header)) => Ok(header.size()),
        Ok(None) => Err(NoObject::Missing),
        Err(error) => Err(NoObject::Unreadable(error.to_string())),
    }
}

/// What completes a clone that lacks objects.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Clone {
    /// A partial clone (`git clone --filter`): git fetches what is missing when a command needs it.
    Partial,
    /// A shallow clone (`git clone --depth`).
    Shallow,
    /// Whole: an object that is missing was lost.
    Whole,
}

impl Clone {
    /// What kind of clone a repository is.
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

/// Why something of an object is not there, in one line.
pub(super) fn explain(what: &str, id: ObjectId, problem: &NoObject, clone: Clone) -> String {
    let id = id.to_hex_with_len(12);
    match problem {
        NoObject::Missing => format!("{what} (object {id}) is missing: {clone}"),
        NoObject::TooLarge(bytes) => format!("{what} (object {id}) is too large: {bytes} bytes"),
        NoObject::Unreadable(error) => format!("{what} (object {id}) cannot be read: {error}: git fsck"),
    }
}

/// The same as an error of the whole change.
pub(super) fn fail(what: &str, id: ObjectId, problem: &NoObject, clone: Clone) -> ReadError {
    ReadError::Repository(explain(what, id, problem, clone))
}
