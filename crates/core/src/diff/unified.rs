//! Two versions of a file as unified diff text: three lines of context, from the first `@@`.
//!
//! A line ends with a line feed and nothing else: a carriage return, a form feed or U+2028 belongs to its line's text, as
//! for git and GitHub. Bytes that are not UTF-8 are replaced line by line, so lines keep their numbers.

use std::fmt::Write;
use std::ops::Range;

use gix_imara_diff::{Algorithm, Diff, InternedInput};

/// Git looks for NUL bytes in this many first bytes.
const BINARY_WINDOW: usize = 8_000;
/// Lines of context.
const CONTEXT: u32 = 3;
/// With this share of its bytes being text, of 100, content with NUL bytes counts as text that has some.
const TEXT_SHARE: usize = 70;

/// What the content of a file's two versions is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text on both sides.
    Text,
    /// Text but for its NUL bytes: a source with some, or UTF-16.
    TextWithNul,
    /// A picture, an archive, a program.
    Binary,
}

/// A change as text.
#[derive(Debug, Default)]
pub struct Patch {
    /// From the first `@@`; empty when both sides are equal.
    pub text: String,
    /// Lines added.
    pub additions: u64,
    /// Lines removed.
    pub deletions: u64,
}

/// Looks at both versions as git does: at NUL bytes in their beginning.
pub fn content_of(before: &[u8], after: &[u8]) -> Content {
    let has_nul = |bytes: &[u8]| bytes[..bytes.len().min(BINARY_WINDOW)].contains(&0);
    if !has_nul(before) && !has_nul(after) {
        Content::Text
    } else if is_text_but_for_nul(before) && is_text_but_for_nul(after) {
        Content::TextWithNul
    } else {
        Content::Binary
    }
}

/// Whether what is left without NUL bytes is text for the most part.
fn is_text_but_for_nul(bytes: &[u8]) -> bool {
    let (mut all, mut text) = (0_usize, 0_usize);
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars().filter(|char| *char != '\0') {
            all += 1;
            text += usize::from(!char.is_control() || matches!(char, '\n' | '\r' | '\t' | '\u{c}'));
        }
        all += chunk.invalid().len();
    }
    text * 100 >= all * TEXT_SHARE
}

/// A text without its NUL bytes, as shells read it; a search finds in it what stands between them.
pub fn without_nul(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| *byte != 0).collect()
}

/// Compares two texts. Takes nearly linear time, whatever the lines are: the search for the smallest difference is given up
/// where it gets expensive, as in git.
pub fn unified(before: &[u8], after: &[u8]) -> Patch {
    let mut input = InternedInput::default();
    input.update_before(lines(before));
    input.update_after(lines(after));
    let mut diff = Diff::compute(Algorithm::Myers, &input);
    diff.postprocess_lines(&input);
    let (old, new): (Vec<&[u8]>, Vec<&[u8]>) = (lines(before).collect(), lines(after).collect());
    let mut patch = Patch::default();
    let mut group: Vec<(Range<u32>, Range<u32>)> = Vec::new();
    for hunk in diff.hunks() {
        if group
            .last()
            .is_some_and(|last| hunk.before.start - last.0.end > 2 * CONTEXT)
        {
            write_hunk(&mut patch, &group, &old, &new);
            group.clear();
        }
        group.push((hunk.before, hunk.after));
    }
    write_hunk(&mut patch, &group, &old, &new);
    patch
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

/// Writes changes that share their context as one hunk.
fn write_hunk(patch: &mut Patch, group: &[(Range<u32>, Range<u32>)], old: &[&[u8]], new: &[&[u8]]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return;
    };
    let old_count = u32::try_from(old.len()).unwrap_or(u32::MAX);
    let lead = first.0.start.min(CONTEXT);
    let trail = (old_count - last.0.end).min(CONTEXT);
    let before = first.0.start - lead..last.0.end + trail;
    let after = first.1.start - lead..last.1.end + trail;
    // An empty side is numbered by the line before it.
    let start = |range: &Range<u32>| if range.is_empty() { range.start } else { range.start + 1 };
    let _infallible = writeln!(
        patch.text,
        "@@ -{},{} +{},{} @@",
        start(&before),
        before.len(),
        start(&after),
        after.len()
    );
    let mut at = before.start;
    for (removed, added) in group {
        write_lines(&mut patch.text, ' ', old, at..removed.start);
        write_lines(&mut patch.text, '-', old, removed.clone());
        write_lines(&mut patch.text, '+', new, added.clone());
        patch.deletions += removed.len() as u64;
        patch.additions += added.len() as u64;
        at = removed.end;
    }
    write_lines(&mut patch.text, ' ', old, at..before.end);
}

fn write_lines(out: &mut String, mark: char, lines: &[&[u8]], range: Range<u32>) {
    for line in lines.get(range.start as usize..range.end as usize).unwrap_or_default() {
        out.push(mark);
        let (text, has_end) = line.strip_suffix(b"\n").map_or((*line, false), |text| (text, true));
        out.push_str(&String::from_utf8_lossy(text));
        out.push_str(if has_end {
            "\n"
        } else {
            "\n\\ No newline at end of file\n"
        });
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a patch that cannot be read fails the test")]
    use std::time::{Duration, Instant};

    use crate::diff::{LineKind, parse_patch};
    use proptest::prelude::*;

    use super::*;

    /// The two texts that a patch with whole context stands for, as far as it shows them.
    fn sides(patch: &str) -> (Vec<String>, Vec<String>) {
        let hunks = parse_patch(patch).unwrap();
        let of = |skipped| {
            let lines = hunks.iter().flat_map(|hunk| &hunk.lines);
            lines
                .filter(|line| line.kind != skipped)
                .map(|line| line.text.clone())
                .collect()
        };
        (of(LineKind::Added), of(LineKind::Removed))
    }

    #[test]
    fn odd_line_ends_keep_the_patch_readable() {
        for (before, after) in [
            ("a\n", "a\r"),
            ("a\r", "b\r"),
            ("a\r\n", "a\n"),
            ("a\rb\rc", "a\rb\rd"),
            ("a\n\r", "a\n"),
            ("a\u{2028}b\n", "a\u{2028}c\n"),
            ("a\u{c}b\n", "a\u{85}b\n"),
            ("", "\r"),
            ("\u{feff}a\n", "a\n"),
            ("a", "a\n"),
            ("a\n", ""),
            ("", "a"),
        ] {
            let patch = unified(before.as_bytes(), after.as_bytes());
            let lines = |text: &str| -> Vec<String> { text.split_terminator('\n').map(str::to_owned).collect() };
            assert_eq!(
                sides(&patch.text),
                (lines(before), lines(after)),
                "{before:?} {after:?}"
            );
        }
    }

    #[test]
    fn bytes_that_are_not_utf8_are_replaced_in_their_line() {
        let patch = unified(b"caf\xe9\nb\n", b"caf\xe9\n\xff\xfe\n");
        assert_eq!(patch.text, "@@ -1,2 +1,2 @@\n caf\u{fffd}\n-b\n+\u{fffd}\u{fffd}\n");
        assert_eq!((patch.additions, patch.deletions), (1, 1));
    }

    #[test]
    fn content_with_nul_bytes_is_told_from_pictures() {
        let utf16: Vec<u8> = "pass = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let picture: Vec<u8> = (0..2_000_u32).map(|n| (n * 7 % 256) as u8).collect();
        for (bytes, content) in [
            (b"a\nb\n".as_slice(), Content::Text),
            (b"#!/bin/sh\n# \0\nrm x\n", Content::TextWithNul),
            (&utf16, Content::TextWithNul),
            (&[b"echo 1\n".as_slice(), &[0; 4_000]].concat(), Content::TextWithNul),
            (&picture, Content::Binary),
        ] {
            assert_eq!(content_of(b"", bytes), content);
            assert_eq!(content_of(bytes, b""), content);
        }
        assert_eq!(without_nul(b"to\0ken\n\0"), b"token\n");
        assert_eq!(without_nul(&utf16), b"pass = 1\n");
    }

    #[test]
    fn shuffled_lines_do_not_hold_the_reader_up() {
        // 1 MiB of short lines, each on both sides, in another order; unoptimised code takes forty times as long.
        let count = if cfg!(debug_assertions) { 20_000_u64 } else { 150_000 };
        let text = |factor: u64| -> Vec<u8> {
            (0..count)
                .flat_map(|n| format!("{}\n", n * factor % count).into_bytes())
                .collect()
        };
        let (before, after) = (text(1), text(70_001));
        let began = Instant::now();
        let patch = unified(&before, &after);
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
        assert!(patch.additions > 0 && patch.additions <= count);
        assert_eq!(patch.additions, patch.deletions);
        // Two kinds of line, in random order.
        let coin = |seed: u64| -> Vec<u8> {
            let mut state = seed;
            (0..count)
                .flat_map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    if state >> 63 == 0 { *b"a\n" } else { *b"b\n" }
                })
                .collect()
        };
        let began = Instant::now();
        parse_patch(&unified(&coin(1), &coin(2)).text).unwrap();
        assert!(began.elapsed() < Duration::from_secs(60), "{:?}", began.elapsed());
    }

    proptest! {
        #[test]
        fn a_patch_shows_both_sides(
            before in prop::collection::vec(prop::sample::select(b"ab\n\n\r".to_vec()), 0..40),
            after in prop::collection::vec(prop::sample::select(b"ab\n\n\r".to_vec()), 0..40),
        ) {
            let patch = unified(&before, &after);
            let (old, new) = sides(&patch.text);
            let lines = |text: &[u8]| String::from_utf8_lossy(text).split_terminator('\n').map(str::to_owned).collect::<Vec<_>>();
            let (all_old, all_new) = (lines(&before), lines(&after));
            for hunk in parse_patch(&patch.text).unwrap() {
                for line in &hunk.lines {
                    let at = |n: Option<u32>, all: &[String]| n.map(|n| all[n as usize - 1].clone());
                    prop_assert!(at(line.old, &all_old).is_none_or(|text| text == line.text));
                    prop_assert!(at(line.new, &all_new).is_none_or(|text| text == line.text));
                }
            }
            prop_assert!(old.len() <= all_old.len() && new.len() <= all_new.len());
            prop_assert_eq!(patch.text.is_empty(), before == after);
            prop_assert_eq!(all_old.len() as i64 - patch.deletions as i64, all_new.len() as i64 - patch.additions as i64);
        }
    }
}
