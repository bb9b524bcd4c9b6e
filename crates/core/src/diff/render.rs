//! Shows a diff to a model: each line with its number, which counts in the head for added and unchanged lines and in
//! the base for removed ones.

use std::fmt::Write;

use super::{Hunk, LineKind, marks_line_ends, shown_text};

/// Returns a file's hunks as they appear in the prompt: `+++ b/PATH`, each `@@` line, added lines as `N +TEXT`,
/// context as `N  TEXT`, both with N in the head, and removed lines as `N -TEXT` with N in the base. Carriage returns
/// appear as `␍` where lines differ by them.
pub fn render_hunks<'a>(path: &str, previous_path: Option<&str>, hunks: impl IntoIterator<Item = &'a Hunk>) -> String {
    let mut out = String::new();
    let from = previous_path.map_or_else(|| path.to_owned(), str::to_owned);
    let _infallible = writeln!(out, "--- a/{from}\n+++ b/{path}");
    for hunk in hunks {
        let _infallible = writeln!(out, "{}", hunk.header());
        let marks = marks_line_ends(hunk);
        for line in &hunk.lines {
            let text = shown_text(&line.text, marks);
            let (mark, number) = match line.kind {
                LineKind::Added => ('+', line.new),
                LineKind::Context => (' ', line.new),
                LineKind::Removed => ('-', line.old),
            };
            let _infallible = match number {
                Some(number) => writeln!(out, "{number} {mark}{text}"),
                None => writeln!(out, " {mark}{text}"),
            };
            if line.is_unended {
                out.push_str("\\ No newline at end of file\n");
            }
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
    fn shows_the_numbers_of_both_sides() {
        let hunks = parse_patch("@@ -4,3 +6,3 @@ fn f\n a\n-b\n-+x\n+c\r\n+d").unwrap();
        assert_eq!(
            render_hunks("x.rs", None, &hunks),
            "--- a/x.rs\n+++ b/x.rs\n@@ -4,3 +6,3 @@ fn f\n6  a\n5 -b\n6 -+x\n7 +c\u{240d}\n8 +d\n"
        );
    }

    #[test]
    fn a_change_of_only_line_ends_is_visible() {
        let shown = |patch: &str| render_hunks("x", None, &parse_patch(patch).unwrap());
        let body = |patch: &str| shown(patch).lines().skip(3).map(str::to_owned).collect::<Vec<_>>();
        assert_eq!(body("@@ -1 +1 @@\n-a\r\n+a"), ["1 -a\u{240d}", "1 +a"]);
        assert_eq!(body("@@ -1 +1 @@\n-a\n+a\r\n"), ["1 -a", "1 +a\u{240d}"]);
        assert_eq!(
            body("@@ -1 +1 @@\n-a\r\n+b\r\n"),
            ["1 -a", "1 +b"],
            "the same ends need no marks"
        );
        assert_eq!(
            body("@@ -1 +1 @@\n-a\rb\n+a\rc"),
            ["1 -a\u{240d}b", "1 +a\u{240d}c"],
            "returns inside"
        );
        assert_eq!(
            body("@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a"),
            ["1 -a", "\\ No newline at end of file", "1 +a"]
        );
    }
}
