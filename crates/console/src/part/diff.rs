//! Shows findings in their hunks: line numbers, marks as text, and notes below the lines that they are about.

use std::cmp::Reverse;

use holdfast_core::diff::{DiffLine, Hunk, LineKind};
use holdfast_core::model::change::FileStatus;
use maud::{Markup, html};

use super::finding;
use super::highlight::{self, Piece};
use super::mark;
use super::text::{self, MAX_CODE_LINE_CHARS, counted, grouped};
use crate::view::{FileDiff, HunkNotes, Numbered};

/// Maximum number of lines of a hunk that is shown whole; a longer one is shown only around its findings.
const MAX_HUNK_LINES: usize = 40;
/// Number of lines shown before a finding's first line and after its last.
const LINES_AROUND: usize = 6;
/// Maximum number of lines shown of one finding; a longer range is shown at both ends.
const MAX_RANGE_LINES: usize = 60;
/// Maximum number of findings for which the index is unfolded at first.
const MAX_OPEN_INDEX_FINDINGS: usize = 15;

/// Shows every file with its findings. All findings are shown, however much code around them is cut.
pub fn files(diffs: &[FileDiff], form: Option<&str>) -> Markup {
    html! {
        @for diff in diffs {
            section.file {
                header.file-head {
                    h3.path { (text::line(&diff.path)) }
                    @if let Some(previous) = &diff.previous_path { span.quiet { "was " (text::line(previous)) } }
                    @if let Some(word) = status_word(diff.status) { span.quiet { (word) } }
                    span.count { (counted(count(diff), "finding")) }
                }
                @for hunk in &diff.hunks { (self::hunk(&diff.path, hunk, form)) }
                @if !diff.loose.is_empty() {
                    div.loose {
                        p.hint { "The lines of " @if diff.loose.len() == 1 { "this finding" } @else { "these findings" } " cannot be shown: the stored change has no patch with them." }
                        @for numbered in &diff.loose { (finding::note(numbered, form)) }
                    }
                }
            }
        }
    }
}

fn count(diff: &FileDiff) -> u64 {
    numbered(diff).count() as u64
}

fn numbered(diff: &FileDiff) -> impl Iterator<Item = &Numbered> {
    diff.hunks.iter().flat_map(|hunk| &hunk.notes).chain(&diff.loose)
}

/// Returns the number of findings of all files.
pub fn total(diffs: &[FileDiff]) -> u64 {
    diffs.iter().map(count).sum()
}

/// Links to each finding, worst first; empty if there is only one.
pub fn index(diffs: &[FileDiff]) -> Markup {
    let mut all: Vec<&Numbered> = diffs.iter().flat_map(numbered).collect();
    all.sort_by_key(|numbered| (Reverse(numbered.finding.severity), numbered.index));
    html! {
        @if all.len() > 1 {
            nav.finding-index aria-label="Findings, worst first" {
                details open[all.len() <= MAX_OPEN_INDEX_FINDINGS] {
                    summary { "All " (counted(all.len() as u64, "finding")) ", worst first" }
                    ol {
                        @for Numbered { index, finding } in all {
                            li {
                                (mark::severity(finding.severity))
                                a href={ "#finding-" (index + 1) } { (text::line(&finding.title)) }
                                span.quiet.place { (text::line(&finding.path)) ":" (finding.line) }
                            }
                        }
                    }
                }
            }
        }
    }
}

const fn status_word(status: Option<FileStatus>) -> Option<&'static str> {
    match status {
        Some(FileStatus::Added) => Some("new file"),
        Some(FileStatus::Deleted) => Some("deleted"),
        Some(FileStatus::Renamed) => Some("renamed"),
        Some(FileStatus::Copied) => Some("copied"),
        Some(FileStatus::ModeChanged) => Some("mode changed"),
        Some(FileStatus::TypeChanged) => Some("type changed"),
        Some(FileStatus::Modified) | None => None,
    }
}

fn hunk(path: &str, notes: &HunkNotes, form: Option<&str>) -> Markup {
    let Placed { shown, beneath, marked } = Placed::of(notes);
    let colored = Colored::of(path, &notes.hunk);
    html! {
        div.diff tabindex="0" role="group" aria-label={ (text::plain(path)) ", " (text::plain(&notes.hunk.header())) } {
            table {
                thead.visually-hidden { tr { th scope="col" { "Base" } th scope="col" { "Head" } th scope="col" { "Mark" } th scope="col" { "Code" } } }
                tbody {
                    tr.hunk-head { td colspan="4" { (text::line(&notes.hunk.header())) } }
                    @for row in rows(&shown) {
                        @match row {
                            Row::Gap(lines) => (gap(lines)),
                            Row::Line(index) => {
                                (self::row(&notes.hunk.lines[index], colored.line(index), marked[index]))
                                @for numbered in &beneath[index] {
                                    tr.note-row { td colspan="4" { div.note-place { (finding::note(numbered, form)) } } }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

enum Row {
    /// The line with that index.
    Line(usize),
    /// A number of lines that aren't shown.
    Gap(usize),
}

fn rows(shown: &[bool]) -> Vec<Row> {
    let mut rows = Vec::new();
    for (index, is_shown) in shown.iter().enumerate() {
        match rows.last_mut() {
            _ if *is_shown => rows.push(Row::Line(index)),
            Some(Row::Gap(lines)) => *lines += 1,
            _ => rows.push(Row::Gap(1)),
        }
    }
    rows
}

fn gap(lines: usize) -> Markup {
    html! { tr.gap { td colspan="4" { "⋯ " (grouped(lines)) @if lines == 1 { " line" } @else { " lines" } " not shown" } } }
}

fn row(line: &DiffLine, pieces: &[Piece], is_marked: bool) -> Markup {
    let (class, sign) = match line.kind {
        LineKind::Context => ("", " "),
        LineKind::Added => ("added", "+"),
        LineKind::Removed => ("removed", "−"),
    };
    let left_out = line.text.chars().count().saturating_sub(MAX_CODE_LINE_CHARS);
    html! {
        tr class={ "line " (class) @if is_marked { " marked" } } {
            td.ln { @if let Some(number) = line.old { (number) } }
            td.ln { @if let Some(number) = line.new { (number) } }
            td.sign { (sign) }
            td.code {
                @for piece in pieces {
                    @if piece.class.is_empty() { (text::code(&piece.text)) } @else { span class=(piece.class) { (text::code(&piece.text)) } }
                }
                @if left_out > 0 { span.cut { "… " (grouped(left_out)) " characters left out" } }
            }
        }
    }
}

/// The lines of a hunk that are shown, and the findings below each.
struct Placed<'a> {
    shown: Vec<bool>,
    beneath: Vec<Vec<&'a Numbered>>,
    marked: Vec<bool>,
}

impl<'a> Placed<'a> {
    fn of(notes: &'a HunkNotes) -> Self {
        let lines = &notes.hunk.lines;
        let mut placed = Self {
            shown: vec![lines.len() <= MAX_HUNK_LINES; lines.len()],
            beneath: lines.iter().map(|_| Vec::new()).collect(),
            marked: vec![false; lines.len()],
        };
        for numbered in &notes.notes {
            let finding = &numbered.finding;
            let find = |number| lines.iter().position(|line| line.number(finding.side) == Some(number));
            // Both ends are in the hunk. If a view violates that, its note is still shown.
            let last = find(finding.line).unwrap_or(lines.len().saturating_sub(1));
            let first = find(finding.start_line).unwrap_or(last).min(last);
            if let Some(beneath) = placed.beneath.get_mut(last) {
                beneath.push(numbered);
            }
            let end = (last + 1).min(lines.len());
            placed.marked[first..end].fill(true);
            let around_first = first.saturating_sub(LINES_AROUND)..(first + MAX_RANGE_LINES).min(end);
            let around_last = last.saturating_sub(LINES_AROUND)..(last + 1 + LINES_AROUND).min(lines.len());
            for range in [around_first, around_last] {
                placed.shown[range].fill(true);
            }
        }
        placed
    }
}

/// Both sides of a hunk, highlighted separately, because the mixture of both isn't valid code.
struct Colored {
    lines: Vec<Vec<Piece>>,
}

impl Colored {
    fn of(path: &str, hunk: &Hunk) -> Self {
        let ends_with_return = hunk.lines.iter().all(|line| line.text.ends_with('\r'));
        let cut: Vec<String> = hunk
            .lines
            .iter()
            .map(|line| {
                let text = if ends_with_return {
                    line.text.trim_end_matches('\r')
                } else {
                    &line.text
                };
                text.chars().take(MAX_CODE_LINE_CHARS).collect()
            })
            .collect();
        let side = |without: LineKind| {
            let lines: Vec<(usize, &str)> = cut
                .iter()
                .enumerate()
                .filter(|(index, _)| hunk.lines[*index].kind != without)
                .map(|(index, line)| (index, line.as_str()))
                .collect();
            let texts: Vec<&str> = lines.iter().map(|(_, text)| *text).collect();
            let colored = highlight::highlight(path, &texts);
            lines
                .into_iter()
                .map(|(index, _)| index)
                .zip(colored)
                .collect::<Vec<_>>()
        };
        let mut lines = vec![Vec::new(); hunk.lines.len()];
        for (index, pieces) in side(LineKind::Added).into_iter().chain(side(LineKind::Removed)) {
            lines[index] = pieces;
        }
        Self { lines }
    }

    fn line(&self, index: usize) -> &[Piece] {
        self.lines.get(index).map_or(&[], Vec::as_slice)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use holdfast_core::diff::parse_patch;
    use holdfast_core::model::finding::{Category, Finding, Severity, Side};

    use super::*;

    fn notes(patch: &str, places: &[(Side, u32, u32)]) -> HunkNotes {
        HunkNotes {
            hunk: parse_patch(patch).unwrap().remove(0),
            notes: places
                .iter()
                .enumerate()
                .map(|(index, (side, start_line, line))| Numbered {
                    index,
                    finding: Finding {
                        path: "a.rs".to_owned(),
                        side: *side,
                        start_line: *start_line,
                        line: *line,
                        severity: Severity::Low,
                        category: Category::Testing,
                        title: "t".to_owned(),
                        body: "b".to_owned(),
                        suggestion: None,
                        confidence: 1.0,
                        source: holdfast_core::model::finding_source::FindingSource::Model,
                        gated: false,
                        folded: false,
                        tracked: None,
                        cwe: Vec::new(),
                        sources: Vec::new(),
                    },
                })
                .collect(),
        }
    }

    #[test]
    fn a_note_is_below_its_line_on_its_side() {
        let patch = "@@ -4,3 +4,3 @@\n a\n-b\n+c\n d";
        for (side, line, expected) in [
            (Side::Left, 5, 1),
            (Side::Right, 5, 2),
            (Side::Right, 6, 3),
            (Side::Right, 99, 3),
        ] {
            let notes = notes(patch, &[(side, line, line)]);
            let placed = Placed::of(&notes);
            let found = placed.beneath.iter().position(|beneath| !beneath.is_empty());
            assert_eq!(found, Some(expected), "{side:?} {line}");
        }
    }

    #[test]
    fn a_long_hunk_is_shown_around_its_findings() {
        let body: String = (1..=500).map(|line| format!("\n+line {line}")).collect();
        let notes = notes(
            &format!("@@ -0,0 +1,500 @@{body}"),
            &[(Side::Right, 100, 100), (Side::Right, 300, 450)],
        );
        let placed = Placed::of(&notes);
        let shown = placed.shown.iter().filter(|shown| **shown).count();
        assert_eq!(shown, (6 + 1 + 6) + (6 + 60) + (6 + 1 + 6));
        assert_eq!(placed.marked.iter().filter(|marked| **marked).count(), 1 + 151);
        let html = hunk("a.rs", &notes, None).into_string();
        assert!(
            html.contains("⋯ 93 lines not shown"),
            "the gap before the first finding"
        );
    }

    #[test]
    fn carriage_returns_are_shown_only_where_they_differ() {
        for (patch, is_shown) in [("@@ -1 +1 @@\n-a\r\n+b\r", false), ("@@ -1 +1 @@\n-a\n+b\r", true)] {
            let html = hunk("a.txt", &notes(patch, &[(Side::Right, 1, 1)]), None).into_string();
            assert_eq!(html.contains("‹U+000D›"), is_shown, "{patch:?}");
        }
    }
}
