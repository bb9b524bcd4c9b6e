//! The folder in which a tool runs: the changed files of the head, and the tool's settings of the base.

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use holdfast_core::evidence::{Reads, ToolJob, is_plain};
use tempfile::TempDir;

/// Maximum number of paths at which a tool's settings are looked for.
const MAX_SETTINGS_PATHS: usize = 300;

/// The contents of files by path.
pub(super) type Contents = BTreeMap<String, Vec<u8>>;

/// A temporary folder. Dropping it removes it.
pub(super) struct Folder {
    _temporary: TempDir,
    /// The files.
    pub(super) files: PathBuf,
    /// An empty folder.
    pub(super) home: PathBuf,
    /// The program's arguments.
    pub(super) arguments: Vec<OsString>,
    /// The number of files that can't be written.
    pub(super) unwritten: usize,
}

impl Folder {
    /// Writes a tool's files. `settings` are its own of the base.
    pub(super) fn write(job: &ToolJob, contents: &Contents, settings: &Contents) -> io::Result<Self> {
        let command = job.tool.command();
        let temporary = tempfile::Builder::new().prefix("holdfast-tool-").tempdir()?;
        let root = temporary.path().canonicalize()?;
        let (files, home) = (root.join("files"), root.join("home"));
        std::fs::create_dir(&files)?;
        std::fs::create_dir(&home)?;
        let mut arguments: Vec<OsString> = command.arguments.iter().map(OsString::from).collect();
        for (path, bytes) in settings {
            write(&files, path, bytes)?;
        }
        let counts = |path: &str, part: &str| {
            let text = settings.get(path).map(|bytes| String::from_utf8_lossy(bytes));
            text.is_some_and(|text| text.contains(part))
        };
        let own = command.settings.paths.iter().find(|(path, part)| counts(path, part));
        let mut used = own.map(|(path, _)| *path);
        if let (None, Some((path, text))) = (used, command.settings.fallback) {
            write(&files, path, text.as_bytes())?;
            used = Some(path);
        }
        // Options come before the end of options.
        let at = arguments
            .iter()
            .position(|argument| argument == "--")
            .unwrap_or(arguments.len());
        let options: Vec<OsString> = match (used, command.settings.option) {
            (Some(path), Some(option)) => vec![option.into(), format!("./{path}").into()],
            (Some(_), None) => Vec::new(),
            (None, _) => command.settings.without.iter().map(OsString::from).collect(),
        };
        arguments.splice(at..at, options);
        let mut unwritten = 0;
        for path in &job.files {
            let bytes = contents.get(path);
            match bytes.map(|bytes| write(&files, path, bytes)) {
                Some(Ok(())) if command.reads == Reads::Files => arguments.push(format!("./{path}").into()),
                Some(Ok(())) => {}
                Some(Err(_)) | None => unwritten += 1,
            }
        }
        if command.reads == Reads::Folder {
            arguments.push(".".into());
        }
        Ok(Self {
            _temporary: temporary,
            files,
            home,
            arguments,
            unwritten,
        })
    }
}

/// Writes a new regular file below a folder that nobody else writes to.
///
/// # Errors
/// The path isn't plain, or there is something already.
fn write(root: &Path, path: &str, bytes: &[u8]) -> io::Result<()> {
    if !is_plain(path) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    let file = root.join(path);
    if let Some(folder) = file.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut options = std::fs::OpenOptions::new();
    options
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(file)?
        .write_all(bytes)
}

/// Returns the paths at which a tool's settings may be, those of the root first.
pub(super) fn settings_paths(job: &ToolJob) -> Vec<String> {
    let settings = job.tool.command().settings;
    let mut folders: BTreeSet<(usize, &str)> = BTreeSet::from([(0, "")]);
    if settings.in_each_folder {
        for file in &job.files {
            let ends = file.match_indices('/').map(|(end, _)| end).enumerate();
            folders.extend(ends.filter_map(|(depth, end)| Some((depth + 1, file.get(..end)?))));
        }
    }
    let names = settings.paths.iter().map(|(path, _)| *path);
    let paths = folders.into_iter().flat_map(|(_, folder)| {
        names.clone().map(move |name| match folder {
            "" => name.to_owned(),
            folder => format!("{folder}/{name}"),
        })
    });
    paths.take(MAX_SETTINGS_PATHS).collect()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use holdfast_core::evidence::InstalledTool;

    use super::*;

    fn contents(files: &[(&str, &str)]) -> Contents {
        let files = files.iter();
        files
            .map(|(path, text)| ((*path).to_owned(), text.as_bytes().to_vec()))
            .collect()
    }

    fn job(tool: InstalledTool, files: &[&str]) -> ToolJob {
        ToolJob {
            tool,
            files: files.iter().map(|file| (*file).to_owned()).collect(),
        }
    }

    #[test]
    fn settings_are_looked_for_beside_the_files_and_above_them() {
        let ruff = job(InstalledTool::Ruff, &["a/b/c.py", "d.py"]);
        let expected = [
            "ruff.toml",
            ".ruff.toml",
            "pyproject.toml",
            "a/ruff.toml",
            "a/.ruff.toml",
            "a/pyproject.toml",
            "a/b/ruff.toml",
            "a/b/.ruff.toml",
            "a/b/pyproject.toml",
        ];
        assert_eq!(settings_paths(&ruff), expected);
        let gitleaks = job(InstalledTool::Gitleaks, &["a/b/c.py"]);
        assert_eq!(settings_paths(&gitleaks), [".gitleaks.toml", ".gitleaksignore"]);
    }

    #[test]
    fn hostile_names_stay_below_the_folder_and_are_no_options() {
        let files = [
            "-rf.py",
            "../x.py",
            "/tmp/x.py",
            "ruff.toml/y.py",
            "a/b.py",
            "missing.py",
        ];
        let given: Vec<(&str, &str)> = files.iter().take(5).map(|file| (*file, "x = 1\n")).collect();
        let folder = Folder::write(&job(InstalledTool::Ruff, &files), &contents(&given), &Contents::new()).unwrap();
        let last: Vec<&OsString> = folder.arguments.iter().rev().take(3).collect();
        assert_eq!(last, ["./a/b.py", "./-rf.py", "--"]);
        assert_eq!(folder.unwritten, 4);
        assert_eq!(std::fs::read(folder.files.join("ruff.toml")).unwrap(), b"");
        let above: Vec<_> = std::fs::read_dir(folder.files.parent().unwrap()).unwrap().collect();
        assert_eq!(above.len(), 2);
    }

    #[test]
    fn settings_of_the_base_are_named_or_switched_off() {
        let path = ".github/workflows/a.yml";
        let arguments = |tool: InstalledTool, settings: &[(&str, &str)]| {
            let folder = Folder::write(
                &job(tool, &[path]),
                &contents(&[(path, "on: push\n")]),
                &contents(settings),
            );
            let all = folder.unwrap().arguments;
            let all: Vec<String> = all
                .iter()
                .map(|argument| argument.to_string_lossy().into_owned())
                .collect();
            all.join(" ")
        };
        let zizmor = arguments(InstalledTool::Zizmor, &[("zizmor.yml", "rules: {}\n")]);
        assert!(
            zizmor.ends_with("--config ./zizmor.yml ./.github/workflows/a.yml"),
            "{zizmor}"
        );
        let zizmor = arguments(InstalledTool::Zizmor, &[]);
        assert!(zizmor.contains(" --no-config ./"), "{zizmor}");
        let actionlint = arguments(InstalledTool::Actionlint, &[]);
        assert!(
            actionlint.contains("-config-file ./.github/actionlint.yaml ./"),
            "{actionlint}"
        );
    }
}
