//! Virtual environments below the target directory, with pinned packages from PyPI: one for the tests, one for the
//! command `two-engines`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step;

/// The tests' packages, below the repository's root.
const REQUIREMENTS: &str = "tests/python/requirements.txt";
/// The copy of that file in an environment, written once everything is installed.
const INSTALLED: &str = "installed.txt";
/// A line of Python that succeeds if this Python is new enough and can create environments with pip.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// An environment.
pub struct Environment<'a> {
    /// The purpose, for the names of steps.
    pub purpose: &'a str,
    /// Its folder.
    pub folder: PathBuf,
    /// The Python that creates it.
    pub python: &'a Path,
    /// The file that lists its packages.
    pub requirements: PathBuf,
    /// Further arguments of pip.
    pub pip: &'a [&'a str],
    /// A line of Python that succeeds if everything is installed.
    pub probe: &'a str,
}

impl Environment<'_> {
    /// Creates the environment, unless it exists with exactly these versions.
    ///
    /// # Errors
    /// The missing prerequisite or the step that failed, and the remedy.
    pub fn install(&self) -> Result<(), String> {
        let requirements = &self.requirements;
        let wanted =
            fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
        if self.is_installed(&wanted) {
            return Ok(());
        }
        // --clear removes the rest of an interrupted installation.
        step(
            &format!("a Python environment for {}", self.purpose),
            "apt-get install python3-venv",
            Command::new(self.python)
                .args(["-m", "venv", "--clear"])
                .arg(&self.folder),
        )?;
        let mut pip = Command::new(self.program());
        pip.args([
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-input",
            "--disable-pip-version-check",
        ]);
        pip.args(self.pip).arg("--requirement").arg(requirements);
        step(
            &format!("Python packages for {}", self.purpose),
            "see pip's message",
            &mut pip,
        )?;
        let installed = self.folder.join(INSTALLED);
        fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bin/python")
    }

    /// Returns whether everything is installed. The system may have removed the environment's Python since.
    fn is_installed(&self, wanted: &str) -> bool {
        let same = fs::read_to_string(self.folder.join(INSTALLED)).is_ok_and(|installed| installed == wanted);
        same && runs(&self.program(), self.probe)
    }
}

/// Returns whether a program is a Python that runs this line successfully.
pub fn runs(program: &Path, line: &str) -> bool {
    let mut python = Command::new(program);
    let python = python.args(["-c", line]).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// Creates the tests' environment below `target`.
///
/// # Errors
/// The missing prerequisite or the step that failed, and the remedy.
pub fn install(root: &Path, target: &Path) -> Result<(), String> {
    let python = Path::new("python3");
    let environment = Environment {
        purpose: "the tests",
        folder: target.join("tools/python"),
        python,
        requirements: root.join(REQUIREMENTS),
        pip: &[],
        probe: "import ministack",
    };
    if !runs(python, PROBE) {
        return Err("python3 is missing, is older than 3.10 or has no venv: apt-get install python3-venv".to_owned());
    }
    environment.install()
}

/// Returns the path of the environment's Python.
pub fn program(target: &Path) -> PathBuf {
    target.join("tools/python/bin/python")
}
