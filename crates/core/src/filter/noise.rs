//! The rules that skip a file. Coverage shows each rule's name.

use crate::diff::parse_patch;
use crate::model::change::{ChangedFile, FileKind, FileStatus};
use crate::model::noise::FileNoise;
use crate::model::policy::PolicyGlobs;

use super::generated_content::{ANY_MARK_LINES, any_mark};
use super::generated_names::generated_by_name;
use super::pointer::lfs_pointer;
use super::tables::{BINARY_ENDINGS, TABLES};
use super::vendored::vendored;

/// The decision about a changed file, before units are planned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Triage {
    /// The file is reviewed.
    Review,
    /// A rule skips the file. Coverage shows its name.
    Skip(String),
    /// The file should be reviewed but can't be, for this reason.
    Unreviewed(String),
}

/// Reason why a hook or a file of a CI system whose mode changed is not reviewed.
const MODE_IN_PLACE: &str = "its mode changed in a place where it runs, and the change does not show its content";

/// Decides whether a changed file is reviewed. The settings in the base's `.holdfast.yml` come first, then its
/// `.gitattributes`. A change can't hide a file by its own content: a marker counts only if the base's version has it
/// too, and the name of a generated or vendored file only if the base has a file of that name. `known` are the base's
/// facts about the file.
pub fn triage(file: &ChangedFile, globs: &PolicyGlobs, has_include: bool, known: &FileNoise) -> Triage {
    if globs.exclude.is_match(&file.path) {
        return skip("excluded by .holdfast.yml");
    }
    if has_include && !globs.include.is_match(&file.path) {
        return skip("not included by .holdfast.yml");
    }
    let runs_by_place = runs_by_place(&file.path);
    let has_content = file.patch.is_some() || file.omitted.is_some();
    match (file.status, file.kind) {
        (_, FileKind::Submodule) => return skip("submodule"),
        (FileStatus::Deleted, _) => return skip("deleted"),
        (_, FileKind::Binary) => return binary(file, runs_by_place),
        // The bit that makes a hook executable switches it on.
        (FileStatus::ModeChanged, _) if runs_by_place => return Triage::Unreviewed(MODE_IN_PLACE.to_owned()),
        (FileStatus::ModeChanged, _) => return skip("mode-only"),
        (FileStatus::Renamed | FileStatus::Copied, _) if !has_content && runs_by_place => {
            let from = file.previous_path.as_deref().unwrap_or("another path");
            return Triage::Unreviewed(format!(
                "moved from {from} to a place where it runs, and the change does not show its content"
            ));
        }
        (FileStatus::Renamed | FileStatus::Copied, _) if !has_content => return skip("rename-only"),
        _ if !has_content => return skip("empty"),
        _ => {}
    }
    if lfs_pointer(file) {
        // Git replaces the pointer by content that the change doesn't show.
        return match (is_binary_by_design(&file.path) || known.marks.lfs) && !runs_by_place {
            true => skip("LFS pointer"),
            false => Triage::Unreviewed("LFS pointer: its content isn't in the repository".to_owned()),
        };
    }
    if runs_by_place {
        return Triage::Review;
    }
    noise(file, known).map_or(Triage::Review, |rule| Triage::Skip(rule.to_owned()))
}

fn skip(rule: &str) -> Triage {
    Triage::Skip(rule.to_owned())
}

/// Returns the rule that skips a file with content.
fn noise<'a>(file: &ChangedFile, known: &'a FileNoise) -> Option<&'a str> {
    let marks = &known.marks;
    let is_set = |mark: Option<bool>| mark == Some(true);
    if is_set(marks.generated) {
        return Some(".gitattributes: linguist-generated");
    }
    if is_set(marks.vendored) {
        return Some(".gitattributes: linguist-vendored");
    }
    if is_set(marks.documentation) {
        return Some(".gitattributes: linguist-documentation");
    }
    let is_in_base = matches!(file.status, FileStatus::Modified | FileStatus::TypeChanged);
    if is_in_base
        && marks.vendored.is_none()
        && let Some(rule) = vendored(&file.path)
    {
        return Some(rule);
    }
    if marks.generated.is_some() {
        return None;
    }
    by_format(&file.path)
        .filter(|_| !holds_script(file))
        .or_else(|| generated_name(&file.path).filter(|_| is_in_base))
        .or(known.generated_by.as_deref())
        .or_else(|| kept_mark(file))
}

fn by_format(path: &str) -> Option<&'static str> {
    let found = TABLES.by_format.iter().find(|(_, set)| set.is_match(path));
    found.map(|(rule, _)| *rule)
}

fn generated_name(path: &str) -> Option<&'static str> {
    let is_snapshot = || TABLES.snapshot_folders.is_match(path).then_some("snapshot");
    generated_by_name(path).or_else(is_snapshot)
}

/// Returns the rule for a file of the base that only its path decides.
pub fn noise_by_path(path: &str) -> Option<&'static str> {
    vendored(path)
        .or_else(|| by_format(path))
        .or_else(|| generated_name(path))
}

/// Returns whether a file runs by itself or from a hook because of its place: no rule skips it there.
pub fn runs_by_place(path: &str) -> bool {
    TABLES.runs_by_place.is_match(path.to_ascii_lowercase()) || TABLES.runs_by_place.is_match(path)
}

/// Returns whether a data file is executable: an added line begins with `#!`, or the file is an SVG image and an added
/// line has active content.
fn holds_script(file: &ChangedFile) -> bool {
    let mut added = file
        .patch
        .as_deref()
        .into_iter()
        .flat_map(str::lines)
        .filter_map(|line| line.strip_prefix('+'));
    let is_picture = file.path.to_ascii_lowercase().ends_with(".svg");
    added.any(|line| line.starts_with("#!") || (is_picture && holds_active_content(line)))
}

fn holds_active_content(line: &str) -> bool {
    let line = line.to_ascii_lowercase();
    let is_handler = |word: &str| {
        let name = word.strip_prefix("on").and_then(|rest| rest.split_once('='));
        name.is_some_and(|(name, _)| name.len() > 2 && name.trim_end().bytes().all(|byte| byte.is_ascii_lowercase()))
    };
    let marks = [
        "<script",
        "javascript:",
        "<foreignobject",
        "<iframe",
        "xlink:href=\"http",
        "<!entity",
    ];
    marks.iter().any(|mark| line.contains(mark))
        || line
            .split(|char: char| char.is_ascii_whitespace() || matches!(char, '/' | '"' | '\''))
            .any(is_handler)
}

/// Returns whether a path has the ending of a binary format.
pub fn is_binary_by_design(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let ending = name.rsplit_once('.').map(|(_, ending)| ending.to_ascii_lowercase());
    ending.is_some_and(|ending| BINARY_ENDINGS.contains(&ending.as_str()))
}

fn binary(file: &ChangedFile, runs_by_place: bool) -> Triage {
    if is_binary_by_design(&file.path) && !runs_by_place {
        return skip("binary");
    }
    Triage::Unreviewed(file.omitted.clone().unwrap_or_else(|| "has NUL bytes".to_owned()))
}

/// Returns the mark that both versions have in the same early line, as far as the patch shows it. One that the head
/// adds or removes doesn't count.
fn kept_mark(file: &ChangedFile) -> Option<&'static str> {
    let hunks = file.patch.as_deref().and_then(|patch| parse_patch(patch).ok())?;
    let is_early = |number: Option<u32>| number.is_some_and(|number| number <= ANY_MARK_LINES);
    let kept = hunks.first()?.lines.iter();
    kept.filter(|line| is_early(line.old) && is_early(line.new))
        .find_map(|line| any_mark(&line.text))
}

#[cfg(test)]
#[path = "noise_tests.rs"]
mod tests;
