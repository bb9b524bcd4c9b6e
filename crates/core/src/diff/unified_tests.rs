//! Tests of patches between two versions of a text: hunks, bounds, notes.

#![expect(clippy::unwrap_used, reason = "a patch that cannot be read fails the test")]
use crate::diff::{LineKind, parse_patch};
use proptest::prelude::*;

use super::*;

/// Reconstructs both texts from a patch with whole context.
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
fn a_hunk_has_three_lines_of_context_and_nearer_changes_share_it() {
    let before: String = (1..=40).map(|number| format!("{number}\n")).collect();
    let changed = |lines: &[&str]| {
        let after = lines.iter().fold(before.clone(), |text, line| {
            text.replacen(&format!("\n{line}\n"), &format!("\n{line} new\n"), 1)
        });
        unified(before.as_bytes(), after.as_bytes()).text
    };
    assert!(
        changed(&["20"]).starts_with("@@ -17,7 +17,7 @@\n 17\n"),
        "{}",
        changed(&["20"])
    );
    for (second, hunks) in [("27", 1), ("28", 2)] {
        assert_eq!(changed(&["20", second]).matches("@@ -").count(), hunks, "{second}");
    }
}

#[test]
fn nul_bytes_count_in_the_first_8000_bytes_and_text_is_seven_tenths() {
    let with_nul_at = |at: usize| {
        let mut text = vec![b'a'; 9_000];
        text[at] = 0;
        content_of(b"", &text)
    };
    assert_eq!(with_nul_at(7_999), Content::TextWithNul);
    assert_eq!(with_nul_at(8_000), Content::Text);
    let with_text = |text: usize| {
        let bytes = [vec![0], vec![b'a'; text], vec![1; 100 - text]].concat();
        content_of(b"", &bytes)
    };
    assert_eq!(with_text(70), Content::TextWithNul);
    assert_eq!(with_text(69), Content::Binary);
}

#[test]
fn the_note_lists_coarse_files() {
    let paths: Vec<String> = (1..=7).map(|n| format!("{n}.txt")).collect();
    assert_eq!(coarse_note(&[]), None);
    assert!(coarse_note(&paths[..1]).unwrap().ends_with("in 1.txt"));
    assert!(coarse_note(&paths).unwrap().ends_with("4.txt, 5.txt and 2 more"));
}

#[test]
fn unusual_line_ends_keep_the_patch_readable() {
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
fn text_with_nul_bytes_is_not_taken_for_an_image() {
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

/// Returns `count` lines of numbers, ordered by their multiples.
fn numbers(count: u64, factor: u64) -> Vec<u8> {
    (0..count)
        .flat_map(|n| format!("{}\n", n * factor % count).into_bytes())
        .collect()
}

/// Returns lines of one letter each, out of so many, in random order.
fn letters(bytes: usize, kinds: u64, seed: u64) -> Vec<u8> {
    let mut state = seed;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        b'A' + u8::try_from((state >> 33) % kinds).unwrap()
    };
    (0..bytes / 2).flat_map(|_| [letter(), b'\n']).collect()
}

/// A whole file of 1 MiB, the maximum that is shown, with most lines reordered and a few hundred in their old order.
/// Git's search takes seconds for it.
#[test]
fn shuffled_lines_are_split_at_lines_in_order() {
    let (before, after) = (numbers(165_000, 1), numbers(165_000, 70_001));
    assert!((1_000_000..1 << 20).contains(&before.len()));
    let patch = unified(&before, &after);
    assert!(!patch.is_coarse && patch.additions == patch.deletions);
    assert!((1..165_000).contains(&patch.additions), "{}", patch.additions);
    parse_patch(&patch.text).unwrap();
}

/// Checks that, beyond the bound, lines that don't occur once on each side are shown as removed and added.
#[test]
fn lines_without_a_common_order_are_shown_as_one_change() {
    for kinds in [2, 26] {
        let (before, after) = (letters(1 << 20, kinds, 1), letters(1 << 20, kinds, 2));
        let patch = unified(
            &[b"first\n", before.as_slice(), b"last\n"].concat(),
            &[b"first\n", after.as_slice(), b"last\n"].concat(),
        );
        assert!(patch.is_coarse && patch.additions == patch.deletions);
        assert!(
            patch.additions > (1 << 19) - 10,
            "only what begins and ends both is equal: {}",
            patch.additions
        );
        assert!(patch.text.starts_with("@@ -1,"), "the first line is equal");
    }
}

/// Checks that a large file with few changes is compared as git compares it, whatever its number of lines.
#[test]
fn few_changes_in_many_lines_are_found() {
    let before = numbers(300_000, 1);
    let text = String::from_utf8(before.clone()).unwrap();
    let after = text
        .replace("\n7777\n", "\nseven\n")
        .replace("\n150000\n", "\n")
        .replace("\n299990\n", "\n299990\nmore\n");
    let patch = unified(&before, after.as_bytes());
    assert_eq!((patch.additions, patch.deletions, patch.is_coarse), (2, 2, false));
}

proptest! {
    #[test]
    fn a_patch_shows_both_sides(
        before in prop::collection::vec(prop::sample::select(b"abcd\n\n\n\r".to_vec()), 0..40),
        after in prop::collection::vec(prop::sample::select(b"abcd\n\n\n\r".to_vec()), 0..40),
        max_steps in prop::sample::select(vec![0, 8, 64, MAX_STEPS]),
    ) {
        let patch = unified_within(max_steps, &before, &after);
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
        prop_assert!(max_steps < MAX_STEPS || !patch.is_coarse);
        prop_assert_eq!(all_old.len() as i64 - patch.deletions as i64, all_new.len() as i64 - patch.additions as i64);
    }
}
