//! Payloads as text. JSON allows numbers of any size and lone surrogates, which a `serde_json::Value` cannot hold. Such
//! a number becomes an object that holds its text, so that it passes through unchanged; an expression sees the nearest
//! double. A lone surrogate becomes U+FFFD.

use std::borrow::Cow;

use serde_json::{Map, Value};

/// The only key of the object that represents a number. It begins with a noncharacter, which no other key has.
const NUMBER: &str = "\u{fdd0}number";

/// Reads a payload.
///
/// # Errors
/// The text isn't JSON, or is nested deeper than 127 levels.
pub fn parse_payload(text: impl AsRef<[u8]>) -> serde_json::Result<Value> {
    let bytes = text.as_ref();
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str(&readable(text)),
        Err(_) => serde_json::from_slice(bytes),
    }
}

/// Returns the JSON of a payload.
pub fn payload_text(payload: &Value) -> String {
    let text = payload.to_string();
    let start = format!("{{\"{NUMBER}\":\"");
    if !text.contains(&start) {
        return text;
    }
    // In a string the quotes would be escaped.
    let mut parts = text.split(&start);
    let mut shown = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match part.split_once("\"}") {
            Some((number, rest)) if is_number(number) => {
                shown.push_str(number);
                shown.push_str(rest);
            }
            _ => {
                shown.push_str(&start);
                shown.push_str(part);
            }
        }
    }
    shown
}

/// Returns the nearest double of an object that represents a number; none for any other object.
pub(crate) fn as_number(object: &Map<String, Value>) -> Option<f64> {
    if object.len() != 1 {
        return None;
    }
    let text = object.get(NUMBER)?.as_str()?;
    if is_number(text) { text.parse().ok() } else { None }
}

/// Returns the value for an infinite number.
pub(crate) fn infinite(number: f64) -> Value {
    let text = if number < 0.0 { "-1e999" } else { "1e999" };
    Value::Object(Map::from_iter([(NUMBER.to_owned(), Value::from(text))]))
}

/// Returns true if a text is a JSON number.
fn is_number(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let text = text.strip_prefix('-').unwrap_or(text);
    let (mantissa, exponent) = text.split_once(['e', 'E']).map_or((text, None), |(m, e)| (m, Some(e)));
    let (whole, fraction) = mantissa.split_once('.').map_or((mantissa, None), |(w, f)| (w, Some(f)));
    digits(whole)
        && (whole.len() == 1 || !whole.starts_with('0'))
        && fraction.is_none_or(digits)
        && exponent.is_none_or(|exponent| digits(exponent.strip_prefix(['+', '-']).unwrap_or(exponent)))
}

/// Returns the text with everything that a value cannot hold replaced.
fn readable(text: &str) -> Cow<'_, str> {
    let bytes = text.as_bytes();
    // The new text up to the place `copied` of the old one; empty while both are equal.
    let (mut new, mut copied, mut at) = (String::new(), 0, 0);
    let mut replace = |from: usize, to: usize, with: &str| {
        new.push_str(text.get(copied..from).unwrap_or_default());
        new.push_str(with);
        copied = to;
    };
    let mut in_string = false;
    while let Some(byte) = bytes.get(at) {
        let start = at;
        at += 1;
        match byte {
            b'"' => in_string = !in_string,
            b'\\' if in_string => {
                at += 1;
                let Some(unit) = escaped_unit(bytes, start) else {
                    continue;
                };
                at = start + 6;
                match unit {
                    0xd800..=0xdbff if matches!(escaped_unit(bytes, at), Some(0xdc00..=0xdfff)) => at += 6,
                    0xd800..=0xdfff => replace(start, at, "\\ufffd"),
                    _ => {}
                }
            }
            b'-' | b'0'..=b'9' if !in_string => {
                let is_part = |byte: &u8| byte.is_ascii_digit() || b"+-.eE".contains(byte);
                at += bytes[at..].iter().take_while(|byte| is_part(byte)).count();
                let number = text.get(start..at).unwrap_or_default();
                if is_too_large(number) {
                    replace(start, at, &format!("{{\"{NUMBER}\":\"{number}\"}}"));
                }
            }
            _ => {}
        }
    }
    if copied == 0 {
        return Cow::Borrowed(text);
    }
    new.push_str(text.get(copied..).unwrap_or_default());
    Cow::Owned(new)
}

/// Returns the UTF-16 unit of an escape `\uXXXX`.
fn escaped_unit(bytes: &[u8], at: usize) -> Option<u16> {
    let digits = bytes.get(at..at + 6)?.strip_prefix(b"\\u")?;
    if !digits.iter().all(u8::is_ascii_hexdigit) {
        return None;
    }
    u16::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok()
}

/// Returns true if a value cannot hold the number: an integer of more than 64 bits, or one beyond all doubles.
fn is_too_large(number: &str) -> bool {
    if !is_number(number) {
        return false;
    }
    let is_integer = !number.contains(['.', 'e', 'E']);
    if is_integer {
        return number != "-0" && number.parse::<i64>().is_err() && number.parse::<u64>().is_err();
    }
    number.parse::<f64>().is_ok_and(f64::is_infinite)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn numbers_and_surrogates_that_no_value_can_hold_pass_through() {
        let (large, small) = ("1".repeat(400), "-99999999999999999999");
        for text in [
            "18446744073709551616",
            "-9223372036854775809",
            "1e400",
            "[1,-2.5,18446744073709551615,-9223372036854775808]",
            r#"{"a":[123456789012345678901234567890,{"b":"18446744073709551616"}]}"#,
            r#"{"18446744073709551616":-1E+999}"#,
            r#""a \" 99999999999999999999999""#,
            large.as_str(),
            small,
        ] {
            assert_eq!(payload_text(&parse_payload(text).unwrap()), text);
        }
        for (text, expected) in [
            (r#""a\ud800b""#, json!("a\u{fffd}b")),
            (r#""\udc00\ud83d\ude00""#, json!("\u{fffd}\u{1f600}")),
            (r#""\ud83d\u0041""#, json!("\u{fffd}A")),
            (r#"{"\ud800":1}"#, json!({ "\u{fffd}": 1 })),
            (r#""\\ud800""#, json!("\\ud800")),
            ("-0", json!(-0.0)),
        ] {
            assert_eq!(parse_payload(text).unwrap(), expected, "{text}");
        }
    }

    #[test]
    fn invalid_json_is_refused() {
        for text in [
            "",
            "01",
            "99999999999999999999x",
            "1e",
            "--1",
            "{1e400}",
            "\"\\ud8",
            "\"\\u+123\"",
            "1e400e",
            "[99999999999999999999",
        ] {
            assert!(parse_payload(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_object_that_only_looks_like_a_number_stays_an_object() {
        for number in ["1]", " 1", "true", "", "1e"] {
            let object = json!({ NUMBER: number });
            assert_eq!(serde_json::from_str::<Value>(&payload_text(&object)).unwrap(), object);
        }
        assert_eq!(
            as_number(json!({ NUMBER: "1e400" }).as_object().unwrap()),
            Some(f64::INFINITY)
        );
        assert_eq!(as_number(json!({ NUMBER: "x" }).as_object().unwrap()), None);
    }
}
