//! Offered suggestions apply with git: many, in files with every kind of line end, each as the block that a pull
//! request shows.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;
use std::path::Path;
use std::process::Command;

use holdfast_core::diff::{Hunk, LineKind, parse_patch};
use holdfast_core::model::finding::Finding;
use holdfast_core::validate::check_suggestion;
use serde_json::json;

/// Lines of a file: indented with blanks and tabs, empty, with marks that a diff has too.
const LINES: &[&str] = &[
    "fn a() {",
    "    let x = 1;",
    "\tlet y = 2;",
    "",
    "    // - item",
    "- item",
    "+ plus",
    "}",
    "  @x",
    "\\ back",
    "ende é 日本",
];

#[test]
fn offered_suggestions_apply() {
    let folder = tempfile::tempdir().unwrap();
    let mut offered = 0;
    for end in ["\n", "\r\n"] {
        for has_last_end in [true, false] {
            for start in 1..=LINES.len() {
                for length in 1..=3_usize.min(LINES.len() + 1 - start) {
                    for (kind, text) in replacements(start, length).into_iter().enumerate() {
                        offered += usize::from(applies(folder.path(), end, has_last_end, (start, length), &text, kind));
                    }
                }
            }
        }
    }
    assert!(offered > 250, "{offered} suggestions were offered");
}

/// Returns replacements of some lines that a model may suggest.
fn replacements(start: usize, length: usize) -> Vec<String> {
    let old = &LINES[start - 1..start - 1 + length];
    let changed: Vec<String> = old.iter().map(|line| format!("{line} // changed")).collect();
    vec![
        changed.join("\n"),
        changed.join("\n") + "\n",
        changed.join("\r\n"),
        format!("{}\n\n{}", changed.join("\n"), changed[0]),
        format!("{}\n\n", changed.join("\n")),
        String::new(),
    ]
}

/// Returns true if the suggestion is offered; then it has to apply.
fn applies(
    folder: &Path,
    end: &str,
    has_last_end: bool,
    (start, length): (usize, usize),
    text: &str,
    kind: usize,
) -> bool {
    let cr = end.trim_end_matches('\n');
    let added: String = LINES.iter().map(|line| format!("+{line}{cr}\n")).collect();
    let mut patch = format!("@@ -0,0 +1,{} @@\n{added}", LINES.len());
    let mut content: String = LINES.iter().map(|line| format!("{line}{end}")).collect();
    if !has_last_end {
        content.truncate(content.len() - end.len());
        patch.truncate(patch.len() - 1 - cr.len());
        patch.push_str("\n\\ No newline at end of file");
    }
    let hunks = parse_patch(patch.trim_end_matches('\n')).unwrap();
    let last = start + length - 1;
    let finding: Finding = serde_json::from_value(
        json!({ "path": "a.txt", "side": "RIGHT", "start_line": start, "line": last,
        "severity": "low", "category": "correctness", "title": "t", "body": "b", "suggestion": null, "confidence": 0.5,
        "source": "model" }),
    )
    .unwrap();
    let Ok(suggestion) = check_suggestion(&finding, text, &hunks) else {
        return false;
    };
    let place = format!("lines {start} to {last}, {end:?}, {has_last_end}, kind {kind}");
    fs::write(folder.join("a.txt"), &content).unwrap();
    fs::write(
        folder.join("a.patch"),
        suggestion_patch(&finding, &suggestion, &hunks[0], !has_last_end),
    )
    .unwrap();
    let git = Command::new("git")
        .args(["apply", "--whitespace=nowarn", "a.patch"])
        .current_dir(folder)
        .output()
        .unwrap();
    assert!(
        git.status.success(),
        "{place}: {}",
        String::from_utf8_lossy(&git.stderr)
    );
    let new: Vec<String> = text.replace("\r\n", "\n").lines().map(str::to_owned).collect();
    let mut lines: Vec<String> = LINES.iter().map(|line| (*line).to_owned()).collect();
    lines.splice(start - 1..last, new);
    let applied = fs::read_to_string(folder.join("a.txt")).unwrap();
    let expected: String = lines.iter().map(|line| format!("{line}{end}")).collect();
    assert_eq!(
        applied.trim_end_matches(['\r', '\n']),
        expected.trim_end_matches(['\r', '\n']),
        "{place}"
    );
    let mut ended: Vec<&str> = applied.split('\n').collect();
    ended.pop();
    assert!(
        ended.iter().all(|line| line.ends_with('\r') == (end == "\r\n")),
        "{place}: {applied:?}"
    );
    true
}

/// Returns the suggestion as a patch of its file: the hunk's lines of the head, with the replacement in their place.
/// `ends_file`: the hunk's last line is the file's last and has no line feed.
fn suggestion_patch(finding: &Finding, suggestion: &str, hunk: &Hunk, ends_file: bool) -> String {
    let shown: Vec<_> = hunk
        .lines
        .iter()
        .filter(|line| line.kind != LineKind::Removed)
        .collect();
    let is_replaced =
        |number: Option<u32>| number.is_some_and(|number| (finding.start_line..=finding.line).contains(&number));
    let text = suggestion.strip_suffix('\n').unwrap_or(suggestion);
    let new: Vec<&str> = if suggestion.is_empty() {
        Vec::new()
    } else {
        text.split('\n').collect()
    };
    let mut lines = Vec::new();
    let mut is_written = false;
    for line in &shown {
        if is_replaced(line.new) {
            lines.push(('-', line.text.as_str()));
            continue;
        }
        if !is_written && line.new.is_some_and(|number| number > finding.line) {
            lines.extend(new.iter().map(|line| ('+', *line)));
            is_written = true;
        }
        lines.push((' ', line.text.as_str()));
    }
    if !is_written {
        lines.extend(new.iter().map(|line| ('+', *line)));
    }
    let count = |marks: &str| lines.iter().filter(|(mark, _)| marks.contains(*mark)).count();
    let start = shown.first().and_then(|line| line.new).unwrap_or(0);
    let mut patch = format!(
        "--- a/{0}\n+++ b/{0}\n@@ -{start},{1} +{2},{3} @@\n",
        finding.path,
        count(" -"),
        if count(" +") == 0 {
            start.saturating_sub(1)
        } else {
            start
        },
        count(" +")
    );
    let last_of = |marks: &str| lines.iter().rposition(|(mark, _)| marks.contains(*mark));
    for (index, (mark, line)) in lines.iter().enumerate() {
        patch.push(*mark);
        patch.push_str(line);
        patch.push('\n');
        let is_new_end = *mark == '+' && Some(index) == last_of(" +");
        if ends_file && (Some(index) == last_of(" -") || is_new_end) {
            patch.push_str("\\ No newline at end of file\n");
        }
    }
    patch
}
