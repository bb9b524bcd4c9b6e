//! Runs the git command line without the machine's and the user's settings.

use crate::error::TestkitError;
use std::io::{Seek, Write};
use std::path::Path;
use std::process::Command;

/// Returns a git command in `directory` that reads only the repository's own configuration.
pub(crate) fn command(directory: &Path) -> Command {
    let mut command = Command::new("git");
    for name in [
        "GIT_DIR",
        "GIT_WORK_TREE",
        "GIT_INDEX_FILE",
        "GIT_OBJECT_DIRECTORY",
        "GIT_NAMESPACE",
    ] {
        command.env_remove(name);
    }
    command
        .current_dir(directory)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_TERMINAL_PROMPT", "0")
        .env("LC_ALL", "C");
    command
}

/// Runs `command` with `arguments` and returns its output.
pub(crate) fn run(mut command: Command, arguments: &[&str]) -> Result<Vec<u8>, TestkitError> {
    let output = command.args(arguments).output().map_err(TestkitError::GitMissing)?;
    if output.status.success() {
        return Ok(output.stdout);
    }
    Err(TestkitError::Git {
        arguments: arguments.join(" "),
        directory: command.get_current_dir().map(Into::into).unwrap_or_default(),
        stderr: String::from_utf8_lossy(&output.stderr).trim().to_owned(),
    })
}

/// Runs git with lines on its standard input and returns its output.
pub(crate) fn fed(directory: &Path, arguments: &[&str], lines: &[&str]) -> Result<Vec<u8>, TestkitError> {
    let mut input = tempfile::tempfile().map_err(TestkitError::GitMissing)?;
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    input
        .write_all(text.as_bytes())
        .and_then(|()| input.rewind())
        .map_err(TestkitError::GitMissing)?;
    let mut command = command(directory);
    command.stdin(input);
    run(command, arguments)
}

/// Runs git in `directory` and returns its output.
pub(crate) fn output(directory: &Path, arguments: &[&str]) -> Result<Vec<u8>, TestkitError> {
    run(command(directory), arguments)
}

/// Runs git in `directory` and returns its output as text, without the last newline.
pub(crate) fn text(directory: &Path, arguments: &[&str]) -> Result<String, TestkitError> {
    output(directory, arguments).map(|bytes| String::from_utf8_lossy(&bytes).trim_end().to_owned())
}
