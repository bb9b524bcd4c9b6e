//! The form of a row's key and value, which is the same for every table. The tables themselves store the rows.

use super::RowError;
use serde_json::Value;

/// Maximum length of a key, in bytes. It fits DynamoDB's range key, so that every table accepts the same keys.
const KEY_BYTES: usize = 900;

/// Maximum length of a value, in bytes of JSON: about a hundred fit DynamoDB's largest answer, and one its largest
/// item.
const VALUE_BYTES: usize = 100 * 1024;

/// Maximum length of a log's entry, in bytes of JSON.
const ENTRY_BYTES: usize = 4 * 1024;

/// Maximum length of a log's base, in bytes of JSON. It leaves room for the entries of a busy minute.
const BASE_BYTES: usize = 200 * 1024;

/// Maximum length of a log, base and entries, in bytes of JSON. DynamoDB's largest item has 400 KB.
pub const LOG_BYTES: usize = 300 * 1024;

/// Maximum number of entries in one fold: DynamoDB's longest update expression removes about 200.
pub const MAX_FOLDED: usize = 100;

/// Returns the group and the name of a key.
///
/// # Errors
///
/// The key is invalid.
pub fn split_key(key: &str) -> Result<(&str, &str), RowError> {
    let (group, name) = split_prefix(key)?;
    if name.is_empty() {
        return Err(no_key(key, "its name is empty; expected GROUP/NAME"));
    }
    Ok((group, name))
}

/// Returns the group of a prefix, and the beginning of the names; empty for the whole group.
///
/// # Errors
///
/// The prefix has no whole group.
pub fn split_prefix(prefix: &str) -> Result<(&str, &str), RowError> {
    if prefix.len() > KEY_BYTES {
        return Err(no_key(prefix, "it has more than 900 bytes"));
    }
    if prefix.chars().any(char::is_control) {
        return Err(no_key(prefix, "it has a control character"));
    }
    match prefix.split_once('/') {
        Some((group, name)) if !group.is_empty() => Ok((group, name)),
        _ => Err(no_key(prefix, "it has no group; expected GROUP/NAME")),
    }
}

/// Writes a value as it is stored.
///
/// # Errors
///
/// It isn't an object, or is too large.
pub fn write_value(key: &str, value: &Value) -> Result<String, RowError> {
    write_bounded(key, value, "value", VALUE_BYTES)
}

/// Writes an entry of a log as it is stored.
///
/// # Errors
///
/// It isn't an object, or is too large.
pub fn write_entry(key: &str, entry: &Value) -> Result<String, RowError> {
    write_bounded(key, entry, "entry", ENTRY_BYTES)
}

/// Writes the base of a log as it is stored, into which `count` entries are folded.
///
/// # Errors
///
/// It isn't an object, or is too large; the count is outside of the limits.
pub fn write_base(key: &str, base: &Value, count: usize) -> Result<String, RowError> {
    if count == 0 || count > MAX_FOLDED {
        return Err(failed(
            key,
            format!("a fold takes 1 to {MAX_FOLDED} entries, not {count}"),
        ));
    }
    write_bounded(key, base, "base", BASE_BYTES)
}

fn write_bounded(key: &str, value: &Value, what: &str, most: usize) -> Result<String, RowError> {
    if !value.is_object() {
        return Err(failed(key, format!("its {what} isn't a JSON object")));
    }
    let text = value.to_string();
    if text.len() > most {
        let detail = format!("its {what} has {} bytes, and at most {most} are kept", text.len());
        return Err(failed(key, detail));
    }
    Ok(text)
}

/// Returns the error of an append beyond [`LOG_BYTES`].
pub fn log_full(key: &str) -> RowError {
    let detail = format!("the log is full: it would have more than {LOG_BYTES} bytes until its next fold. Try again");
    failed(key, detail)
}

/// Reads a stored value. The error leaves the parser's message out, because it may quote a credential.
///
/// # Errors
///
/// Holdfast did not write it.
pub fn read_value(key: &str, text: &str, table: &str) -> Result<Value, RowError> {
    let value: Option<Value> = serde_json::from_str(text).ok().filter(Value::is_object);
    value.ok_or_else(|| failed(key, unreadable(table)))
}

/// Describes why a stored row can't be used.
pub fn unreadable(table: &str) -> String {
    format!("{table} holds something else there: it was damaged, or written by another program")
}

/// Returns the error of a row that can't be used.
pub fn failed(key: &str, detail: impl Into<String>) -> RowError {
    RowError {
        key: key.to_owned(),
        detail: detail.into(),
    }
}

fn no_key(key: &str, why: &str) -> RowError {
    let shown: String = key.escape_debug().take(100).collect();
    failed(&shown, format!("invalid row key: {why}"))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed split fails the test")]
    use super::*;

    #[test]
    fn a_key_is_a_group_and_a_name() {
        let cases = [
            ("lease/1", Some(("lease", "1"))),
            ("a/b/c", Some(("a", "b/c"))),
            ("a//", Some(("a", "/"))),
            ("a/", None),
            ("/a", None),
            ("a", None),
            ("", None),
            ("a/b\nc", None),
        ];
        for (key, expected) in cases {
            assert_eq!(split_key(key).ok(), expected, "{key:?}");
        }
        assert_eq!(split_prefix("a/").unwrap(), ("a", ""));
        assert!(split_prefix("a").is_err());
        let message = split_key(&"a\n".repeat(500)).unwrap_err().to_string();
        assert!(message.len() < 200 && !message.contains('\n'), "{message}");
    }
}
