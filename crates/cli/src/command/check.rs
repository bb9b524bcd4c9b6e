//! `holdfast check`: checks a state machine or a repository's settings, and reports every problem together.

use std::path::Path;

use holdfast_asl::StateMachine;
use holdfast_core::model::policy::{POLICY_PATH, Policy};
use holdfast_core::policy_file::MAX_POLICY_BYTES;

use crate::cli::CheckArgs;
use crate::exit::Exit;
use crate::output;
use holdfast_ops::failure::Failure;

/// A common wrong name of the settings' file.
const OTHER_NAME: &str = ".holdfast.yaml";

/// Runs the command.
///
/// # Errors
/// The file can't be read, or has problems: the failure lists them.
pub fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let name = args.file.display();
    let is_json = args.file.extension().is_some_and(|extension| extension == "json");
    let report = if is_json {
        let machine = StateMachine::parse(&read(&args.file)?)
            .map_err(|problems| Failure::usage(format!("{name}:\n{problems}")))?;
        format!("{name}: {} states, no problem\n", machine.states().len())
    } else {
        let problems = settings_problems(&args.file)?;
        if !problems.is_empty() {
            let lines: Vec<String> = problems.iter().map(|problem| format!("{name}: {problem}")).collect();
            return Err(Failure::usage(lines.join("\n")));
        }
        format!("{name}: no problem\n")
    };
    output::print(&report).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

fn read(file: &Path) -> Result<String, Failure> {
    std::fs::read_to_string(file).map_err(|error| {
        Failure::usage(format!(
            "{} cannot be read: {error}{}",
            file.display(),
            other_name(file)
        ))
    })
}

/// Returns a hint, where the settings are missing and a file with the wrong name exists.
fn other_name(file: &Path) -> String {
    let other = file.with_file_name(OTHER_NAME);
    match file.ends_with(POLICY_PATH) && other.exists() {
        true => format!("; {} is not read: rename it to {POLICY_PATH}", other.display()),
        false => String::new(),
    }
}

/// Returns the problems that a review would report: the file's name, type, size and text.
fn settings_problems(file: &Path) -> Result<Vec<String>, Failure> {
    let mut problems = Vec::new();
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let is_meant = name.eq_ignore_ascii_case(OTHER_NAME) || name.eq_ignore_ascii_case(POLICY_PATH);
    if is_meant && name != POLICY_PATH {
        problems.push(format!("is not read under this name: rename it to {POLICY_PATH}"));
    }
    let found = std::fs::symlink_metadata(file).map_err(|error| {
        Failure::usage(format!(
            "{} cannot be read: {error}{}",
            file.display(),
            other_name(file)
        ))
    })?;
    if found.is_symlink() {
        problems.push("is a symbolic link, which is not followed: commit the settings as a file".to_owned());
    }
    if !found.is_symlink() && found.len() > MAX_POLICY_BYTES {
        problems.push(format!(
            "has {} bytes, and at most {MAX_POLICY_BYTES} bytes are read: shorten it",
            found.len()
        ));
        return Ok(problems);
    }
    let text = match std::fs::read(file).map(String::from_utf8) {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => {
            let at = error.utf8_error().valid_up_to();
            problems.push(format!("is not UTF-8 (at byte {at}): store it in that encoding"));
            return Ok(problems);
        }
        // A link that leads nowhere: its problem is in the list already.
        Err(_) if found.is_symlink() => return Ok(problems),
        Err(error) => return Err(Failure::usage(format!("{} cannot be read: {error}", file.display()))),
    };
    let wrong = Policy::problems(text.trim_start_matches('\u{feff}'));
    problems.extend(wrong.iter().map(ToString::to_string));
    Ok(problems)
}
