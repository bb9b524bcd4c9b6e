//! A team's own rules: the files of a folder, within bounds.

use serde::{Deserialize, Serialize};

use crate::count::size;
use crate::model::policy::InvalidTeamRules;

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

/// Returns the path of an entry of the folder if it holds rules.
///
/// # Errors
/// It looks like rules and isn't read: it ends in `.yaml`, or in `.yml` in other letters, or is no file.
pub fn rule_path(name: &str, is_file: bool) -> Result<Option<String>, InvalidTeamRules> {
    let path = format!("{RULES_FOLDER}/{name}");
    let lower = name.to_ascii_lowercase();
    if lower.ends_with(".yaml") || lower.ends_with(".yml") && !name.ends_with(".yml") {
        return Err(InvalidTeamRules(format!(
            "{path} is not read: rename it to end in .yml"
        )));
    }
    match name.strip_suffix(".yml") {
        None | Some("") => Ok(None),
        Some(_) if is_file => Ok(Some(path)),
        Some(_) => Err(InvalidTeamRules(format!(
            "{path} is no file: commit the rules as a file"
        ))),
    }
}

/// Returns the error of an entry that looks like the folder and isn't read.
pub fn not_a_folder(name: &str) -> InvalidTeamRules {
    InvalidTeamRules(format!(
        "{name} is not read: commit the rules in a folder {RULES_FOLDER}, not as a file or a link"
    ))
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

/// Returns an error if there are too many files.
pub(crate) fn check_number(files: usize) -> Result<(), InvalidTeamRules> {
    match files > MAX_FILES {
        true => Err(InvalidTeamRules(format!(
            "{RULES_FOLDER} has {files} files with rules, and at most {MAX_FILES} are read: remove some"
        ))),
        false => Ok(()),
    }
}

/// Returns an error if a file is too large.
pub(crate) fn check_size(path: &str, bytes: u64) -> Result<(), InvalidTeamRules> {
    match bytes > MAX_FILE_BYTES {
        true => Err(InvalidTeamRules(format!(
            "{path} has {}, and at most {} are read: split it",
            size(bytes),
            size(MAX_FILE_BYTES)
        ))),
        false => Ok(()),
    }
}
