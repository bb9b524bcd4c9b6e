//! Reports in files: `--output FORMAT=FILE`.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

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
/// The first file that can't be written, with the reason.
pub fn check(files: &[OutputFile]) -> Result<(), Failure> {
    let mut seen = BTreeSet::new();
    for file in files {
        let place = temporary(&file.path).and_then(|_removed| place_of(&file.path));
        let place = place.map_err(|error| {
            Failure::usage(format!(
                "--output: {} can't be written: {error}; create its folder, or choose another file",
                file.path.display()
            ))
        })?;
        if !seen.insert(place) {
            return Err(Failure::usage(format!(
                "--output: {} is named twice; each report needs its own file",
                file.path.display()
            )));
        }
    }
    Ok(())
}

/// Writes a temporary file beside the file, then renames it: a reader sees the old report or the whole new one. A
/// symbolic link is replaced and not followed, because a work tree may contain it.
///
/// # Errors
/// The file can't be written.
pub fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = temporary(path)?;
    file.write_all(text.as_bytes())?;
    file.persist(path).map(drop).map_err(|error| error.error)
}

/// Creates the temporary file. It is removed when the value is dropped.
fn temporary(path: &Path) -> io::Result<NamedTempFile> {
    match fs::symlink_metadata(path) {
        Ok(found) if found.is_dir() => return Err(io::Error::other("it is a folder")),
        Ok(found) if !found.is_file() && !found.is_symlink() => {
            return Err(io::Error::other("it isn't a regular file"));
        }
        // Replacing a link such as /dev/stdout would break it for every program.
        Ok(found) if found.is_symlink() && fs::metadata(path).is_ok_and(|target| !target.is_file()) => {
            return Err(io::Error::other("it is a link to something that isn't a regular file"));
        }
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    // A work tree may contain links. The folders of an absolute path are the caller's own.
    if let Some(link) = folder_of(path)
        .ancestors()
        .filter(|folder| folder.is_relative())
        .find(|folder| fs::symlink_metadata(folder).is_ok_and(|found| found.is_symlink()))
    {
        return Err(io::Error::other(format!("its folder {} is a link", link.display())));
    }
    let folder = folder_of(path).canonicalize()?;
    if folder.components().any(|part| part.as_os_str() == ".git") {
        return Err(io::Error::other("it is in git's own folder"));
    }
    let mut builder = Builder::new();
    builder.prefix(".holdfast-");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        // Like every other file of the user: the process's umask removes rights.
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// Returns the file's own path, without links in its folders.
fn place_of(path: &Path) -> io::Result<PathBuf> {
    let name = path
        .file_name()
        .ok_or_else(|| io::Error::other("it has no file name"))?;
    Ok(folder_of(path).canonicalize()?.join(name))
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
            (vec![at("missing/a.json")], "No such file or directory"),
            (vec![at("plain/a.json")], "Not a directory"),
            (vec![at("")], "it is a folder"),
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
