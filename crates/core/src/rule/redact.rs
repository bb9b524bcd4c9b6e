//! Replaces secrets in text by placeholders and keeps the lines. All text that leaves the program is redacted here.

use std::collections::HashMap;
use std::io::{self, Write};

use serde_json::Value;

use crate::diff::Hunk;

use super::place::Form;
use super::scan::find_in_lines;

/// Maximum number of rounds of search and replacement.
const MAX_ROUNDS: usize = 8;

/// Text without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// The text; each secret is `[[SECRET_N:rule]]`, and line breaks are kept.
    pub text: String,
    /// The number of distinct secrets that were replaced.
    pub placeholders: usize,
}

/// Replaces each secret by a placeholder; the same secret has the same number within one text. Each line of a private
/// key is replaced on its own, so line numbers stay valid.
pub fn redact(text: &str) -> Redacted {
    let mut numbers = Numbers::after(&[text]);
    let lines = numbers.lines(&text.split('\n').collect::<Vec<_>>(), Form::Other);
    Redacted {
        text: lines.join("\n"),
        placeholders: numbers.known.len(),
    }
}

/// Returns a text with its secrets replaced, as [`redact`] does.
pub fn redacted(text: &str) -> String {
    redact(text).text
}

/// Returns a file's hunks without secrets, in their lines and in the text after the second `@@`. Line numbers stay
/// valid.
pub fn redact_hunks(path: &str, hunks: &[Hunk]) -> Vec<Hunk> {
    let form = Form::of(path);
    let lines: Vec<&str> = hunks
        .iter()
        .flat_map(|hunk| hunk.lines.iter().map(|line| line.text.as_str()))
        .collect();
    let sections: Vec<&str> = hunks.iter().map(|hunk| hunk.section.as_str()).collect();
    let mut numbers = Numbers::after(&lines);
    let mut clean = numbers.lines(&lines, form).into_iter();
    let mut hunks = hunks.to_vec();
    for line in hunks.iter_mut().flat_map(|hunk| &mut hunk.lines) {
        line.text = clean.next().unwrap_or_default();
    }
    for (hunk, section) in hunks.iter_mut().zip(sections) {
        hunk.section = numbers.lines(&[section], form).pop().unwrap_or_default();
    }
    hunks
}

/// Replaces the secrets in every text of a JSON value, including field names. Numbers are assigned per text.
pub fn redact_value(value: &mut Value) {
    match value {
        Value::String(text) => *text = redacted(text),
        Value::Array(items) => items.iter_mut().for_each(redact_value),
        Value::Object(fields) => {
            let whole = std::mem::take(fields);
            for (name, mut field) in whole {
                redact_value(&mut field);
                fields.insert(redacted(&name), field);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// The numbers of the placeholders, by secret.
struct Numbers {
    known: HashMap<String, usize>,
    /// The highest placeholder number that the text had before.
    taken: usize,
}

impl Numbers {
    /// Starts after the numbers of the text's own placeholders.
    fn after(lines: &[&str]) -> Self {
        let marks = lines.iter().flat_map(|line| {
            line.match_indices("[[SECRET_")
                .map(move |(at, mark)| &line[at + mark.len()..])
        });
        let numbers = marks.filter_map(|rest| rest.get(..rest.find(':')?)?.parse::<usize>().ok());
        Self {
            known: HashMap::new(),
            taken: numbers.filter(|number| *number < 1_000_000).max().unwrap_or(0),
        }
    }

    /// Replaces secrets, round after round until a search finds none: a placeholder contains its rule's name, which may
    /// make the text beside it look like a secret too.
    fn lines(&mut self, lines: &[&str], form: Form) -> Vec<String> {
        let mut clean: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        for _ in 0..MAX_ROUNDS {
            let found = find_in_lines(&clean.iter().map(String::as_str).collect::<Vec<_>>(), form);
            let mut is_done = true;
            for (line, secrets) in clean.iter_mut().zip(found) {
                if secrets.is_empty() {
                    continue;
                }
                is_done = false;
                let mut out = String::with_capacity(line.len());
                let mut at = 0;
                for secret in secrets {
                    out.push_str(&line[at..secret.start]);
                    out.push_str(&self.placeholder(&line[secret.start..secret.end], secret.rule));
                    at = secret.end;
                }
                out.push_str(&line[at..]);
                *line = out;
            }
            if is_done {
                break;
            }
        }
        clean
    }

    fn placeholder(&mut self, secret: &str, rule: &str) -> String {
        let next = self.taken + self.known.len() + 1;
        let number = *self.known.entry(secret.to_owned()).or_insert(next);
        format!("[[SECRET_{number}:{rule}]]")
    }
}

/// A log writer that redacts secrets. Each write has to be the text of one event, as `tracing-subscriber` writes it.
#[derive(Debug)]
pub struct RedactedLog<W>(pub W);

impl<W: Write> Write for RedactedLog<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        self.0.write_all(redacted(&String::from_utf8_lossy(event)).as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed write fails the test")]
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;
    use crate::diff::parse_patch;

    /// Returns a token built from pieces, so that no scanner reports this file.
    fn token() -> String {
        ["ghp", "_", &"a1B2".repeat(9)].concat()
    }

    #[test]
    fn the_same_secret_has_the_same_placeholder_and_lines_stay() {
        let token = token();
        let text = format!("a = \"{token}\"\nplain\nb = '{token}'");
        let clean = redact(&text);
        assert_eq!(
            clean.text,
            "a = \"[[SECRET_1:github-token]]\"\nplain\nb = '[[SECRET_1:github-token]]'"
        );
        assert_eq!(clean.placeholders, 1);
    }

    #[test]
    fn existing_placeholders_keep_their_numbers() {
        let text = format!("[[SECRET_7:npm-token]] {}", token());
        assert_eq!(redact(&text).text, "[[SECRET_7:npm-token]] [[SECRET_8:github-token]]");
    }

    #[test]
    fn a_private_key_is_redacted_line_by_line() {
        let text = [
            "-----BEGIN RSA ",
            "PRIVATE KEY-----\nMIIEow\nabc+/=\n-----END RSA ",
            "PRIVATE KEY-----\nlet x = 1;",
        ]
        .concat();
        let clean = redact(&text).text;
        assert_eq!(clean.lines().count(), 5);
        assert!(!clean.contains("MIIEow") && !clean.contains("abc+/="), "{clean}");
        assert!(clean.ends_with("\nlet x = 1;"));
    }

    #[test]
    fn a_key_without_an_end_marker_leaves_the_code_after_it() {
        let text = [
            "x = \"-----BEGIN ",
            "PRIVATE KEY-----\"\nfn main() { let a = [1]; }\nlet b = 2;",
        ]
        .concat();
        assert_eq!(redact(&text).text, text);
    }

    #[test]
    fn a_placeholder_does_not_reveal_its_neighbour() {
        let key = ["AKIA", "A2A222AAAAA22AAA"].concat();
        let text = format!("{key}[:AKIAAAA22AAA2A2AABBCAKIA3B3CL34456DE5C42");
        let once = redact(&text).text;
        assert_eq!(redact(&once).text, once);
    }

    #[test]
    fn hunks_are_redacted_in_lines_and_headers() {
        let token = token();
        let hunks = parse_patch(&format!(
            "@@ -1,2 +1,2 @@ fn a() {{ use({token}) }}\n-{token}\n+new {token}\n x"
        ))
        .unwrap();
        let clean = redact_hunks("src/a.rs", &hunks);
        let text = format!("{clean:?}");
        assert!(!text.contains(&token), "{text}");
        assert_eq!((clean[0].lines.len(), clean[0].lines[1].new), (3, Some(1)));
    }

    #[test]
    fn no_text_of_a_document_keeps_a_secret() {
        let token = token();
        let mut document = json!({ &token: [token, 1, null, { "path": format!("src/{token}.rs") }] });
        redact_value(&mut document);
        assert!(!document.to_string().contains(&token), "{document}");
    }

    #[test]
    fn a_log_contains_no_secrets() {
        let mut log = RedactedLog(Vec::new());
        log.write_all(format!("ERROR failed: {}\n", token()).as_bytes())
            .unwrap();
        log.flush().unwrap();
        assert_eq!(
            String::from_utf8(log.0).unwrap(),
            "ERROR failed: [[SECRET_1:github-token]]\n"
        );
    }

    proptest! {
        #[test]
        fn redaction_keeps_lines_and_leaves_nothing(
            text in "([ -~]{0,60}|AKIA[A-Z2-7]{16}|password = \"[a-zA-Z0-9]{20}\"|TOKEN=[a-z0-9]{14}|https?://a:[a-z0-9]{9}@b|\u{200b}|\n){0,12}",
        ) {
            let clean = redact(&text).text;
            prop_assert_eq!(clean.split('\n').count(), text.split('\n').count());
            prop_assert_eq!(&redact(&clean).text, &clean, "once is enough");
        }
    }
}
