//! Finds a team's own rules on the base of a change: the files of a folder, within bounds. What a change itself adds or
//! changes there counts only once it is on the base.

use serde::{Deserialize, Serialize};

use crate::count::size;
use crate::error::StageError;
use crate::model::change::Target;
use crate::model::policy::InvalidTeamRules;
use crate::model::sha::CommitSha;
use crate::port::{FILES_PER_READ, ReadChange, RootEntry, RootKind};

/// The folder of a team's rules, at the root of its repository.
pub const RULES_FOLDER: &str = ".holdfast-rules";
/// Maximum number of files.
pub const MAX_FILES: usize = 200;
/// Maximum size of a file, in bytes.
pub const MAX_FILE_BYTES: u64 = 64 * 1024;
/// Maximum size of all files, in bytes.
pub const MAX_TOTAL_BYTES: usize = 1024 * 1024;

/// A team's rules: an artifact of the run, so that every part and every replay of it uses the same ones.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TeamRules {
    /// The files, by name.
    pub files: Vec<RuleFile>,
}

/// A file with rules.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleFile {
    /// Its path in the repository.
    pub path: String,
    /// Its text.
    pub text: String,
}

impl TeamRules {
    /// Creates the rules of these files, sorted by name.
    ///
    /// # Errors
    /// A file, their number, or all of them together are too large.
    pub fn new(mut files: Vec<RuleFile>) -> Result<Self, InvalidTeamRules> {
        files.sort_by(|one, other| one.path.cmp(&other.path));
        check_number(files.len())?;
        for file in &files {
            check_size(&file.path, u64::try_from(file.text.len()).unwrap_or(u64::MAX))?;
        }
        let total: usize = files.iter().map(|file| file.text.len()).sum();
        if total > MAX_TOTAL_BYTES {
            return Err(InvalidTeamRules(format!(
                "{RULES_FOLDER}: its files have {} together, and at most {} are read: remove rules",
                size(u64::try_from(total).unwrap_or(u64::MAX)),
                size(1024 * 1024)
            )));
        }
        Ok(Self { files })
    }

    /// Returns whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.files.is_empty()
    }
}

/// Returns whether a file of the folder holds rules.
pub fn is_rule_file(name: &str) -> bool {
    name.strip_suffix(".yml").is_some_and(|stem| !stem.is_empty())
}

/// Reads a team's rules on the base.
///
/// # Errors
/// A file is a link, too large or not UTF-8, or ends in `.yaml`; there are too many; a read fails.
pub async fn read_team_rules(
    read: &dyn ReadChange,
    target: &Target,
    base: &CommitSha,
) -> Result<TeamRules, StageError> {
    let entries = read.read_folder(target, RULES_FOLDER, base).await?.unwrap_or_default();
    let paths = rule_paths(&entries)?;
    let mut files = Vec::with_capacity(paths.len());
    for paths in paths.chunks(FILES_PER_READ) {
        let names: Vec<&str> = paths.iter().map(String::as_str).collect();
        let read = read.read_files(target, &names, base).await?;
        for (path, bytes) in paths.iter().zip(read) {
            let bytes = bytes.ok_or_else(|| InvalidTeamRules(format!("{path} can't be read: commit it as a file")))?;
            files.push(rule_file(path.clone(), bytes)?);
        }
    }
    Ok(TeamRules::new(files)?)
}

/// Creates a rule file of its bytes.
///
/// # Errors
/// They aren't UTF-8.
pub fn rule_file(path: String, bytes: Vec<u8>) -> Result<RuleFile, InvalidTeamRules> {
    match String::from_utf8(bytes) {
        Ok(text) => Ok(RuleFile { path, text }),
        Err(_) => Err(InvalidTeamRules(format!(
            "{path} is not UTF-8: store it in that encoding"
        ))),
    }
}

/// Returns the paths of the rule files in the folder.
fn rule_paths(entries: &[RootEntry]) -> Result<Vec<String>, InvalidTeamRules> {
    let mut paths = Vec::new();
    for entry in entries {
        let path = format!("{RULES_FOLDER}/{}", entry.name);
        if entry.name.to_ascii_lowercase().ends_with(".yaml") {
            return Err(InvalidTeamRules(format!(
                "{path} is not read: rename it to end in .yml"
            )));
        }
        if !is_rule_file(&entry.name) {
            continue;
        }
        if entry.kind != RootKind::File {
            return Err(InvalidTeamRules(format!(
                "{path} is no file: commit the rules as a file"
            )));
        }
        check_size(&path, entry.bytes.unwrap_or(0))?;
        paths.push(path);
    }
    check_number(paths.len())?;
    Ok(paths)
}

fn check_number(files: usize) -> Result<(), InvalidTeamRules> {
    match files > MAX_FILES {
        true => Err(InvalidTeamRules(format!(
            "{RULES_FOLDER} has {files} files with rules, and at most {MAX_FILES} are read: remove some"
        ))),
        false => Ok(()),
    }
}

fn check_size(path: &str, bytes: u64) -> Result<(), InvalidTeamRules> {
    match bytes > MAX_FILE_BYTES {
        true => Err(InvalidTeamRules(format!(
            "{path} has {}, and at most {} are read: split it",
            size(bytes),
            size(MAX_FILE_BYTES)
        ))),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    fn entry(name: &str, kind: RootKind, bytes: u64) -> RootEntry {
        RootEntry {
            name: name.to_owned(),
            kind,
            bytes: Some(bytes),
        }
    }

    #[test]
    fn the_files_with_rules_are_found_and_the_others_left() {
        let entries = [
            entry("a.yml", RootKind::File, 10),
            entry("README.md", RootKind::File, 10),
            entry(".yml", RootKind::File, 10),
            entry("deep", RootKind::Folder, 0),
        ];
        assert_eq!(rule_paths(&entries).unwrap(), [".holdfast-rules/a.yml"]);
    }

    #[test]
    fn files_that_would_not_be_read_are_errors() {
        let many: Vec<RootEntry> = (0..201)
            .map(|n| entry(&format!("{n}.yml"), RootKind::File, 1))
            .collect();
        for (entries, excerpt) in [
            (vec![entry("a.yaml", RootKind::File, 1)], "rename it"),
            (vec![entry("a.yml", RootKind::Link, 1)], "is no file"),
            (vec![entry("a.yml", RootKind::File, 65_537)], "at most 64 KiB"),
            (many, "at most 200"),
        ] {
            let problem = rule_paths(&entries).unwrap_err().to_string();
            assert!(problem.contains(excerpt), "{problem}");
        }
        let large = |n: usize| RuleFile {
            path: n.to_string(),
            text: "x".repeat(65_000),
        };
        let problem = TeamRules::new((0..17).map(large).collect()).unwrap_err().to_string();
        assert!(problem.contains("together"), "{problem}");
    }
}
