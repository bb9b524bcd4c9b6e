//! `holdfast check`: checks a state machine or a repository's settings, and reports every problem together.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::Path;

use holdfast_asl::StateMachine;
use holdfast_core::count::counted;
use holdfast_core::model::policy::{InvalidTeamRules, POLICY_PATH, Policy, PolicyProblem, RuleLevel, unknown_rules};
use holdfast_core::policy_file::{MAX_POLICY_BYTES, OTHER_POLICY_NAME};
use holdfast_core::render::size;
use holdfast_core::team_rules::{
    MAX_FILE_BYTES, MAX_FILES, RULES_FOLDER, RuleFile, TeamRules, not_a_folder, rule_path,
};

use crate::cli::CheckArgs;
use crate::exit::Exit;
use crate::output;
use holdfast_ops::failure::Failure;
use holdfast_ops::{check_team_rules, rule_ids};

/// Maximum size of a state machine, in bytes: AWS's limit.
const MAX_DEFINITION_BYTES: u64 = 1_048_576;

/// Runs the command.
///
/// # Errors
/// The file can't be read, or has problems: the failure lists them.
pub fn run(args: &CheckArgs) -> Result<Exit, Failure> {
    let name = args.file.display();
    let is_json = args.file.extension().is_some_and(|extension| extension == "json");
    let report = if is_json {
        let text = match read(&args.file, MAX_DEFINITION_BYTES)? {
            Ok(text) => text,
            Err(problem) => return Err(Failure::usage(format!("{name}: {problem}"))),
        };
        let machine = StateMachine::parse(&text).map_err(|problems| Failure::usage(format!("{name}:\n{problems}")))?;
        format!("{name}: {} states, no problem\n", machine.states().len())
    } else {
        let file = match args.file.ends_with(RULES_FOLDER) {
            true => &args.file.with_file_name(POLICY_PATH),
            false => &args.file,
        };
        let name = file.display();
        let rules = team_rules(file)?;
        let has_settings = !has_only_rules(file);
        let Checked {
            problems,
            warnings,
            levels,
        } = match has_settings {
            true => check_settings(file)?,
            false => Checked::default(),
        };
        let (ids, of_rules) = match &rules {
            Ok(rules) => check_team_rules(rules),
            Err(problem) => (Vec::new(), vec![problem.to_string()]),
        };
        let number = ids.len();
        let mut lines: Vec<String> = problems.iter().map(|problem| format!("{name}: {problem}")).collect();
        if of_rules.is_empty() {
            let known: Vec<String> = rule_ids().iter().map(|id| (*id).to_owned()).chain(ids).collect();
            let unknown = unknown_rules(levels.keys(), &known);
            lines.extend(unknown.iter().map(|problem| format!("{name}: {problem}")));
        }
        lines.extend(of_rules);
        if !lines.is_empty() {
            return Err(Failure::usage(lines.join("\n")));
        }
        let mut report: String = (warnings.iter())
            .map(|warning| format!("{name}: warning: {warning}\n"))
            .collect();
        if has_settings {
            report.push_str(&format!("{name}: no problem\n"));
        }
        if number > 0 {
            let folder = file.with_file_name(RULES_FOLDER);
            report.push_str(&format!(
                "{}: {}, no problem\n",
                folder.display(),
                counted(number, "rule")
            ));
        }
        report
    };
    output::print(&report).map_err(Failure::incomplete)?;
    Ok(Exit::Clean)
}

/// Reads a regular file of at most `max_bytes`: a pipe or a device may have no end. Returns the file's problem if its
/// content can't be checked.
fn read(file: &Path, max_bytes: u64) -> Result<Result<String, String>, Failure> {
    let found = fs::metadata(file).map_err(|error| unreadable(file, &error))?;
    if !found.is_file() {
        return Ok(Err("is not a regular file: name a file".to_owned()));
    }
    let mut bytes = Vec::new();
    File::open(file)
        .and_then(|file| file.take(max_bytes + 1).read_to_end(&mut bytes))
        .map_err(|error| unreadable(file, &error))?;
    if bytes.len() as u64 > max_bytes {
        return Ok(Err(format!(
            "has {}, and at most {} are read: shorten it",
            size(found.len().max(max_bytes + 1)),
            size(max_bytes)
        )));
    }
    Ok(String::from_utf8(bytes).map_err(|error| {
        let at = error.utf8_error().valid_up_to();
        format!("is not UTF-8 (at byte {at}): store it in that encoding")
    }))
}

/// Returns the failure to read a file, with the remedy.
fn unreadable(file: &Path, error: &io::Error) -> Failure {
    let name = file.display();
    if error.kind() != ErrorKind::NotFound {
        return Failure::usage(format!(
            "{name} cannot be read: {error}; make it readable for this user"
        ));
    }
    let other = file.with_file_name(OTHER_POLICY_NAME);
    Failure::usage(match file.ends_with(POLICY_PATH) {
        true if other.exists() => format!(
            "there is no file {name}; {} is not read: rename it to {POLICY_PATH}",
            other.display()
        ),
        true => format!(
            "there is no file {name}: start the command at the repository's root, or name the file: holdfast check FILE. A \
             repository without it has the default settings"
        ),
        false => format!("there is no file {name}: check the name, and the folder that the command was started in"),
    })
}

/// Returns whether a repository has rules of its team and no settings.
fn has_only_rules(file: &Path) -> bool {
    let is_missing = |name: &str| fs::symlink_metadata(file.with_file_name(name)).is_err();
    file.ends_with(POLICY_PATH)
        && [POLICY_PATH, OTHER_POLICY_NAME].into_iter().all(is_missing)
        && !is_missing(RULES_FOLDER)
}

/// Returns the rules in the folder beside the settings, or what a review would report about them as files.
fn team_rules(file: &Path) -> Result<Result<TeamRules, InvalidTeamRules>, Failure> {
    let folder = file.with_file_name(RULES_FOLDER);
    if fs::symlink_metadata(&folder).is_ok_and(|found| !found.is_dir()) {
        return Ok(Err(not_a_folder(RULES_FOLDER)));
    }
    let entries = match fs::read_dir(&folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Ok(TeamRules::default())),
        Err(error) => return Err(unreadable(&folder, &error)),
    };
    let mut names = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| unreadable(&folder, &error))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let is_link = entry.file_type().is_ok_and(|kind| kind.is_symlink());
        match rule_path(&name, !is_link) {
            Err(problem) => return Ok(Err(problem)),
            Ok(path) => names.extend(path.map(|path| (path, entry.path()))),
        }
        if names.len() > MAX_FILES {
            break;
        }
    }
    let mut files = Vec::new();
    for (path, place) in names {
        match read(&place, MAX_FILE_BYTES)? {
            Ok(text) => files.push(RuleFile { path, text }),
            Err(problem) => return Ok(Err(InvalidTeamRules(format!("{path} {problem}")))),
        }
    }
    Ok(TeamRules::new(files))
}

/// The check of a settings file.
#[derive(Default)]
struct Checked {
    /// The problems that a review would report, with the file's name, type, size and text.
    problems: Vec<String>,
    /// The warnings about a text without problems.
    warnings: Vec<PolicyProblem>,
    /// The levels of rules in a text without problems.
    levels: BTreeMap<String, RuleLevel>,
}

fn check_settings(file: &Path) -> Result<Checked, Failure> {
    let mut checked = Checked::default();
    let problems = &mut checked.problems;
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let is_meant = name.eq_ignore_ascii_case(OTHER_POLICY_NAME) || name.eq_ignore_ascii_case(POLICY_PATH);
    if is_meant && name != POLICY_PATH {
        problems.push(format!("is not read under this name: rename it to {POLICY_PATH}"));
    }
    let found = fs::symlink_metadata(file).map_err(|error| unreadable(file, &error))?;
    if found.is_symlink() {
        problems.push("is a symbolic link, which is not followed: commit the settings as a file".to_owned());
    }
    match read(file, MAX_POLICY_BYTES) {
        Ok(Ok(text)) => {
            let text = text.trim_start_matches('\u{feff}');
            let wrong = Policy::problems(text);
            if wrong.is_empty() {
                checked.warnings = Policy::warnings(text);
                checked.levels = Policy::parse(text).map(|policy| policy.rules).unwrap_or_default();
            }
            problems.extend(wrong.iter().map(ToString::to_string));
        }
        Ok(Err(problem)) => problems.push(problem),
        // A link that leads nowhere: its problem is in the list already.
        Err(_) if found.is_symlink() => {}
        Err(failure) => return Err(failure),
    }
    Ok(checked)
}
