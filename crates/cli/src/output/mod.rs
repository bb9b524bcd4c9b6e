//! What the program prints: a report as text, JSON, SARIF or Markdown; lists; progress.

pub mod progress;
pub mod sarif;
pub mod text;

use std::io::{self, Write};

use holdfast_core::render::{json_escaped, terminal_line, terminal_name, terminal_text};
use holdfast_core::rule::{redact_value, redacted};
use serde::Serialize;

/// Writes to stdout. A reader that went away (a closed pipe) is no error.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// A text of several lines as a terminal may show it: what a stranger wrote drives neither the terminal nor a runner of
/// GitHub Actions that reads along, and no terminal or log of a build keeps a secret. Every foreign text that is
/// printed comes through here, through [`line()`], [`name`] or [`json`].
pub fn plain(text: &str) -> String {
    terminal_text(&redacted(text))
}

/// The same, in one line.
pub fn line(text: &str) -> String {
    terminal_line(&redacted(text))
}

/// A path or a name in one line, with what a reader would not see written as escapes.
pub fn name(name: &str) -> String {
    terminal_name(&redacted(name))
}

/// A JSON document in several lines, without secrets in any of its texts. Characters that drive a terminal, hide
/// something or begin a runner's command are written as escapes.
///
/// # Errors
///
/// The value has a key that is no text.
pub fn json(value: &impl Serialize) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(value)?;
    redact_value(&mut value);
    serde_json::to_string_pretty(&value).map(|document| json_escaped(&document) + "\n")
}

/// Where the log goes when nobody looks at a terminal: stderr, one line for each event, in which nothing drives whoever reads
/// it.
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

/// Says one line on stderr. When nobody reads stderr there is nobody to tell.
pub fn complain(line: &str) {
    let _nobody_reads = writeln!(io::stderr().lock(), "holdfast: {}", plain(line));
}

/// A JSON document in one line, otherwise as [`json`].
///
/// # Errors
///
/// The value has a key that is no text.
pub fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    let mut value = serde_json::to_value(value)?;
    redact_value(&mut value);
    serde_json::to_string(&value).map(|document| json_escaped(&document) + "\n")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed conversion fails the test")]
    use holdfast_core::model::report::Report;
    use serde_json::json;

    use super::*;

    /// A report in which every text is an attack on whoever reads it.
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
    fn no_output_drives_a_terminal_or_a_runner() {
        let report = attacked();
        let sarif = json(&sarif::report_sarif(&report)).unwrap();
        let style = text::Style { colour: false };
        let printed = [
            text::report_text(&report, None, style),
            holdfast_core::render::report_markdown(&report),
            json(&report).unwrap(),
            sarif.clone(),
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
}
