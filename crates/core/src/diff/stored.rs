//! A hunk as artifacts store it: its lines as text with their marks. The line numbers follow from the hunk's start.

use serde::{Deserialize, Serialize};

use super::parse::push_line;
use super::{Hunk, LineKind};

/// The stored form of a [`Hunk`].
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct StoredHunk {
    old_start: u32,
    old_lines: u32,
    new_start: u32,
    new_lines: u32,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    section: String,
    /// Each line with its mark: `+`, `-` or a blank.
    lines: Vec<String>,
    /// Indices of lines that have no line feed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    unended: Vec<usize>,
}

impl From<Hunk> for StoredHunk {
    fn from(hunk: Hunk) -> Self {
        let unended = hunk.lines.iter().enumerate().filter(|(_, line)| line.is_unended);
        let unended = unended.map(|(index, _)| index).collect();
        let lines = hunk.lines.into_iter().map(|line| {
            let mark = match line.kind {
                LineKind::Added => '+',
                LineKind::Removed => '-',
                LineKind::Context => ' ',
            };
            let mut text = line.text;
            text.insert(0, mark);
            text
        });
        Self {
            old_start: hunk.old_start,
            old_lines: hunk.old_lines,
            new_start: hunk.new_start,
            new_lines: hunk.new_lines,
            section: hunk.section,
            lines: lines.collect(),
            unended,
        }
    }
}

impl TryFrom<StoredHunk> for Hunk {
    type Error = &'static str;

    fn try_from(stored: StoredHunk) -> Result<Self, Self::Error> {
        let mut left = (stored.old_lines, stored.new_lines);
        let mut hunk = Self {
            old_start: stored.old_start,
            old_lines: stored.old_lines,
            new_start: stored.new_start,
            new_lines: stored.new_lines,
            section: stored.section,
            lines: Vec::with_capacity(stored.lines.len()),
        };
        for line in &stored.lines {
            let (kind, body) = match (line.chars().next(), line.get(1..)) {
                (Some('+'), Some(body)) => (LineKind::Added, body),
                (Some('-'), Some(body)) => (LineKind::Removed, body),
                (Some(' '), Some(body)) => (LineKind::Context, body),
                _ => return Err("a line of a hunk begins with none of '+', '-' and ' '"),
            };
            push_line(&mut hunk, &mut left, kind, body).ok_or("a line doesn't fit the hunk's counts")?;
        }
        for index in stored.unended {
            let line = hunk.lines.get_mut(index).ok_or("an unended line isn't in the hunk")?;
            line.is_unended = true;
        }
        match left {
            (0, 0) => Ok(hunk),
            _ => Err("the hunk has fewer lines than its header counts"),
        }
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed step fails the test")]
    use crate::diff::{Hunk, parse_patch};

    #[test]
    fn a_stored_hunk_is_read_back_unchanged() {
        for patch in [
            "@@ -1 +1,2 @@\n a\n+b",
            "@@ -0,0 +1,2 @@ fn a() {\n+\n+ü\tx\r",
            "@@ -3,2 +3 @@\n-a\n-b\n\\ No newline at end of file\n+c\n\\ No newline at end of file",
            "@@ -1 +0,0 @@\n-a\n@@ -10,2 +9,2 @@ x\n b\n-c\n+d",
        ] {
            let hunks = parse_patch(patch).unwrap();
            let text = serde_json::to_string(&hunks).unwrap();
            assert_eq!(serde_json::from_str::<Vec<Hunk>>(&text).unwrap(), hunks, "{text}");
        }
    }

    #[test]
    fn a_damaged_hunk_is_refused() {
        let whole = r#"{"old_start":1,"old_lines":1,"new_start":1,"new_lines":1,"lines":[" a"]}"#;
        serde_json::from_str::<Hunk>(whole).unwrap();
        for (part, other) in [
            (r#"[" a"]"#, r#"["a"]"#),
            (r#"[" a"]"#, r#"["+a"]"#),
            (r#"[" a"]"#, r#"[" a"," b"]"#),
            (r#"[" a"]"#, r#"[]"#),
            (r#"[" a"]"#, r#"[" a"],"unended":[1]"#),
        ] {
            let damaged = whole.replace(part, other);
            assert!(serde_json::from_str::<Hunk>(&damaged).is_err(), "{damaged}");
        }
    }
}
