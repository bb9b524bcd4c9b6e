//! The command that runs the workflow on LocalStack's interpreter and on ours: its Python environment, below the target
//! directory, and its test. tests/localstack/requirements.txt pins the packages.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::python::{Environment, runs};
use crate::{cargo, print_line, step, target};

/// The pinned packages, below the repository's root.
const REQUIREMENTS: &str = "tests/localstack/requirements.txt";
/// A line of Python that succeeds if LocalStack runs on this Python, and it can create environments with pip.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 13))";
/// The message if there is no such Python.
const NO_PYTHON: &str = "two-engines: no Python 3.13 or newer with venv (on PATH or of pyenv), which LocalStack needs; \
                         apt-get install python3.13-venv, or pyenv install 3.13";

/// Runs the comparison; prints a message and returns 2 if no Python is new enough.
///
/// # Errors
/// The step that failed, and the remedy.
pub fn pass(root: &Path) -> Result<ExitCode, String> {
    let Some(python) = python() else {
        print_line(NO_PYTHON);
        return Ok(ExitCode::from(2));
    };
    let target = target(root);
    let folder = target.canonicalize().unwrap_or(target).join("tools/localstack");
    let environment = Environment {
        purpose: "LocalStack (500 MB)",
        folder: folder.clone(),
        python: &python,
        requirements: root.join(REQUIREMENTS),
        // The file lists every package, so pip resolves nothing.
        pip: &["--no-deps"],
        probe: PROBE,
    };
    environment.install()?;
    let mut test = cargo(root);
    test.args(["test", "-p", "holdfast-tests", "--test", "two_engines"])
        .args(["--", "--nocapture"])
        .env("HOLDFAST_LOCALSTACK", &folder);
    step("two engines, one path", "both paths are above", &mut test)?;
    Ok(ExitCode::SUCCESS)
}

/// Returns the first Python that is new enough: on `PATH`, then of pyenv.
fn python() -> Option<PathBuf> {
    let on_path = ["python3.13", "python3.14", "python3"].map(PathBuf::from);
    on_path
        .into_iter()
        .chain(of_pyenv())
        .find(|program| runs(program, PROBE))
}

/// Returns every Python that pyenv has installed, selected or not.
fn of_pyenv() -> Vec<PathBuf> {
    let output = Command::new("pyenv").arg("root").output();
    let root = output.ok().filter(|answer| answer.status.success());
    let Some(root) = root.and_then(|answer| String::from_utf8(answer.stdout).ok()) else {
        return Vec::new();
    };
    let versions = fs::read_dir(Path::new(root.trim()).join("versions"));
    let mut found: Vec<PathBuf> = versions
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|version| version.path().join("bin/python"))
        .collect();
    found.sort();
    found
}
