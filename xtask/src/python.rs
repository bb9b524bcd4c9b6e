//! What the tests need from PyPI, in a virtual environment below the target directory. Which packages and versions is in
//! tests/python/requirements.txt; who uses them is the tests' affair.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::step;

/// The pinned packages, below the repository's root.
const REQUIREMENTS: &str = "tests/python/requirements.txt";
/// The copy of them in the environment that shows what was installed.
const INSTALLED: &str = "installed.txt";
/// What Python has to answer: it is new enough, and can make environments with pip in them.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 10))";

/// Makes the environment `tools/python` below `target`, unless it is there with these very versions. Errors: what is
/// missing, and the remedy.
pub fn install(root: &Path, target: &Path) -> Result<(), String> {
    let requirements = root.join(REQUIREMENTS);
    let wanted = fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let folder = target.join("tools/python");
    if is_installed(&folder, &wanted) {
        return Ok(());
    }
    step(
        "python3 is there (3.10 or newer, with venv)",
        "apt-get install python3-venv",
        Command::new("python3").args(["-c", PROBE]),
    )?;
    // What an interrupted installation left is cleared away.
    step(
        "a Python environment for the tests",
        "apt-get install python3-venv",
        Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder),
    )?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]);
    pip.arg("--requirement").arg(&requirements);
    step("the tests' Python packages", "see pip's message", &mut pip)?;
    let installed = folder.join(INSTALLED);
    fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))
}

/// The environment's Python, which finds the packages.
pub fn program(target: &Path) -> PathBuf {
    target.join("tools/python/bin/python")
}

/// The system's Python may have gone since.
fn is_installed(folder: &Path, wanted: &str) -> bool {
    let same = fs::read_to_string(folder.join(INSTALLED)).is_ok_and(|installed| installed == wanted);
    let mut python = Command::new(folder.join("bin/python"));
    let python = python.args(["-c", "import ministack"]).stderr(Stdio::null());
    same && python.status().is_ok_and(|status| status.success())
}
