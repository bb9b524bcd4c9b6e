//! Real git repositories in a temporary directory, the same on every machine: fixed author, dates and settings. Their
//! commits therefore have the same names in every run.

use crate::error::TestkitError;
use crate::git;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tempfile::TempDir;

/// The first commit's time, 2024-01-01T00:00:00Z, in seconds since 1970.
const FIRST_COMMIT_S: u32 = 1_704_067_200;

/// A work tree with its repository; deleted when this value is dropped.
#[derive(Debug)]
pub struct Repository {
    directory: TempDir,
    commits: AtomicU32,
}

/// A repository with a change to review.
#[derive(Debug)]
pub struct Change {
    /// The repository; `head` is checked out, on the branch `change`.
    pub repository: Repository,
    /// The commit before the change, on `main`.
    pub base: String,
    /// The commit with the change.
    pub head: String,
}

impl Repository {
    /// Creates an empty repository on the branch `main`.
    ///
    /// # Errors
    /// Git is missing.
    pub fn new() -> Result<Self, TestkitError> {
        let directory = tempfile::Builder::new()
            .prefix("holdfast-repository-")
            .tempdir()
            .map_err(|source| TestkitError::File {
                path: std::env::temp_dir(),
                source,
            })?;
        let repository = Self {
            directory,
            commits: AtomicU32::new(0),
        };
        repository.git(&["init", "--quiet", "--initial-branch=main"])?;
        // Also for callers that run git here without this crate's environment.
        for (name, value) in [
            ("user.name", "Test Author"),
            ("user.email", "author@example.test"),
            ("commit.gpgsign", "false"),
            ("core.autocrlf", "false"),
            ("gc.auto", "0"),
        ] {
            repository.git(&["config", name, value])?;
        }
        Ok(repository)
    }

    /// Returns the work tree's path.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Runs git here and returns its output as text.
    ///
    /// # Errors
    /// git can't be started, or exits with an error.
    pub fn git(&self, arguments: &[&str]) -> Result<String, TestkitError> {
        git::text(self.path(), arguments)
    }

    /// Writes a file and its directories.
    ///
    /// # Errors
    /// A directory or the file can't be written.
    pub fn write(&self, path: &str, content: impl AsRef<[u8]>) -> Result<(), TestkitError> {
        let full = self.prepare(path)?;
        fs::write(&full, content).map_err(failed(&full))
    }

    /// Renames a file, also into a new directory.
    ///
    /// # Errors
    /// The file doesn't exist, or the new directory can't be created.
    pub fn rename(&self, from: &str, to: &str) -> Result<(), TestkitError> {
        let full = self.prepare(to)?;
        fs::rename(self.path().join(from), &full).map_err(failed(&full))
    }

    /// Deletes a file.
    ///
    /// # Errors
    /// The file doesn't exist, or can't be deleted.
    pub fn delete(&self, path: &str) -> Result<(), TestkitError> {
        let full = self.path().join(path);
        fs::remove_file(&full).map_err(failed(&full))
    }

    /// Makes a file executable, or not.
    ///
    /// # Errors
    /// The file doesn't exist, or its mode can't be changed.
    pub fn set_executable(&self, path: &str, is_executable: bool) -> Result<(), TestkitError> {
        let full = self.path().join(path);
        let mode = if is_executable { 0o755 } else { 0o644 };
        fs::set_permissions(&full, fs::Permissions::from_mode(mode)).map_err(failed(&full))
    }

    /// Creates a symbolic link at `path`; `target` need not exist.
    ///
    /// # Errors
    /// Something exists at `path`, or its directory can't be created.
    pub fn symlink(&self, path: &str, target: &str) -> Result<(), TestkitError> {
        let full = self.prepare(path)?;
        symlink(target, &full).map_err(failed(&full))
    }

    /// Records `commit` (40 hex digits; need not exist) as a submodule at `path`.
    ///
    /// # Errors
    /// The directory can't be created, or git refuses the entry.
    pub fn gitlink(&self, path: &str, commit: &str) -> Result<(), TestkitError> {
        // Without its directory, the next `git add` would delete the link.
        let full = self.path().join(path);
        fs::create_dir_all(&full).map_err(failed(&full))?;
        self.git(&[
            "update-index",
            "--add",
            "--cacheinfo",
            &format!("160000,{commit},{path}"),
        ])
        .map(drop)
    }

    /// Commits everything in the work tree, possibly nothing, and returns the commit's name.
    ///
    /// # Errors
    /// git can't be started, or exits with an error.
    pub fn commit(&self, message: &str) -> Result<String, TestkitError> {
        self.git(&["add", "--all"])?;
        // A minute apart, so that commits sorted by date are in order.
        let number = self.commits.fetch_add(1, Ordering::SeqCst);
        let date = format!("{} +0000", FIRST_COMMIT_S + 60 * number);
        let mut command = git::command(self.path());
        command.env("GIT_AUTHOR_DATE", &date).env("GIT_COMMITTER_DATE", &date);
        let arguments = [
            "commit",
            "--quiet",
            "--allow-empty",
            "--no-verify",
            "--message",
            message,
        ];
        git::run(command, &arguments)?;
        self.rev_parse("HEAD")
    }

    /// Creates a branch at `HEAD` and checks it out.
    ///
    /// # Errors
    /// The branch exists, or its name is invalid.
    pub fn branch(&self, name: &str) -> Result<(), TestkitError> {
        self.git(&["switch", "--quiet", "--create", name]).map(drop)
    }

    /// Checks out a branch or a commit.
    ///
    /// # Errors
    /// The revision is unknown, or would overwrite changes.
    pub fn checkout(&self, revision: &str) -> Result<(), TestkitError> {
        self.git(&["checkout", "--quiet", revision]).map(drop)
    }

    /// Returns the full name of the commit that `revision` names.
    ///
    /// # Errors
    /// The revision names no commit.
    pub fn rev_parse(&self, revision: &str) -> Result<String, TestkitError> {
        self.git(&["rev-parse", "--verify", &format!("{revision}^{{commit}}")])
    }

    /// Creates a change with every kind of file: see [`CORPUS_PATHS`].
    ///
    /// # Errors
    /// A file can't be written, or git fails.
    pub fn corpus() -> Result<Change, TestkitError> {
        let repository = Self::new()?;
        repository.write("src/modified.rs", numbered(1..=40))?;
        repository.write("src/old_name.rs", numbered(1..=30))?;
        repository.write("src/moved.rs", numbered(100..=130))?;
        repository.write("src/deleted.rs", "fn gone() {}\n")?;
        repository.write("image.png", binary(1))?;
        repository.write("crlf.txt", "one\r\ntwo\r\nthree\r\n")?;
        repository.write("no_newline.txt", "first\nlast without an end")?;
        repository.write("latin1.txt", b"caf\xe9\n")?;
        repository.write("emptied.txt", "something\n")?;
        repository.write("run.sh", "#!/bin/sh\nexit 0\n")?;
        repository.write("becomes_link", "a file\n")?;
        repository.symlink("link", "src/modified.rs")?;
        repository.gitlink("vendor/lib", &"1".repeat(40))?;
        let base = repository.commit("Everything before")?;
        repository.branch("change")?;
        let modified = numbered(1..=40)
            .replace("let v5 = 5;", "let v5 = 50;")
            .replace("let v35 = 35;\n", "");
        repository.write("src/modified.rs", modified)?;
        repository.delete("src/old_name.rs")?;
        repository.write(
            "src/new_name.rs",
            numbered(1..=30).replace("let v9 = 9;", "let v9 = 90;"),
        )?;
        repository.rename("src/moved.rs", "src/sub/moved.rs")?;
        repository.delete("src/deleted.rs")?;
        repository.write("src/added.rs", "fn added() -> u8 {\n    7\n}\n")?;
        repository.write("src/with space ünï.rs", "fn spaced() {}\n")?;
        repository.write("image.png", binary(2))?;
        repository.write("crlf.txt", "one\r\n2\r\nthree\r\n")?;
        repository.write("no_newline.txt", "first\nlast, changed, without an end")?;
        repository.write("latin1.txt", b"caf\xe9\nna\xefve\n")?;
        repository.write("empty.txt", "")?;
        repository.write("emptied.txt", "")?;
        repository.set_executable("run.sh", true)?;
        repository.delete("becomes_link")?;
        repository.symlink("becomes_link", "run.sh")?;
        repository.delete("link")?;
        repository.symlink("link", "src/added.rs")?;
        repository.gitlink("vendor/lib", &"2".repeat(40))?;
        let head = repository.commit("Everything after")?;
        Ok(Change { repository, base, head })
    }

    /// Creates a change of `count` files (`src/file_0000.rs`…), each with a small function whose second line changes.
    ///
    /// # Errors
    /// A file can't be written, or git fails.
    pub fn many_files(count: usize) -> Result<Change, TestkitError> {
        let repository = Self::new()?;
        let write = |factor: u32| -> Result<(), TestkitError> {
            for index in 0..count {
                let text = format!("pub fn function_{index}(x: u64) -> u64 {{\n    x * {factor} + {index}\n}}\n");
                repository.write(&format!("src/file_{index:04}.rs"), text)?;
            }
            Ok(())
        };
        write(2)?;
        let base = repository.commit("Functions")?;
        repository.branch("change")?;
        write(3)?;
        let head = repository.commit("Change each function")?;
        Ok(Change { repository, base, head })
    }

    fn prepare(&self, path: &str) -> Result<PathBuf, TestkitError> {
        let full = self.path().join(path);
        let parent = full.parent().unwrap_or(self.path());
        fs::create_dir_all(parent).map_err(failed(parent))?;
        Ok(full)
    }
}

/// The files that [`Repository::corpus`] changes, in git's order: the path at the head (at the base for a deleted
/// file), and the kind of change.
pub const CORPUS_PATHS: [(&str, &str); 16] = [
    ("becomes_link", "type change, file to symbolic link"),
    ("crlf.txt", "modified, CRLF"),
    ("emptied.txt", "modified to empty"),
    ("empty.txt", "added, empty"),
    ("image.png", "modified, binary"),
    ("latin1.txt", "modified, not UTF-8"),
    ("link", "modified symbolic link"),
    ("no_newline.txt", "modified, no newline at its end"),
    ("run.sh", "mode change alone"),
    ("src/added.rs", "added"),
    ("src/deleted.rs", "deleted"),
    ("src/modified.rs", "modified, two hunks"),
    ("src/new_name.rs", "renamed from src/old_name.rs, and changed"),
    ("src/sub/moved.rs", "renamed from src/moved.rs, unchanged"),
    (
        "src/with space ünï.rs",
        "added, path with a space and non-ASCII letters",
    ),
    ("vendor/lib", "modified submodule"),
];

fn numbered(lines: std::ops::RangeInclusive<u32>) -> String {
    lines.map(|n| format!("let v{n} = {n};\n")).collect()
}

/// Returns bytes that git treats as binary.
fn binary(seed: u8) -> Vec<u8> {
    (0..=255).map(|byte: u8| byte.wrapping_mul(seed)).collect()
}

fn failed(path: &Path) -> impl FnOnce(std::io::Error) -> TestkitError {
    let path = path.to_path_buf();
    |source| TestkitError::File { path, source }
}
