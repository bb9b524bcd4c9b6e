//! Reads objects after a check of their size, and explains missing ones.

use std::fmt;

use gix::{ObjectId, Repository};
use holdfast_core::port::ReadError;
use holdfast_core::render::size;

use super::revision::fail;

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
            Self::Shallow => {
                "the clone is shallow and does not have it: git fetch --unshallow (actions/checkout: fetch-depth: 0)"
            }
            Self::Whole => "the repository has lost it: git fsck lists what is missing; clone it again",
        })
    }
}

/// Something whose content can't be read from this repository: in one line, with the remedy.
#[derive(Debug)]
pub(super) struct Unread {
    what: &'static str,
    id: ObjectId,
    problem: NoObject,
    clone: Clone,
}

impl NoObject {
    /// Returns the explanation for something that a clone of this kind should have.
    pub const fn of(self, what: &'static str, id: ObjectId, clone: Clone) -> Unread {
        Unread {
            what,
            id,
            problem: self,
            clone,
        }
    }
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (object {}) ", self.what, self.id.to_hex_with_len(12))?;
        match &self.problem {
            NoObject::Missing => write!(f, "is missing: {}", self.clone),
            NoObject::TooLarge(bytes) => write!(f, "is too large: {}", size(*bytes)),
            NoObject::Unreadable(error) => write!(f, "cannot be read: {error}: git fsck"),
        }
    }
}

impl std::error::Error for Unread {}

impl From<Unread> for ReadError {
    fn from(unread: Unread) -> Self {
        fail(unread.to_string())
    }
}
