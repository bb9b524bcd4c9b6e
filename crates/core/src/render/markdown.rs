//! Renders a report as one Markdown document. GitHub's comments share parts of it.

use std::fmt::Write;

use crate::model::finding::{Finding, Severity};
use crate::model::report::{Coverage, Outcome, Report};

use crate::count::counted;
use crate::safe_text::Links;
use crate::safe_text::{body, body_within};
use crate::safe_text::{code, path, title};

use super::dependencies::dependency_section;

/// Maximum number of characters of the file list of each outcome; further files are counted.
const MAX_LISTED_CHARS: usize = 8_000;
/// Number of characters reserved for the frame around each list.
const FOLD_CHARS: usize = 120;

/// Returns the whole report.
pub fn report_markdown(report: &Report) -> String {
    let links = Links::none();
    let mut out = format!(
        "# Review of {} at {}\n\n{}\n",
        title(&report.target.repository),
        path(short(&report.target.head)),
        body(&report.summary, &links)
    );
    for note in report.public_notes() {
        let _infallible = write!(out, "\n> {}\n", title(note));
    }
    out.push_str("\n## Findings\n");
    if report.findings.is_empty() {
        out.push_str("\nNone.\n");
    }
    for finding in &report.findings {
        let _infallible = write!(
            out,
            "\n### {}\n\n{}\n",
            path(&format!("{}:{}", finding.path, finding.line)),
            finding_markdown(finding, &links, usize::MAX)
        );
        match finding.suggestion.as_deref() {
            None => {}
            Some("") => out.push_str("\nSuggestion: delete these lines.\n"),
            Some(suggestion) => {
                let _infallible = write!(out, "\nSuggested replacement:\n\n{}\n", code(suggestion, ""));
            }
        }
    }
    out.push_str(&dependency_section(&report.dependencies));
    out.push_str(&coverage_section(&report.coverage));
    let _infallible = write!(out, "\n{}\n", usage_line(report));
    out
}

/// Returns one finding for a comment of another program, without its location and with no link, about `most` characters
/// long at most.
pub fn comment_markdown(finding: &Finding, most: usize) -> String {
    finding_markdown(finding, &Links::none(), most)
}

/// Returns one finding, without its location, about `most` characters long at most.
pub(super) fn finding_markdown(finding: &Finding, links: &Links, most: usize) -> String {
    let mut source = String::new();
    if !finding.is_by_model() {
        for found_by in finding.found_by() {
            let _infallible = write!(source, " · {}", path(&found_by.to_string()));
        }
    }
    format!(
        "**{}** · {} · {}{source}\n\n{}",
        finding_title(&finding.title),
        finding.severity,
        finding.category.as_str(),
        body_within(&finding.body, links, most)
    )
}

/// Returns the sign of a severity, which shows it at a glance.
pub(super) const fn severity_mark(severity: Severity) -> char {
    match severity {
        Severity::Critical => '🔴',
        Severity::High => '🟠',
        Severity::Medium => '🟡',
        Severity::Low => '🔵',
        Severity::Info => '⚪',
    }
}

/// Returns the title of a finding.
pub(super) fn finding_title(raw: &str) -> String {
    Some(title(raw))
        .filter(|name| !name.is_empty())
        .unwrap_or_else(|| "Finding".to_owned())
}

/// Returns the coverage: the number of files by outcome, then the files.
pub(super) fn coverage_section(coverage: &[Coverage]) -> String {
    format!(
        "\n## Coverage\n\n{}\n{}",
        coverage_line(coverage),
        coverage_files(coverage, usize::MAX)
    )
}

/// Returns the files of each outcome, folded, at most about `most` characters. Reviewed files come last. The numbers of
/// files aren't repeated here.
pub(super) fn coverage_files(coverage: &[Coverage], most: usize) -> String {
    let mut out = String::new();
    for (outcome, name) in [
        (Outcome::Unreviewed, "Unreviewed files"),
        (Outcome::Skipped, "Skipped files"),
        (Outcome::Scanned, "Files scanned by rules"),
        (Outcome::Reviewed, "Reviewed files"),
    ] {
        let listed: Vec<&Coverage> = coverage.iter().filter(|entry| entry.outcome == outcome).collect();
        let room = most.saturating_sub(out.chars().count() + FOLD_CHARS);
        if listed.is_empty() || room == 0 {
            continue;
        }
        let _infallible = write!(out, "\n<details><summary>{name}</summary>\n\n");
        let lines = listed.iter().map(|entry| {
            let reason = entry
                .public_reason()
                .map_or_else(String::new, |reason| format!(": {}", title(&reason)));
            format!("- {}{reason}\n", path(&entry.path))
        });
        out.push_str(&within(String::new(), lines, "file", room.min(MAX_LISTED_CHARS)));
        out.push_str("\n</details>\n");
    }
    out
}

/// Appends whole pieces while they fit, and counts the others.
pub(super) fn within(
    start: String,
    mut pieces: impl ExactSizeIterator<Item = String>,
    noun: &str,
    most: usize,
) -> String {
    let mut out = start;
    let mut chars = out.chars().count();
    let mut left_out = 0;
    while let Some(piece) = pieces.next() {
        chars += piece.chars().count();
        if chars > most {
            left_out = pieces.len() + 1;
            break;
        }
        out.push_str(&piece);
    }
    if left_out > 0 {
        let _infallible = write!(out, "\n… and {}\n", counted(left_out, &format!("more {noun}")));
    }
    out
}

/// Returns one line with the number of files by outcome.
pub fn coverage_line(coverage: &[Coverage]) -> String {
    let count_of = |outcome| coverage.iter().filter(|entry| entry.outcome == outcome).count();
    let scanned = match count_of(Outcome::Scanned) {
        0 => String::new(),
        files => format!("{files} scanned by rules, "),
    };
    format!(
        "{} changed: {} reviewed, {scanned}{} skipped, {} unreviewed.",
        counted(coverage.len(), "file"),
        count_of(Outcome::Reviewed),
        count_of(Outcome::Skipped),
        count_of(Outcome::Unreviewed)
    )
}

pub(super) fn usage_line(report: &Report) -> String {
    let usage = &report.usage;
    let run = path(report.run.as_str());
    if report.model.is_rules_only() {
        return format!("static analysis only; run {run}");
    }
    format!(
        "{}; {}, {} tokens in, {} out; run {run}",
        title(&format!("{}/{}", report.model.provider, report.model.name)),
        counted(usage.model_calls, "model call"),
        usage.input_tokens,
        usage.output_tokens
    )
}

fn short(sha: &str) -> &str {
    sha.get(..12).unwrap_or(sha)
}
