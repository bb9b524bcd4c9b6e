//! A report as one Markdown document, and the pieces that GitHub's form shares with it.

use std::fmt::Write;

use crate::model::finding::Finding;
use crate::model::report::{Coverage, Outcome, Report};

use super::sanitize::{one_line, sanitize};

/// Files listed in a coverage section at most, of each outcome; the rest is counted.
const LISTED_MOST: usize = 100;

/// The whole report.
pub fn report_markdown(report: &Report) -> String {
    let mut out = format!(
        "# Review of {} at {}\n\n{}\n",
        report.target.repository,
        short(&report.target.head),
        sanitize(&report.summary, &[])
    );
    for note in &report.notes {
        let _infallible = write!(out, "\n> {}\n", one_line(note));
    }
    out.push_str("\n## Findings\n");
    if report.findings.is_empty() {
        out.push_str("\nNone.\n");
    }
    for finding in &report.findings {
        let _infallible = write!(
            out,
            "\n### `{}:{}`\n\n{}\n",
            finding.path.replace('`', "'"),
            finding.line,
            finding_markdown(finding, &[])
        );
        if let Some(suggestion) = &finding.suggestion {
            let _infallible = write!(out, "\n{}\n", indent(suggestion));
        }
    }
    out.push_str(&coverage_section(&report.coverage));
    let _infallible = write!(out, "\n{}\n", usage_line(report));
    out
}

/// One finding, without its place.
pub(super) fn finding_markdown(finding: &Finding, allowed: &[String]) -> String {
    let source = if finding.source == "model" {
        String::new()
    } else {
        format!(" · `{}`", finding.source)
    };
    format!(
        "**{}** · {} · {}{source}\n\n{}",
        one_line(&finding.title),
        finding.severity,
        finding.category.as_str(),
        sanitize(&finding.body, allowed)
    )
}

/// Which files were read, and which were not.
pub(super) fn coverage_section(coverage: &[Coverage]) -> String {
    let mut out = format!("\n## Coverage\n\n{}\n", coverage_line(coverage));
    for (outcome, title) in [
        (Outcome::Unreviewed, "Unreviewed"),
        (Outcome::Skipped, "Skipped"),
        (Outcome::Scanned, "Scanned by rules"),
        (Outcome::Reviewed, "Reviewed"),
    ] {
        let listed: Vec<&Coverage> = coverage.iter().filter(|entry| entry.outcome == outcome).collect();
        if listed.is_empty() {
            continue;
        }
        let _infallible = write!(out, "\n<details><summary>{title}: {}</summary>\n\n", listed.len());
        for entry in listed.iter().take(LISTED_MOST) {
            let reason = entry
                .reason
                .as_deref()
                .map_or_else(String::new, |reason| format!(": {}", one_line(reason)));
            let _infallible = writeln!(out, "- `{}`{reason}", entry.path.replace(['`', '\n', '\r'], "'"));
        }
        if listed.len() > LISTED_MOST {
            let _infallible = writeln!(out, "- and {} more", listed.len() - LISTED_MOST);
        }
        out.push_str("\n</details>\n");
    }
    out
}

/// One line of counts.
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

/// `1 file`, `2 files`.
pub fn counted(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

pub(super) fn usage_line(report: &Report) -> String {
    let usage = &report.usage;
    let model = if report.model.provider == "rules" {
        "static analysis alone".to_owned()
    } else {
        format!("{}/{}", report.model.provider, report.model.name)
    };
    format!(
        "{model}; {} model calls, {} tokens in, {} out; run {}",
        usage.model_calls, usage.input_tokens, usage.output_tokens, report.run
    )
}

fn short(sha: &str) -> &str {
    sha.get(..12).unwrap_or(sha)
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}\n")).collect()
}
