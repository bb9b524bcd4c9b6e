//! How a diff is shown to a model: added lines carry their number in the head.

use std::fmt::Write;

use super::{Hunk, LineKind};

/// The prompt's form of a file's hunks: `+++ b/PATH`, each `@@` line, added lines as `N +TEXT`, context as `N  TEXT`,
/// removed lines as ` -TEXT` without a number (nothing in the head can be said of them by number).
pub fn render_hunks<'a>(path: &str, previous_path: Option<&str>, hunks: impl IntoIterator<Item = &'a Hunk>) -> String {
    let mut out = String::new();
    let from = previous_path.map_or_else(|| path.to_owned(), str::to_owned);
    let _infallible = writeln!(out, "--- a/{from}\n+++ b/{path}");
    for hunk in hunks {
        let _infallible = writeln!(out, "{}", hunk.header());
        for line in &hunk.lines {
            let text = line.text.trim_end_matches('\r');
            let _infallible = match (line.kind, line.new) {
                (LineKind::Added, Some(number)) => writeln!(out, "{number} +{text}"),
                (LineKind::Context, Some(number)) => writeln!(out, "{number}  {text}"),
                _ => writeln!(out, " -{text}"),
            };
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use super::*;
    use crate::diff::parse_patch;

    #[test]
    fn shows_head_numbers_on_added_lines() {
        let hunks = parse_patch("@@ -4,2 +4,2 @@ fn f\n a\n-b\n+c\r").unwrap();
        assert_eq!(
            render_hunks("x.rs", None, &hunks),
            "--- a/x.rs\n+++ b/x.rs\n@@ -4,2 +4,2 @@ fn f\n4  a\n -b\n5 +c\n"
        );
    }
}
