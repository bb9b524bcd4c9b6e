//! Finds a repository's settings on the base of a change. A settings file that can't be read, because of its name or
//! its kind, would silently have no effect, so it is an error like invalid settings.

use crate::count::size;
use crate::error::StageError;
use crate::model::change::Target;
use crate::model::policy::{InvalidPolicy, InvalidTeamRules, POLICY_PATH, Policy};
use crate::model::sha::CommitSha;
use crate::port::{ReadChange, RootEntry, RootKind};
use crate::team_rules::{RULES_FOLDER, not_a_folder};

/// The largest settings file that is read, in bytes.
pub const MAX_POLICY_BYTES: u64 = 1024 * 1024;
/// A common wrong name of the settings file, which is not read.
pub const OTHER_POLICY_NAME: &str = ".holdfast.yaml";
/// Other names, in lower case, that people give the file.
const OTHER_NAMES: &[&str] = &[POLICY_PATH, OTHER_POLICY_NAME];
/// Similar names, which may be another program's: they cause a note.
const NEAR_NAMES: &[&str] = &["holdfast.yml", "holdfast.yaml", ".holdfast.json", ".holdfast.toml"];

/// The settings on the base.
#[derive(Debug, Default)]
pub struct Settings {
    /// The file's content.
    pub policy: Policy,
    /// Notes for the review.
    pub notes: Vec<String>,
    /// Whether there may be a folder with the team's own rules.
    pub has_team_rules: bool,
}

/// Reads the settings on the base.
///
/// # Errors
///
/// The settings are invalid, under another name, a link, no file or too large; a read fails.
pub async fn read_policy(read: &dyn ReadChange, target: &Target, base: &CommitSha) -> Result<Settings, StageError> {
    let Some(entries) = read.read_root(target, base).await? else {
        // The source can't list the folder, only read the file.
        let text = read.read_file(target, POLICY_PATH, base).await?;
        return Ok(Settings {
            policy: parse(&text.unwrap_or_default())?,
            notes: Vec::new(),
            has_team_rules: true,
        });
    };
    let mut settings = Settings {
        policy: Policy::default(),
        notes: look_at(&entries)?,
        has_team_rules: has_team_rules(&entries)?,
    };
    if !entries.iter().any(|entry| entry.name == POLICY_PATH) {
        return Ok(settings);
    }
    let text = read.read_file(target, POLICY_PATH, base).await?;
    // The file exists: the source returns no text because it is too large.
    let text = text.ok_or_else(|| too_large(None))?;
    settings.policy = parse(&text)?;
    Ok(settings)
}

/// Returns whether the root folder has the folder of a team's rules. Fails where it has rules that would not be read.
fn has_team_rules(entries: &[RootEntry]) -> Result<bool, InvalidTeamRules> {
    let mut alike = entries
        .iter()
        .filter(|entry| entry.name.eq_ignore_ascii_case(RULES_FOLDER));
    let is_read = |entry: &RootEntry| entry.name == RULES_FOLDER && entry.kind == RootKind::Folder;
    match alike.clone().find(|entry| !is_read(entry)) {
        Some(other) => Err(not_a_folder(&other.name)),
        None => Ok(alike.next().is_some()),
    }
}

/// Returns notes on the files in the root folder that look like settings. Fails where the settings themselves would not
/// be read.
fn look_at(entries: &[RootEntry]) -> Result<Vec<String>, InvalidPolicy> {
    let own = entries.iter().find(|entry| entry.name == POLICY_PATH);
    check_kind(own)?;
    let named = |names: &[&str]| -> Vec<&str> {
        let found = entries.iter().map(|entry| entry.name.as_str());
        found
            .filter(|name| *name != POLICY_PATH && names.contains(&name.to_lowercase().as_str()))
            .collect()
    };
    let others = named(OTHER_NAMES);
    if let (None, Some(other)) = (own, others.first()) {
        return Err(InvalidPolicy(format!(
            "missing, and {other} is not read: rename it to {POLICY_PATH}"
        )));
    }
    let near = others.into_iter().chain(named(NEAR_NAMES));
    let notes =
        near.map(|name| format!("{name} at the root of the base branch is not read; settings are in {POLICY_PATH}"));
    Ok(notes.collect())
}

fn check_kind(own: Option<&RootEntry>) -> Result<(), InvalidPolicy> {
    match own {
        Some(RootEntry {
            kind: RootKind::Link, ..
        }) => Err(InvalidPolicy(
            "is a symbolic link, which is not followed: commit the settings as a file".to_owned(),
        )),
        Some(RootEntry {
            kind: RootKind::Folder, ..
        }) => Err(InvalidPolicy(
            "is a folder: commit the settings as a file of that name".to_owned(),
        )),
        Some(RootEntry { bytes: Some(bytes), .. }) if *bytes > MAX_POLICY_BYTES => Err(too_large(Some(*bytes))),
        _ => Ok(()),
    }
}

fn too_large(bytes: Option<u64>) -> InvalidPolicy {
    let found = bytes.map_or_else(|| "more".to_owned(), size);
    InvalidPolicy(format!(
        "has {found}, and at most {} are read: shorten it",
        size(MAX_POLICY_BYTES)
    ))
}

fn parse(bytes: &[u8]) -> Result<Policy, InvalidPolicy> {
    let text = std::str::from_utf8(bytes).map_err(|error| {
        InvalidPolicy(format!(
            "is not UTF-8 (at byte {}): store it in that encoding",
            error.valid_up_to()
        ))
    })?;
    Policy::parse(text.trim_start_matches('\u{feff}'))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use super::*;

    #[test]
    fn rules_that_would_not_be_read_are_errors() {
        use RootKind::{File, Folder, Link};
        for (name, kind, expected) in [
            (".holdfast-rules", Folder, Ok(true)),
            ("holdfast-rules", Folder, Ok(false)),
            (".holdfast-rules", Link, Err(())),
            (".holdfast-rules", File, Err(())),
            (".Holdfast-Rules", Folder, Err(())),
        ] {
            let found = has_team_rules(&[RootEntry::new("a", File, 1), RootEntry::new(name, kind, 0)]);
            if let Err(error) = &found {
                assert!(error.to_string().contains("commit the rules in a folder"), "{error}");
            }
            assert_eq!(found.map_err(|_| ()), expected, "{name}");
        }
    }

    #[test]
    fn settings_that_would_not_be_read_are_errors() {
        use RootKind::{File, Folder, Link};
        for (entries, excerpt) in [
            (vec![(".holdfast.yaml", File, 10)], "rename it to .holdfast.yml"),
            (vec![(".Holdfast.YML", File, 10)], "rename it to .holdfast.yml"),
            (vec![(".holdfast.yaml", Link, 10)], "rename it to .holdfast.yml"),
            (vec![(".holdfast.yml", Link, 10)], "symbolic link"),
            (
                vec![(".holdfast.yml", Link, 10), (".holdfast.yaml", File, 10)],
                "symbolic link",
            ),
            (vec![(".holdfast.yml", Folder, 0)], "folder"),
            (vec![(".holdfast.yml", File, MAX_POLICY_BYTES + 1)], "has 1.1 MiB"),
        ] {
            let entries: Vec<_> = entries
                .into_iter()
                .map(|(name, kind, bytes)| RootEntry::new(name, kind, bytes))
                .collect();
            let error = look_at(&entries).unwrap_err().to_string();
            assert!(
                error.contains(excerpt) && error.lines().count() == 1,
                "{entries:?}: {error}"
            );
        }
    }

    #[test]
    fn a_file_with_a_similar_name_is_a_note() {
        use RootKind::File;
        for (names, notes) in [
            (&["README.md", ".holdfast"][..], 0),
            (&[".holdfast.yml"], 0),
            (&[".holdfast.yml", ".holdfast.yaml"], 1),
            (&["holdfast.yml"], 1),
            (&[".holdfast.yml", "holdfast.yaml", ".holdfast.json"], 2),
        ] {
            let entries: Vec<_> = names
                .iter()
                .map(|name| RootEntry::new(name, File, MAX_POLICY_BYTES))
                .collect();
            let found = look_at(&entries).unwrap();
            assert_eq!(found.len(), notes, "{names:?}: {found:?}");
        }
    }

    #[test]
    fn a_file_of_one_mebibyte_is_read() {
        let whole = RootEntry::new(".holdfast.yml", RootKind::File, 1_048_576);
        assert!(look_at(&[whole]).unwrap().is_empty());
        assert!(look_at(&[RootEntry::new(".holdfast.yml", RootKind::File, 1_048_577)]).is_err());
    }

    #[test]
    fn the_text_is_utf_8_with_or_without_a_mark() {
        assert_eq!(parse("\u{feff}max_units: 7\n".as_bytes()).unwrap().max_units, 7);
        for bytes in [&b"exclude: ['\xff']"[..], b"\xff\xfem\0a\0"] {
            assert!(parse(bytes).unwrap_err().to_string().contains("UTF-8"));
        }
    }
}
