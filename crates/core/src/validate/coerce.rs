//! Deviations of an answer's shape that can only mean one thing, put right before the schema is checked.

use serde_json::{Map, Value};

/// Keys of an answer.
pub const ANSWER_KEYS: [&str; 2] = ["summary", "findings"];
/// Keys of a finding.
pub const FINDING_KEYS: [&str; 11] = [
    "path",
    "side",
    "start_line",
    "line",
    "severity",
    "category",
    "title",
    "body",
    "quote",
    "suggestion",
    "confidence",
];
/// What a finding may lack: null counts as missing.
const OPTIONAL_KEYS: [&str; 6] = ["path", "side", "start_line", "line", "suggestion", "confidence"];
/// A summary is cut at this length, in characters: it is no reason to ask again.
pub const MAX_SUMMARY_CHARS: usize = 4_000;

/// Puts an answer into the schema's shape as far as it is unambiguous: a bare list of findings, a missing summary,
/// unknown keys, numbers as text, null for what may be left out, another case of a word of a list.
pub fn coerce(value: Value) -> Value {
    let mut answer = match value {
        Value::Array(findings) => Map::from_iter([("findings".to_owned(), Value::Array(findings))]),
        Value::Object(map) => map,
        other => return other,
    };
    answer.retain(|key, _| ANSWER_KEYS.contains(&key.as_str()));
    let summary = match answer.remove("summary") {
        None | Some(Value::Null) => Value::String(String::new()),
        Some(Value::String(text)) => Value::String(text.chars().take(MAX_SUMMARY_CHARS).collect()),
        Some(Value::Array(lines)) if lines.iter().all(Value::is_string) => {
            let lines: Vec<&str> = lines.iter().filter_map(Value::as_str).collect();
            Value::String(lines.join(" ").chars().take(MAX_SUMMARY_CHARS).collect())
        }
        Some(other) => other,
    };
    answer.insert("summary".to_owned(), summary);
    if let Some(one) = answer.get_mut("findings").filter(|findings| findings.is_object()) {
        *one = Value::Array(vec![one.take()]);
    }
    if let Some(Value::Array(findings)) = answer.get_mut("findings") {
        findings
            .iter_mut()
            .filter_map(Value::as_object_mut)
            .for_each(coerce_finding);
    }
    Value::Object(answer)
}

fn coerce_finding(finding: &mut Map<String, Value>) {
    finding.retain(|key, value| {
        let is_left_out = OPTIONAL_KEYS.contains(&key.as_str()) && value.is_null();
        FINDING_KEYS.contains(&key.as_str()) && !is_left_out
    });
    for (key, value) in finding.iter_mut() {
        match key.as_str() {
            "line" | "start_line" => coerce_integer(value),
            "confidence" => coerce_number(value),
            "severity" | "category" => coerce_word(value, str::to_ascii_lowercase),
            "side" => coerce_word(value, str::to_ascii_uppercase),
            _ => {}
        }
    }
}

/// `"12"`, `12.0` and `" 12 "` are 12.
fn coerce_integer(value: &mut Value) {
    let number = match &*value {
        Value::String(text) => text.trim().parse::<f64>().ok(),
        Value::Number(number) if number.is_f64() => number.as_f64(),
        _ => None,
    };
    let whole = number.filter(|number| number.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(number));
    if let Some(whole) = whole {
        // Between 0 and 2^32, and without a fraction.
        let whole = whole as u64;
        *value = whole.into();
    }
}

fn coerce_number(value: &mut Value) {
    if let Value::String(text) = &*value
        && let Ok(number) = text.trim().parse::<f64>()
        && number.is_finite()
    {
        *value = number.into();
    }
}

fn coerce_word(value: &mut Value, case: fn(&str) -> String) {
    if let Value::String(text) = value {
        *text = case(text.trim());
    }
}
