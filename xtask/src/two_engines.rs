//! The lane that runs the workflow on LocalStack's interpreter and on ours: its Python environment, below the target
//! directory, and its test. Which packages and versions is in tests/localstack/requirements.txt.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};

use crate::{cargo, say, step, target};

/// The pinned packages, below the repository's root.
const REQUIREMENTS: &str = "tests/localstack/requirements.txt";
/// The copy of them in the environment that shows what was installed.
const INSTALLED: &str = "installed.txt";
/// What a Python has to answer: LocalStack runs on it, and it can make environments with pip in them.
const PROBE: &str = "import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 13))";
/// Told where there is no such Python.
const NO_PYTHON: &str = "two-engines: no Python of 3.13 or newer with venv (on PATH, or of pyenv), which LocalStack needs; \
                         apt-get install python3.13-venv, or pyenv install 3.13";

/// Passes the lane. Where no Python is new enough it says so and gives 2. Errors: the step that failed, and the remedy.
pub fn pass(root: &Path) -> Result<ExitCode, String> {
    let Some(python) = python() else {
        say(NO_PYTHON);
        return Ok(ExitCode::from(2));
    };
    let target = target(root);
    let folder = target.canonicalize().unwrap_or(target).join("tools/localstack");
    install(root, &python, &folder)?;
    let test = [
        "test",
        "-p",
        "holdfast-tests",
        "--test",
        "two_engines",
        "--",
        "--nocapture",
    ];
    let mut test = {
        let mut command = cargo(root);
        command.args(test).env("HOLDFAST_LOCALSTACK", &folder);
        command
    };
    step("two engines, one path", "both paths are above", &mut test)?;
    Ok(ExitCode::SUCCESS)
}

/// Makes the environment `folder`, unless it is there with these very versions.
fn install(root: &Path, python: &Path, folder: &Path) -> Result<(), String> {
    let requirements = root.join(REQUIREMENTS);
    let wanted = fs::read_to_string(&requirements).map_err(|error| format!("{}: {error}", requirements.display()))?;
    let installed = folder.join(INSTALLED);
    if fs::read_to_string(&installed).is_ok_and(|text| text == wanted) && is_python(&folder.join("bin/python")) {
        return Ok(());
    }
    // What an interrupted installation left is cleared away.
    let mut environment = Command::new(python);
    environment.args(["-m", "venv", "--clear"]).arg(folder);
    step("a Python environment for LocalStack", "see above", &mut environment)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-input",
        "--disable-pip-version-check",
    ]);
    // All of them are named: nothing is to be resolved.
    pip.args(["--no-deps", "--requirement"]).arg(&requirements);
    step("LocalStack is installed (500 MB)", "see pip's message", &mut pip)?;
    fs::write(&installed, wanted).map_err(|error| format!("{}: {error}", installed.display()))
}

/// The first Python that is new enough: on `PATH`, then pyenv's.
fn python() -> Option<PathBuf> {
    let on_path = ["python3.13", "python3.14", "python3"].map(PathBuf::from);
    on_path.into_iter().chain(of_pyenv()).find(|program| is_python(program))
}

/// Every Python that pyenv has, chosen or not.
fn of_pyenv() -> Vec<PathBuf> {
    let asked = Command::new("pyenv").arg("root").output();
    let root = asked.ok().filter(|answer| answer.status.success());
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

fn is_python(program: &Path) -> bool {
    let mut probe = Command::new(program);
    let probe = probe.args(["-c", PROBE]).stdout(Stdio::null()).stderr(Stdio::null());
    probe.status().is_ok_and(|status| status.success())
}
