//! Reads one file of a work tree as git would store it: line ends, `$Id$` and encodings by the attributes and settings,
//! but never a program that the repository names (filter drivers).

use std::fs::{self, File, OpenOptions};
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::atomic::AtomicBool;

use gix::attrs::StateRef;
use gix::bstr::{BStr, BString, ByteSlice as _};
use gix::filter::plumbing as filter;
use gix::filter::plumbing::pipeline::CrlfRoundTripCheck;
use gix::filter::plumbing::pipeline::convert::ToGitOutcome;
use gix::index::entry::Mode;
use gix::objs::{Find as _, Kind};
use gix::worktree::Stack;
use gix::worktree::stack::state::{attributes, ignore};
use gix::{ObjectId, Repository};
use holdfast_core::port::ReadError;

use super::budget::Budget;
use super::open::{MAX_RULES_BYTES, not_regular, too_large};
use super::path::shown;
use super::revision::fail;

/// A file without content for the snapshot.
pub(super) enum NoContent {
    /// Its content is that of the given object.
    Unchanged(ObjectId),
    /// It was deleted since its folder was listed.
    Gone,
    /// The reason why its content is left out.
    Omitted(String),
    /// Git's rules for it can't be read.
    Rules(ReadError),
}

/// The attributes and ignore rules of a work tree.
pub(super) struct Attributes<'a> {
    repository: &'a Repository,
    index: &'a gix::index::File,
    stack: Stack,
    pipeline: filter::Pipeline,
}

impl<'a> Attributes<'a> {
    /// Reads the rules outside of the work tree: settings, `info/exclude`, the user's own.
    ///
    /// # Errors
    ///
    /// They can't be read.
    pub fn of(repository: &'a Repository, index: &'a gix::index::File) -> Result<Self, ReadError> {
        let failed = |error: gix::Error| fail(format!("git's rules for ignored files and attributes: {error}"));
        for key in ["core.excludesFile", "core.attributesFile"] {
            // Links of these two are followed, those in the work tree are not.
            if let Ok(Some(file)) = repository.config_snapshot().trusted_path(key) {
                check_rule(&file.canonicalize().unwrap_or(file))?;
            }
        }
        let stack = repository
            .attributes(
                index,
                attributes::Source::WorktreeThenIdMapping,
                ignore::Source::WorktreeThenIdMappingIfNotSkipped,
                None,
            )
            .map_err(failed)?
            .detach();
        let mut options = gix::filter::Pipeline::options(repository).map_err(failed)?;
        // Programs that the repository's settings name.
        options.drivers.clear();
        options.crlf_roundtrip_check = CrlfRoundTripCheck::Skip;
        options.encodings_with_roundtrip_check.clear();
        let pipeline = filter::Pipeline::new(Default::default(), repository.object_hash(), options);
        Ok(Self {
            repository,
            index,
            stack,
            pipeline,
        })
    }

    /// Returns whether git ignores a path that it doesn't track. The caller has checked the folder that it is in.
    ///
    /// # Errors
    ///
    /// The rules can't be read.
    pub fn is_ignored(&mut self, path: &BStr, is_folder: bool) -> Result<bool, ReadError> {
        let mode = if is_folder { Mode::DIR } else { Mode::FILE };
        let found = self.stack.at_entry(path, Some(mode), &self.repository.objects);
        Ok(found.map_err(|error| unreadable(path, &error))?.is_excluded())
    }

    /// Reads a regular file as git would store it; `before` is its object in the index.
    pub fn read(
        &mut self,
        place: &Path,
        path: &BStr,
        before: Option<ObjectId>,
        budget: &mut Budget,
    ) -> Result<Vec<u8>, NoContent> {
        let file = open_regular(place)?;
        let bytes = file.metadata().map_err(|error| unopened(&error))?.len();
        if bytes > budget.limits.searched_bytes {
            let before = before.filter(|_| budget.spend(bytes).is_ok());
            return Err(match before {
                Some(before) if hash(&file, bytes) == Some(before) => NoContent::Unchanged(before),
                _ => NoContent::Omitted(format!("too large to show: {bytes} bytes")),
            });
        }
        let counted = budget.spend(bytes);
        counted.map_err(|limit| NoContent::Omitted(limit.to_string()))?;
        if let (Some(before), Some(driver)) = (before, self.driver(path)?) {
            return Err(match hash(&file, bytes) == Some(before) {
                true => NoContent::Unchanged(before),
                false => NoContent::Omitted(format!(
                    "its content was not compared: git's filter {driver:?} is a program, which is not run (git status, if \
                     the file is unchanged)"
                )),
            });
        }
        let mut content = Vec::new();
        // A file that grows while it is read.
        let read = file.take(budget.limits.searched_bytes).read_to_end(&mut content);
        read.map_err(|error| unopened(&error))?;
        self.convert(path, content)
    }

    fn convert(&mut self, path: &BStr, content: Vec<u8>) -> Result<Vec<u8>, NoContent> {
        let odd = |error: &dyn std::fmt::Display| NoContent::Omitted(format!("git would not store it: {error}"));
        let objects = &self.repository.objects;
        let platform = self.stack.at_entry(path, Some(Mode::FILE), objects);
        let platform = platform.map_err(|error| NoContent::Rules(unreadable(path, &error)))?;
        let index = self.index;
        let name = gix::path::from_bstr(path);
        let converted = self.pipeline.convert_to_git(
            content.as_slice(),
            name.map_err(|error| odd(&error))?.as_ref(),
            &mut |_, found| {
                platform.matching_attributes(found);
            },
            &mut |buffer| match index.entry_by_path(path) {
                Some(entry) => Ok(objects.try_find(&entry.id, buffer)?.map(|_| ())),
                None => Ok(None),
            },
        );
        match converted.map_err(|error| odd(&error))? {
            ToGitOutcome::Unchanged(_) => Ok(content),
            ToGitOutcome::Buffer(buffer) => Ok(buffer.to_vec()),
            ToGitOutcome::Process(_) => Err(odd(&"a filter driver is a program, which is not run")),
        }
    }

    /// Returns the name of the filter driver of a file, if the settings have one of this name.
    fn driver(&mut self, path: &BStr) -> Result<Option<String>, NoContent> {
        let mut found = self.stack.selected_attribute_matches(["filter"]);
        let platform = self.stack.at_entry(path, Some(Mode::FILE), &self.repository.objects);
        let platform = platform.map_err(|error| NoContent::Rules(unreadable(path, &error)))?;
        platform.matching_attributes(&mut found);
        let name = found.iter_selected().find_map(|found| match found.assignment.state {
            StateRef::Value(value) => Some(value.as_bstr().to_string()),
            _ => None,
        });
        let settings = self.repository.config_snapshot();
        Ok(name.filter(|name| {
            ["clean", "process"]
                .iter()
                .any(|key| settings.string(format!("filter.{name}.{key}").as_str()).is_some())
        }))
    }
}

/// Fails if a folder's files with rules can't be read safely: before git's rules of the folder are used.
///
/// # Errors
///
/// One is a pipe, a device or too large.
pub(super) fn check_rules(folder: &Path, names: &[BString]) -> Result<(), ReadError> {
    for name in [".gitignore", ".gitattributes"] {
        if names.binary_search_by(|found| found.as_bstr().cmp(name.into())).is_ok() {
            check_rule(&folder.join(name))?;
        }
    }
    Ok(())
}

fn check_rule(file: &Path) -> Result<(), ReadError> {
    let Ok(found) = fs::symlink_metadata(file) else {
        return Ok(());
    };
    match found.is_file() {
        true if found.len() > MAX_RULES_BYTES => Err(too_large(file, &found, MAX_RULES_BYTES)),
        false if !found.is_dir() && !found.is_symlink() => Err(not_regular(file)),
        _ => Ok(()),
    }
}

/// Opens a file without following a link and without waiting for a pipe's writer.
fn open_regular(place: &Path) -> Result<File, NoContent> {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(flags.bits().cast_signed())
        .open(place)
        .map_err(|error| unopened(&error))?;
    match file.metadata() {
        Ok(found) if found.is_file() => Ok(file),
        Ok(_) => Err(NoContent::Gone),
        Err(error) => Err(unopened(&error)),
    }
}

fn unopened(error: &std::io::Error) -> NoContent {
    match error.kind() {
        std::io::ErrorKind::NotFound => NoContent::Gone,
        _ => NoContent::Omitted(format!("it cannot be read: {error}")),
    }
}

/// Returns the object of a file's content, unless it changes while it is read.
fn hash(file: &File, bytes: u64) -> Option<ObjectId> {
    let mut file = file;
    let id = gix::objs::compute_stream_hash(
        gix::hash::Kind::Sha1,
        Kind::Blob,
        &mut file,
        bytes,
        &mut gix::progress::Discard,
        &AtomicBool::new(false),
    );
    id.ok()
}

fn unreadable(path: &BStr, error: &std::io::Error) -> ReadError {
    fail(format!(
        "git's rules (.gitignore, .gitattributes) for {} cannot be read: {error}",
        shown(path)
    ))
}
