//! Fields of all providers' answers: counts in every form, and the text of an answer.

use serde_json::Value;

/// Maximum count of tokens.
const MAX_TOKENS: u64 = 1_000_000_000_000;

/// Returns the first of these counts that is a number: 10, 10.0, `"10"`. Other values count as missing, and lose no
/// answer.
pub(crate) fn count(usage: &Value, names: &[&str]) -> Option<u64> {
    names
        .iter()
        .find_map(|name| match usage.get(name)? {
            Value::Number(number) => number.as_u64().or_else(|| whole(number.as_f64()?)),
            Value::String(text) => whole(text.trim().parse().ok()?),
            _ => None,
        })
        .map(|count| count.min(MAX_TOKENS))
}

fn whole(number: f64) -> Option<u64> {
    // Far below 2^53, and not negative.
    (number >= 0.0).then(|| number.round().min(MAX_TOKENS as f64) as u64)
}

/// Joins the non-empty parts of an answer. The caller finds the one JSON object in it.
pub(crate) fn join(parts: impl IntoIterator<Item = String>) -> String {
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.trim().is_empty()).collect();
    parts.join("\n")
}

/// Returns a text as it is, and any other value, such as a tool's input, as JSON.
pub(crate) fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

/// Returns a message's content: a text, or a list of parts.
pub(crate) fn content_of(content: &Value) -> String {
    match content {
        Value::Array(parts) => parts
            .iter()
            .filter_map(|part| part.as_str().or_else(|| part["text"].as_str()))
            .collect(),
        other => text_of(other),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn counts_are_read_in_every_form() {
        for (value, expected) in [
            (json!(10), Some(10)),
            (json!(10.0), Some(10)),
            (json!(10.4), Some(10)),
            (json!("10"), Some(10)),
            (json!(" 10.0 "), Some(10)),
            (json!(0), Some(0)),
            (json!(-1), None),
            (json!("many"), None),
            (json!(null), None),
            (json!({}), None),
            (json!(u64::MAX), Some(MAX_TOKENS)),
            (json!(1e300), Some(MAX_TOKENS)),
            (json!("NaN"), None),
        ] {
            assert_eq!(count(&json!({ "n": value }), &["n"]), expected, "{value}");
        }
        assert_eq!(count(&json!({ "b": 2 }), &["a", "b"]), Some(2));
        assert_eq!(count(&json!([1]), &["a"]), None);
        assert_eq!(count(&json!(null), &["a"]), None);
    }
}
