//! Reports in files: `--output FORMAT=FILE`.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::{fmt, fs};

use clap::ValueEnum;
use holdfast_ops::failure::Failure;
use tempfile::{Builder, NamedTempFile};

use crate::cli::ReportFormat;

/// A file for the report, and its format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputFile {
    /// The format.
    pub format: ReportFormat,
    /// The file: new, or replaced.
    pub path: PathBuf,
}

impl FromStr for OutputFile {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (format, path) = text
            .split_once('=')
            .ok_or("it has no =; write FORMAT=FILE, such as sarif=review.sarif")?;
        let format = ReportFormat::from_str(format, false).map_err(|_| {
            let known: Vec<String> = ReportFormat::value_variants()
                .iter()
                .filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned()))
                .collect();
            format!("there is no format {format}; the formats are {}", known.join(", "))
        })?;
        match path {
            "" => Err("the file's name is missing after =".to_owned()),
            "-" => Err("--format chooses the format on standard output; after = comes a file's name".to_owned()),
            path => Ok(Self {
                format,
                path: path.into(),
            }),
        }
    }
}

/// Checks before a review that each file can be written, and that no file is named twice.
///
/// # Errors
/// Names each file that can't be written, with its reason and the remedy.
pub fn check(files: &[OutputFile]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    let mut problems = Vec::new();
    for OutputFile { path, .. } in files {
        match temporary(path).and_then(|_removed| place_of(path)) {
            Err(problem) => problems.push(format!("{} can't be written: {problem}", path.display())),
            Ok(place) => {
                if !seen.insert(place) {
                    problems.push(format!(
                        "{} is named twice: give each report its own file",
                        path.display()
                    ));
                }
            }
        }
    }
    match problems.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(format!("--output: {}", problems.join("; ")))),
    }
}

/// The reason why a file can't be written, and the remedy.
#[derive(Debug)]
pub enum Unwritable {
    /// There is a folder of this name, or the name ends like a folder's.
    Folder,
    /// There is something else of this name, such as a device.
    NotAFile,
    /// It's a link to something else than a file.
    LinkToNoFile,
    /// A folder of its path is a link, which a work tree may contain.
    LinkedFolder(PathBuf),
    /// Its folder is missing, or isn't a folder.
    NoFolder(PathBuf),
    /// It is in git's own folder.
    InGit,
    /// The operating system refuses it.
    Refused(PathBuf, io::Error),
}

impl fmt::Display for Unwritable {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder => write!(out, "it is a folder; name a file in it"),
            Self::NotAFile => write!(out, "it isn't a regular file; choose another name"),
            Self::LinkToNoFile => write!(
                out,
                "it is a link to something that isn't a regular file; choose another name"
            ),
            Self::LinkedFolder(folder) => write!(
                out,
                "its folder {} is a link; name the folder that it leads to",
                folder.display()
            ),
            Self::NoFolder(folder) => write!(out, "there is no folder {}; create it", folder.display()),
            Self::InGit => write!(out, "it is in git's own folder; choose another folder"),
            Self::Refused(folder, error) => {
                // The system's words for the kind: an error of the temporary file names that file.
                let reason = io::Error::from(error.kind());
                write!(
                    out,
                    "{reason}; make the folder {} writable, or choose another",
                    folder.display()
                )
            }
        }
    }
}

/// Writes a temporary file beside the file, then renames it: a reader sees the old report or the whole new one. A
/// symbolic link is replaced and not followed, because a work tree may contain it.
///
/// # Errors
/// The file can't be written.
pub fn write(path: &Path, text: &str) -> Result<(), Unwritable> {
    let refused = |error| Unwritable::Refused(folder_of(path).to_owned(), error);
    let mut file = temporary(path)?;
    file.write_all(text.as_bytes()).map_err(refused)?;
    file.persist(path).map(drop).map_err(|error| refused(error.error))
}

/// Creates the temporary file. It is removed when the value is dropped.
fn temporary(path: &Path) -> Result<NamedTempFile, Unwritable> {
    let folder = folder_of(path);
    if path.file_name().is_none() || path.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(Unwritable::Folder);
    }
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Err(Unwritable::Folder),
        Ok(found) if !found.is_file() && !found.is_symlink() => return Err(Unwritable::NotAFile),
        // Replacing a link such as /dev/stdout would break it for every program.
        Ok(found) if found.is_symlink() && fs::metadata(path).is_ok_and(|target| !target.is_file()) => {
            return Err(Unwritable::LinkToNoFile);
        }
        _ => {}
    }
    // A work tree may contain links. The folders of an absolute path are the caller's own.
    if let Some(link) = folder
        .ancestors()
        .filter(|folder| folder.is_relative())
        .find(|folder| fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink()))
    {
        return Err(Unwritable::LinkedFolder(link.to_owned()));
    }
    let real = real_folder(path)?;
    if real.components().any(|part| part.as_os_str() == ".git") {
        return Err(Unwritable::InGit);
    }
    let mut builder = Builder::new();
    builder.prefix(".holdfast-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Like every other file of the user: the process's umask removes rights.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder
        .tempfile_in(real)
        .map_err(|error| Unwritable::Refused(folder.to_owned(), error))
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Returns the real path of the file's folder.
fn real_folder(path: &Path) -> Result<PathBuf, Unwritable> {
    let folder = folder_of(path);
    match folder.canonicalize() {
        Ok(real) if real.is_dir() => Ok(real),
        Err(error) if !matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Err(Unwritable::Refused(folder.to_owned(), error))
        }
        Ok(_) | Err(_) => Err(Unwritable::NoFolder(folder.to_owned())),
    }
}

/// Returns the file's own path, without links in its folders.
fn place_of(path: &Path) -> Result<PathBuf, Unwritable> {
    let name = path.file_name().ok_or(Unwritable::Folder)?;
    Ok(real_folder(path)?.join(name))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn error_of(files: &[&str]) -> String {
        let files: Vec<OutputFile> = files.iter().map(|file| file.parse().unwrap()).collect();
        check(&files).map_or_else(|failure| failure.message, |()| String::new())
    }

    #[test]
    fn a_value_is_a_format_and_a_file() {
        let file: OutputFile = "json=a=b.json".parse().unwrap();
        assert_eq!(
            (file.format, file.path),
            (ReportFormat::Json, PathBuf::from("a=b.json"))
        );
        for (text, reason) in [
            ("json", "it has no ="),
            ("jsn=a", "there is no format jsn; the formats are text, json, sarif"),
            ("json=", "the file's name is missing"),
            ("json=-", "--format chooses the format on standard output"),
        ] {
            let error = text.parse::<OutputFile>().unwrap_err();
            assert!(error.starts_with(reason), "{text}: {error}");
        }
    }

    #[test]
    fn a_file_that_cannot_be_written_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| format!("json={}", folder.path().join(name).display());
        assert_eq!(error_of(&[&at("a.json"), &at("b.json")]), "");
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "the check leaves no file"
        );
        fs::write(folder.path().join("plain"), "").unwrap();
        fs::create_dir(folder.path().join(".git")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/dev/null", folder.path().join("device")).unwrap();
        for (files, reason) in [
            (vec![at("missing/a.json")], "missing; create it"),
            (vec![at("plain/a.json")], "plain; create it"),
            (vec![at("")], "it is a folder; name a file in it"),
            (vec![at("new/")], "it is a folder; name a file in it"),
            (vec!["json=..".to_owned()], "it is a folder; name a file in it"),
            (vec!["json=/dev/null".to_owned()], "it isn't a regular file"),
            (vec![at(".git/config")], "it is in git's own folder"),
            #[cfg(unix)]
            (
                vec![at("device")],
                "it is a link to something that isn't a regular file",
            ),
            (
                vec![at("a.json"), at("../") + &name_of(folder.path()) + "/a.json"],
                "is named twice",
            ),
        ] {
            let error = error_of(&files.iter().map(String::as_str).collect::<Vec<_>>());
            assert!(
                error.contains(reason) && error.starts_with("--output: "),
                "{files:?}: {error}"
            );
        }
    }

    #[test]
    fn each_file_is_named_as_it_was_given() {
        let folder = tempfile::tempdir().unwrap();
        // A name that is too long for any file system: the system refuses it, whoever runs the test.
        let long = format!("{}/a.json", folder.path().join("x".repeat(300)).display());
        let missing = folder.path().join("missing/b.json").display().to_string();
        let error = error_of(&[&format!("json={long}"), &format!("sarif={missing}"), "json=/"]);
        for part in [
            format!("--output: {long} can't be written: "),
            format!("; {missing} can't"),
            "; / can't".to_owned(),
        ] {
            assert!(error.contains(&part), "{part}: {error}");
        }
        assert!(!error.contains(".holdfast-") && !error.contains("os error"), "{error}");
    }

    fn name_of(path: &Path) -> String {
        path.file_name().unwrap().to_str().unwrap().to_owned()
    }

    #[cfg(unix)]
    #[test]
    fn a_link_is_replaced_and_its_target_stays() {
        let folder = tempfile::tempdir().unwrap();
        let (link, target) = (folder.path().join("link"), folder.path().join("target"));
        fs::write(&target, "precious").unwrap();
        std::os::unix::fs::symlink(&target, &link).unwrap();
        write(&link, "report").unwrap();
        assert_eq!(fs::read_to_string(&target).unwrap(), "precious");
        assert_eq!(fs::read_to_string(&link).unwrap(), "report");
        assert!(fs::symlink_metadata(&link).unwrap().is_file());
    }
}
