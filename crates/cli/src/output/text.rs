//! Renders a report for a terminal: findings at their place in the diff, coverage of every changed file, usage.

use std::fmt::Write;
use std::io::IsTerminal;

use holdfast_core::diff::{Hunk, LineKind, marks_line_ends, parse_patch, shown_text};
use holdfast_core::model::change::Change;
use holdfast_core::model::finding::{Finding, Severity};
use holdfast_core::model::report::{Coverage, Outcome, Report};
use holdfast_core::render::counted;
use holdfast_core::rule::redact_hunks;

use super::{line, name, plain};

/// Number of diff lines shown before a finding's lines.
const LINES_BEFORE: usize = 3;

/// The style of the output.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    /// Whether to use colours.
    pub colour: bool,
}

impl Style {
    /// The style of a file.
    pub const PLAIN: Self = Self { colour: false };

    /// Returns the style for stdout: colours if it's a terminal and `NO_COLOR` isn't set.
    pub fn of_stdout() -> Self {
        Self {
            colour: std::io::stdout().is_terminal()
                && std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty()),
        }
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    fn severity(self, severity: Severity) -> String {
        let code = match severity {
            Severity::Critical => "1;31",
            Severity::High => "31",
            Severity::Medium => "33",
            Severity::Low => "36",
            Severity::Info => "2",
        };
        self.paint(code, &format!("{severity:<8}"))
    }
}

/// Renders the whole review.
pub fn report_text(report: &Report, change: Option<&Change>, style: Style) -> String {
    let mut out = String::new();
    let target = &report.target;
    let number = target
        .pull_request
        .map_or_else(String::new, |number| format!("#{number}"));
    let (base, head) = (short(&target.base), short(&target.head));
    let _infallible = writeln!(
        out,
        "{}",
        style.paint(
            "1",
            &format!(
                "Review of {}{number}  {base}..{head}  {}",
                line(&target.repository),
                report.status.as_str()
            )
        )
    );
    let _infallible = writeln!(out, "\n{}\n", plain(&report.summary));
    if report.model.is_rules_only() {
        let how = "To review with a model, set HOLDFAST_MODEL=anthropic/NAME and ANTHROPIC_API_KEY, or openai/NAME \
                   (docs/configuration.md)";
        let _infallible = writeln!(out, "{how}\n");
    }
    for note in &report.notes {
        let _infallible = writeln!(out, "note: {}", line(note));
    }
    for finding in &report.findings {
        write_finding(&mut out, finding, change, style);
    }
    write_coverage(&mut out, &report.coverage, style);
    let usage = &report.usage;
    let model = if report.model.is_rules_only() {
        "rules (no model)".to_owned()
    } else {
        line(&format!("{}/{}", report.model.provider, report.model.name))
    };
    let seconds = format!("{}.{:03}", usage.wall_ms / 1_000, usage.wall_ms % 1_000);
    let _infallible = writeln!(
        out,
        "\nRun {}\n  model {model}; {}, {} in, {} out; {seconds} s",
        report.run,
        counted(usage.model_calls, "call"),
        counted(usage.input_tokens, "token"),
        counted(usage.output_tokens, "token")
    );
    out
}

fn write_finding(out: &mut String, finding: &Finding, change: Option<&Change>, style: Style) {
    let place = if finding.start_line < finding.line {
        format!("{}-{}", finding.start_line, finding.line)
    } else {
        finding.line.to_string()
    };
    let source = if finding.is_by_model() {
        String::new()
    } else {
        format!(" [{}]", line(&sources_of(finding)))
    };
    let _infallible = writeln!(
        out,
        "{} {}  {}{source}",
        style.severity(finding.severity),
        style.paint("1", &format!("{}:{place}", name(&finding.path))),
        line(&finding.title)
    );
    if let Some(hunk) = change.and_then(|change| find_hunk(change, finding)) {
        write_excerpt(out, &hunk, finding, style);
    }
    for line in plain(&finding.body).lines() {
        let _infallible = writeln!(out, "    {line}");
    }
    if let Some(suggestion) = &finding.suggestion {
        out.push_str("    suggestion:\n");
        for line in plain(suggestion).lines() {
            let _infallible = writeln!(out, "      {line}");
        }
    }
    out.push('\n');
}

/// Returns the finding's sources, in order.
fn sources_of(finding: &Finding) -> String {
    let names: Vec<String> = finding.found_by().iter().map(ToString::to_string).collect();
    names.join(", ")
}

fn find_hunk(change: &Change, finding: &Finding) -> Option<Hunk> {
    let file = change.files.iter().find(|file| file.path == finding.path)?;
    let hunks = parse_patch(file.patch.as_deref()?).ok()?;
    redact_hunks(&file.path, &hunks)
        .into_iter()
        .find(|hunk| hunk.line(finding.side, finding.line).is_some())
}

/// Writes the finding's lines and a few before them in the form of a diff, without secrets.
fn write_excerpt(out: &mut String, hunk: &Hunk, finding: &Finding, style: Style) {
    let at = |number: u32| {
        hunk.lines
            .iter()
            .position(|line| line.number(finding.side) == Some(number))
    };
    let (Some(first), Some(last)) = (at(finding.start_line), at(finding.line)) else {
        return;
    };
    let _infallible = writeln!(out, "    {}", style.paint("2", &plain(&hunk.header())));
    let from = first.saturating_sub(LINES_BEFORE).max(last.saturating_sub(20));
    let marks = marks_line_ends(hunk);
    for line in &hunk.lines[from..=last] {
        let (mark, code) = match line.kind {
            LineKind::Added => ('+', "32"),
            LineKind::Removed => ('-', "31"),
            LineKind::Context => (' ', "0"),
        };
        let number = line
            .new
            .map_or_else(|| "     ".to_owned(), |number| format!("{number:>5}"));
        let text: String = plain(&shown_text(&line.text, marks)).chars().take(160).collect();
        let _infallible = writeln!(out, "    {number} {}", style.paint(code, &format!("{mark}{text}")));
    }
}

fn write_coverage(out: &mut String, coverage: &[Coverage], style: Style) {
    let _infallible = writeln!(out, "{}", style.paint("1", "Files"));
    for (outcome, code) in [
        (Outcome::Unreviewed, "31"),
        (Outcome::Skipped, "2"),
        (Outcome::Scanned, "33"),
        (Outcome::Reviewed, "32"),
    ] {
        for entry in coverage.iter().filter(|entry| entry.outcome == outcome) {
            let reason = entry
                .reason
                .as_deref()
                .map_or_else(String::new, |reason| format!("  ({})", line(reason)));
            let attempts = if entry.attempts > 1 {
                format!("  {} attempts", entry.attempts)
            } else {
                String::new()
            };
            let _infallible = writeln!(
                out,
                "  {} {}{attempts}{reason}",
                style.paint(code, &format!("{:<10}", outcome.as_str())),
                super::name(&entry.path)
            );
        }
    }
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
