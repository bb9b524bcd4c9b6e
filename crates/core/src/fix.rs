//! Places the suggestions of a review in the files of a work tree, and makes the new content. A suggestion is placed only
//! where its lines are as reviewed, wherever other edits have moved them.

use std::ops::Range;

use crate::diff::{changed_lines, unified};
use crate::model::finding::{Finding, Side};
use crate::validate::is_protected;

/// Number of lines around moved lines that have to be as reviewed too: otherwise equal lines elsewhere could be meant.
const CONTEXT_LINES: usize = 3;

/// The reason why a suggestion has no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoPlace {
    /// The base's lines can't be replaced.
    #[error("it is for lines of the base")]
    OldSide,
    /// A file that runs, builds or decides something.
    #[error("its file decides what runs, how it is built or who decides: edit it by hand")]
    Protected,
    /// The review's version of the file can't be read as text.
    #[error("the reviewed version of its file can't be read")]
    Unreadable,
    /// The lines changed after the review.
    #[error("its lines are not as reviewed any more: review again")]
    Changed,
    /// The lines are the suggestion already.
    #[error("its lines are as suggested already")]
    Present,
    /// The lines end in different ways.
    #[error("the lines that it replaces end in different ways: edit them by hand")]
    MixedEnds,
}

/// A replacement of lines of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Edit {
    /// The replaced lines, counted from 0. Never empty.
    pub lines: Range<usize>,
    /// The new lines with their ends.
    pub text: String,
}

impl Edit {
    /// Returns whether both replace a same line.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.lines.start < other.lines.end && other.lines.start < self.lines.end
    }
}

/// The two versions of a file that a suggestion needs.
#[derive(Debug)]
pub struct Versions<'a> {
    /// The reviewed one, as git stores it.
    reviewed: Vec<&'a str>,
    /// The one in the work tree, with its line ends.
    current: Vec<&'a str>,
    changed: Vec<(Range<usize>, Range<usize>)>,
}

impl<'a> Versions<'a> {
    /// Compares the versions.
    pub fn compare(reviewed: &'a str, current: &'a str) -> Self {
        // Git may store other line ends than the work tree has.
        let plain = |text: &str| text.replace("\r\n", "\n");
        let changed = changed_lines(plain(reviewed).as_bytes(), plain(current).as_bytes());
        let usize_of = |range: Range<u32>| range.start as usize..range.end as usize;
        Self {
            reviewed: lines(reviewed),
            current: lines(current),
            changed: changed
                .into_iter()
                .map(|(old, new)| (usize_of(old), usize_of(new)))
                .collect(),
        }
    }

    /// Returns the edit that applies a finding's suggestion.
    ///
    /// # Errors
    ///
    /// There is no place for it.
    pub fn place(&self, finding: &Finding, suggestion: &str) -> Result<Edit, NoPlace> {
        let new: Vec<&str> = lines(suggestion).into_iter().map(bare).collect();
        let reviewed = reviewed_lines(finding).filter(|range| range.end <= self.reviewed.len());
        let reviewed = reviewed.ok_or(NoPlace::Changed)?;
        let Some(lines) = self.current_lines(&reviewed) else {
            return Err(match self.is_present(&reviewed, &new) {
                true => NoPlace::Present,
                false => NoPlace::Changed,
            });
        };
        let text = self.with_ends(&lines, &new)?;
        Ok(Edit { lines, text })
    }

    /// Returns where reviewed lines are now, if they are unchanged.
    fn current_lines(&self, reviewed: &Range<usize>) -> Option<Range<usize>> {
        let (same, start) = self
            .segments()
            .find(|(same, _)| same.start <= reviewed.start && reviewed.end <= same.end)?;
        let begin = start + (reviewed.start - same.start);
        let is_moved = begin != reviewed.start;
        let before = reviewed.start.saturating_sub(CONTEXT_LINES);
        let after = (reviewed.end + CONTEXT_LINES).min(self.reviewed.len());
        if is_moved && (before < same.start || same.end < after) {
            return None;
        }
        Some(begin..begin + reviewed.len())
    }

    /// Returns the reviewed lines that are unchanged, each with its first line's number now.
    fn segments(&self) -> impl Iterator<Item = (Range<usize>, usize)> {
        let starts = std::iter::once((0, 0)).chain(self.changed.iter().map(|(old, new)| (old.end, new.end)));
        let ends = self.changed.iter().map(|(old, _)| old.start);
        let ends = ends.chain(std::iter::once(self.reviewed.len()));
        starts.zip(ends).map(|((start, now), end)| (start..end.max(start), now))
    }

    /// Returns whether the new lines are in the place of the reviewed ones.
    fn is_present(&self, reviewed: &Range<usize>, new: &[&str]) -> bool {
        let image = |line: usize| {
            let found = self.segments().find(|(same, _)| same.contains(&line));
            found.map(|(same, start)| start + (line - same.start))
        };
        let begin = match reviewed.start.checked_sub(1) {
            None => Some(0),
            Some(before) => image(before).map(|line| line + 1),
        };
        let end = match reviewed.end == self.reviewed.len() {
            true => Some(self.current.len()),
            false => image(reviewed.end),
        };
        let (Some(begin), Some(end)) = (begin, end) else {
            return false;
        };
        let now = self.current.get(begin..end).unwrap_or_default();
        now.len() == new.len() && now.iter().zip(new).all(|(now, new)| bare(now) == *new)
    }

    /// Returns the new lines with the line ends of those that they replace.
    fn with_ends(&self, replaced: &Range<usize>, new: &[&str]) -> Result<String, NoPlace> {
        let old = self.current.get(replaced.clone()).unwrap_or_default();
        let mut ends = old.iter().copied().filter_map(end_of);
        // The line before decides where only the file's last line is replaced, which has no end.
        let before = replaced
            .start
            .checked_sub(1)
            .and_then(|line| end_of(self.current.get(line)?));
        let end = ends.next().or(before).unwrap_or("\n");
        if ends.any(|other| other != end) {
            return Err(NoPlace::MixedEnds);
        }
        let mut text: String = new.iter().flat_map(|line| [*line, end]).collect();
        if old.last().is_some_and(|last| end_of(last).is_none()) && !new.is_empty() {
            text.truncate(text.len() - end.len());
        }
        Ok(text)
    }
}

/// Fails if a suggestion can't be applied to any version of its file.
///
/// # Errors
///
/// It is for the base, or for a file that decides something.
pub fn check_file(finding: &Finding) -> Result<(), NoPlace> {
    match finding.side {
        _ if is_protected(&finding.path) => Err(NoPlace::Protected),
        Side::Left => Err(NoPlace::OldSide),
        Side::Right => Ok(()),
    }
}

/// Returns a file's content after the edits, which don't overlap: from the last line to the first.
pub fn apply(current: &str, edits: &[&Edit]) -> String {
    let mut sorted = edits.to_vec();
    sorted.sort_by_key(|edit| std::cmp::Reverse(edit.lines.start));
    let mut lines: Vec<&str> = lines(current);
    for edit in sorted {
        let end = edit.lines.end.min(lines.len());
        lines.splice(edit.lines.start.min(end)..end, [edit.text.as_str()]);
    }
    lines.concat()
}

/// Returns the change of a file as git writes it, for `git apply`.
pub fn patch(path: &[u8], before: &str, after: &str) -> String {
    let (old, new) = (quoted("a/", path), quoted("b/", path));
    let mut text = unified(before.as_bytes(), after.as_bytes()).text;
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
    // Git takes a name with a blank up to a tab.
    let tab = |name: &str| {
        if name.contains(' ') && !name.starts_with('"') {
            "\t"
        } else {
            ""
        }
    };
    format!(
        "diff --git {old} {new}\n--- {old}{}\n+++ {new}{}\n{text}",
        tab(&old),
        tab(&new)
    )
}

/// Returns a path as git quotes it.
fn quoted(prefix: &str, path: &[u8]) -> String {
    let is_plain = |byte: &u8| (b' '..=b'~').contains(byte) && !matches!(byte, b'"' | b'\\');
    let mut out = String::from(prefix);
    for byte in path {
        match byte {
            byte if is_plain(byte) => out.push(char::from(*byte)),
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            byte => out.push_str(&format!("\\{byte:03o}")),
        }
    }
    match path.iter().all(is_plain) {
        true => out,
        false => format!("\"{out}\""),
    }
}

/// Returns the lines of a finding, counted from 0; `None` for an impossible range.
fn reviewed_lines(finding: &Finding) -> Option<Range<usize>> {
    let start = usize::try_from(finding.start_line.checked_sub(1)?).ok()?;
    let end = usize::try_from(finding.line).ok()?;
    (start < end).then_some(start..end)
}

/// Returns the lines of a text with their ends.
fn lines(text: &str) -> Vec<&str> {
    text.split_inclusive('\n').collect()
}

/// Returns a line without its end.
fn bare(line: &str) -> &str {
    line.strip_suffix("\r\n")
        .or_else(|| line.strip_suffix('\n'))
        .unwrap_or(line)
}

/// Returns the end of a line; `None` for a last line without one.
fn end_of(line: &str) -> Option<&str> {
    match (line.ends_with("\r\n"), line.ends_with('\n')) {
        (true, _) => Some("\r\n"),
        (_, true) => Some("\n"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a finding without its fields fails the test")]
    use serde_json::json;

    use super::*;

    fn finding(path: &str, start: u32, line: u32, side: &str) -> Finding {
        let value = json!({ "path": path, "side": side, "start_line": start, "line": line, "severity": "high",
            "category": "correctness", "title": "t", "body": "b", "suggestion": null, "confidence": 0.5, "source": "model" });
        serde_json::from_value(value).unwrap()
    }

    fn fixed(reviewed: &str, current: &str, lines: (u32, u32), suggestion: &str) -> Result<String, NoPlace> {
        let finding = finding("a.rs", lines.0, lines.1, "RIGHT");
        let edit = Versions::compare(reviewed, current).place(&finding, suggestion)?;
        Ok(apply(current, &[&edit]))
    }

    #[test]
    fn line_ends_and_a_missing_last_one_stay() {
        for (current, lines, suggestion, expected) in [
            ("a\nb\nc\n", (2, 2), "B", "a\nB\nc\n"),
            ("a\nb\nc\n", (2, 2), "B\n", "a\nB\nc\n"),
            ("a\nb\nc\n", (2, 2), "B\n\n", "a\nB\n\nc\n"),
            ("a\nb\nc\n", (1, 3), "x\ny", "x\ny\n"),
            ("a\nb\nc\n", (2, 3), "", "a\n"),
            ("a\nb", (2, 2), "B\nC\n", "a\nB\nC"),
            ("a\nb", (2, 2), "", "a\n"),
            ("b", (1, 1), "B\nC", "B\nC"),
            ("a\r\nb\r\nc\r\n", (2, 2), "B\r\nC\r\n", "a\r\nB\r\nC\r\nc\r\n"),
            ("a\r\nb\r\n", (2, 2), "B\nC", "a\r\nB\r\nC\r\n"),
            ("a\r\nb", (2, 2), "B\nC", "a\r\nB\r\nC"),
            ("a\rb\nc\n", (1, 1), "x", "x\nc\n"),
        ] {
            assert_eq!(
                fixed(current, current, lines, suggestion).as_deref(),
                Ok(expected),
                "{current:?}"
            );
        }
        assert_eq!(fixed("a\nb\n", "a\r\nb\r\n", (2, 2), "B").as_deref(), Ok("a\r\nB\r\n"));
        let mixed = "a\r\nb\nc\n";
        assert_eq!(fixed(mixed, mixed, (1, 2), "x"), Err(NoPlace::MixedEnds));
    }

    #[test]
    fn lines_are_replaced_only_as_reviewed() {
        let reviewed = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
        for (current, expected) in [
            ("1\n2\n3\n4\n5\n6\n7\n8\n9\n", Ok("1\n2\n3\n4\nX\n6\n7\n8\n9\n")),
            ("0\n1\n2\n3\n4\n5\n6\n7\n8\n9\n", Ok("0\n1\n2\n3\n4\nX\n6\n7\n8\n9\n")),
            ("2\n3\n4\n5\n6\n7\n8\n", Ok("2\n3\n4\nX\n6\n7\n8\n")),
            ("1\n2\n3\n4\n5 \n6\n7\n8\n9\n", Err(NoPlace::Changed)),
            ("1\n2\n3\n4\nX\n6\n7\n8\n9\n", Err(NoPlace::Present)),
            ("0\n1\n2\n3\n4\nX\n6\n7\n8\n9\n", Err(NoPlace::Present)),
            ("1\n2\n3\nfour\n5\n6\n7\n8\n9\n", Ok("1\n2\n3\nfour\nX\n6\n7\n8\n9\n")),
            ("0\n1\n2\n3\nfour\n5\n6\n7\n8\n9\n", Err(NoPlace::Changed)),
            ("1\n2\n3\n4\n", Err(NoPlace::Changed)),
            ("", Err(NoPlace::Changed)),
        ] {
            assert_eq!(
                fixed(reviewed, current, (5, 5), "X").as_deref().copied_error(),
                expected,
                "{current:?}"
            );
        }
        for lines in [(0, 1), (3, 2), (9, 10), (1, u32::MAX)] {
            assert_eq!(
                fixed(reviewed, reviewed, lines, "X"),
                Err(NoPlace::Changed),
                "{lines:?}"
            );
        }
    }

    /// Makes results of a test comparable.
    trait CopiedError<'a> {
        fn copied_error(self) -> Result<&'a str, NoPlace>;
    }

    impl<'a> CopiedError<'a> for Result<&'a str, &NoPlace> {
        fn copied_error(self) -> Result<&'a str, NoPlace> {
            self.map_err(|error| *error)
        }
    }

    #[test]
    fn equal_lines_elsewhere_are_not_meant() {
        // The first block is gone; the second one has the same line.
        let block = |name: &str| format!("fn {name}() {{\n    run()\n}}\n");
        let reviewed = block("a") + &block("b");
        assert_eq!(fixed(&reviewed, &block("b"), (2, 2), "    x()"), Err(NoPlace::Changed));
    }

    #[test]
    fn several_edits_keep_their_lines() {
        let text = "1\n2\n3\n4\n5\n";
        let versions = Versions::compare(text, text);
        let edit = |start, end, new: &str| versions.place(&finding("a", start, end, "RIGHT"), new).unwrap();
        let (first, second, third) = (edit(1, 1, "a\nb\nc"), edit(3, 4, ""), edit(5, 5, "e"));
        assert_eq!(apply(text, &[&first, &third, &second]), "a\nb\nc\n2\ne\n");
        assert!(second.overlaps(&edit(4, 5, "x")) && !second.overlaps(&third) && !first.overlaps(&second));
    }

    #[test]
    fn some_files_and_sides_are_left() {
        assert_eq!(check_file(&finding("src/a.rs", 1, 1, "RIGHT")), Ok(()));
        assert_eq!(check_file(&finding("src/a.rs", 1, 1, "LEFT")), Err(NoPlace::OldSide));
        for path in [".github/workflows/a.yml", ".holdfast.yml", "Makefile", "a//b"] {
            assert_eq!(
                check_file(&finding(path, 1, 1, "RIGHT")),
                Err(NoPlace::Protected),
                "{path}"
            );
        }
    }

    #[test]
    fn a_patch_quotes_names() {
        assert_eq!(
            patch(b"a b", "x\n", "y"),
            "diff --git a/a b b/a b\n--- a/a b\t\n+++ b/a b\t\n@@ -1,1 +1,1 @@\n-x\n+y\n\\ No newline at end of file\n"
        );
        let quoted = patch("é\"\n".as_bytes(), "x\n", "y\n");
        assert!(quoted.starts_with("diff --git \"a/\\303\\251\\\"\\012\" "), "{quoted}");
    }
}
