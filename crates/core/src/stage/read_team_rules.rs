//! Finds a team's own rules on the base of a change. What a change itself adds or changes there counts only once it is on
//! the base.

use crate::model::change::Target;
use crate::model::policy::InvalidTeamRules;
use crate::model::sha::CommitSha;
use crate::port::{FILES_PER_READ, ReadChange, RootEntry, RootKind};
use crate::team_rules::{RULES_FOLDER, TeamRules, check_number, check_size, rule_file, rule_path};

use super::StageError;

/// Reads a team's rules on the base.
///
/// # Errors
/// A file is a link, too large, not UTF-8 or under a name that isn't read; there are too many; a read fails.
pub(super) async fn read_team_rules(
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

/// Returns the paths of the rule files in the folder.
fn rule_paths(entries: &[RootEntry]) -> Result<Vec<String>, InvalidTeamRules> {
    let mut paths = Vec::new();
    for entry in entries {
        if let Some(path) = rule_path(&entry.name, entry.kind == RootKind::File)? {
            check_size(&path, entry.bytes.unwrap_or(0))?;
            paths.push(path);
        }
    }
    check_number(paths.len())?;
    Ok(paths)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;
    use crate::team_rules::RuleFile;

    #[test]
    fn the_files_with_rules_are_found_and_the_others_left() {
        let entries = [
            RootEntry::new("a.yml", RootKind::File, 10),
            RootEntry::new("README.md", RootKind::File, 10),
            RootEntry::new(".yml", RootKind::File, 10),
            RootEntry::new("deep", RootKind::Folder, 0),
        ];
        assert_eq!(rule_paths(&entries).unwrap(), [".holdfast-rules/a.yml"]);
    }

    #[test]
    fn files_that_would_not_be_read_are_errors() {
        let many: Vec<RootEntry> = (0..201)
            .map(|n| RootEntry::new(&format!("{n}.yml"), RootKind::File, 1))
            .collect();
        for (entries, excerpt) in [
            (vec![RootEntry::new("a.yaml", RootKind::File, 1)], "rename it"),
            (vec![RootEntry::new("a.yml", RootKind::Link, 1)], "is no file"),
            (vec![RootEntry::new("a.yml", RootKind::File, 65_537)], "at most 64 KiB"),
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
