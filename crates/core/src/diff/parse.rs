//! Parses patch text into hunks. The text is untrusted: counts are checked, and nothing panics.

use super::{DiffLine, Hunk, LineKind};

/// The text isn't a valid patch; `line` counts from 1 in the patch's text.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("patch line {line}: {what}")]
pub struct PatchError {
    /// Line in the patch's text, from 1.
    pub line: usize,
    /// The fault.
    pub what: &'static str,
}

/// Parses the hunks of one file's patch, from the first `@@`; text before it is skipped.
///
/// # Errors
/// An invalid header, a line without a mark, or counts that don't match the header.
pub fn parse_patch(patch: &str) -> Result<Vec<Hunk>, PatchError> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let mut left = (0_u32, 0_u32);
    for (index, text) in patch.split('\n').enumerate() {
        let fail = |what| PatchError { line: index + 1, what };
        // `\ No newline at end of file`, in any language: it refers to the line before it.
        if text.starts_with('\\') {
            if let Some(line) = hunks.last_mut().and_then(|hunk| hunk.lines.last_mut()) {
                line.is_unended = true;
            }
            continue;
        }
        let Some(hunk) = hunks.last_mut().filter(|_| left != (0, 0)) else {
            if text.starts_with("@@ ") {
                let hunk = parse_header(text).ok_or_else(|| fail("the hunk's header cannot be read"))?;
                left = (hunk.old_lines, hunk.new_lines);
                hunks.push(hunk);
            } else if !hunks.is_empty() && !text.is_empty() {
                return Err(fail("more lines than the hunk's header counts"));
            }
            continue;
        };
        let (kind, body) = match (text.chars().next(), text.get(1..)) {
            (Some('+'), Some(body)) => (LineKind::Added, body),
            (Some('-'), Some(body)) => (LineKind::Removed, body),
            (Some(' '), Some(body)) => (LineKind::Context, body),
            // Some sources strip the blank of an empty context line.
            (None, _) => (LineKind::Context, ""),
            _ => return Err(fail("a line begins with none of '+', '-', ' ' and '\\'")),
        };
        push_line(hunk, &mut left, kind, body).ok_or_else(|| fail("the line does not fit the hunk's counts"))?;
    }
    if left != (0, 0) {
        return Err(PatchError {
            line: patch.split('\n').count(),
            what: "the last hunk is cut off",
        });
    }
    Ok(hunks)
}

pub(super) fn push_line(hunk: &mut Hunk, left: &mut (u32, u32), kind: LineKind, body: &str) -> Option<()> {
    let next_old = hunk.old_start.checked_add(hunk.old_lines.checked_sub(left.0)?)?;
    let next_new = hunk.new_start.checked_add(hunk.new_lines.checked_sub(left.1)?)?;
    let (takes_old, takes_new) = (kind != LineKind::Added, kind != LineKind::Removed);
    left.0 = left.0.checked_sub(u32::from(takes_old))?;
    left.1 = left.1.checked_sub(u32::from(takes_new))?;
    hunk.lines.push(DiffLine {
        kind,
        old: takes_old.then_some(next_old),
        new: takes_new.then_some(next_new),
        text: body.to_owned(),
        is_unended: false,
    });
    Some(())
}

fn parse_header(text: &str) -> Option<Hunk> {
    let (ranges, section) = text.strip_prefix("@@ ")?.split_once(" @@")?;
    let (old, new) = ranges.split_once(' ')?;
    let (old_start, old_lines) = parse_range(old.strip_prefix('-')?)?;
    let (new_start, new_lines) = parse_range(new.strip_prefix('+')?)?;
    Some(Hunk {
        old_start,
        old_lines,
        new_start,
        new_lines,
        section: section.trim().to_owned(),
        lines: Vec::new(),
    })
}

fn parse_range(text: &str) -> Option<(u32, u32)> {
    match text.split_once(',') {
        Some((start, count)) => Some((start.parse().ok()?, count.parse().ok()?)),
        None => Some((text.parse().ok()?, 1)),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use proptest::prelude::*;

    use super::*;
    use crate::diff::hunk_of;
    use crate::model::finding::Side;

    const PATCH: &str = "@@ -1,3 +1,4 @@ fn main\n one\n-two\n+zwei\r\n+drei\n three\n@@ -10 +11,0 @@\n-gone\n\\ No newline at end of file";

    #[test]
    fn each_line_is_numbered_on_its_sides() {
        let hunks = parse_patch(PATCH).unwrap();
        assert_eq!(hunks.len(), 2);
        assert_eq!(hunks[0].section, "fn main");
        assert_eq!(hunks[0].line(Side::Right, 2).unwrap().text, "zwei\r");
        assert_eq!(hunks[0].line(Side::Left, 2).unwrap().text, "two");
        assert_eq!(hunks[0].range(Side::Right), Some((1, 4)));
        assert_eq!(hunks[1].range(Side::Right), None);
        let gone = hunks[1].line(Side::Left, 10).unwrap();
        assert_eq!((gone.text.as_str(), gone.is_unended), ("gone", true));
        assert!(hunks[0].lines.iter().all(|line| !line.is_unended));
        assert!(hunk_of(&hunks, Side::Right, 2, 4).is_some());
        assert!(
            hunk_of(&hunks, Side::Left, 2, 10).is_none(),
            "a range must not cross hunks"
        );
    }

    #[test]
    fn a_line_that_looks_like_a_header_inside_a_hunk_is_a_line() {
        let hunks = parse_patch("@@ -1,2 +1,2 @@\n-@@ -1 +1 @@\n+--- a\n x").unwrap();
        assert_eq!(hunks[0].lines[1].text, "--- a");
    }

    #[test]
    fn invalid_patches_are_refused_with_the_line() {
        for (patch, line) in [
            ("@@ -1,2 +1 @@\n a", 2),
            ("@@ nonsense @@\n a", 1),
            ("@@ -1 +1 @@\n a\n b", 3),
            ("@@ -1 +1 @@\n?a", 2),
            ("@@ -1,0 +1,1 @@\n-a", 2),
            ("@@ -4294967295,2 +1,2 @@\n a\n b", 3),
            ("@@ -99999999999 +1 @@\n a", 1),
        ] {
            assert_eq!(parse_patch(patch).unwrap_err().line, line, "{patch}");
        }
        assert_eq!(parse_patch("").unwrap(), Vec::new());
    }

    proptest! {
        #[test]
        fn never_panics(text in "(@@ -[0-9]{1,11},?[0-9]{0,3} \\+[0-9]{1,3},[0-9]{1,2} @@|[ +\\\\-]?.{0,3}|\u{e9})(\n([ +\\\\-]?.{0,3}|@@ .*))*") {
            drop(parse_patch(&text));
        }

        #[test]
        fn a_well_formed_hunk_comes_back(kinds in prop::collection::vec(0_u8..3, 1..40)) {
            let old = kinds.iter().filter(|kind| **kind != 1).count();
            let new = kinds.iter().filter(|kind| **kind != 2).count();
            let body: Vec<String> = kinds.iter().enumerate().map(|(index, kind)| format!("{}{index}", [' ', '+', '-'][usize::from(*kind)])).collect();
            let hunks = parse_patch(&format!("@@ -5,{old} +7,{new} @@\n{}\n", body.join("\n"))).unwrap();
            prop_assert_eq!(hunks[0].lines.len(), kinds.len());
            for side in [Side::Left, Side::Right] {
                let numbers: Vec<u32> = hunks[0].lines.iter().filter_map(|line| line.number(side)).collect();
                let start = if side == Side::Left { 5 } else { 7 };
                let count = u32::try_from(numbers.len()).unwrap();
                prop_assert_eq!(numbers, (start..start + count).collect::<Vec<u32>>());
            }
        }
    }
}
