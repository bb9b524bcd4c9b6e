//! Recorded texts in which `<name>` replaces a value that AWS chose. Equal names mean equal values.

use std::collections::BTreeMap;

use serde_json::Value;

/// The values of one case's placeholders so far.
#[derive(Clone, Debug, Default)]
pub struct Bindings {
    placeholders: BTreeMap<String, String>,
    /// The recording's words for values of the case's input.
    words: BTreeMap<String, String>,
}

enum Piece<'a> {
    Text(&'a str),
    Name(&'a str),
}

impl Bindings {
    /// Creates bindings with the recording's words for the values of the case's input: a recording may rename values,
    /// such as functions.
    pub fn of_input(recorded: &Value, input: &Value) -> Self {
        let mut bindings = Self::default();
        bindings.learn(recorded, input);
        bindings
    }

    fn learn(&mut self, recorded: &Value, input: &Value) {
        match (recorded, input) {
            (Value::Object(left), Value::Object(right)) => {
                for (name, value) in left {
                    self.learn(value, right.get(name).unwrap_or(&Value::Null));
                }
            }
            (Value::Array(left), Value::Array(right)) => {
                left.iter().zip(right).for_each(|(left, right)| self.learn(left, right));
            }
            (Value::String(word), Value::String(value)) if word != value => {
                self.words.insert(word.clone(), value.clone());
            }
            _ => {}
        }
    }

    /// Returns true if a found text fits a recorded one, and then keeps the values of its placeholders.
    pub fn fits(&mut self, recorded: &str, found: &str) -> bool {
        if recorded == found || self.words.get(recorded).is_some_and(|value| value == found) {
            return true;
        }
        let pieces = pieces(recorded);
        if !pieces.iter().any(|piece| matches!(piece, Piece::Name(_))) {
            return false;
        }
        let mut bound = self.placeholders.clone();
        let fits = fit(&pieces, found, &mut bound);
        if fits {
            self.placeholders = bound;
        }
        fits
    }
}

/// Splits a text at its placeholders: `<` … `>` with something but no space or bracket between.
fn pieces(text: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = text;
    let mut from = 0;
    while let Some(open) = rest[from..].find('<').map(|at| at + from) {
        let after = &rest[open + 1..];
        let close = after.find(|next: char| next == '>' || next == '<' || next.is_whitespace());
        match close {
            Some(close) if close > 0 && after.as_bytes()[close] == b'>' => {
                pieces.push(Piece::Text(&rest[..open]));
                pieces.push(Piece::Name(&after[..close]));
                rest = &after[close + 1..];
                from = 0;
            }
            _ => from = open + 1,
        }
    }
    pieces.push(Piece::Text(rest));
    pieces
}

fn fit(pieces: &[Piece<'_>], found: &str, bound: &mut BTreeMap<String, String>) -> bool {
    match pieces.split_first() {
        None => found.is_empty(),
        Some((Piece::Text(text), rest)) => found.strip_prefix(text).is_some_and(|found| fit(rest, found, bound)),
        Some((Piece::Name(name), rest)) => {
            if let Some(value) = bound.get(*name).cloned() {
                return found
                    .strip_prefix(value.as_str())
                    .is_some_and(|found| fit(rest, found, bound));
            }
            let ends = found.char_indices().map(|(at, _)| at).skip(1).chain([found.len()]);
            for end in ends.filter(|end| *end > 0) {
                let mut attempt = bound.clone();
                attempt.insert((*name).to_owned(), found[..end].to_owned());
                if fit(rest, &found[end..], &mut attempt) {
                    *bound = attempt;
                    return true;
                }
            }
            false
        }
    }
}
