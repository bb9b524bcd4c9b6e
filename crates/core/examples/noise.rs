//! Prints the decision of the noise filter for files: `cargo run -p holdfast-core --example noise -- ROOT FILE…`, with
//! paths below the root, or `-` to read them from standard input. A line has the path, the rule or `review`, and the
//! reason why a pattern of linguist is not taken. The script `tests/noise/compare.py` reads it.

#![expect(
    clippy::disallowed_methods,
    reason = "a program for a script reads files; core does not"
)]

use std::io::{BufRead, Write};
use std::path::Path;

use holdfast_core::filter::{generated_by_content, is_binary_by_design, left, noise_by_path, runs_by_place};

/// Files above it are not read, as in linguist.
const MAX_BYTES: usize = 1024 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let root = arguments.next().ok_or("usage: noise ROOT FILE…")?;
    let mut paths: Vec<String> = arguments.collect();
    if paths == ["-"] {
        paths = std::io::stdin().lock().lines().collect::<Result<_, _>>()?;
    }
    let mut out = std::io::stdout().lock();
    for path in paths {
        let bytes = std::fs::read(Path::new(&root).join(&path))?;
        writeln!(
            out,
            "{path}\t{}\t{}",
            decide(&path, &bytes),
            left(&path).unwrap_or_default()
        )?;
    }
    Ok(())
}

/// Returns the rule for a file that base and head both have.
fn decide(path: &str, bytes: &[u8]) -> String {
    if runs_by_place(path) {
        return "review".to_owned();
    }
    if bytes.contains(&0) && is_binary_by_design(path) {
        return "binary".to_owned();
    }
    let by_content = || {
        let text = (bytes.len() <= MAX_BYTES).then(|| String::from_utf8_lossy(bytes));
        text.and_then(|text| generated_by_content(path, &text))
    };
    noise_by_path(path).or_else(by_content).unwrap_or("review").to_owned()
}
