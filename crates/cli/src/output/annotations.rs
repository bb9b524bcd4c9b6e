//! Workflow commands of GitHub Actions: each finding as an annotation of its lines in the pull request's diff.

use std::fmt::Write;

use holdfast_core::model::finding::{Finding, Severity, Side};
use holdfast_core::model::report::{NO_REASON, Report, UNLISTED};
use holdfast_core::render::{counted, plain_line, plain_text, without_workflow_command};

use super::{line, name};
use crate::verdict::counts;

/// Maximum number of annotations of one level. GitHub shows no more of them for one step.
const MAX_ANNOTATIONS: usize = 10;
/// Maximum number of findings without an annotation that are listed.
const MAX_LISTED: usize = 50;
/// Maximum length of a title, in characters.
const MAX_TITLE_CHARS: usize = 200;
/// Maximum length of a message, in characters. GitHub shortens longer ones.
const MAX_MESSAGE_CHARS: usize = 4_000;

/// The levels of annotations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Level {
    Error,
    Warning,
    Notice,
}

impl Level {
    const ALL: [Self; 3] = [Self::Error, Self::Warning, Self::Notice];

    const fn of(severity: Severity) -> Self {
        match severity {
            Severity::Critical | Severity::High => Self::Error,
            Severity::Medium => Self::Warning,
            Severity::Low | Severity::Info => Self::Notice,
        }
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// Returns the commands, followed by the findings that have no annotation and one line with the counts. The report has
/// no secrets.
pub fn report_annotations(report: &Report) -> String {
    let mut out = String::new();
    let mut room = Level::ALL.map(|_| MAX_ANNOTATIONS);
    let mut take = |level: Level| {
        let left = &mut room[level as usize];
        let has_room = *left > 0;
        *left = left.saturating_sub(1);
        has_room
    };
    if let Some(message) = unreviewed(report) {
        // First, so that no finding takes its place.
        take(Level::Warning);
        write_command(&mut out, Level::Warning, &[("title", "Unreviewed files")], &message);
    }
    let mut rest = Vec::new();
    for finding in &report.findings {
        let level = Level::of(finding.severity);
        if take(level) {
            write_finding(&mut out, level, finding);
        } else {
            rest.push(finding);
        }
    }
    if !rest.is_empty() {
        let _infallible = writeln!(
            out,
            "Without an annotation, because GitHub shows {MAX_ANNOTATIONS} of each level in a step:"
        );
        for finding in rest.iter().take(MAX_LISTED) {
            let row = format!(
                "  {} {}:{}  {}",
                finding.severity,
                name(&finding.path),
                finding.line,
                line(&finding.title)
            );
            let _infallible = writeln!(out, "{}", without_workflow_command(&row));
        }
        if rest.len() > MAX_LISTED {
            let _infallible = writeln!(out, "  and {} more", rest.len() - MAX_LISTED);
        }
    }
    let _infallible = writeln!(
        out,
        "Holdfast: {} in {}",
        counts(report),
        counted(report.coverage.len(), "file")
    );
    out
}

/// Returns the message about files that were not reviewed.
fn unreviewed(report: &Report) -> Option<String> {
    if report.lacks_only_unlisted() {
        return Some(UNLISTED.to_owned());
    }
    let mut files = report.unreviewed();
    let first = files.next()?;
    let reason = first.public_reason().unwrap_or(NO_REASON.into());
    let more = match files.count() {
        0 => String::new(),
        more => format!("; {more} more unreviewed"),
    };
    Some(plain_text(
        &format!("{} is unreviewed: {reason}{more}", first.path),
        MAX_MESSAGE_CHARS,
    ))
}

/// Writes a finding. A line of the base has no place in the head's files, so its annotation is on the whole file.
fn write_finding(out: &mut String, level: Level, finding: &Finding) {
    let (first, last) = (finding.start_line.to_string(), finding.line.to_string());
    let title = plain_line(&finding.title, MAX_TITLE_CHARS);
    let title = format!("{}: {title}", finding.severity);
    let path = name(&finding.path);
    let mut properties = vec![("file", path.as_str())];
    if finding.side == Side::Right {
        properties.extend([("line", first.as_str()), ("endLine", last.as_str())]);
    }
    properties.push(("title", &title));
    let mut message = plain_text(&finding.body, MAX_MESSAGE_CHARS);
    if message.trim().is_empty() {
        // GitHub ignores a command without a message.
        message.clone_from(&title);
    }
    write_command(out, level, &properties, &message);
}

/// Writes one command in one line. Escapes keep a value from ending its property, the command or the line.
fn write_command(out: &mut String, level: Level, properties: &[(&str, &str)], message: &str) {
    let properties: Vec<String> = properties
        .iter()
        .map(|(name, value)| format!("{name}={}", escaped(value).replace(':', "%3A").replace(',', "%2C")))
        .collect();
    let command = format!("{} {}::{}", level.as_str(), properties.join(","), escaped(message));
    // The older form of a command may begin anywhere in a line.
    let _infallible = writeln!(out, "::{}", without_workflow_command(&command));
}

fn escaped(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}
