//! The program's output: a review in each format, on stdout and in files; lists; progress.

mod annotations;
mod code_quality;
pub mod file;
mod fingerprint;
mod hidden;
mod hunks;
mod junit;
mod markdown;
pub mod progress;
mod rdjson;
pub mod review;
mod sarif;
#[cfg(test)]
mod screens;
pub mod style;
pub mod text;
mod tracker;

use std::io::{self, IsTerminal, Write};

use holdfast_core::model::finding::Finding;
use holdfast_core::render::{json_escaped, terminal_line, terminal_name, terminal_text};
use holdfast_core::rule::{redact_value, redacted};
use serde::Serialize;

/// Writes to stdout. A closed pipe isn't an error.
///
/// # Errors
/// Stdout can't be written.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Returns the width of the terminal that stdout is; `None` if stdout isn't a terminal.
pub fn terminal_columns() -> Option<usize> {
    io::stdout().is_terminal().then(|| style::Style::of_stdout().columns)
}

/// Returns a text of several lines that is safe for a terminal: a stranger's text can't control the terminal or a
/// GitHub Actions runner that reads the log, and secrets are redacted. Every foreign text is printed through this
/// function, [`line()`], [`name`] or [`json`].
pub fn plain(text: &str) -> String {
    terminal_text(&redacted(text))
}

/// Returns a text that is safe for a terminal, in one line.
pub fn line(text: &str) -> String {
    terminal_line(&redacted(text))
}

/// Returns a path or a name in one line; invisible characters become escapes.
pub fn name(name: &str) -> String {
    terminal_name(&redacted(name))
}

/// Returns the place of a finding: `PATH:LINE`, or `PATH:FIRST-LAST`.
pub fn place(finding: &Finding) -> String {
    let path = name(&finding.path);
    match finding.start_line < finding.line {
        true => format!("{path}:{}-{}", finding.start_line, finding.line),
        false => format!("{path}:{}", finding.line),
    }
}

/// Returns a JSON document in several lines, with secrets redacted. Characters that control a terminal, hide text or
/// start a runner's command are written as escapes.
///
/// # Errors
/// The value has a key that isn't a string.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(value)?;
    redact_value(&mut value);
    serde_json::to_string_pretty(&value).map(|document| json_escaped(&document) + "\n")
}

/// Writes the log to stderr when stderr isn't a terminal: one line for each event, safe for a terminal that shows it
/// later.
#[derive(Clone, Copy, Debug)]
pub struct LogWriter;

impl Write for LogWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text).replace(['\n', '\r'], " ");
        io::stderr()
            .lock()
            .write_all(format!("{}\n", plain(&line)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Writes the log as JSON: one document in a line for each event, with secrets redacted.
#[derive(Clone, Copy, Debug)]
pub struct JsonLogWriter;

impl Write for JsonLogWriter {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let document: serde_json::Value = serde_json::from_slice(event)?;
        io::stderr().lock().write_all(json_line(&document)?.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stderr().flush()
    }
}

/// Logs a line for the operator, where the log is JSON and so has to have all lines.
pub fn log(line: &str) {
    tracing::info!(target: "holdfast", "{line}");
}

/// Prints one line on stderr. A closed stderr is ignored.
pub fn print_to_stderr(line: &str) {
    let _nobody_reads = writeln!(io::stderr().lock(), "holdfast: {}", plain(line));
}

/// Returns a JSON document in one line, otherwise like [`json`].
///
/// # Errors
/// The value has a key that isn't a string.
pub fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(value)?;
    redact_value(&mut value);
    serde_json::to_string(&value).map(|document| json_escaped(&document) + "\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
    use std::cell::OnceCell;

    use holdfast_core::model::report::Report;
    use serde_json::json;

    use super::*;
    use crate::cli::FailOn;
    use crate::verdict::Verdict;

    /// Returns a report in which every text is an attack on its reader.
    fn attacked() -> Report {
        let attack = "x\u{1b}[2J\r::error file=a::b\n  ::set-output name=a::b\n##[add-path]/tmp\u{202e}\u{9b}31m](https://evil.example)";
        let report = json!({ "version": 1, "run": "r", "status": "partial",
            "target": { "repository": attack, "pull_request": null, "base": "b", "head": "h" },
            "model": { "provider": attack, "name": attack }, "summary": attack, "gate": { "decision": "publish", "worst": null },
            "findings": [{ "path": attack, "side": "RIGHT", "start_line": 1, "line": 1, "severity": "high", "category": "security",
                "title": attack, "body": attack, "suggestion": attack, "confidence": 0.5, "source": "model", "sources": [format!("rule:{attack}")] }],
            "coverage": [{ "path": attack, "outcome": "unreviewed", "reason": attack, "attempts": 1 }],
            "usage": { "model_calls": 0, "input_tokens": 0, "output_tokens": 0, "cost_usd": 0.0, "cache_hits": 0, "wall_ms": 0 },
            "notes": [attack] });
        serde_json::from_value(report).unwrap()
    }

    #[test]
    fn no_output_controls_a_terminal_or_a_runner() {
        let report = attacked();
        let sarif = json(&sarif::report_sarif(&report, &hunks::Hunks::default(), None)).unwrap();
        let verdict = Verdict::of(&report, FailOn::High);
        let review = review::Review {
            report: &report,
            change: None,
            page: None,
            fail_on: FailOn::High,
            list_files: true,
            verdict: &verdict,
            public: OnceCell::new(),
        };
        let printed = [
            text::report_text(&review, style::Style::PLAIN),
            holdfast_core::render::report_markdown(&report),
            json(&report).unwrap(),
            sarif.clone(),
            json(&rdjson::report_rdjson(&report)).unwrap(),
            json(&code_quality::report_code_quality(&report, &hunks::Hunks::default())).unwrap(),
            junit::report_junit(&report, None).unwrap(),
        ];
        for text in printed {
            assert!(!text.contains("##["), "{text}");
            assert!(
                !text.contains(|char: char| char.is_control() && char != '\n'),
                "{text:?}"
            );
            assert!(!text.contains('\u{202e}'), "{text}");
            assert!(text.lines().all(|line| !line.trim_start().starts_with("::")), "{text}");
        }
        let sarif: serde_json::Value = serde_json::from_str(&sarif).unwrap();
        let message = sarif["runs"][0]["results"][0]["message"]["text"].as_str().unwrap();
        assert!(message.contains("evil.example") && !message.contains("]("), "{message}");
        let read: Report = serde_json::from_str(&json(&report).unwrap()).unwrap();
        assert_eq!(read, report, "escapes keep the values");
    }

    #[test]
    fn no_output_hides_that_files_were_not_listed() {
        let mut report = attacked();
        report.coverage.clear();
        report.findings.clear();
        let sarif = sarif::report_sarif(&report, &hunks::Hunks::default(), None);
        assert_eq!(sarif["runs"][0]["invocations"][0]["executionSuccessful"], false);
        let junit = junit::report_junit(&report, None).unwrap();
        assert!(junit.contains("errors=\"1\""), "{junit}");
        let commands = annotations::report_annotations(&report);
        assert!(
            commands.starts_with("::warning title=Unreviewed files::some changed files"),
            "{commands}"
        );
        assert_eq!(
            Verdict::of(&report, FailOn::High).reason,
            "some changed files could not be listed"
        );
    }
}
