//! Unified diffs: parses hunks, finds positions in them, and renders them for a model. It reads no files.

mod line_end;
mod parse;
mod render;
mod stored;
mod unified;

pub use line_end::{RETURN_MARK, marks_line_ends, shown_text};
pub use parse::{PatchError, parse_patch};
pub use render::render_hunks;
pub use unified::{Content, Patch, changed_lines, coarse_note, content_of, each_added_piece, unified, without_nul};

use serde::{Deserialize, Serialize};

use crate::model::finding::Side;

/// One hunk of a patch. In JSON its lines are text with their marks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "stored::StoredHunk", try_from = "stored::StoredHunk")]
pub struct Hunk {
    /// First line in the base, from 1 (0 when the base side is empty).
    pub old_start: u32,
    /// Number of lines on the base side.
    pub old_lines: u32,
    /// First line in the head, from 1 (0 when the head side is empty).
    pub new_start: u32,
    /// Number of lines on the head side.
    pub new_lines: u32,
    /// The text after the second `@@`.
    pub section: String,
    /// Its lines, in order.
    pub lines: Vec<DiffLine>,
}

/// One line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DiffLine {
    /// Context, added or removed.
    pub kind: LineKind,
    /// Number in the base; none for an added line.
    pub old: Option<u32>,
    /// Number in the head; none for a removed line.
    pub new: Option<u32>,
    /// The text, without its mark and its line feed (a carriage return stays).
    pub text: String,
    /// Whether it is the last line of its file and has no line feed.
    pub is_unended: bool,
}

/// The kind of a line in a hunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// On both sides.
    Context,
    /// Only in the head.
    Added,
    /// Only in the base.
    Removed,
}

impl DiffLine {
    /// Returns the line's number on a side.
    pub const fn number(&self, side: Side) -> Option<u32> {
        match side {
            Side::Left => self.old,
            Side::Right => self.new,
        }
    }
}

impl Hunk {
    /// Returns the line with that number on that side.
    pub fn line(&self, side: Side, number: u32) -> Option<&DiffLine> {
        self.lines.iter().find(|line| line.number(side) == Some(number))
    }

    /// Returns the numbers of the first and the last line on a side, if the hunk has any there.
    pub fn range(&self, side: Side) -> Option<(u32, u32)> {
        let mut numbers = self.lines.iter().filter_map(|line| line.number(side));
        let first = numbers.next()?;
        Some((first, numbers.next_back().unwrap_or(first)))
    }

    /// Returns the `@@ … @@` line.
    pub fn header(&self) -> String {
        let section = if self.section.is_empty() {
            String::new()
        } else {
            format!(" {}", self.section)
        };
        format!(
            "@@ -{},{} +{},{} @@{section}",
            self.old_start, self.old_lines, self.new_start, self.new_lines
        )
    }

    /// Returns the added lines.
    pub fn added(&self) -> impl Iterator<Item = &DiffLine> {
        self.lines.iter().filter(|line| line.kind == LineKind::Added)
    }
}

/// Returns the hunk that contains both ends of a range on a side. GitHub accepts comments only inside a hunk.
pub fn hunk_of(hunks: &[Hunk], side: Side, start_line: u32, line: u32) -> Option<&Hunk> {
    hunks
        .iter()
        .find(|hunk| hunk.line(side, start_line).is_some() && hunk.line(side, line).is_some())
}
