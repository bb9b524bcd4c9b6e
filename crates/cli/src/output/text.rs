//! Renders a review for people at a terminal: the summary, the files, the cost, then the findings at their lines in the
//! diff, and one closing line.

use std::collections::BTreeMap;
use std::fmt::Write;

use holdfast_core::diff::{DiffLine, Hunk, LineKind, marks_line_ends, shown_text};
use holdfast_core::model::dependency::DependencyUpdates;
use holdfast_core::model::finding::{Finding, Side};
use holdfast_core::model::report::{Coverage, Outcome, Report, Usage};
use holdfast_core::render::{counted, without_workflow_command};

use super::hidden::hide;
use super::hunks::Hunks;
use super::markdown::markdown_lines;
use super::review::Review;
use super::style::{BOLD, GREEN, RED, Style, cut};
use super::{line, name, place, plain};
use crate::exit::Exit;
use crate::verdict::counts;

/// Number of diff lines shown before a finding's lines.
const LINES_BEFORE: usize = 3;
/// Maximum number of diff lines shown of a finding, and of lines of its suggestion.
const MAX_EXCERPT_LINES: usize = 20;
/// Maximum number of files listed, unless all are requested.
const MAX_FILES: usize = 20;
/// Maximum number of updated dependencies listed, unless all are requested.
const MAX_UPDATES: usize = 10;
/// The indentation below a finding's first line.
const INDENT: &str = "    ";
/// Reasons of skipped files that need no reader's attention: nothing in such a file is written by hand.
const USUAL_REASONS: [&str; 12] = [
    "lockfile",
    "snapshot",
    "data",
    "vendored",
    "generated",
    "deleted",
    "mode-only",
    "rename-only",
    "empty",
    "binary",
    "LFS pointer",
    // The base's own file says what it skips.
    ".gitattributes",
];
/// The order of the outcomes in the list of files, each with its name in the counts and its colour.
const OUTCOMES: [(Outcome, &str, &str); 4] = [
    (Outcome::Reviewed, "reviewed", GREEN),
    (Outcome::Scanned, "scanned by rules", ""),
    (Outcome::Skipped, "skipped", ""),
    (Outcome::Unreviewed, "unreviewed", RED),
];

/// Renders the whole review.
pub fn report_text(review: &Review<'_>, style: Style) -> String {
    let report = review.report;
    let mut lines = title(report, style);
    let mut block = |block: Vec<String>| {
        if !block.is_empty() {
            lines.push(String::new());
            lines.extend(block);
        }
    };
    block(markdown_lines(&report.summary, style, ""));
    if report.model.is_rules_only() {
        let how = "To review with a model, set HOLDFAST_MODEL=anthropic/NAME and ANTHROPIC_API_KEY, or openai/NAME \
                   (docs/configuration.md).";
        block(style.wrap(how, "", ""));
    }
    block(
        report
            .notes
            .iter()
            .flat_map(|note| style.wrap(&hide(&line(note)), "note: ", "      "))
            .collect(),
    );
    block(dependencies(&report.dependencies, review.list_files, style));
    block(files(&report.coverage, review.list_files, style));
    block(usage(report, style));
    let hunks = Hunks::of(review.change, &report.findings);
    for finding in &report.findings {
        block(finding_lines(finding, &hunks, style));
    }
    block(closing(review, style));
    // Wrapping may have moved a stranger's text to the beginning of a line.
    let lines: Vec<String> = lines.iter().map(|line| without_workflow_command(line)).collect();
    lines.join("\n") + "\n"
}

fn title(report: &Report, style: Style) -> Vec<String> {
    let target = &report.target;
    let number = target
        .pull_request
        .map_or_else(String::new, |number| format!("#{number}"));
    let title = format!(
        "Review of {}{number}  {}..{}  {}",
        hide(&line(&target.repository)),
        short(&target.base),
        short(&target.head),
        report.status.as_str()
    );
    style.wrap(&style.paint_words(BOLD, &title), "", INDENT)
}

/// Returns the number of files by outcome, and the files that need a reader's attention, or all of them.
fn files(coverage: &[Coverage], all: bool, style: Style) -> Vec<String> {
    if coverage.is_empty() {
        return Vec::new();
    }
    let mut counts = Vec::new();
    for (outcome, name, _) in OUTCOMES {
        let of_outcome = coverage.iter().filter(|entry| entry.outcome == outcome);
        let count = of_outcome.clone().count();
        if count == 0 {
            continue;
        }
        let mut text = format!("{count} {name}");
        if outcome == Outcome::Skipped {
            let mut reasons: BTreeMap<String, usize> = BTreeMap::new();
            for entry in of_outcome {
                *reasons.entry(family(&reason(entry)).to_owned()).or_default() += 1;
            }
            let reasons: Vec<String> = reasons
                .iter()
                .take(MAX_FILES)
                .map(|(reason, count)| format!("{count} {reason}"))
                .collect();
            let _infallible = write!(text, " ({})", reasons.join(", "));
        }
        counts.push(text);
    }
    let mut lines = style.wrap(
        &format!("{} {}", style.paint(BOLD, "Files:"), counts.join(", ")),
        "",
        INDENT,
    );
    let is_listed = |entry: &&Coverage| all || needs_attention(entry);
    // The last outcomes first: they need attention.
    let listed = OUTCOMES.iter().rev().flat_map(|(outcome, _, code)| {
        let of_outcome = coverage.iter().filter(|entry| entry.outcome == *outcome);
        of_outcome.filter(is_listed).map(|entry| (entry, *code))
    });
    let most = if all { usize::MAX } else { MAX_FILES };
    let left_out = listed.clone().count().saturating_sub(most);
    for (entry, code) in listed.take(most) {
        let attempts = if entry.attempts > 1 {
            format!("  {} attempts", entry.attempts)
        } else {
            String::new()
        };
        let reason = match reason(entry) {
            reason if reason.is_empty() => reason,
            reason => format!("  ({reason})"),
        };
        let outcome = format!("{:<10}", entry.outcome.as_str());
        let text = format!("{}{attempts}{reason}", hide(&name(&entry.path)));
        lines.extend(style.wrap(&text, &format!("  {} ", style.paint(code, &outcome)), &" ".repeat(15)));
    }
    if left_out > 0 {
        lines.push(format!("  and {left_out} more: --list-files lists all"));
    }
    lines
}

/// Returns the dependencies that the change updates: their number and the first of them, or all that are listed.
fn dependencies(updates: &DependencyUpdates, all: bool, style: Style) -> Vec<String> {
    if updates.is_empty() {
        return Vec::new();
    }
    let most = if all { usize::MAX } else { MAX_UPDATES };
    let mut shown: Vec<String> = updates
        .updates
        .iter()
        .map(|update| hide(&line(&update.to_string())))
        .collect();
    shown.truncate(most);
    let more = updates
        .total()
        .saturating_sub(u64::try_from(shown.len()).unwrap_or(u64::MAX));
    if more > 0 {
        shown.push(format!("{more} more"));
    }
    let unread = updates
        .unread
        .iter()
        .map(|file| format!("not read: {}", hide(&name(file))));
    shown.extend(unread);
    let label = style.paint(BOLD, "Dependencies:");
    style.wrap(&format!("{label} {}", shown.join(", ")), "", INDENT)
}

/// Returns whether a person has to know about this file: it isn't reviewed, for a reason that a reviewer may not expect.
fn needs_attention(entry: &Coverage) -> bool {
    match entry.outcome {
        Outcome::Reviewed | Outcome::Scanned => false,
        Outcome::Unreviewed => true,
        Outcome::Skipped => {
            let reason = entry.reason.as_deref().unwrap_or_default();
            // The repository's own settings say what they skip.
            !USUAL_REASONS.contains(&family(reason)) && !reason.ends_with(" by .holdfast.yml")
        }
    }
}

/// Returns the kind of a rule: `generated` of `generated: minified`.
fn family(reason: &str) -> &str {
    reason.split_once(": ").map_or(reason, |(family, _)| family)
}

fn reason(entry: &Coverage) -> String {
    entry
        .reason
        .as_deref()
        .map_or_else(String::new, |reason| hide(&line(reason)))
}

/// Returns the model's calls and their cost, the time, and the run's name for other commands.
fn usage(report: &Report, style: Style) -> Vec<String> {
    let usage = &report.usage;
    let seconds = format!("{}.{} s", usage.wall_ms / 1_000, usage.wall_ms % 1_000 / 100);
    let text = if report.model.is_rules_only() {
        format!("none; {seconds}")
    } else {
        let model = hide(&line(&format!("{}/{}", report.model.provider, report.model.name)));
        format!(
            "{model}: {}, {} in, {} out, {}; {seconds}",
            counted(usage.model_calls, "call"),
            counted(usage.input_tokens, "token"),
            counted(usage.output_tokens, "token"),
            cost(usage)
        )
    };
    let mut lines = style.wrap(&text, &format!("{} ", style.paint(BOLD, "Model:")), INDENT);
    lines.extend(style.wrap(
        &line(report.run.as_str()),
        &format!("{} ", style.paint(BOLD, "Run:")),
        INDENT,
    ));
    lines
}

/// Returns the cost in US dollars; it names the calls without a known price.
fn cost(usage: &Usage) -> String {
    let digits = if usage.cost_usd < 1.0 { 4 } else { 2 };
    match usage.unpriced_calls {
        0 => format!("${:.digits$}", usage.cost_usd),
        calls if calls >= usage.model_calls => "cost unknown (HOLDFAST_MODEL_PRICES)".to_owned(),
        calls => format!(
            "${:.digits$} and {} without a price",
            usage.cost_usd,
            counted(calls, "call")
        ),
    }
}

fn finding_lines(finding: &Finding, hunks: &Hunks, style: Style) -> Vec<String> {
    let source = if finding.is_by_model() {
        String::new()
    } else {
        let names: Vec<String> = finding.found_by().iter().map(ToString::to_string).collect();
        format!(" [{}]", hide(&line(&names.join(", "))))
    };
    let place = style.paint_words(BOLD, &hide(&place(finding)));
    let head = format!(
        "{}  {place}  {}{source}",
        style.severity(finding.severity),
        hide(&line(&finding.title))
    );
    let mut lines = style.wrap(&head, "", INDENT);
    if let Some(hunk) = hunks.hunk(finding) {
        lines.extend(excerpt(hunk, finding, style));
    }
    let body = markdown_lines(&finding.body, style, INDENT);
    if !body.is_empty() {
        lines.push(String::new());
        lines.extend(body);
    }
    if let Some(suggestion) = &finding.suggestion {
        lines.push(String::new());
        lines.push(format!("{INDENT}Suggestion:"));
        lines.extend(suggestion_lines(finding, suggestion, hunks, style));
    }
    lines
}

/// Returns the finding's lines and a few before them in the form of a diff.
fn excerpt(hunk: &Hunk, finding: &Finding, style: Style) -> Vec<String> {
    let at = |number: u32| {
        hunk.lines
            .iter()
            .position(|line| line.number(finding.side) == Some(number))
    };
    let (Some(first), Some(last)) = (at(finding.start_line), at(finding.line)) else {
        return Vec::new();
    };
    let room = style.columns.saturating_sub(INDENT.len());
    let mut lines = vec![format!("{INDENT}{}", cut(&hide_tabs(&plain(&hunk.header())), room))];
    let from = first
        .saturating_sub(LINES_BEFORE)
        .max(last.saturating_sub(MAX_EXCERPT_LINES));
    let marks = marks_line_ends(hunk);
    for line in &hunk.lines[from..=last] {
        let (mark, code) = match line.kind {
            LineKind::Added => ('+', GREEN),
            LineKind::Removed => ('-', RED),
            LineKind::Context => (' ', ""),
        };
        let number = line
            .new
            .map_or_else(|| "     ".to_owned(), |number| format!("{number:>5}"));
        let text = cut(
            &hide_tabs(&format!("{mark}{}", plain(&shown_text(&line.text, marks)))),
            room.saturating_sub(6),
        );
        lines.push(
            format!("{INDENT}{number} {}", style.paint(code, &text))
                .trim_end()
                .to_owned(),
        );
    }
    lines
}

/// Returns a suggestion as a diff of the lines that it replaces, with the common lines at both ends as context.
fn suggestion_lines(finding: &Finding, suggestion: &str, hunks: &Hunks, style: Style) -> Vec<String> {
    let suggestion = plain(suggestion);
    let old: Vec<String> = match hunks.lines(finding).filter(|_| finding.side == Side::Right) {
        Some(lines) => lines.iter().map(|line| old_text(line)).collect(),
        None => Vec::new(),
    };
    let new: Vec<&str> = match suggestion.strip_suffix('\n').unwrap_or(&suggestion) {
        "" if suggestion.is_empty() => Vec::new(),
        text => text.split('\n').collect(),
    };
    let before = old.iter().zip(&new).take_while(|(old, new)| old == *new).count();
    let most = old.len().min(new.len()) - before;
    let after = old
        .iter()
        .rev()
        .zip(new.iter().rev())
        .take(most)
        .take_while(|(old, new)| old == *new)
        .count();
    let removed = old[before..old.len() - after]
        .iter()
        .map(|text| ('-', RED, text.as_str()));
    let added = new[before..new.len() - after].iter().map(|text| ('+', GREEN, *text));
    let context = |range: &[String]| -> Vec<(char, &'static str, String)> {
        range.iter().map(|text| (' ', "", text.clone())).collect()
    };
    let changed = removed
        .chain(added)
        .map(|(mark, code, text)| (mark, code, text.to_owned()));
    let rows: Vec<(char, &str, String)> = context(&old[..before])
        .into_iter()
        .chain(changed)
        .chain(context(&old[old.len() - after..]))
        .collect();
    let room = style.columns.saturating_sub(INDENT.len() + 2);
    let mut lines: Vec<String> = rows
        .iter()
        .take(2 * MAX_EXCERPT_LINES)
        .map(|(mark, code, text)| {
            let text = cut(&format!("{mark}{}", hide_tabs(text)), room);
            format!("{INDENT}  {}", style.paint(code, &text)).trim_end().to_owned()
        })
        .collect();
    if rows.len() > lines.len() {
        lines.push(format!(
            "{INDENT}  … and {}",
            counted(rows.len() - lines.len(), "more line")
        ));
    }
    lines
}

fn old_text(line: &DiffLine) -> String {
    plain(line.text.strip_suffix('\r').unwrap_or(&line.text))
}

/// Returns a line of code for the screen: placeholders as kinds, and blanks instead of tabs, whose width varies.
fn hide_tabs(text: &str) -> String {
    hide(text).replace('\t', "    ")
}

/// Returns the number of findings by severity, and the exit status with its reason.
fn closing(review: &Review<'_>, style: Style) -> Vec<String> {
    let verdict = review.verdict;
    let reason = match verdict.reason.as_str() {
        "" => String::new(),
        reason => format!(": {reason}"),
    };
    let text = format!("{}; exit status {}{reason}", counts(review.report), verdict.exit as u8);
    let code = match verdict.exit {
        Exit::Clean => BOLD,
        Exit::Found | Exit::Usage | Exit::Incomplete => "1;31",
    };
    style.wrap(&style.paint_words(code, &text), "", INDENT)
}

/// Returns the first 12 digits of a commit id.
pub fn short(sha: &str) -> &str {
    sha.get(..12).unwrap_or(sha)
}

/// Formats a time in UTC, to the second, from ms since 1970.
pub fn time(at_ms: i64) -> String {
    jiff::Timestamp::from_millisecond(at_ms).map_or_else(
        |_| "-".to_owned(),
        |time| time.strftime("%Y-%m-%d %H:%M:%SZ").to_string(),
    )
}
