//! The table of tokens with published formats ([vendors.txt](vendors.txt)) and their search: first all keywords in
//! one pass, then the format at each keyword.

use std::ops::Range;
use std::sync::LazyLock;

use aho_corasick::AhoCorasick;

use super::literal::{is_documented, is_filler};
use super::shape::Shape;
use super::{Certainty, SecretKind, SecretMatch};

/// A row of the table.
pub(super) struct Vendor {
    /// Rule id and title.
    pub kind: SecretKind,
    /// The word that the value's name must contain, in lower case. `None` if the format is unmistakable.
    pub name: Option<&'static str>,
    /// The format.
    pub shape: Shape,
}

static TABLE: LazyLock<Vec<Vendor>> = LazyLock::new(|| {
    include_str!("vendors.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(read_row)
        .collect()
});

/// The rows with an unmistakable format, and the automaton of their keywords: pattern `i` belongs to row `i`.
static BY_KEYWORD: LazyLock<Option<(AhoCorasick, Vec<&'static Vendor>)>> = LazyLock::new(|| {
    let rows: Vec<&Vendor> = TABLE.iter().filter(|row| row.name.is_none()).collect();
    let keywords: Vec<&str> = rows.iter().filter_map(|row| row.shape.keyword()).collect();
    (keywords.len() == rows.len()).then_some(())?;
    Some((AhoCorasick::new(keywords).ok()?, rows))
});

/// The words of the rows that need one, in one automaton: most names contain none of them.
static NAMES: LazyLock<Option<AhoCorasick>> =
    LazyLock::new(|| AhoCorasick::new(TABLE.iter().filter_map(|row| row.name)).ok());

/// Parses `rule | title | form` or `rule | title | name WORD | form`.
fn read_row(line: &'static str) -> Option<Vendor> {
    let cells: Vec<&str> = line.split(" | ").collect();
    let (rule, title, name, form) = match *cells.as_slice() {
        [rule, title, form] => (rule, title, None, form),
        [rule, title, name, form] => (rule, title, Some(name.strip_prefix("name ")?), form),
        _ => return None,
    };
    let kind = SecretKind { rule, title };
    Some(Vendor {
        kind,
        name,
        shape: Shape::parse(form)?,
    })
}

/// Returns all rows.
pub(super) fn table() -> &'static [Vendor] {
    &TABLE
}

/// Finds the tokens in a line without invisible characters.
pub(super) fn find(line: &str, found: &mut Vec<SecretMatch>) {
    let Some((automaton, rows)) = BY_KEYWORD.as_ref() else {
        return;
    };
    let bytes = line.as_bytes();
    for hit in automaton.find_overlapping_iter(line) {
        let Some(row) = rows.get(hit.pattern().as_usize()) else {
            continue;
        };
        let Some(start) = row.shape.start(bytes, hit.start()) else {
            continue;
        };
        if !begins_word(bytes, start, &row.shape) {
            continue;
        }
        let Some(length) = row.shape.match_len(bytes.get(start..).unwrap_or_default()) else {
            continue;
        };
        let end = start + length;
        let (Some(token), Some(body)) = (line.get(start..end), line.get(body_start(start, &hit.range())..end)) else {
            continue;
        };
        if !is_filler(body) && !is_documented(token) && !is_documented_ending(row, token) {
            let mut secret = SecretMatch::new(row.kind, Certainty::Known, start, end + tail_len(bytes, end));
            if row.kind.title.contains("test") {
                secret.certainty = Certainty::Guess;
            }
            found.push(secret);
        }
    }
}

/// Returns the row that matches a named value, if any.
pub(super) fn find_named(name: &str, value: &str) -> Option<&'static Vendor> {
    NAMES.as_ref().filter(|names| names.is_match(name))?;
    let fits = |row: &&Vendor| {
        row.name.is_some_and(|word| name.contains(word)) && row.shape.match_len(value.as_bytes()) == Some(value.len())
    };
    TABLE
        .iter()
        .find(fits)
        .filter(|row| !is_filler(value) && !is_documented(value) && !is_documented_ending(row, value))
}

/// Generates one secret for each row of the table from the numbers that `next` returns: its title, a line that
/// contains it, and the secret. For tests and benchmarks: no text in this repository looks like a token.
pub fn secret_examples(next: &mut dyn FnMut() -> u32) -> Vec<(SecretKind, String, String)> {
    let rows = table().iter();
    rows.map(|row| {
        let token = row.shape.example(next);
        let line = row.name.map_or_else(
            || format!("value: '{token}'"),
            |word| format!("{}_API_TOKEN: \"{token}\"", word.to_uppercase()),
        );
        (row.kind, line, token)
    })
    .collect()
}

/// Returns the length of the text that an underscore joins to a token. It may be another token, so it is redacted too.
fn tail_len(bytes: &[u8], end: usize) -> usize {
    let tail = bytes.get(end..).unwrap_or_default();
    let is_word = |byte: &&u8| byte.is_ascii_alphanumeric() || **byte == b'_';
    if tail.first() == Some(&b'_') {
        tail.iter().take(512).take_while(is_word).count()
    } else {
        0
    }
}

/// Returns the start of a token's variable section. A keyword at the token's start isn't part of it; one in the middle
/// is.
const fn body_start(start: usize, keyword: &Range<usize>) -> usize {
    if keyword.start == start { keyword.end } else { start }
}

/// Returns whether a token is an example from AWS's documentation: all of them end with `EXAMPLE` or `EXAMPLEKEY`.
fn is_documented_ending(row: &Vendor, token: &str) -> bool {
    row.kind.rule.starts_with("aws-") && (token.ends_with("EXAMPLE") || token.ends_with("EXAMPLEKEY"))
}

/// Returns whether a token may start at `start`: the text before it isn't part of it. An escape before it (`\n`,
/// `%3D`, `\u003d`) isn't part of it either.
fn begins_word(bytes: &[u8], start: usize, shape: &Shape) -> bool {
    let before = |distance: usize| start.checked_sub(distance).and_then(|at| bytes.get(at)).copied();
    let Some(previous) = before(1) else { return true };
    if !shape.extends_left(previous) {
        return true;
    }
    let is_hex = |distance| before(distance).is_some_and(|byte| byte.is_ascii_hexdigit());
    let is_escape = matches!(previous, b'n' | b'r' | b't' | b'b' | b'f') && before(2) == Some(b'\\');
    let is_percent = is_hex(1) && is_hex(2) && before(3) == Some(b'%');
    let is_unicode = (1..=4).all(is_hex) && before(5) == Some(b'u') && before(6) == Some(b'\\');
    is_escape || is_percent || is_unicode
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a row that cannot be read fails the test")]
    use super::*;
    use crate::rule::find_secrets;

    #[test]
    fn every_row_is_parsed_and_has_a_keyword() {
        let rows = include_str!("vendors.txt")
            .lines()
            .filter(|line| !line.starts_with('#'));
        assert_eq!(TABLE.len(), rows.count());
        assert!(TABLE.len() >= 222);
        let by_keyword = BY_KEYWORD.as_ref().unwrap();
        for row in &by_keyword.1 {
            let keyword = row.shape.keyword().unwrap();
            assert!(keyword.len() >= 2, "{keyword} is too common");
        }
    }

    #[test]
    fn every_row_finds_its_examples_and_ignores_fillers() {
        let mut state = 7_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state >> 8
        };
        for _ in 0..5 {
            for (kind, line, token) in secret_examples(&mut next) {
                let found = find_secrets(&line);
                let (start, end) = line.find(&token).map(|at| (at, at + token.len())).unwrap();
                assert!(
                    found.iter().any(|secret| secret.start <= start
                        && secret.end >= end
                        && secret.certainty >= Certainty::Guess),
                    "{} {line} {found:?}",
                    kind.rule
                );
            }
        }
        let mut constant = || 0;
        for (kind, line, _) in secret_examples(&mut constant) {
            assert_eq!(find_secrets(&line), [], "{} {line}", kind.rule);
        }
    }

    #[test]
    fn a_token_may_follow_an_escape_but_not_a_word() {
        let token = ["ghp", "_", &"a1B2".repeat(9)].concat();
        for (line, count) in [
            (format!("x{token}"), 0),
            (format!("{token}x_"), 1),
            (format!("\\n{token}\\n"), 1),
            (format!("?q=a%3D{token}&b"), 1),
            (format!("\\u003d{token}\\u0026"), 1),
            (format!("({token})"), 1),
            (format!("{token}{token}"), 1),
        ] {
            let known = find_secrets(&line)
                .into_iter()
                .filter(|secret| secret.rule == "github-token");
            assert_eq!(known.count(), count, "{line}");
            assert_eq!(
                crate::rule::redact(&line).text.contains(&token[4..]),
                count == 0,
                "{line}"
            );
        }
    }
}
