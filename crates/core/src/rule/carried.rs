//! Finds values that are written apart from their names: `- name: DB_PASSWORD` with `value: …` below it, `variable
//! "token" { default = "…" }`, `<add key="Password" value="…"/>`.

use super::SecretMatch;
use super::assignment::find_value;
use super::name::{Promise, promise_of};
use super::place::Form;

/// Number of lines in which a name's value is searched, including the name's own line.
const MAX_LINES: usize = 4;
/// Maximum length of a searched line, in bytes: longer lines have no such names.
const MAX_LINE: usize = 2_000;

/// A name whose value has not been found yet.
#[derive(Clone, Debug)]
pub(super) struct Carried {
    name: String,
    promise: Promise,
    lines_left: usize,
}

/// Finds the value of the carried name in a line, and returns the name that the line carries to the next one, if any.
pub(super) fn find(line: &str, carried: Option<Carried>, form: Form, found: &mut Vec<SecretMatch>) -> Option<Carried> {
    if line.len() > MAX_LINE {
        return None;
    }
    let named = read_name(line);
    let (carried, from) = match named {
        Some((name, promise, end)) => (
            Some(Carried {
                name,
                promise,
                lines_left: MAX_LINES,
            }),
            end,
        ),
        None => (carried, 0),
    };
    let carried = carried?;
    for word in [
        "value",
        "Value",
        "VALUE",
        "default",
        "stringValue",
        "string_value",
        "secret_string",
    ] {
        let Some(at) = line.get(from..).and_then(|rest| rest.find(word)).map(|at| at + from) else {
            continue;
        };
        let before = line.as_bytes().get(at.wrapping_sub(1)).copied().unwrap_or(b' ');
        let end = at + word.len();
        if !before.is_ascii_alphanumeric() && !line.as_bytes().get(end).is_some_and(u8::is_ascii_alphanumeric) {
            find_value(line, at, end, (&carried.name, carried.promise), form, found);
            return None;
        }
    }
    let lines_left = carried.lines_left.checked_sub(1)?;
    (lines_left > 0).then_some(Carried { lines_left, ..carried })
}

/// Returns the secret's name that this line has as a value, and the byte after it.
fn read_name(line: &str) -> Option<(String, Promise, usize)> {
    for word in ["name", "Name", "key", "Key", "variable", "parameter", "field"] {
        let Some(at) = line.find(word) else { continue };
        let before = line.as_bytes().get(at.wrapping_sub(1)).copied().unwrap_or(b' ');
        if before.is_ascii_alphanumeric() || before == b'_' {
            continue;
        }
        let behind = line.get(at + word.len()..)?;
        let value = behind.trim_start_matches(['"', '\'', ' ', '\t', ':', '=', '\\']);
        let start = line.len() - value.len();
        if start == at + word.len() {
            continue;
        }
        let length = value
            .bytes()
            .take(120)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(byte))
            .count();
        let name = value.get(..length)?;
        if let Some(promise) = promise_of(name).filter(|promise| *promise != Promise::Key) {
            return Some((name.to_owned(), promise, start + length));
        }
    }
    None
}
