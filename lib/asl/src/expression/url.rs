//! JSONata's URL functions, which behave as JavaScript's.

use jsonata_core::evaluator::EvaluatorError;
use jsonata_core::value::JValue;

/// The functions' names.
pub(super) const NAMES: [&str; 4] = ["encodeUrl", "encodeUrlComponent", "decodeUrl", "decodeUrlComponent"];

/// The characters that no URL function escapes, beside letters and digits.
const UNRESERVED: &[u8] = b"-_.!~*'()";
/// The characters with a meaning in a whole URL: `$encodeUrl` keeps them, `$decodeUrl` keeps their escapes.
const RESERVED: &[u8] = b";/?:@&=+$,#";

/// Calls one of the functions in `NAMES`.
///
/// # Errors
/// The argument is not a string, or not an encoded URL.
pub(super) fn call(name: &str, arguments: &[JValue]) -> Result<JValue, EvaluatorError> {
    // `$map` passes the position and the list as well.
    let text = match arguments.first() {
        None | Some(JValue::Undefined) => return Ok(JValue::Undefined),
        Some(JValue::String(text)) => text,
        Some(_) => {
            return Err(EvaluatorError::EvaluationError(format!(
                "T0410: Argument 1 of function \"{name}\" does not match function signature"
            )));
        }
    };
    let kept = if name.ends_with("Component") { &[][..] } else { RESERVED };
    if name.starts_with("encode") {
        return Ok(JValue::from(encode(text, kept)));
    }
    decode(text, kept)
        .map(JValue::from)
        .ok_or_else(|| EvaluatorError::EvaluationError(format!("D3140: Malformed URL passed to ${name}(): \"{text}\"")))
}

/// Escapes a text except letters, digits, unreserved characters and those in `kept`.
fn encode(text: &str, kept: &[u8]) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte) || kept.contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push('%');
            encoded.push_str(&hex::encode_upper([byte]));
        }
    }
    encoded
}

/// Decodes a text's escapes except those of characters in `kept`; none if the result is not UTF-8.
fn decode(text: &str, kept: &[u8]) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        if *first != b'%' {
            bytes.push(*first);
            rest = after;
            continue;
        }
        let (escape, after) = after.split_at_checked(2)?;
        let mut byte = [0];
        hex::decode_to_slice(escape, &mut byte).ok()?;
        if kept.contains(&byte[0]) {
            bytes.push(b'%');
            bytes.extend_from_slice(escape);
        } else {
            bytes.push(byte[0]);
        }
        rest = after;
    }
    String::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    // The expected texts are those of jsonata 2.0.6.
    #[test]
    fn urls_are_encoded_and_decoded_as_the_reference_does() {
        let table = [
            (
                "encodeUrl",
                "https://a b/é?x=y&z#q[]%",
                Some("https://a%20b/%C3%A9?x=y&z#q%5B%5D%25"),
            ),
            ("encodeUrlComponent", "a b/é?!*()~'", Some("a%20b%2F%C3%A9%3F!*()~'")),
            ("encodeUrl", "", Some("")),
            ("decodeUrl", "%20%C3%A9%2f%23", Some(" é%2f%23")),
            ("decodeUrlComponent", "%20%2f%23", Some(" /#")),
            ("decodeUrl", "%", None),
            ("decodeUrl", "%C3", None),
            ("decodeUrl", "%C3x%A9", None),
            ("decodeUrl", "%+1", None),
            ("decodeUrlComponent", "%zz", None),
        ];
        for (name, text, expected) in table {
            let answer = call(name, &[JValue::string(text)]);
            match expected {
                Some(expected) => assert_eq!(answer.ok(), Some(JValue::string(expected)), "{name} {text}"),
                None => assert!(
                    answer.is_err_and(|error| error.message().starts_with("D3140")),
                    "{name} {text}"
                ),
            }
        }
        assert_eq!(call("encodeUrl", &[JValue::Undefined]).ok(), Some(JValue::Undefined));
        assert!(call("encodeUrl", &[JValue::from(5_i64)]).is_err_and(|error| error.message().starts_with("T0410")));
    }
}
