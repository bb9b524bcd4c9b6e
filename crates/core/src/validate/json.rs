//! Finds the one JSON answer in a model's text, with anything around it, as long as it is unambiguous.
//!
//! The reader scans the text once for JSON values outside thoughts, keeps those that have an answer's shape, and takes
//! the answer if there is exactly one. It never guesses: half an object, two different answers or a key that appears
//! twice go back to the model. See `docs/adr/0002-what-counts-as-a-json-answer.md`.

use serde_json::Value;

use super::lenient::{mend_surrogates, tidy};
use super::parse::{Parsed, parse_prefix};
use super::problem::AnswerProblem;

/// The maximum number of broken values that are parsed again leniently. Each costs one pass over the rest of the text.
const MAX_LENIENT_TRIES: usize = 16;
/// The maximum depth of wrappers around an answer: `[{"tool_calls": [{"function": {"arguments": "…"}}]}]` is six deep.
const MAX_WRAPPERS: usize = 8;

/// Words that open and close a model's thoughts, as the chat templates of reasoning models write them.
const THOUGHTS: [(&str, &str); 8] = [
    ("<think>", "</think>"),
    ("<thinking>", "</thinking>"),
    ("<thought>", "</thought>"),
    ("<reasoning>", "</reasoning>"),
    ("<reflection>", "</reflection>"),
    ("<seed:think>", "</seed:think>"),
    ("[think]", "[/think]"),
    ("◁think▷", "◁/think▷"),
];

/// The outer shape of an answer.
#[derive(Clone, Copy)]
pub struct Shape {
    /// The key that makes an object an answer.
    pub key: &'static str,
    /// The keys of one item, where a bare list of items is an answer too: any two of them make an item.
    pub item_keys: &'static [&'static str],
}

/// A value that was found in the text.
struct Found {
    start: usize,
    end: usize,
    parsed: Parsed,
}

/// The result of one scan.
#[derive(Default)]
struct Scan {
    found: Vec<Found>,
    /// Each broken value's start, how far it was read, and the parser's message.
    broken: Vec<(usize, usize, String)>,
}

/// Reads the answer.
///
/// # Errors
///
/// The problem in words, with the parser's own message, line and column; never the text itself.
pub fn read_answer(text: &str, shape: Shape) -> Result<Value, AnswerProblem> {
    // Half a surrogate pair isn't worth losing an answer: it becomes U+FFFD, of the same length.
    let mended = mend_surrogates(text);
    let text = mended.trim_start_matches('\u{feff}').trim();
    if text.is_empty() {
        return Err(AnswerProblem::from("the answer is empty: expected one JSON object"));
    }
    let mut scan = scan(text);
    let from = skip_thoughts(text, &scan)?;
    scan.found.retain(|found| found.start >= from);
    scan.broken.retain(|(start, ..)| *start >= from);
    let mut answers = Vec::new();
    for found in &scan.found {
        let is_alone = is_decoration(&text[from..found.start]) && is_decoration(&text[found.end..]);
        collect(&found.parsed, shape, is_alone, MAX_WRAPPERS, &mut answers);
    }
    if answers.is_empty() {
        read_leniently(text, &scan, shape, &mut answers);
    } else if let Some((.., message)) = scan.broken.iter().find(|(start, end, _)| {
        let fragment = &text[*start..*end];
        fragment.contains(&format!("\"{}\"", shape.key))
    }) {
        return Err(AnswerProblem(format!(
            "the answer holds an object and a second one that is not whole ({message}): answer with one JSON object"
        )));
    }
    answers.dedup_by(|one, other| one.value == other.value);
    match answers.as_slice() {
        [answer] => match &answer.duplicate {
            Some(key) => Err(AnswerProblem(format!(
                "the key {key:?} appears twice in one object: give each key once"
            ))),
            None => Ok(answer.value.clone()),
        },
        [] => only_object(scan, text),
        many => Err(AnswerProblem(format!(
            "the answer holds {} different JSON objects that could each be the answer: answer with one",
            many.len()
        ))),
    }
}

/// Returns the only object, whatever its shape: the check of the shape names its missing keys.
fn only_object(scan: Scan, text: &str) -> Result<Value, AnswerProblem> {
    let longest = scan.broken.iter().max_by_key(|(start, end, _)| end - start);
    if let Some((.., message)) = longest {
        return Err(AnswerProblem(format!("the answer is not one JSON object: {message}")));
    }
    let mut values = scan.found.into_iter().map(|found| found.parsed.value);
    match (values.next(), values.next()) {
        (Some(value @ Value::Object(_)), None) => Ok(value),
        (Some(value), None) => Err(AnswerProblem(format!(
            "the answer is JSON, but {} where one object was expected",
            kind(&value)
        ))),
        (Some(_), Some(_)) => Err(AnswerProblem::from(
            "the answer is not one JSON object: it holds several values",
        )),
        (None, _) => Err(match serde_json::from_str::<Value>(text) {
            Ok(value) => AnswerProblem(format!(
                "the answer is JSON, but {} where one object was expected",
                kind(&value)
            )),
            Err(error) => AnswerProblem(format!("the answer is not one JSON object: {error}")),
        }),
    }
}

/// Finds the text's JSON objects and lists. It doesn't search inside a broken value: an object in there is a part of
/// something else, not the answer. This also keeps the scan linear.
fn scan(text: &str) -> Scan {
    let mut scan = Scan::default();
    let mut at = 0;
    // An answer that was encoded twice is a JSON string whose text is the answer.
    let is_quoted = text.starts_with('"');
    while let Some(offset) = text[at..].find(|char| matches!(char, '{' | '[') || (is_quoted && char == '"')) {
        let start = at + offset;
        match parse_prefix(&text[start..]) {
            Ok((parsed, length)) => {
                at = start + length;
                scan.found.push(Found { start, end: at, parsed });
            }
            Err((message, length)) => {
                at = text.ceil_char_boundary(start + length.max(1));
                scan.broken.push((start, at, message));
            }
        }
    }
    scan
}

/// Returns the start of the text after the model's thoughts. A thought's mark inside a JSON value is data.
///
/// # Errors
///
/// The text ends inside the thoughts.
fn skip_thoughts(text: &str, scan: &Scan) -> Result<usize, AnswerProblem> {
    let lower = text.to_ascii_lowercase();
    let is_outside = |at: usize| {
        let before = scan.found.partition_point(|found| found.start <= at);
        scan.found[..before].last().is_none_or(|found| found.end <= at)
    };
    let from = THOUGHTS
        .iter()
        .flat_map(|(_, close)| lower.match_indices(close))
        .filter(|(at, _)| is_outside(*at))
        .map(|(at, close)| at + close.len())
        .max()
        .unwrap_or(0);
    let rest = lower[from..].trim_start();
    match THOUGHTS.iter().find(|(open, _)| rest.starts_with(open)) {
        Some((open, _)) => Err(AnswerProblem(format!(
            "the answer ends inside the thoughts that {open} opens: think less, and answer with one JSON object"
        ))),
        None => Ok(from),
    }
}

/// Adds a value to `answers` if it is one; otherwise adds the answers that it wraps, at most `depth` levels deep.
fn collect(parsed: &Parsed, shape: Shape, is_alone: bool, depth: usize, answers: &mut Vec<Parsed>) {
    let is_item = |value: &Value| shape.item_keys.iter().filter(|key| value.get(**key).is_some()).count() >= 2;
    match &parsed.value {
        Value::Object(map) if map.contains_key(shape.key) => answers.push(parsed.clone()),
        Value::Array(items) if !items.is_empty() && items.iter().all(is_item) => answers.push(parsed.clone()),
        // An empty list between other words may be anything, such as a checkbox.
        Value::Array(items) if items.is_empty() && is_alone && !shape.item_keys.is_empty() => {
            answers.push(parsed.clone());
        }
        _ if depth == 0 => {}
        Value::Object(map) => {
            for value in map.values() {
                collect(&parsed.inner(value), shape, false, depth - 1, answers);
            }
        }
        Value::Array(items) => {
            for value in items {
                collect(&parsed.inner(value), shape, false, depth - 1, answers);
            }
        }
        Value::String(text) if text.trim_start().starts_with(['{', '[']) => {
            let text = mend_surrogates(text.trim());
            if let Ok((inner, length)) = parse_prefix(&text)
                && length == text.len()
            {
                collect(&inner, shape, true, depth - 1, answers);
            }
        }
        _ => {}
    }
}

/// Parses the broken values again, after comments, trailing commas and raw line breaks in strings are corrected. All of
/// these are unambiguous.
fn read_leniently(text: &str, strict: &Scan, shape: Shape, answers: &mut Vec<Parsed>) {
    for (start, ..) in strict.broken.iter().take(MAX_LENIENT_TRIES) {
        let tidied = tidy(&text[*start..]);
        let Ok((first, length)) = parse_prefix(&tidied) else {
            continue;
        };
        collect(&first, shape, false, MAX_WRAPPERS, answers);
        if !answers.is_empty() {
            for found in scan(&tidied[length..]).found {
                collect(&found.parsed, shape, false, MAX_WRAPPERS, answers);
            }
            return;
        }
    }
}

/// Returns true if a piece of text consists of a code fence's marks only.
fn is_decoration(text: &str) -> bool {
    let bare = text.trim().trim_matches('`').trim();
    bare.is_empty() || bare.eq_ignore_ascii_case("json")
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
