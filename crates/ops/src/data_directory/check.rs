//! Checks whether a folder may be used as a data directory. Its contents are trusted as the program's own state: open
//! runs, keys, sign-ins. So the folder must belong to this user, be closed to all others, and hold nothing from a
//! repository.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

use holdfast_git::tracked_file;

use crate::failure::Failure;
use holdfast_storage::file;

/// Permission bits of everyone but the owner.
const OTHERS: u32 = 0o077;
/// Number of levels whose entries are checked: the data directory, and the folders in it.
const LEVELS: u32 = 2;

/// Returns the real path of a data directory that exists and may be used; `None` where nothing exists yet.
///
/// # Errors
/// The path is a link or isn't a folder, belongs to another user, is open to others, or holds links or files that git
/// tracks.
pub fn find(given: &Path) -> Result<Option<PathBuf>, Failure> {
    let path = named(given)?;
    let found = match fs::symlink_metadata(&path) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            refuse_tracked(&path, &real_parent(&path)?)?;
            return Ok(None);
        }
        Err(error) => return Err(unusable(&path, &error)),
    };
    if found.is_symlink() {
        return Err(refused(&path, "is a symbolic link", "name the directory itself"));
    }
    if !found.is_dir() {
        return Err(refused(&path, "is not a directory", "move it away"));
    }
    let mode = found.permissions().mode();
    check_owner(&path, &found)?;
    if mode & OTHERS != 0 {
        let what = format!("can be used by others (mode {:04o})", mode & 0o7777);
        return Err(refused(&path, &what, &format!("chmod 700 {}", path.display())));
    }
    check_entries(&path, LEVELS)?;
    let real = path.canonicalize().map_err(|error| unusable(&path, &error))?;
    refuse_tracked(&path, &real)?;
    Ok(Some(real))
}

/// Finds a data directory like [`find`], and creates it for this user only, where nothing exists yet.
///
/// # Errors
/// Those of [`find`], or the directory can't be created.
pub fn find_or_create(given: &Path) -> Result<PathBuf, Failure> {
    if let Some(real) = find(given)? {
        return Ok(real);
    }
    let path = named(given)?;
    file::create_dir(&path).map_err(|error| unusable(&path, &error))?;
    // Checked again: another process may have created it first.
    find(&path)?.ok_or_else(|| unusable(&path, &"it is gone again"))
}

/// Returns the path in the form that is checked: absolute, and without an end that would follow a link (`link/`,
/// `link/.`).
fn named(given: &Path) -> Result<PathBuf, Failure> {
    if given.as_os_str().is_empty() {
        return Err(Failure::usage("--data: the name is empty; name a directory"));
    }
    let absolute = std::path::absolute(given).map_err(|error| unusable(given, &error))?;
    let path: PathBuf = absolute.components().collect();
    // The meaning of `..` depends on links before it, so those are resolved. The last name isn't.
    match (
        path.components().any(|part| part == Component::ParentDir),
        path.file_name(),
    ) {
        (false, _) => Ok(path),
        (true, Some(_)) => real_parent(&path),
        (true, None) => path.canonicalize().map_err(|error| unusable(&path, &error)),
    }
}

/// Resolves links in the folders before the path's last name. The last name needn't exist.
fn real_parent(path: &Path) -> Result<PathBuf, Failure> {
    for ancestor in path.ancestors().skip(1) {
        let Ok(rest) = path.strip_prefix(ancestor) else {
            continue;
        };
        match ancestor.canonicalize() {
            Ok(real) if !rest.components().any(|part| part == Component::ParentDir) => return Ok(real.join(rest)),
            Ok(_) => {
                return Err(refused(
                    path,
                    "leads through a directory that does not exist",
                    "create it",
                ));
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(unusable(path, &error)),
        }
    }
    Ok(path.to_path_buf())
}

fn check_owner(path: &Path, found: &fs::Metadata) -> Result<(), Failure> {
    let us = rustix::process::geteuid().as_raw();
    match found.uid() == us {
        true => Ok(()),
        false => Err(refused(
            path,
            &format!(
                "belongs to another user ({}, and this program runs as {us})",
                found.uid()
            ),
            &format!("chown -R {us} {}", path.display()),
        )),
    }
}

/// Refuses links and pipes: a link leads elsewhere, a pipe blocks its reader, and the program creates neither.
fn check_entries(directory: &Path, levels: u32) -> Result<(), Failure> {
    for entry in fs::read_dir(directory).map_err(|error| unusable(directory, &error))? {
        let path = entry.map_err(|error| unusable(directory, &error))?.path();
        let found = match fs::symlink_metadata(&path) {
            Ok(found) => found,
            // A process that writes to the directory has just removed it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => return Err(unusable(&path, &error)),
        };
        if !found.is_file() && !found.is_dir() {
            return Err(refused(&path, "is neither a file nor a directory", "remove it"));
        }
        check_owner(&path, &found)?;
        if found.is_dir() && levels > 1 {
            check_entries(&path, levels - 1)?;
        }
    }
    Ok(())
}

fn refuse_tracked(path: &Path, real: &Path) -> Result<(), Failure> {
    match tracked_file(real) {
        Ok(None) => Ok(()),
        Ok(Some(file)) => Err(refused(
            path,
            &format!(
                "holds a file that git tracks ({}), so it may come with the repository",
                file.display()
            ),
            "never use data that others wrote",
        )),
        Err(error) => Err(refused(
            path,
            &format!("lies in a repository that cannot be read, so git may track what is in it ({error})"),
            "name one outside of it",
        )),
    }
}

fn refused(path: &Path, what: &str, remedy: &str) -> Failure {
    Failure::usage(format!(
        "{} {what}, and is not used as data: {remedy}, or choose another directory with --data",
        path.display()
    ))
}

fn unusable(path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::usage(format!(
        "the data directory {} cannot be used: {error}. Make it usable for this user, or choose another with --data",
        path.display()
    ))
}
