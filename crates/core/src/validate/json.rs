//! Text to one JSON object: bare, or in the answer's only code fence.

use serde_json::Value;

/// Reads the object. Errors: the problem in words, with the parser's own message, line and column.
pub fn read_object(text: &str) -> Result<Value, String> {
    let trimmed = text.trim_start_matches('\u{feff}').trim();
    if trimmed.is_empty() {
        return Err("the answer is empty: expected one JSON object".to_owned());
    }
    let body = unfence(trimmed).unwrap_or(trimmed);
    let value: Value = serde_json::from_str(body).map_err(|error| {
        let start: String = body.chars().take(60).collect();
        format!("the answer is not one JSON object: {error}; it begins with {start:?}")
    })?;
    if value.is_object() {
        Ok(value)
    } else {
        Err(format!(
            "the answer is JSON, but {} where one object was expected",
            kind(&value)
        ))
    }
}

/// The content of the one code fence, prose around it or not. A text that begins as an object has none to look for.
fn unfence(text: &str) -> Option<&str> {
    if text.starts_with('{') {
        return None;
    }
    let (_, from) = text.split_once("```")?;
    let (info, rest) = from.split_once('\n')?;
    let (body, _) = rest.rsplit_once("```")?;
    (info.trim().chars().all(char::is_alphanumeric) && !body.contains("\n```")).then_some(body.trim())
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed read fails the test")]
    use super::*;

    #[test]
    fn takes_bare_and_fenced_objects_only() {
        for text in [
            "{}",
            " {\n} ",
            "```json\n{}\n```",
            "```\n{ }\n```  ",
            "\u{feff}{}",
            "Here:\n```json\n{}\n```\nDone.",
            "{\"a\":\"```\\nx\\n```\"}",
        ] {
            assert!(read_object(text).is_ok(), "{text}");
        }
        for (text, says) in [
            ("", "empty"),
            ("Here you are: {}", "expected value at line 1 column 1"),
            ("{} and more", "trailing characters"),
            ("[1]", "an array where one object"),
            ("{\"a\": ", "EOF while parsing"),
            ("```json\n{}", "not one JSON object"),
            ("```\n{}\n```\nor\n```\n{}\n```", "not one JSON object"),
        ] {
            assert!(
                read_object(text).unwrap_err().contains(says),
                "{text}: {}",
                read_object(text).unwrap_err()
            );
        }
    }

    #[test]
    fn deep_nesting_is_an_error_and_not_a_crash() {
        assert!(
            read_object(&"{\"a\":".repeat(100_000))
                .unwrap_err()
                .contains("recursion limit")
        );
    }
}
