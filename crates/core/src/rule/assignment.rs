//! Finds secrets assigned to a name: `DB_PASSWORD=…`, `token: "…"`, `--api-key …`, `<password>…</password>`. The name
//! must suggest a secret and the value must look like one; how strongly depends on both and on the kind of file.

use super::literal::{Demand, could_be_secret, is_template};
use super::name::{Promise, promise_of};
use super::place::Form;
use super::vendors::find_named;
use super::{Certainty, SecretKind, SecretMatch};

/// A literal assigned to a secret's name.
pub(super) const ASSIGNED: SecretKind = SecretKind {
    rule: "assigned-secret",
    title: "a literal that looks like a secret",
};

/// Maximum length of a name, in bytes.
const MAX_NAME: usize = 120;
/// Maximum length of a value, in bytes; tokens are shorter.
pub(super) const MAX_VALUE: usize = 4_096;
/// Maximum number of blanks between name, operator and value.
const MAX_BLANKS: usize = 40;

/// The syntax that binds a value to its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    /// `=` directly between them.
    Tight,
    /// `=`, `:`, `:=`, `=>` and the like.
    Loose,
    /// `==`, `!=` and the like.
    Comparison,
    /// `<name>value`.
    Element,
    /// Only blanks.
    Blank,
    /// A comma or a call: arguments.
    Argument,
}

/// A value and its position.
struct Value<'a> {
    text: &'a str,
    start: usize,
    is_quoted: bool,
}

/// The value that was read after a name.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Read {
    /// The value's length, in bytes.
    pub length: usize,
    /// The end of a value without quotes. Text inside the value isn't searched for names.
    pub end: usize,
}

/// Returns the start and end of the word around a position. The search for the start is bounded.
pub(super) fn word_around(line: &str, start: usize, end: usize) -> (usize, usize) {
    let bytes = line.as_bytes();
    let is_name = |byte: &&u8| byte.is_ascii_alphanumeric() || b"_-.".contains(byte);
    let before = bytes.get(..start).unwrap_or_default().iter().rev();
    let left = before.take(MAX_NAME).take_while(is_name).count();
    let right = bytes.get(end..).unwrap_or_default().iter().take_while(is_name).count();
    (start - left, end + right)
}

/// Finds the secret assigned to the name at `start..end`, if there is one. The value is at most `most` bytes long.
pub(super) fn find(line: &str, place: (usize, usize), form: Form, most: usize, found: &mut Vec<SecretMatch>) -> Read {
    let (start, end) = place;
    let whole = line.get(start..end).unwrap_or_default();
    if whole.len() > 2 * MAX_NAME {
        return Read::default();
    }
    let name = whole.trim_start_matches(['-', '.']);
    let start = start + (whole.len() - name.len());
    let name = name.trim_end_matches(['-', '.']);
    let Some(promise) = promise_of(name) else {
        return Read::default();
    };
    // The text after a name is bounded, so that many names before one long value cost linear time.
    let reach = line.floor_char_boundary(start + name.len() + 2 * MAX_NAME + most);
    let line = line.get(..reach).unwrap_or_default();
    find_value(line, start, start + name.len(), (name, promise), form, found)
}

/// Finds the secret after a name that ends at `end`. `named` is the text that counts as its name and the kind of
/// secret that it suggests.
pub(super) fn find_value(
    line: &str,
    start: usize,
    end: usize,
    named: (&str, Promise),
    form: Form,
    found: &mut Vec<SecretMatch>,
) -> Read {
    let (name, promise) = named;
    let value = read_operator(line, start, end, form)
        .and_then(|(operator, at)| Some((operator, read_value(line, at, operator, form)?)));
    // A comparison with a bare word names another value.
    let value = value.filter(|(operator, value)| *operator != Operator::Comparison || value.is_quoted);
    let Some((operator, value)) = value else {
        return Read::default();
    };
    let lower = name.to_ascii_lowercase();
    let demand = demand_of(line, start, promise, operator, &value, form);
    for (text, start) in pieces(&value) {
        let is_machine_made = promise != Promise::Password && !is_template(text);
        let row = is_machine_made.then(|| find_named(&lower, text)).flatten();
        let is_long_enough = promise != Promise::Key || text.len() >= 20;
        let (kind, certainty) = match row {
            Some(row) => (row.kind, Certainty::Known),
            None if is_long_enough && could_be_secret(text, demand, promise == Promise::Password) => {
                (ASSIGNED, Certainty::Guess)
            }
            None => continue,
        };
        found.push(SecretMatch::new(kind, certainty, start, start + text.len()));
    }
    let length = value.text.len();
    let end = if value.is_quoted || operator == Operator::Blank {
        0
    } else {
        value.start + length
    };
    Read { length, end }
}

/// Returns the parts of a value outside of placeholders: a placeholder doesn't hide a secret next to it.
fn pieces<'a>(value: &Value<'a>) -> Vec<(&'a str, usize)> {
    let mut pieces = Vec::new();
    let (mut rest, mut start) = (value.text, value.start);
    while let Some(open) = rest.find("[[SECRET_") {
        pieces.push((&rest[..open], start));
        let end = rest[open..].find("]]").map_or(rest.len(), |end| open + end + 2);
        start += end;
        rest = &rest[end..];
    }
    pieces.push((rest, start));
    pieces
}

fn demand_of(line: &str, start: usize, promise: Promise, operator: Operator, value: &Value<'_>, form: Form) -> Demand {
    let before = line.get(..start).unwrap_or_default();
    let near = line.ceil_char_boundary(start.saturating_sub(200));
    let is_first = begins_line(before);
    let before = line.get(near..start).unwrap_or_default();
    let previous = before.bytes().next_back().unwrap_or(b' ');
    let is_settings = form == Form::Settings;
    if promise == Promise::Key {
        return Demand::High;
    }
    match operator {
        Operator::Element => Demand::Usual,
        Operator::Argument => {
            if value.is_quoted {
                Demand::High
            } else {
                Demand::Usual
            }
        }
        Operator::Blank => {
            let is_option = before.ends_with("--") || (before.ends_with('-') && value.is_quoted);
            let is_define = before.trim_end().ends_with("#define");
            let is_login = before.contains("login ") || before.contains("machine ");
            match () {
                () if is_login || (is_settings && is_first) => Demand::Mild,
                // A macro without quotes is an expression.
                () if is_option || (is_define && value.is_quoted) => Demand::Usual,
                () => Demand::High,
            }
        }
        _ if value.is_quoted && is_settings => Demand::Mild,
        _ if value.is_quoted => Demand::Usual,
        _ if is_settings && is_first => Demand::Mild,
        Operator::Tight if is_settings || b";&?\"'/\\".contains(&previous) || before.ends_with("--") => Demand::Usual,
        Operator::Tight if form == Form::Other && is_first => Demand::Usual,
        Operator::Loose if b"\"'".contains(&previous) || (form == Form::Other && is_first && is_colon(line, start)) => {
            Demand::Usual
        }
        _ => Demand::High,
    }
}

/// Returns whether a colon follows the name, as in YAML and headers.
fn is_colon(line: &str, start: usize) -> bool {
    let rest = line.get(start..).unwrap_or_default();
    let operator = rest.bytes().take(MAX_NAME * 2).find(|byte| matches!(byte, b':' | b'='));
    operator == Some(b':')
}

/// Returns whether only the keywords and marks of an assignment precede the name.
fn begins_line(before: &str) -> bool {
    const WORDS: &[&str] = &[
        "export", "set", "env", "arg", "-", "- -", "--env", "-e", "local", "declare", "setenv", "readonly", "run", "#",
        "//", ";", "$env:", "+", "*", "@", "$", "let", "rem",
    ];
    if before.len() > 80 {
        return false;
    }
    let trimmed = before.trim_matches([' ', '\t', '"', '\'', '`', '{', ',', '#', '/', '*', '<', '\\', '$']);
    trimmed.is_empty()
        || WORDS.contains(&trimmed.to_ascii_lowercase().as_str())
        || before.trim_start().to_ascii_lowercase().starts_with("environment=")
}

fn read_operator(line: &str, start: usize, end: usize, form: Form) -> Option<(Operator, usize)> {
    const OPERATORS: &[&str] = &[
        "===", "!==", "||=", "??=", ":=", "=>", "==", "!=", "?=", "+=", ":-", "->", "<-", "=", ":",
    ];
    let bytes = line.as_bytes();
    let closing = bytes
        .get(end..)?
        .iter()
        .take(6)
        .take_while(|byte| b"\"'`\\])".contains(byte))
        .count();
    let was_quoted = bytes.get(end..end + closing)?.iter().any(|byte| b"\"'`".contains(byte));
    let mut at = end + closing;
    let blanks = blanks(bytes, at);
    at += blanks;
    let rest = line.get(at..)?;
    if let Some(operator) = OPERATORS.iter().find(|operator| rest.starts_with(**operator)) {
        at += operator.len();
        if rest.starts_with("://") {
            return None;
        }
        let after = self::blanks(bytes, at);
        let is_tight = blanks == 0 && after == 0 && *operator != ":";
        at += after;
        if *operator == ":" && form != Form::Settings {
            at = skip_type(line, at);
        }
        let operator = match *operator {
            "===" | "!==" | "==" | "!=" => Operator::Comparison,
            _ if is_tight => Operator::Tight,
            _ => Operator::Loose,
        };
        return Some((operator, at));
    }
    let opens_element = start > 0 && matches!(bytes.get(start - 1), Some(b'<' | b':'));
    match rest.bytes().next()? {
        b'>' if opens_element => Some((Operator::Element, at + 1)),
        b',' if was_quoted => Some((Operator::Argument, at + 1 + self::blanks(bytes, at + 1))),
        b'(' if !reads(line.get(start..end)?) => Some((Operator::Argument, at + 1)),
        byte if blanks > 0 && (byte.is_ascii_alphanumeric() || b"\"'`+/$!@#%".contains(&byte)) => {
            Some((Operator::Blank, skip_type(line, at)))
        }
        _ => None,
    }
}

fn blanks(bytes: &[u8], at: usize) -> usize {
    bytes
        .get(at..)
        .unwrap_or_default()
        .iter()
        .take(MAX_BLANKS)
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count()
}

/// Skips a type between name and value: `: &'static str = `, ` string = `.
fn skip_type(line: &str, at: usize) -> usize {
    let rest = line.get(at..).unwrap_or_default();
    let is_type = |byte: &u8| byte.is_ascii_alphanumeric() || b"&<>[]'. |?:_*".contains(byte);
    let length = rest.bytes().take(60).take_while(is_type).count();
    let behind = rest.get(length..).unwrap_or_default();
    if length > 0 && behind.starts_with('=') && !behind.starts_with("==") && !behind.starts_with("=>") {
        let start = at + length + 1;
        return start + blanks(line.as_bytes(), start);
    }
    at
}

/// Returns whether a call only fetches a secret.
fn reads(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let last = lower.rsplit(['.', ':']).next().unwrap_or_default();
    [
        "get", "env", "read", "load", "fetch", "find", "lookup", "has", "is", "check", "param", "validate", "verify",
        "decode", "parse", "input", "prompt",
    ]
    .iter()
    .any(|verb| last.starts_with(verb))
        || [
            "getenv",
            "environ",
            "lookup",
            "get_secret",
            "getsecret",
            "env_var",
            "env::var",
        ]
        .iter()
        .any(|call| lower.contains(call))
}

/// Reads the value that starts at `at`: the content of a literal, or a bare word.
fn read_value<'a>(line: &'a str, at: usize, operator: Operator, form: Form) -> Option<Value<'a>> {
    let at = skip_wrappers(line, at)?;
    let bytes = line.as_bytes();
    let backslashes = bytes
        .get(at..)?
        .iter()
        .take(4)
        .take_while(|byte| **byte == b'\\')
        .count();
    let open = at + backslashes;
    match bytes.get(open) {
        Some(&quote @ (b'"' | b'\'' | b'`')) => {
            let is_triple = bytes.get(open + 1) == Some(&quote) && bytes.get(open + 2) == Some(&quote);
            let start = open + if is_triple { 3 } else { 1 };
            let length = quoted_len(bytes.get(start..)?, quote, backslashes > 0)?;
            let text = line.get(start..start + length)?;
            trimmed(text, start, true)
        }
        Some(_) if backslashes == 0 => {
            let length = bare_len(bytes.get(at..)?, operator, form);
            let text = line.get(at..at + length)?;
            let calls = matches!(bytes.get(at + length), Some(b'(' | b'[' | b'{'));
            let text = if operator == Operator::Element {
                text
            } else {
                text.trim_end_matches([',', ';', '.', ':'])
            };
            (!calls).then(|| trimmed(text, at, false)).flatten()
        }
        _ => None,
    }
}

fn trimmed(text: &str, start: usize, is_quoted: bool) -> Option<Value<'_>> {
    let from = start + (text.len() - text.trim_start().len());
    let text = text.trim();
    (!text.is_empty()).then_some(Value {
        text,
        start: from,
        is_quoted,
    })
}

/// Returns the length up to the closing quote or a placeholder. Returns `None` if the line has no closing quote in
/// reach and the literal is too long.
fn quoted_len(bytes: &[u8], quote: u8, is_escaped: bool) -> Option<usize> {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if at > MAX_VALUE {
            return None;
        }
        match byte {
            b'\\' if is_escaped => return Some(at),
            // An escaped line end ends a value; any other escape is part of it.
            b'\\' if matches!(bytes.get(at + 1), Some(b'n' | b'r')) => return Some(at),
            b'\\' => at += 1,
            _ if byte == quote => return Some(at),
            _ => {}
        }
        at += 1;
    }
    Some(bytes.len())
}

fn bare_len(bytes: &[u8], operator: Operator, form: Form) -> usize {
    let ends: &[u8] = match operator {
        Operator::Element => b"<",
        _ if form == Form::Settings => b"\"'`<>|\\;",
        _ => b"\"'`,;&<>(){}[]|\\#",
    };
    let is_value = |byte: &&u8| !byte.is_ascii_whitespace() && !ends.contains(byte);
    let length = bytes.iter().take(MAX_VALUE).take_while(is_value).count();
    let whole = bytes.get(..length).unwrap_or_default();
    // Where `&` joins parameters, it ends a value in settings files as well.
    let joined = whole
        .windows(2)
        .position(|pair| pair[0] == b'&' && pair[1].is_ascii_alphabetic() && whole.contains(&b'='));
    joined.filter(|_| operator == Operator::Tight).unwrap_or(length)
}

/// Skips the prefix of a literal: `String::from(`, `r#`, `b`. Returns `None` if a call fetches the value.
fn skip_wrappers(line: &str, at: usize) -> Option<usize> {
    let mut at = at;
    for _ in 0..2 {
        let rest = line.get(at..)?;
        let word = rest
            .bytes()
            .take(48)
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"_.:@$#&!".contains(byte))
            .count();
        let behind = rest.as_bytes().get(word);
        let is_prefix = word <= 3 && matches!(behind, Some(b'"' | b'\''));
        match behind {
            Some(b'(') if word > 0 => {
                let name = rest.get(..word)?;
                let inside = rest.as_bytes().get(word + 1);
                if reads(name) || !matches!(inside, Some(b'"' | b'\'' | b'`')) {
                    return None;
                }
                at += word + 1;
            }
            _ if is_prefix => at += word,
            _ => break,
        }
    }
    Some(at)
}
