//! What the program prints: a report as text, JSON, SARIF or Markdown; lists; progress.

pub mod progress;
pub mod sarif;
pub mod text;

use std::io::{self, Write};

/// Writes to stdout. A reader that went away (a closed pipe) is no error.
pub fn print(text: &str) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        other => other,
    }
}

/// Takes control characters out: what a stranger wrote must not drive a terminal.
pub fn plain(text: &str) -> String {
    text.chars()
        .filter(|char| !char.is_control() || *char == '\n' || *char == '\t')
        .collect()
}

/// Says one line on stderr. When nobody reads stderr there is nobody to tell.
pub fn complain(line: &str) {
    let _nobody_reads = writeln!(io::stderr().lock(), "holdfast: {}", plain(line));
}
