//! What the program prints: a report as text, JSON, SARIF or Markdown; lists; progress.

pub mod progress;
pub mod sarif;
pub mod text;

use std::io::{self, Write};

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

/// Takes secrets and control characters out: what a stranger wrote must not drive a terminal, and no terminal or log of
/// a build keeps a secret. Every foreign text that is printed comes through here, or through [`json`].
pub fn plain(text: &str) -> String {
    redacted(text)
        .chars()
        .filter(|char| !char.is_control() || *char == '\n' || *char == '\t')
        .collect()
}

/// Says one line on stderr. When nobody reads stderr there is nobody to tell.
pub fn complain(line: &str) {
    let _nobody_reads = writeln!(io::stderr().lock(), "holdfast: {}", plain(line));
}

/// Writes a document as JSON with a line feed, without secrets in any of its texts. Every document that is printed
/// comes through here.
///
/// # Errors
/// The document cannot be written as JSON.
pub fn json(document: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut document = serde_json::to_value(document)?;
    redact_value(&mut document);
    Ok(serde_json::to_string_pretty(&document)? + "\n")
}

/// Writes a document as one line of JSON, otherwise as [`json`].
///
/// # Errors
/// The document cannot be written as JSON.
pub fn json_line(document: &impl Serialize) -> Result<String, serde_json::Error> {
    let mut document = serde_json::to_value(document)?;
    redact_value(&mut document);
    Ok(serde_json::to_string(&document)? + "\n")
}
