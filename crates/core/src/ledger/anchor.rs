//! The anchor of a finding: its place, and the text there, by which it is found again after the lines have moved.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::diff::Hunk;
use crate::model::finding::{Finding, Side};

/// The maximum length of an anchor's line, in bytes. A longer one is cut, and a digest of all of it follows.
const MAX_LINE_BYTES: usize = 160;
/// The maximum length of a path, in bytes. A longer one is cut in the same way.
const MAX_PATH_BYTES: usize = 1_024;
/// The number of lines with text that an anchor has before and after its own.
const MAX_NEIGHBOUR_LINES: usize = 2;
/// The distance in which neighbours are searched, in lines.
const MAX_NEIGHBOUR_DISTANCE_LINES: u32 = 6;

/// The place of a finding and the normalised text around it, at the head where it was last seen.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Anchor {
    /// The file.
    pub path: String,
    /// The side of the diff.
    pub side: Side,
    /// First line, from 1.
    pub start_line: u32,
    /// Last line, from 1; the texts are around it.
    pub line: u32,
    /// The text of the last line. Empty if it isn't in the diff.
    #[serde(default)]
    pub text: String,
    /// The nearest lines with text before it, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// The nearest lines with text after it, nearest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
}

/// The lines of one file's diff, by side and number. Their text must be redacted.
#[derive(Clone, Debug, Default)]
pub struct HeadLines<'a> {
    left: BTreeMap<u32, &'a str>,
    right: BTreeMap<u32, &'a str>,
}

impl<'a> HeadLines<'a> {
    /// Returns the lines of these hunks.
    pub fn of_hunks(hunks: &'a [Hunk]) -> Self {
        let mut lines = Self::default();
        for line in hunks.iter().flat_map(|hunk| &hunk.lines) {
            lines.left.extend(line.old.map(|number| (number, line.text.as_str())));
            lines.right.extend(line.new.map(|number| (number, line.text.as_str())));
        }
        lines
    }

    /// Returns the lines of a whole file, as the right side.
    pub fn of_text(text: &'a str) -> Self {
        Self {
            left: BTreeMap::new(),
            right: (1..).zip(text.split('\n')).collect(),
        }
    }

    /// Returns the anchor of a finding.
    pub fn anchor(&self, finding: &Finding) -> Anchor {
        let lines = match finding.side {
            Side::Left => &self.left,
            Side::Right => &self.right,
        };
        let text_of = |number: u32| lines.get(&number).map(|text| normalised(text));
        let line = finding.line;
        let neighbours = |numbers: &mut dyn Iterator<Item = u32>| -> Vec<String> {
            numbers
                .map_while(text_of)
                .filter(|text| !text.is_empty())
                .take(MAX_NEIGHBOUR_LINES)
                .collect()
        };
        let first = line.saturating_sub(MAX_NEIGHBOUR_DISTANCE_LINES);
        let last = line.saturating_add(MAX_NEIGHBOUR_DISTANCE_LINES);
        Anchor {
            path: bounded_path(&finding.path),
            side: finding.side,
            start_line: finding.start_line.min(line),
            line,
            text: text_of(line).unwrap_or_default(),
            before: neighbours(&mut (first..line).rev()),
            after: neighbours(&mut (line.saturating_add(1)..=last)),
        }
    }
}

impl Anchor {
    /// Returns the number of lines before the last one.
    pub(super) const fn span(&self) -> u32 {
        self.line.saturating_sub(self.start_line)
    }

    /// Returns the number of equal neighbours: those at the same distance on the same side.
    pub(super) fn shared_neighbours(&self, other: &Self) -> usize {
        let shared = |one: &[String], other: &[String]| one.iter().zip(other).take_while(|(a, b)| a == b).count();
        shared(&self.before, &other.before) + shared(&self.after, &other.after)
    }

    /// Returns whether the text identifies its line better than a bracket or a keyword does.
    pub(super) fn is_telling(&self) -> bool {
        self.text.chars().filter(|char| char.is_alphanumeric()).count() >= 6
    }

    /// Cuts every text at its limit. An anchor that this version has made stays unchanged.
    pub(super) fn bound(&mut self) {
        self.path = bounded_path(&self.path);
        self.start_line = self.start_line.min(self.line);
        self.text = bounded_line(&self.text);
        for lines in [&mut self.before, &mut self.after] {
            lines.truncate(MAX_NEIGHBOUR_LINES);
            lines.iter_mut().for_each(|line| *line = bounded_line(line));
        }
    }
}

/// Returns a line without its indent and control characters, with single blanks, cut at its limit.
pub(super) fn normalised(line: &str) -> String {
    let mut text = String::with_capacity(line.len().min(2 * MAX_LINE_BYTES));
    for word in line.split(|char: char| char.is_whitespace() || char.is_control()) {
        if !word.is_empty() {
            if !text.is_empty() {
                text.push(' ');
            }
            text.push_str(word);
        }
    }
    bounded_line(&text)
}

/// Returns a line, cut at its limit. Different lines stay different.
pub(super) fn bounded_line(line: &str) -> String {
    bounded(line, MAX_LINE_BYTES)
}

/// Returns a path, cut at its limit. Different paths stay different.
pub(super) fn bounded_path(path: &str) -> String {
    bounded(path, MAX_PATH_BYTES)
}

/// Returns a text of at most this many bytes: a longer one is cut, and a digest of all of it follows, so that different
/// texts stay different.
fn bounded(text: &str, max_bytes: usize) -> String {
    if text.len() <= max_bytes {
        return text.to_owned();
    }
    let digest = hex::encode(Sha256::digest(text.as_bytes()).get(..8).unwrap_or_default());
    let end = text.floor_char_boundary(max_bytes.saturating_sub(digest.len() + '…'.len_utf8()));
    format!("{}…{digest}", text.get(..end).unwrap_or_default())
}
