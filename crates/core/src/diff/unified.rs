//! Compares two versions of a file and writes a unified diff: three lines of context, from the first `@@`.
//!
//! Only a line feed ends a line: a carriage return, a form feed or U+2028 belongs to its line's text, as in git and
//! on GitHub. Bytes that aren't UTF-8 are replaced line by line, so lines keep their numbers.

use std::fmt::Write;
use std::ops::Range;

use gix_imara_diff::{Algorithm, Diff, InternedInput, Token};

use super::{DiffLine, Hunk, LineKind};

/// Number of bytes at the start of a file that git searches for NUL bytes.
const BINARY_WINDOW: usize = 8_000;
/// Lines of context.
const CONTEXT: u32 = 3;
/// Maximum number of lines in a piece, and the number of lines that consecutive pieces share: a private key is
/// shorter than half of the shared lines.
const PIECE_LINES: u32 = 10_000;
const OVERLAP_LINES: u32 = 200;
/// Maximum cost of a comparison, in steps: comparing `n` lines takes up to about `n` to the power of 1.5. It allows
/// some 100,000 lines on each side, and any number of lines that are mostly in the same order.
const MAX_STEPS: u64 = 100_000_000;
/// Minimum percentage of text bytes at which content with NUL bytes counts as text.
const TEXT_SHARE: usize = 70;

/// The kind of content in a file's two versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Content {
    /// Text on both sides.
    Text,
    /// Text except for its NUL bytes: a source with some, or UTF-16.
    TextWithNul,
    /// An image, an archive, a program.
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
    /// Whether some lines are shown as removed and added without a search for equal lines, which would take too long.
    pub is_coarse: bool,
}

/// Maximum number of files that a note names.
const NOTED_FILES: usize = 5;

/// Returns the note about files whose patch is coarse, or `None` if there are none.
pub fn coarse_note(paths: &[String]) -> Option<String> {
    let more = match paths.len().saturating_sub(NOTED_FILES) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let named: Vec<&str> = paths.iter().take(NOTED_FILES).map(String::as_str).collect();
    (!named.is_empty()).then(|| {
        format!(
            "lines are shown as removed and added without a search for equal ones, which reached its limit, in {}{more}",
            named.join(", ")
        )
    })
}

/// Classifies both versions as git does: by NUL bytes near their start.
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

/// Returns whether the content is mostly text without its NUL bytes.
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

/// Returns a text without its NUL bytes, as shells read it. A search also finds text that contained them.
pub fn without_nul(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().copied().filter(|byte| *byte != 0).collect()
}

/// Compares two texts line by line, as git does. The cost is bounded by a number of steps, so the same texts give the
/// same patch on every machine: see `changes`.
pub fn unified(before: &[u8], after: &[u8]) -> Patch {
    unified_within(MAX_STEPS, before, after)
}

/// Compares like [`unified`], with another bound.
fn unified_within(max_steps: u64, before: &[u8], after: &[u8]) -> Patch {
    let (groups, is_coarse) = groups(max_steps, before, after);
    let (old, new): (Vec<&[u8]>, Vec<&[u8]>) = (lines(before).collect(), lines(after).collect());
    let mut patch = Patch {
        is_coarse,
        ..Patch::default()
    };
    for group in groups {
        write_hunk(&mut patch, &group, &old, &new);
    }
    patch
}

/// Returns the lines of the old text that became lines of the new one, counted from 0, in their order. All other lines
/// are equal.
pub fn changed_lines(before: &[u8], after: &[u8]) -> Vec<(Range<u32>, Range<u32>)> {
    let mut input = InternedInput::default();
    input.update_before(lines(before));
    input.update_after(lines(after));
    changes(MAX_STEPS, &input).0
}

/// Changes that share their context.
type Group = Vec<Change>;

/// Returns the changes in groups, and whether some part was not searched for equal lines.
fn groups(max_steps: u64, before: &[u8], after: &[u8]) -> (Vec<Group>, bool) {
    let mut input = InternedInput::default();
    input.update_before(lines(before));
    input.update_after(lines(after));
    let (changes, is_coarse) = changes(max_steps, &input);
    let mut groups: Vec<Group> = Vec::new();
    for change in changes {
        match groups.last_mut() {
            Some(group)
                if group
                    .last()
                    .is_some_and(|last| change.0.start - last.0.end <= 2 * CONTEXT) =>
            {
                group.push(change);
            }
            _ => groups.push(vec![change]),
        }
    }
    (groups, is_coarse)
}

/// Calls `take` with the head's lines of each hunk (context and added), in pieces of at most 10,000 lines, and with
/// the numbers of the lines that the piece covers. Pieces overlap, so that text that spans lines is seen whole.
/// Returns the numbers of added and removed lines.
pub fn each_added_piece(before: &[u8], after: &[u8], mut take: impl FnMut(&Hunk, Range<u32>)) -> (u64, u64) {
    let new: Vec<&[u8]> = lines(after).collect();
    let end = u32::try_from(new.len()).unwrap_or(u32::MAX);
    let (mut additions, mut deletions) = (0, 0);
    for group in groups(MAX_STEPS, before, after).0 {
        for (removed, added) in &group {
            additions += added.len() as u64;
            deletions += removed.len() as u64;
        }
        let (Some(first), Some(last)) = (group.first(), group.last()) else {
            continue;
        };
        let whole = first.1.start.saturating_sub(CONTEXT)..last.1.end.saturating_add(CONTEXT).min(end);
        let mut changes = group.iter().map(|(_, added)| added).peekable();
        let mut start = whole.start;
        loop {
            let piece = start..start.saturating_add(PIECE_LINES).min(whole.end);
            let is_last = piece.end == whole.end;
            let mut hunk = Hunk {
                old_start: 0,
                old_lines: 0,
                new_start: piece.start + 1,
                new_lines: piece.end - piece.start,
                section: String::new(),
                lines: Vec::with_capacity(piece.len()),
            };
            while changes.next_if(|added| added.end <= piece.start).is_some() {}
            let mut inside = changes.clone();
            for at in piece.clone() {
                while inside.next_if(|added| added.end <= at).is_some() {}
                let is_added = inside.peek().is_some_and(|added| added.contains(&at));
                let bytes = new.get(at as usize).copied().unwrap_or_default();
                let (text, is_unended) = bytes.strip_suffix(b"\n").map_or((bytes, true), |text| (text, false));
                hunk.lines.push(DiffLine {
                    kind: if is_added { LineKind::Added } else { LineKind::Context },
                    old: None,
                    new: Some(at + 1),
                    text: String::from_utf8_lossy(text).into_owned(),
                    is_unended,
                });
            }
            let from = if start == whole.start {
                start
            } else {
                start + OVERLAP_LINES / 2
            };
            let to = if is_last {
                piece.end
            } else {
                piece.end - OVERLAP_LINES / 2
            };
            take(&hunk, from + 1..to + 1);
            if is_last {
                break;
            }
            start = piece.end - OVERLAP_LINES;
        }
    }
    (additions, deletions)
}

/// Lines of the old text that became lines of the new one.
type Change = (Range<u32>, Range<u32>);

/// Finds the changes, and returns whether some part was not searched for equal lines.
///
/// Uses git's own search if it is within the bound. Otherwise splits both texts at lines that occur once in each and
/// in the same order, and searches between two such lines, as far as the bound allows. Each remaining part is one
/// change.
fn changes<T: AsRef<[u8]>>(max_steps: u64, input: &InternedInput<T>) -> (Vec<Change>, bool) {
    let (before, after) = (&input.before, &input.after);
    let prefix = count_equal(before.iter().zip(after));
    let suffix = count_equal(before[prefix..].iter().rev().zip(after[prefix..].iter().rev()));
    let middle = (prefix..before.len() - suffix, prefix..after.len() - suffix);
    let mut counts = Counts::new(input.interner.num_tokens() as usize);
    if counts.steps(&before[middle.0.clone()], &after[middle.1.clone()]) <= max_steps {
        let mut diff = Diff::compute(Algorithm::Myers, input);
        diff.postprocess_lines(input);
        return (diff.hunks().map(|hunk| (hunk.before, hunk.after)).collect(), false);
    }
    let mut anchors = counts.anchors(before, after, &middle);
    anchors.push((middle.0.end, middle.1.end));
    let (mut found, mut is_coarse, mut steps_left) = (Vec::new(), false, max_steps);
    let (mut old, mut new) = (middle.0.start, middle.1.start);
    for (old_end, new_end) in anchors {
        let (removed, added) = (&before[old..old_end], &after[new..new_end]);
        let steps = counts.steps(removed, added);
        if steps > steps_left {
            is_coarse = true;
            found.push(shifted(0..removed.len(), 0..added.len(), old, new));
        } else if !removed.is_empty() || !added.is_empty() {
            steps_left -= steps;
            // Numbered from zero: otherwise each of many small parts would cost as much as all lines.
            let (removed, added, kinds) = counts.renumbered(removed, added);
            let mut diff = Diff::default();
            diff.compute_with(Algorithm::Myers, &removed, &added, kinds);
            found.extend(diff.hunks().map(|hunk| {
                let usize_of = |range: Range<u32>| range.start as usize..range.end as usize;
                shifted(usize_of(hunk.before), usize_of(hunk.after), old, new)
            }));
        }
        (old, new) = (old_end + 1, new_end + 1);
    }
    (found, is_coarse)
}

fn count_equal<'a>(mut pairs: impl Iterator<Item = (&'a Token, &'a Token)>) -> usize {
    let mut count = 0;
    while pairs.next().is_some_and(|(one, other)| one == other) {
        count += 1;
    }
    count
}

/// Returns a change of a part, given the lines at which the part starts.
fn shifted(removed: Range<usize>, added: Range<usize>, old: usize, new: usize) -> Change {
    let at = |line: usize| u32::try_from(line).unwrap_or(u32::MAX);
    (
        at(removed.start + old)..at(removed.end + old),
        at(added.start + new)..at(added.end + new),
    )
}

/// Number of occurrences of each line on either side of a part. Reset after use, so a small part costs little.
struct Counts(Vec<[u32; 2]>);

impl Counts {
    fn new(kinds: usize) -> Self {
        Self(vec![[0; 2]; kinds])
    }

    fn count(&mut self, before: &[Token], after: &[Token]) {
        for (side, tokens) in [before, after].into_iter().enumerate() {
            for token in tokens {
                self.0[token.0 as usize][side] += 1;
            }
        }
    }

    fn reset(&mut self, before: &[Token], after: &[Token]) {
        for token in before.iter().chain(after) {
            self.0[token.0 as usize] = [0; 2];
        }
    }

    /// Returns the maximum number of steps of a search: only lines on both sides are searched.
    fn steps(&mut self, before: &[Token], after: &[Token]) -> u64 {
        self.count(before, after);
        let is_searched = |token: &&Token| self.0[token.0 as usize].iter().all(|count| *count > 0);
        let searched = before.iter().chain(after).filter(is_searched).count() as u64;
        self.reset(before, after);
        searched.saturating_mul(searched.isqrt())
    }

    /// Returns the same lines renumbered from zero, and the number of distinct lines.
    fn renumbered(&mut self, before: &[Token], after: &[Token]) -> (Vec<Token>, Vec<Token>, u32) {
        let mut kinds = 0;
        let mut number = |token: &Token| {
            let known = &mut self.0[token.0 as usize][0];
            if *known == 0 {
                kinds += 1;
                *known = kinds;
            }
            Token(*known - 1)
        };
        let (removed, added) = (
            before.iter().map(&mut number).collect(),
            after.iter().map(&mut number).collect(),
        );
        self.reset(before, after);
        (removed, added, kinds)
    }

    /// Returns the numbers of lines that occur once on each side of the part, in the longest order that both sides
    /// share.
    fn anchors(
        &mut self,
        before: &[Token],
        after: &[Token],
        part: &(Range<usize>, Range<usize>),
    ) -> Vec<(usize, usize)> {
        let (removed, added) = (&before[part.0.clone()], &after[part.1.clone()]);
        self.count(removed, added);
        let mut at = vec![usize::MAX; self.0.len()];
        for (line, token) in added.iter().enumerate() {
            at[token.0 as usize] = part.1.start + line;
        }
        let pairs: Vec<(usize, usize)> = removed
            .iter()
            .enumerate()
            .filter(|(_, token)| self.0[token.0 as usize] == [1, 1])
            .map(|(line, token)| (part.0.start + line, at[token.0 as usize]))
            .collect();
        self.reset(removed, added);
        longest_increasing(&pairs)
    }
}

/// Returns the longest series of pairs with increasing second numbers; the first numbers increase already.
fn longest_increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // For each length, the pair that ends a series of that length with the smallest second number.
    let mut ends: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (index, pair) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < pair.1);
        previous.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = index,
            None => ends.push(index),
        }
    }
    let mut series: Vec<(usize, usize)> = std::iter::successors(ends.last().copied(), |index| previous[*index])
        .map(|index| pairs[index])
        .collect();
    series.reverse();
    series
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split_inclusive(|byte| *byte == b'\n')
}

/// Writes changes that share their context as one hunk.
fn write_hunk(patch: &mut Patch, group: &[Change], old: &[&[u8]], new: &[&[u8]]) {
    let (Some(first), Some(last)) = (group.first(), group.last()) else {
        return;
    };
    let old_count = u32::try_from(old.len()).unwrap_or(u32::MAX);
    let lead = first.0.start.min(CONTEXT);
    let trail = (old_count - last.0.end).min(CONTEXT);
    let before = first.0.start - lead..last.0.end + trail;
    let after = first.1.start - lead..last.1.end + trail;
    // An empty side has the number of the line before it.
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
#[path = "unified_tests.rs"]
mod tests;
