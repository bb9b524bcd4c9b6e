//! Text without its secrets: each becomes a placeholder, and lines stay lines. What leaves the program goes through here.

use std::collections::HashMap;

use serde_json::Value;

use crate::diff::Hunk;

use super::place::Form;
use super::scan::find_in_lines;

/// How often a text is searched again after a replacement.
const ROUNDS_MOST: usize = 8;

/// Text without its secrets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redacted {
    /// The text; each secret is `[[SECRET_N:rule]]`, lines hold.
    pub text: String,
    /// How many different secrets were taken out.
    pub placeholders: usize,
}

/// Replaces each secret by a placeholder: the same secret, the same number within one text. Each line of a private key is
/// replaced by itself, so that line numbers hold.
pub fn redact(text: &str) -> Redacted {
    let mut numbers = Numbers::after(&[text]);
    let lines = numbers.lines(&text.split('\n').collect::<Vec<_>>(), Form::Other);
    Redacted {
        text: lines.join("\n"),
        placeholders: numbers.known.len(),
    }
}

/// Returns the text that [`redact`] makes.
pub fn redacted(text: &str) -> String {
    redact(text).text
}

/// Returns a file's hunks without secrets, in their lines and in the text behind the second `@@`; line numbers hold.
pub fn redact_hunks(path: &str, hunks: &[Hunk]) -> Vec<Hunk> {
    let form = Form::of(path);
    let lines: Vec<&str> = hunks.iter().flat_map(|hunk| hunk.lines.iter().map(|line| line.text.as_str())).collect();
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

/// Replaces the secrets in every text of a JSON value, names of fields included; numbers are given per text.
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

/// The numbers that placeholders have, from secret to number.
struct Numbers {
    known: HashMap<String, usize>,
    /// The highest number of a placeholder that the text had before.
    taken: usize,
}

impl Numbers {
    /// Begins after the numbers that the text's own placeholders have.
    fn after(lines: &[&str]) -> Self {
        let marks = lines.iter().flat_map(|line| line.match_indices("[[SECRET_").map(move |(at, mark)| &line[at + mark.len()..]));
        let numbers = marks.filter_map(|rest| rest.get(..rest.find(':')?)?.parse::<usize>().ok());
        Self {
            known: HashMap::new(),
            taken: numbers.filter(|number| *number < 1_000_000).max().unwrap_or(0),
        }
    }

    /// A placeholder names its rule, which may make a neighbour read like a secret too: so until nothing is found.
    fn lines(&mut self, lines: &[&str], form: Form) -> Vec<String> {
        let mut clean: Vec<String> = lines.iter().map(|line| (*line).to_owned()).collect();
        for _ in 0..ROUNDS_MOST {
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
