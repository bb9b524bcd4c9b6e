//! Virtual environments below the target directory, with pinned packages from PyPI: what the tests need, and what a lane of its
//! own needs. Who uses them is the tests' affair.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step;

/// The tests' packages, below the repository's root.
const REQUIREMENTS: &str = "tests/python/requirements.txt";
/// The copy of them in an environment that shows what was installed.
const INSTALLED: &str = "installed.txt";
/// What Python has to answer: it is new enough, and can make environments with pip in them.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// An environment.
pub struct Environment<'a> {
    /// What it is for, as steps name it.
    pub purpose: &'a str,
    /// Its folder.
    pub folder: PathBuf,
    /// The Python that makes it.
    pub python: &'a Path,
    /// The file with its packages.
    pub requirements: PathBuf,
    /// What else pip is told.
    pub pip: &'a [&'a str],
    /// A line of Python that works where all is there.
    pub shows: &'a str,
}

impl Environment<'_> {
    /// Makes it, unless it is there with these very versions. Errors: what is missing, and the remedy.
    pub fn install(&self) -> Result<(), String> {
        let requirements = &self.requirements;
        let wanted =
            fs::read_to_string(requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
        if self.is_installed(&wanted) {
            return Ok(());
        }
        // What an interrupted installation left is cleared away.
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

    /// The system's Python may have gone since.
    fn is_installed(&self, wanted: &str) -> bool {
        let same = fs::read_to_string(self.folder.join(INSTALLED)).is_ok_and(|installed| installed == wanted);
        same && answers(&self.program(), self.shows)
    }
}

/// Whether a program is a Python that runs this line well.
pub fn answers(program: &Path, line: &str) -> bool {
    let mut python = Command::new(program);
    let python = python.args(["-c", line]).stdout(Stdio::null()).stderr(Stdio::null());
    python.status().is_ok_and(|status| status.success())
}

/// Makes the tests' environment below `target`. Errors: what is missing, and the remedy.
pub fn install(root: &Path, target: &Path) -> Result<(), String> {
    let python = Path::new("python3");
    let environment = Environment {
        purpose: "the tests",
        folder: target.join("tools/python"),
        python,
        requirements: root.join(REQUIREMENTS),
        pip: &[],
        shows: "import ministack",
    };
    if !answers(python, PROBE) {
        return Err("python3 is missing, is older than 3.10 or has no venv: apt-get install python3-venv".to_owned());
    }
    environment.install()
}

/// The environment's Python, which finds the packages.
pub fn program(target: &Path) -> PathBuf {
    target.join("tools/python/bin/python")
}
