//! A finding against the diff: its file, its lines, its quote, its text; and no doubles.

use serde::Deserialize;
use serde_json::Value;

use crate::diff::{Hunk, hunk_of};
use crate::model::finding::{Category, Finding, Severity, Side};
use crate::prompt::without_end_marks;

use super::Shown;

#[derive(Deserialize)]
struct RawFinding {
    path: String,
    #[serde(default)]
    side: Side,
    start_line: Option<u32>,
    line: u32,
    severity: Severity,
    category: Category,
    title: String,
    body: String,
    quote: String,
    suggestion: Option<String>,
    confidence: Option<f64>,
}

/// Reads one finding that fits the schema. Errors: the first thing that is wrong with it, exactly.
pub fn read_finding(raw: &Value, shown: &Shown<'_>, accepted: &[Finding]) -> Result<Finding, String> {
    let raw = RawFinding::deserialize(raw).map_err(|error| error.to_string())?;
    if raw.path != shown.path {
        return Err(format!(
            "path {:?} is not a file that you were shown; you were shown {:?}",
            raw.path, shown.path
        ));
    }
    let start_line = raw.start_line.unwrap_or(raw.line);
    if start_line > raw.line {
        return Err(format!("start_line {start_line} is after line {}", raw.line));
    }
    let hunk = hunk_of(shown.hunks, raw.side, start_line, raw.line).ok_or_else(|| {
        format!(
            "lines {start_line} to {} are not inside one hunk; on this side the hunks hold {}",
            raw.line,
            ranges(shown.hunks, raw.side)
        )
    })?;
    if raw.body.trim().is_empty() || raw.title.trim().is_empty() {
        return Err("title and body must not be blank".to_owned());
    }
    check_quote(&raw.quote, hunk, raw.side, start_line, raw.line)?;
    let is_double = |other: &Finding| {
        other.side == raw.side
            && other.line == raw.line
            && (other.title.eq_ignore_ascii_case(&raw.title) || other.body == raw.body)
    };
    if accepted.iter().any(is_double) {
        return Err(format!(
            "a duplicate of an earlier finding on line {}: {:?}",
            raw.line, raw.title
        ));
    }
    Ok(Finding {
        path: raw.path,
        side: raw.side,
        start_line,
        line: raw.line,
        severity: raw.severity,
        category: raw.category,
        title: raw.title.split_whitespace().collect::<Vec<_>>().join(" "),
        body: raw.body.trim().to_owned(),
        suggestion: raw.suggestion,
        confidence: raw.confidence.unwrap_or(0.5),
        source: "model".to_owned(),
        gated: false,
        folded: false,
        sources: Vec::new(),
    })
}

/// The quote has to be in the lines that the finding names, white space folded.
fn check_quote(quote: &str, hunk: &Hunk, side: Side, start_line: u32, line: u32) -> Result<(), String> {
    let wanted = fold(quote);
    if wanted.is_empty() {
        return Err("quote must hold the text of the line".to_owned());
    }
    let inside = |number: u32| (start_line..=line).contains(&number);
    let numbered: Vec<(u32, &str)> = hunk
        .lines
        .iter()
        .filter_map(|shown| Some((shown.number(side)?, shown.text.as_str())))
        .collect();
    let named = fold(
        &numbered
            .iter()
            .filter(|(number, _)| inside(*number))
            .map(|(_, text)| *text)
            .collect::<Vec<_>>()
            .join(" "),
    );
    if named.contains(&wanted) {
        return Ok(());
    }
    let elsewhere = numbered.iter().find(|(_, text)| fold(text).contains(&wanted));
    let there: String = numbered
        .iter()
        .find(|(number, _)| *number == line)
        .map(|(_, text)| text.trim().chars().take(200).collect())
        .unwrap_or_default();
    Err(match elsewhere {
        Some((number, _)) => {
            format!("quote {quote:?} is on line {number}, not on lines {start_line} to {line}")
        }
        None => format!("quote {quote:?} is not in the diff; line {line} is {there:?}"),
    })
}

fn fold(text: &str) -> String {
    let shown = without_end_marks(text);
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn ranges(hunks: &[Hunk], side: Side) -> String {
    let listed: Vec<String> = hunks
        .iter()
        .filter_map(|hunk| hunk.range(side))
        .take(30)
        .map(|(first, last)| format!("{first}-{last}"))
        .collect();
    if listed.is_empty() {
        "no lines".to_owned()
    } else {
        format!("lines {}", listed.join(", "))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed read fails the test")]
    use serde_json::json;

    use super::*;
    use crate::diff::parse_patch;

    fn read(change: Value, accepted: &[Finding]) -> Result<Finding, String> {
        let hunks =
            parse_patch("@@ -1,2 +1,3 @@\n fn a() {\n+    let x  = 1;\r\n }\n@@ -20,1 +21,2 @@\n end\n+more").unwrap();
        let mut raw = json!({ "path": "a.rs", "line": 2, "severity": "high", "category": "security", "title": "T", "body": "B", "quote": "let x = 1;" });
        raw.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        read_finding(
            &raw,
            &Shown {
                path: "a.rs",
                hunks: &hunks,
            },
            accepted,
        )
    }

    #[test]
    fn what_points_into_the_diff_is_taken() {
        let finding = read(json!({}), &[]).unwrap();
        assert_eq!((finding.start_line, finding.line, finding.side), (2, 2, Side::Right));
        assert!(
            read(
                json!({ "start_line": 1, "line": 3, "quote": "fn a() {\n    let x = 1;" }),
                &[]
            )
            .is_ok()
        );
        assert!(read(json!({ "side": "LEFT", "line": 1, "quote": "fn a() {" }), &[]).is_ok());
    }

    #[test]
    fn what_does_not_is_said_exactly() {
        let first = read(json!({}), &[]).unwrap();
        for (change, says) in [
            (
                json!({ "path": "b.rs" }),
                "path \"b.rs\" is not a file that you were shown; you were shown \"a.rs\"",
            ),
            (
                json!({ "line": 99_999 }),
                "lines 99999 to 99999 are not inside one hunk; on this side the hunks hold lines 1-3, 21-22",
            ),
            (json!({ "start_line": 3, "line": 2 }), "start_line 3 is after line 2"),
            (json!({ "start_line": 2, "line": 21 }), "not inside one hunk"),
            (
                json!({ "quote": "let y = 1;" }),
                "is not in the diff; line 2 is \"let x  = 1;\"",
            ),
            (json!({ "quote": "fn a() {" }), "is on line 1, not on lines 2 to 2"),
            (json!({ "body": "  " }), "must not be blank"),
            (json!({ "quote": " " }), "quote must hold"),
            (json!({ "side": "LEFT", "line": 3 }), "not inside one hunk"),
        ] {
            let problem = read(change.clone(), &[]).unwrap_err();
            assert!(problem.contains(says), "{change}: {problem}");
        }
        assert!(
            read(json!({ "title": "t" }), &[first])
                .unwrap_err()
                .contains("duplicate")
        );
    }
}
