//! Corrects unambiguous deviations of an answer's shape before the check against the schema.

use serde_json::{Map, Value};

/// The keys of an answer.
pub const ANSWER_KEYS: [&str; 2] = ["summary", "findings"];
/// The keys of a finding.
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
/// The optional keys of a finding: see [`is_nothing`].
const OPTIONAL_KEYS: [&str; 6] = ["path", "side", "start_line", "line", "suggestion", "confidence"];
/// A longer summary is cut at this length, in characters: it isn't worth another call.
pub const MAX_SUMMARY_CHARS: usize = 4_000;

/// Puts an answer into the schema's shape as far as it is unambiguous: a bare list of findings, a missing summary,
/// unknown keys, numbers as text, null for an optional value, another case of an enumerated word.
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
        let is_left_out = OPTIONAL_KEYS.contains(&key.as_str()) && is_nothing(key, value);
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

/// Returns true if an optional value means "none": null, a blank text, or a word that models write for it. An empty
/// suggestion would delete lines, which a model that leaves the field empty doesn't mean.
fn is_nothing(key: &str, value: &Value) -> bool {
    let words = ["", "none", "null", "n/a"];
    let is_word = |text: &str| words.iter().any(|word| text.trim().eq_ignore_ascii_case(word));
    // A path must name a file; no word in its place means "none".
    value.is_null() || (key != "path" && value.as_str().is_some_and(is_word))
}

/// Turns `"12"`, `12.0` and `" 12 "` into 12.
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_models_words_for_nothing_are_left_out() {
        for nothing in [
            json!(null),
            json!(""),
            json!("  "),
            json!("\n"),
            json!("None"),
            json!("null"),
            json!(" N/A "),
        ] {
            let finding = json!({ "side": nothing, "start_line": nothing, "line": 2, "suggestion": nothing,
                "confidence": nothing, "title": "none", "body": "" });
            let coerced = coerce(json!({ "summary": "", "findings": [finding] }));
            let expected = json!({ "line": 2, "title": "none", "body": "" });
            assert_eq!(coerced["findings"], json!([expected]), "{nothing}");
        }
        for text in ["x", "none of it", "    pass\n", "None,", "-"] {
            let coerced = coerce(json!({ "findings": [{ "suggestion": text }] }));
            assert_eq!(coerced["findings"][0]["suggestion"], text);
        }
    }
}
