//! The way of lines from one head to the next.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::diff::{Hunk, LineKind, changed_lines};
use crate::model::finding::Side;

use super::anchor::{bounded_path, normalised};

/// The changed files between the ledger's head and this run's head, by their path at the ledger's head. All other files
/// are equal at both heads, unless the heads could not be compared.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LineMaps {
    files: BTreeMap<String, FileMap>,
    is_unknown: bool,
}

/// The way of one file's lines.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FileMap {
    /// Its new path, if it was renamed.
    pub renamed_to: Option<String>,
    /// The lines of the head.
    pub head: LineMap,
    /// The lines of the base. They move only if the merge base does.
    pub base: LineMap,
}

/// Old lines and the new ones in their place, from 0.
type Lines = (Range<u32>, Range<u32>);

/// The way of the lines of one side.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LineMap {
    /// All lines are equal.
    #[default]
    Same,
    /// The changed lines, from 0, in their order: old and new.
    Changes(Vec<(Range<u32>, Range<u32>)>),
    /// The versions could not be compared. The normalised texts of the new lines are known as far as the diff has them.
    Unknown(BTreeSet<String>),
}

/// The new place of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mapped {
    /// The line is unchanged and has this number now.
    Kept(u32),
    /// The line was changed or removed: the new lines in its place, from 1. Without new lines, `last` is `first - 1`.
    Changed {
        /// The first new line.
        first: u32,
        /// The last new line.
        last: u32,
        /// The line among them that has its position.
        near: u32,
    },
    /// The versions could not be compared.
    Unknown,
}

impl LineMaps {
    /// Returns the map of two equal heads.
    pub fn same() -> Self {
        Self::default()
    }

    /// Returns a map of heads that could not be compared: only the files that are added to it are known.
    pub fn unknown() -> Self {
        Self {
            files: BTreeMap::new(),
            is_unknown: true,
        }
    }

    /// Adds a changed file by its path at the ledger's head.
    pub fn insert(&mut self, path: &str, map: FileMap) {
        self.files.insert(bounded_path(path), map);
    }

    /// Returns the file's present path.
    pub fn path<'a>(&'a self, path: &'a str) -> &'a str {
        let renamed = self.files.get(path).and_then(|file| file.renamed_to.as_deref());
        renamed.unwrap_or(path)
    }

    /// Returns the map of a file's side, by its old path. `None`: the versions could not be compared.
    pub(super) fn lines(&self, path: &str, side: Side) -> Option<&LineMap> {
        match (self.files.get(path), side) {
            (Some(file), Side::Left) => Some(&file.base),
            (Some(file), Side::Right) => Some(&file.head),
            (None, _) if self.is_unknown => None,
            (None, _) => Some(&LineMap::Same),
        }
    }
}

impl LineMap {
    /// Compares two versions of a file.
    pub fn between(before: &[u8], after: &[u8]) -> Self {
        Self::of_changes(changed_lines(before, after))
    }

    /// Returns the map of a patch from the old version to the new one.
    pub fn of_hunks(hunks: &[Hunk]) -> Self {
        let mut changes: Vec<(Range<u32>, Range<u32>)> = Vec::new();
        for hunk in hunks {
            // Without lines on a side, a header has the number of the line before.
            let mut old = hunk.old_start.saturating_sub(u32::from(hunk.old_lines > 0));
            let mut new = hunk.new_start.saturating_sub(u32::from(hunk.new_lines > 0));
            let mut open: Option<(Range<u32>, Range<u32>)> = None;
            for line in &hunk.lines {
                let (takes_old, takes_new) = (line.kind != LineKind::Added, line.kind != LineKind::Removed);
                if takes_old && takes_new {
                    changes.extend(open.take());
                } else {
                    let change = open.get_or_insert((old..old, new..new));
                    change.0.end += u32::from(takes_old);
                    change.1.end += u32::from(takes_new);
                }
                old = old.saturating_add(u32::from(takes_old));
                new = new.saturating_add(u32::from(takes_new));
            }
            changes.extend(open);
        }
        Self::of_changes(changes)
    }

    /// Returns the map of versions that could not be compared, with the present diff of the file.
    pub fn unknown(hunks: &[Hunk], side: Side) -> Self {
        let lines = hunks.iter().flat_map(|hunk| &hunk.lines);
        let lines = lines.filter(|line| line.number(side).is_some());
        Self::Unknown(lines.map(|line| normalised(&line.text)).collect())
    }

    fn of_changes(changes: Vec<(Range<u32>, Range<u32>)>) -> Self {
        if changes.is_empty() {
            Self::Same
        } else {
            Self::Changes(changes)
        }
    }

    /// Returns the new place of an old line, from 1.
    pub fn new_line(&self, old: u32) -> Mapped {
        map(self, old, |(old, new)| (old, new))
    }

    /// Returns the old place of a new line, from 1.
    pub fn old_line(&self, new: u32) -> Mapped {
        map(self, new, |(old, new)| (new, old))
    }

    /// Returns the number of these old lines that were changed or removed, and of the lines that were added between
    /// them. `text` is the last line's, for versions that could not be compared.
    pub(super) fn changed_lines(&self, start_line: u32, line: u32, text: &str) -> u32 {
        let changes = match self {
            Self::Same => return 0,
            Self::Unknown(texts) => return u32::from(!texts.is_empty() && !texts.contains(text)),
            Self::Changes(changes) => changes,
        };
        let (first, end) = (start_line.saturating_sub(1), line);
        let next = changes.partition_point(|(old, _)| old.end <= first);
        let inside = changes.iter().skip(next).take_while(|(old, _)| old.start < end);
        inside.fold(0, |sum: u32, (old, new)| {
            let changed = if old.is_empty() {
                new.end.saturating_sub(new.start)
            } else {
                old.end.min(end).saturating_sub(old.start.max(first))
            };
            sum.saturating_add(changed)
        })
    }
}

/// Maps a line, from 1, with the changes in the order of `turn`: from, to.
fn map(map: &LineMap, line: u32, turn: fn(&Lines) -> (&Range<u32>, &Range<u32>)) -> Mapped {
    let changes = match map {
        LineMap::Same => return Mapped::Kept(line),
        LineMap::Unknown(_) => return Mapped::Unknown,
        LineMap::Changes(changes) => changes,
    };
    let at = line.saturating_sub(1);
    let next = changes.partition_point(|change| turn(change).0.end <= at);
    if let Some((from, to)) = changes.get(next).map(turn)
        && from.contains(&at)
    {
        let near = to
            .start
            .saturating_add(at - from.start)
            .min(to.end.saturating_sub(1).max(to.start));
        return Mapped::Changed {
            first: to.start.saturating_add(1),
            last: to.end,
            near: near.saturating_add(1),
        };
    }
    let Some((from, to)) = next.checked_sub(1).and_then(|last| changes.get(last)).map(turn) else {
        return Mapped::Kept(line);
    };
    Mapped::Kept(to.end.saturating_add(at.saturating_sub(from.end)).saturating_add(1))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use proptest::prelude::*;

    use super::*;
    use crate::diff::{parse_patch, unified};

    #[test]
    fn a_line_is_followed_through_the_changes_before_it() {
        let (before, after) = (b"a\nb\nc\nd\ne\nf\n", b"new\na\nB\nB2\nc\ne\nf\n");
        let changed = |first, last, near| Mapped::Changed { first, last, near };
        for (old, new) in [
            (1, Mapped::Kept(2)),
            (2, changed(3, 4, 3)),
            (3, Mapped::Kept(5)),
            (4, changed(6, 5, 6)),
            (5, Mapped::Kept(6)),
            (6, Mapped::Kept(7)),
            (99, Mapped::Kept(100)),
        ] {
            assert_eq!(LineMap::between(before, after).new_line(old), new, "{old}");
        }
        let map = LineMap::between(before, after);
        for (start, line, is_changed) in [
            (1, 1, false),
            (2, 2, true),
            (1, 3, true),
            (3, 3, false),
            (3, 4, true),
            (5, 6, false),
        ] {
            assert_eq!(map.changed_lines(start, line, "") > 0, is_changed, "{start}-{line}");
        }
    }

    proptest! {
        #[test]
        fn a_patch_and_its_texts_give_the_same_map(
            before in prop::collection::vec("[a-d]", 0..30), after in prop::collection::vec("[a-d]", 0..30), line in 1_u32..40
        ) {
            let text = |lines: &[String]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
            let (old, new) = (text(&before), text(&after));
            let by_text = LineMap::between(old.as_bytes(), new.as_bytes());
            let patch = unified(old.as_bytes(), new.as_bytes()).text;
            let by_patch = LineMap::of_hunks(&parse_patch(&patch).unwrap());
            prop_assert_eq!(by_text.new_line(line), by_patch.new_line(line), "{}", patch);
            if let Mapped::Kept(there) = by_text.new_line(line) {
                prop_assert_eq!(before.get(line as usize - 1), after.get(there as usize - 1));
                prop_assert_eq!(by_text.old_line(there), Mapped::Kept(line));
            }
        }
    }
}
