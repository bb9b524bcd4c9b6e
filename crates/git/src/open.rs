//! Opens a repository. It may be a stranger's, unpacked from an archive: a pipe or a device in place of one of git's
//! files would block a reader without end, and an include in its settings would read any file. An unsupported kind of
//! repository is an error with its remedy.

use std::fmt;
use std::fs::{self, Metadata};
use std::io::{ErrorKind, Read as _};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use gix::Repository;
use gix::bstr::BString;
use gix::config::{File, Source};
use gix::discover::upwards::TrustPolicy;
use gix::open::{Options, Permissions};
use gix::sec::Trust;
use gix::sec::trust::{DefaultForLevel, Mapping};
use holdfast_core::port::ReadError;
use holdfast_core::visible::visible_name;

use super::environment::hook_index;
use super::revision::fail;

/// Files that gix reads in the repository's own folder and in its shared one, with the maximum size of each in bytes.
/// Most are read as a whole, and a file of zeros costs nothing in an archive.
const FILES: &[(&str, u64)] = &[
    ("HEAD", MAX_LINE_BYTES),
    ("commondir", MAX_LINE_BYTES),
    ("gitdir", MAX_LINE_BYTES),
    ("config", MAX_CONFIG_BYTES),
    ("config.worktree", MAX_CONFIG_BYTES),
    ("packed-refs", MAX_TABLE_BYTES),
    ("shallow", MAX_RULES_BYTES),
    ("info/grafts", MAX_RULES_BYTES),
    ("info/exclude", MAX_RULES_BYTES),
    ("info/attributes", MAX_RULES_BYTES),
    ("info/sparse-checkout", MAX_RULES_BYTES),
    ("objects/info/alternates", MAX_LINE_BYTES),
    ("objects/info/commit-graph", u64::MAX),
    ("objects/info/commit-graphs/commit-graph-chain", MAX_RULES_BYTES),
    ("objects/pack/multi-pack-index", u64::MAX),
];
/// Maximum size of a file of a few lines, in bytes.
const MAX_LINE_BYTES: u64 = 64 * 1024;
/// Maximum size of a file with rules, in bytes. Git ignores larger files with attributes too.
pub(super) const MAX_RULES_BYTES: u64 = 10 * 1024 * 1024;
/// Maximum size of the index and of the packed references, in bytes.
const MAX_TABLE_BYTES: u64 = 256 * 1024 * 1024;
/// Beginning of the names of the files that hold parts of a split index.
const SHARED_INDEX: &str = "sharedindex.";
/// Folders in which gix opens files by name.
const FOLDERS: &[&str] = &["refs", "objects/pack", "objects/info"];
/// Maximum number of entries of these folders that are checked.
const MAX_ENTRIES: usize = 20_000;
/// Maximum size of the settings, in bytes.
const MAX_CONFIG_BYTES: u64 = 4 * 1024 * 1024;

/// Opens the repository that contains a path.
///
/// # Errors
///
/// Each with its remedy: the path is missing or outside of any repository, a permission is missing, the repository
/// belongs to another user, one of its files is not regular, or its objects or references have an unsupported format.
pub(super) fn open(path: &Path) -> Result<Repository, ReadError> {
    let listed = path.metadata().and_then(|found| match found.is_dir() {
        true => fs::read_dir(path).map(drop),
        false => Ok(()),
    });
    listed.map_err(|error| match error.kind() {
        ErrorKind::NotFound => fail(format!(
            "{} does not exist: give the path of a git work tree",
            path.display()
        )),
        _ => unreadable(path, &error),
    })?;
    let found = Found::at(path)?;
    let index = found.as_ref().and_then(|found| hook_index(&found.root, &found.git_dir));
    if let Some(found) = &found {
        found.check()?;
        if let Some(index) = &index {
            check_index(&found.git_dir.join(index))?;
        }
        check_format(path, &shared_dir(&found.git_dir).join("config"))?;
    }
    // A relative path of a bare repository fails an assertion of gix.
    let folder = match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() && !path.is_dir() => Path::new("."),
        Some(parent) if !path.is_dir() => parent,
        _ => path,
    };
    let absolute = std::path::absolute(folder).map_err(|error| unreadable(path, &error))?;
    discover(&absolute, index.as_deref(), TrustPolicy::default()).map_err(|error| {
        let root = found.map_or_else(|| path.to_owned(), |found| found.root);
        fail(not_opened(path, &root, &error))
    })
}

/// Opens the repository whose `.git` is in a folder, whoever owns it, for a look at the names in its index.
///
/// # Errors
///
/// One of its files is not regular, or can't be read.
pub(super) fn open_index(root: &Path) -> Result<Repository, ReadError> {
    if let Some(found) = Found::at(root)? {
        found.check()?;
    }
    let options = Options::isolated().config_overrides(own_files(None));
    gix::open_opts(root, options).map_err(|error| unreadable(root, &error))
}

/// Opens the repository of a folder. `index` is the index in git's folder, if it isn't `index`.
fn discover(folder: &Path, index: Option<&Path>, trust: TrustPolicy) -> gix::Result<Repository> {
    let options = |level| {
        let mut permissions = Permissions::default_for_level(level);
        permissions.config.includes = false;
        Options::default_for_level(level)
            .permissions(permissions)
            .filter_config_section(is_used)
            .config_overrides(own_files(index))
            .bail_if_untrusted(true)
    };
    let levels = Mapping {
        full: options(Trust::Full),
        reduced: options(Trust::Reduced),
    };
    let upwards = gix::discover::upwards::Options {
        trust,
        ..Default::default()
    };
    gix::ThreadSafeRepository::discover_opts(folder, upwards, levels).map(Into::into)
}

/// Returns settings that bind gix to files of git's own folder: it has settings and variables of its own that name
/// others.
fn own_files(index: Option<&Path>) -> [BString; 2] {
    let index = index.unwrap_or_else(|| Path::new("index")).as_os_str().as_bytes();
    [
        [b"gitoxide.core.indexFile=", index].concat().into(),
        "gitoxide.core.shallowFile=shallow".into(),
    ]
}

/// Returns whether a section of the settings counts: those of `GIT_WORK_TREE`, `GIT_INDEX_FILE` and the like don't.
fn is_used(section: &gix::config::file::Metadata) -> bool {
    section.source != Source::EnvOverride && gix::config::section::is_trusted(section)
}

/// Returns the reason why gix opened no repository, with its remedy. gix has no error type for a foreign owner: it
/// reports the class of a missing permission, without an error of the system.
fn not_opened(path: &Path, root: &Path, error: &gix::Error) -> String {
    let path = path.display();
    if error.is_permission_denied() && error.downcast_any_ref::<std::io::Error>().is_none() {
        return format!(
            "{path} belongs to another user: start the command as its owner, or trust it with git config --global --add \
             safe.directory {}",
            root.display()
        );
    }
    let details = match error.is_not_found() {
        true => String::new(),
        false => format!(" ({error})"),
    };
    let remedy = match std::env::var_os("GIT_DIR") {
        Some(_) => "; GIT_DIR is set and not used: give the path of a work tree",
        None => ": give the path of a work tree, or create a repository with git init",
    };
    format!("{path} is not a git repository, nor inside one{details}{remedy}")
}

/// The repository around a path.
pub(super) struct Found {
    /// The folder that has `.git`, or that is a bare repository.
    pub root: PathBuf,
    /// The real folder with git's files.
    pub git_dir: PathBuf,
}

impl Found {
    /// Finds the repository around a path. Reads only regular files.
    ///
    /// # Errors
    ///
    /// A pipe, a device or a socket is in the place of `.git`.
    pub fn at(path: &Path) -> Result<Option<Self>, ReadError> {
        let Ok(path) = path.canonicalize() else {
            return Ok(None);
        };
        for folder in path.ancestors() {
            let candidate = folder.join(".git");
            let git_dir = match candidate.metadata() {
                Ok(found) if found.is_dir() => candidate,
                Ok(found) if found.is_file() => {
                    let text = read_small(&candidate, &found).unwrap_or_default();
                    folder.join(text.strip_prefix("gitdir:").unwrap_or_default().trim())
                }
                Ok(_) => return Err(not_regular(&candidate)),
                Err(_) => folder.to_owned(),
            };
            if let Some(git_dir) = git_dir.canonicalize().ok().filter(|git_dir| is_git_dir(git_dir)) {
                let root = folder.to_owned();
                return Ok(Some(Self { root, git_dir }));
            }
        }
        Ok(None)
    }

    fn check(&self) -> Result<(), ReadError> {
        check_files(&self.git_dir)?;
        check_files(&shared_dir(&self.git_dir))
    }
}

/// Returns whether a folder has git's files. Git ignores a `.git` without them, and so does gix.
fn is_git_dir(folder: &Path) -> bool {
    let has_own_objects = || folder.join("objects").is_dir() && folder.join("refs").is_dir();
    folder.join("HEAD").symlink_metadata().is_ok() && (folder.join("commondir").exists() || has_own_objects())
}

/// Returns the folder that the work trees of one repository share.
fn shared_dir(git_dir: &Path) -> PathBuf {
    let file = git_dir.join("commondir");
    let found = file.metadata().ok().filter(Metadata::is_file);
    match found.and_then(|found| read_small(&file, &found)) {
        Some(text) => git_dir.join(text.trim()),
        None => git_dir.to_owned(),
    }
}

fn read_small(path: &Path, found: &Metadata) -> Option<String> {
    let is_small = found.len() <= MAX_LINE_BYTES;
    let bytes = is_small.then(|| fs::read(path).ok()).flatten()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

/// Fails if one of git's files is a pipe, a device, a socket, or a link to one, or is too large.
fn check_files(git_dir: &Path) -> Result<(), ReadError> {
    for (name, max_bytes) in FILES {
        check_file(&git_dir.join(name), *max_bytes)?;
    }
    check_index(&git_dir.join("index"))?;
    for entry in fs::read_dir(git_dir).into_iter().flatten().filter_map(Result::ok) {
        if entry.file_name().as_bytes().starts_with(SHARED_INDEX.as_bytes()) {
            check_index(&entry.path())?;
        }
    }
    let mut folders: Vec<PathBuf> = FOLDERS.iter().map(|name| git_dir.join(name)).collect();
    let mut seen = 0;
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten().filter_map(Result::ok) {
            seen += 1;
            if seen > MAX_ENTRIES {
                return Ok(());
            }
            let path = entry.path();
            // Links to folders are not followed: they may form a circle.
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push(path);
            } else if !path.is_dir() {
                let is_reference = path.starts_with(git_dir.join("refs"));
                check_file(&path, if is_reference { MAX_LINE_BYTES } else { u64::MAX })?;
            }
        }
    }
    Ok(())
}

/// Fails if a file exists and is not a regular one, or is too large.
fn check_file(file: &Path, max_bytes: u64) -> Result<(), ReadError> {
    match file.metadata() {
        Ok(found) if !found.is_file() => Err(not_regular(file)),
        Ok(found) if found.len() > max_bytes => Err(too_large(file, &found, max_bytes)),
        _ => Ok(()),
    }
}

/// Fails if an index is not a regular file or is too large, or if its paths are much longer than itself: its version 4
/// stores only the end of a path that begins like the one before. What is damaged is left to gix, which reports it.
fn check_index(file: &Path) -> Result<(), ReadError> {
    check_file(file, MAX_TABLE_BYTES)?;
    let mut start = [0; 8];
    let read = fs::File::open(file).and_then(|mut file| file.read_exact(&mut start));
    if read.is_err() || start != *b"DIRC\0\0\0\x04" {
        return Ok(());
    }
    let bytes = fs::read(file).unwrap_or_default();
    match index_path_bytes(&bytes) {
        Some(total) if total > MAX_TABLE_BYTES => Err(fail(format!(
            "{} has paths of more than {MAX_TABLE_BYTES} bytes together, which is the limit: git update-index \
             --index-version 2",
            visible_name(&file.to_string_lossy())
        ))),
        _ => Ok(()),
    }
}

/// Returns the length of all paths of an index of version 4 together; up to the first one over the limit. `None` if an
/// entry can't be read.
fn index_path_bytes(bytes: &[u8]) -> Option<u64> {
    /// Times, modes, owners and size of a file; its object; flags.
    const FIXED_BYTES: usize = 40 + 20 + 2;
    const HAS_MORE_FLAGS: u8 = 0x40;
    let count = u32::from_be_bytes(bytes.get(8..12)?.try_into().ok()?);
    let (mut rest, mut length, mut total) = (bytes.get(12..)?, 0_u64, 0_u64);
    for _ in 0..count {
        let more_flags = if rest.get(FIXED_BYTES - 2)? & HAS_MORE_FLAGS == 0 {
            0
        } else {
            2
        };
        rest = rest.get(FIXED_BYTES + more_flags..)?;
        // Git's variable-length number: seven bits a byte, each further byte adds one.
        let (first, after) = rest.split_first()?;
        let (mut byte, mut cut) = (*first, u64::from(first & 0x7f));
        rest = after;
        while byte & 0x80 != 0 {
            let (next, after) = rest.split_first()?;
            (byte, rest) = (*next, after);
            cut = cut
                .checked_add(1)?
                .checked_mul(128)?
                .checked_add(u64::from(byte & 0x7f))?;
        }
        let end = rest.iter().position(|byte| *byte == 0)?;
        length = length.saturating_sub(cut) + end as u64;
        total += length;
        if total > MAX_TABLE_BYTES {
            break;
        }
        rest = rest.get(end + 1..)?;
    }
    Some(total)
}

/// Fails if objects or references have an unsupported format. The settings are a regular file of a checked size.
fn check_format(path: &Path, config: &Path) -> Result<(), ReadError> {
    let Ok(bytes) = fs::read(config) else {
        return Ok(());
    };
    let Ok(file) = File::from_bytes_no_includes(
        &bytes,
        gix::config::file::Metadata::from(Source::Local),
        gix::config::file::init::Options::default(),
    ) else {
        // Opening the repository reports invalid settings.
        return Ok(());
    };
    let value = |key: &str| file.string(key).map(|value| value.to_string().to_ascii_lowercase());
    if let Some(format) = value("extensions.objectFormat").filter(|format| format != "sha1") {
        return Err(fail(format!(
            "{} names its objects by {format}, and only SHA-1 repositories are read: review its pull request by its \
             address, or a SHA-1 copy made with git fast-export and git fast-import",
            path.display()
        )));
    }
    // `reftable`, or `reftable:` and a path.
    if let Some(format) = value("extensions.refStorage").filter(|format| !format.starts_with("files")) {
        return Err(fail(format!(
            "{} stores its references as {format}, which is not read: git refs migrate --ref-format=files",
            path.display()
        )));
    }
    Ok(())
}

/// Returns the error of a special file in the place of one of git's.
pub(super) fn not_regular(file: &Path) -> ReadError {
    fail(format!(
        "{} is not a regular file (a pipe, a device or a folder in its place): remove it, or clone the repository again",
        visible_name(&file.to_string_lossy())
    ))
}

/// Returns the error of a file over its limit.
pub(super) fn too_large(file: &Path, found: &Metadata, max_bytes: u64) -> ReadError {
    fail(format!(
        "{} has {} bytes, more than the limit of {max_bytes}: check its content",
        visible_name(&file.to_string_lossy()),
        found.len()
    ))
}

fn unreadable(path: &Path, error: &dyn fmt::Display) -> ReadError {
    fail(format!("{} cannot be read: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use std::io;

    use gix::error::{ResultExt as _, message};

    use super::*;

    #[test]
    fn only_a_foreign_owner_is_reported_as_another_user() {
        let io_error = io::Error::from(io::ErrorKind::PermissionDenied);
        let table = [
            (message("a text of gix").permission_denied_error(), true),
            (Err::<(), _>(io_error).or_error().unwrap_err(), false),
            // A path may contain any words.
            (message("nothing in /home/owner/trusted").not_found_error(), false),
        ];
        for (error, is_foreign) in table {
            let line = not_opened(Path::new("/repository/src"), Path::new("/repository"), &error);
            let remedy = "safe.directory /repository";
            assert_eq!(line.ends_with(remedy), is_foreign, "{line}");
            assert_eq!(line.contains("not a git repository"), !is_foreign, "{line}");
        }
    }

    #[test]
    fn a_repository_of_another_user_is_not_opened() {
        let repository = holdfast_testkit::Repository::new().unwrap();
        let open = |trust| discover(repository.path(), None, TrustPolicy::Assume(trust));
        assert!(open(Trust::Full).is_ok());
        let error = open(Trust::Reduced).map(drop).unwrap_err();
        let line = not_opened(repository.path(), repository.path(), &error);
        assert!(line.contains("belongs to another user"), "{line}");
    }
}
