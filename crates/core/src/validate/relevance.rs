//! Checks a finding's file, place and text against the diff, and recognises duplicates.

use serde::Deserialize;
use serde_json::Value;
use unicode_normalization::UnicodeNormalization;

use crate::model::finding::{Category, Finding, Severity, Side};
use crate::model::finding_source::FindingSource;

use super::Shown;
use super::place::{Stated, find_place};
use super::problem::AnswerProblem;

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

/// Fills in a finding's missing fields that its unit determines: the path of the only file, and the line of a quote
/// that is in one place.
pub fn complete(finding: &mut Value, shown: &Shown<'_>) {
    let Some(map) = finding.as_object_mut() else { return };
    map.entry("path").or_insert_with(|| shown.path.into());
    let has_line = map.get("line").is_some_and(|line| *line != 0);
    let Some(quote) = map.get("quote").and_then(Value::as_str).filter(|_| !has_line) else {
        return;
    };
    let stated = Stated {
        side: map
            .get("side")
            .and_then(|side| Side::deserialize(side).ok())
            .unwrap_or_default(),
        start_line: None,
        line: None,
        quote,
    };
    if let Ok(place) = find_place(&stated, shown.hunks) {
        map.insert("line".to_owned(), place.line.into());
    }
}

/// Reads one finding that fits the schema.
///
/// # Errors
///
/// Its first problem, which starts with the field's name.
pub fn read_finding(raw: &Value, shown: &Shown<'_>) -> Result<Finding, AnswerProblem> {
    let raw = RawFinding::deserialize(raw).map_err(|error| AnswerProblem(format!(": {error}")))?;
    if !is_shown(&raw.path, shown) {
        return Err(AnswerProblem(format!(
            ".path: is not a file that you were shown; you were shown {:?}",
            shown.path
        )));
    }
    if raw.title.trim().is_empty() {
        return Err(AnswerProblem::from(".title: blank"));
    }
    if raw.body.trim().is_empty() {
        return Err(AnswerProblem::from(".body: blank"));
    }
    let place = find_place(
        &Stated {
            side: raw.side,
            start_line: raw.start_line,
            line: Some(raw.line),
            quote: &raw.quote,
        },
        shown.hunks,
    )?;
    // A suggestion replaces exactly the stated lines: it moves with a single line, but not with a range, and not to the
    // base.
    let is_one_line = raw.start_line.is_none_or(|start| start == raw.line) && place.start_line == place.line;
    let is_replaceable = place.is_stated || (is_one_line && place.side == Side::Right);
    Ok(Finding {
        path: shown.path.to_owned(),
        side: place.side,
        start_line: place.start_line,
        line: place.line,
        severity: raw.severity,
        category: raw.category,
        title: raw.title.split_whitespace().collect::<Vec<_>>().join(" "),
        body: raw.body.trim().to_owned(),
        suggestion: raw.suggestion.filter(|_| is_replaceable),
        confidence: raw.confidence.unwrap_or(0.5),
        source: FindingSource::Model,
        gated: false,
        folded: false,
        tracked: None,
        cwe: Vec::new(),
        sources: Vec::new(),
    })
}

/// Returns true if two findings are the same remark on the same line.
pub fn is_double(one: &Finding, other: &Finding) -> bool {
    one.side == other.side
        && one.line == other.line
        && (one.title.eq_ignore_ascii_case(&other.title) || one.body == other.body)
}

/// Returns true if a path names the shown file: as it is, in another normal form, with the diff's `a/` or `b/`, with
/// `./` or a slash before it, in quotation marks, with backslashes, or by its name before a rename.
fn is_shown(path: &str, shown: &Shown<'_>) -> bool {
    let names = [Some(shown.path), shown.previous_path];
    let is_named = |path: &str| {
        let path: String = path.nfc().collect();
        names.iter().flatten().any(|name| name.nfc().eq(path.chars()))
    };
    if is_named(path) {
        return true;
    }
    let bare = path
        .trim()
        .trim_matches(|char| matches!(char, '`' | '"' | '\''))
        .trim_start_matches("+++ ")
        .trim_start_matches("--- ")
        .replace('\\', "/");
    let mut rest = bare.as_str();
    // Each beginning at most once, in any order: `./b/x`, `b/./x`.
    let mut beginnings = vec!["./", "a/", "b/", "/"];
    loop {
        if is_named(rest) {
            return true;
        }
        let Some(index) = beginnings.iter().position(|beginning| rest.starts_with(beginning)) else {
            return false;
        };
        rest = &rest[beginnings.remove(index).len()..];
    }
}
