//! Highlights code: keywords, strings and comments in a line.
//!
//! This is a lexer, not a parser: a hunk is a fragment, so a grammar would have to guess, and the text is untrusted.
//! (Measured: 16 KiB of repeated `->` keep the tree-sitter grammar for TypeScript busy for ten seconds.) Each byte is
//! read a bounded number of times. The pieces are plain text with a class each; the caller escapes them.

use super::language::{Habit, Language, VALUES, language_of};

/// Maximum number of bytes that are highlighted; a longer text stays plain.
pub const MAX_HIGHLIGHTED_BYTES: usize = 256 * 1024;

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its class; empty for none.
    pub class: &'static str,
    /// Its text.
    pub text: String,
}

/// Returns the pieces of each line of a text, with the same number of lines. `path` selects the language.
pub fn highlight(path: &str, lines: &[&str]) -> Vec<Vec<Piece>> {
    let size: usize = lines.iter().map(|line| line.len() + 1).sum();
    let Some(language) = language_of(path).filter(|_| size <= MAX_HIGHLIGHTED_BYTES) else {
        return lines.iter().map(|line| vec![piece("", line)]).collect();
    };
    let mut lexer = Lexer { language, open: None };
    lines.iter().map(|line| lexer.line(line)).collect()
}

fn piece(class: &'static str, text: &str) -> Piece {
    Piece {
        class,
        text: text.to_owned(),
    }
}

/// State that continues on the next line.
#[derive(Clone)]
struct Open {
    class: &'static str,
    close: String,
    escapes: bool,
}

struct Lexer {
    language: &'static Language,
    open: Option<Open>,
}

impl Lexer {
    fn line(&mut self, line: &str) -> Vec<Piece> {
        let mut pieces = Vec::new();
        let mut rest = line;
        if self.open.is_none() && self.continues_comment(line) {
            let length = line.find("*/").map_or(line.len(), |at| at + 2);
            add(&mut pieces, "tok-comment", &line[..length]);
            rest = &line[length..];
        }
        let mut is_first = true;
        while !rest.is_empty() {
            let (class, length) = match self.open.take() {
                Some(open) => self.close(open, rest),
                None => self.token(rest, is_first),
            };
            add(&mut pieces, class, &rest[..length]);
            is_first &= rest[..length].trim().is_empty();
            rest = &rest[length..];
        }
        pieces
    }

    /// Returns whether a line continues a comment that began before the hunk: it starts with a star.
    fn continues_comment(&self, line: &str) -> bool {
        let line = line.trim_start();
        self.language.block_comment == Some(("/*", "*/"))
            && (line == "*" || line.starts_with("* ") || line.starts_with("*/") || line.starts_with("*\t"))
    }

    /// Reads to the end of the open element, or to the end of the line, where it stays open.
    fn close(&mut self, open: Open, rest: &str) -> (&'static str, usize) {
        let mut at = 0;
        while at < rest.len() {
            if rest[at..].starts_with(&open.close) {
                return (open.class, at + open.close.len());
            }
            at += if open.escapes && rest.as_bytes()[at] == b'\\' {
                1 + width(&rest[at + 1..])
            } else {
                width(&rest[at..])
            };
        }
        let class = open.class;
        self.open = Some(open);
        (class, rest.len())
    }

    /// Returns the class and length in bytes of the next token, at least one character.
    fn token(&mut self, rest: &str, is_first: bool) -> (&'static str, usize) {
        let language = self.language;
        if language.line_comments.iter().any(|mark| rest.starts_with(mark)) {
            return ("tok-comment", rest.len());
        }
        if let Some((begin, end)) = language.block_comment.filter(|(begin, _)| rest.starts_with(begin)) {
            return self.opened("tok-comment", rest, begin.len(), end.to_owned(), false);
        }
        if language.habit == Habit::Rust
            && let Some(found) = self.rust(rest)
        {
            return found;
        }
        if let Some(quote) = language.strings.iter().find(|quote| rest.starts_with(quote.mark)) {
            let found = self.opened(
                "tok-string",
                rest,
                quote.mark.len(),
                quote.mark.to_owned(),
                quote.escapes,
            );
            if !quote.is_long {
                self.open = None;
            }
            return found;
        }
        let Some(char) = rest.chars().next() else {
            return ("", 0);
        };
        if char.is_ascii_digit() {
            return ("tok-number", number(rest));
        }
        let is_marked = match (language.habit, char) {
            (Habit::Decorators, '@') => true,
            (Habit::Directives, '#') => is_first,
            _ => false,
        };
        let word = word(&rest[usize::from(is_marked)..]);
        if is_marked {
            return ("tok-meta", 1 + word.len());
        }
        if word.is_empty() {
            return ("", char.len_utf8());
        }
        (self.class_of(word, &rest[word.len()..], is_first), word.len())
    }

    /// Reads an element from its opening mark, which is `begin` bytes long, to its end.
    fn opened(
        &mut self,
        class: &'static str,
        rest: &str,
        begin: usize,
        close: String,
        escapes: bool,
    ) -> (&'static str, usize) {
        let (class, length) = self.close(Open { class, close, escapes }, &rest[begin..]);
        (class, begin + length)
    }

    /// Reads a lifetime, a character or a raw string of Rust.
    fn rust(&mut self, rest: &str) -> Option<(&'static str, usize)> {
        if let Some(quoted) = rest.strip_prefix('\'') {
            let inner = if quoted.starts_with('\\') {
                1 + width(quoted.get(1..)?)
            } else {
                width(quoted)
            };
            return Some(if quoted.get(inner..)?.starts_with('\'') {
                ("tok-string", inner + 2)
            } else {
                ("tok-meta", 1 + word(quoted).len())
            });
        }
        let prefix = ["br", "cr", "r"].into_iter().find(|prefix| rest.starts_with(prefix))?;
        let after = &rest[prefix.len()..];
        let hashes = after.len() - after.trim_start_matches('#').len();
        after[hashes..].starts_with('"').then(|| {
            let close = format!("\"{}", "#".repeat(hashes));
            self.opened("tok-string", rest, prefix.len() + hashes + 1, close, false)
        })
    }

    fn class_of(&self, word: &str, after: &str, is_first: bool) -> &'static str {
        let Language {
            keywords,
            types,
            habit,
            folds_case,
            ..
        } = self.language;
        let is_same = |known: &str| known == word || *folds_case && known.eq_ignore_ascii_case(word);
        let is_in = |words: &str| words.split(' ').any(is_same);
        if is_in(keywords) {
            "tok-keyword"
        } else if is_in(VALUES) {
            "tok-number"
        } else if is_in(types) {
            "tok-type"
        } else if *habit == Habit::Rust && after.starts_with('!') && !after.starts_with("!=") {
            "tok-meta"
        } else if after.starts_with('(') {
            "tok-function"
        } else if *habit == Habit::Keys {
            let is_key = is_first && after.trim_start_matches(['-', '.', ' ']).starts_with([':', '=']);
            if is_key { "tok-type" } else { "" }
        } else if word.starts_with(char::is_uppercase) && word.contains(char::is_lowercase) {
            "tok-type"
        } else {
            ""
        }
    }
}

/// Returns the length of a number in bytes, with its base, decimal point and unit.
fn number(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        let goes_on = match bytes[at] {
            b'.' => bytes.get(at + 1).is_some_and(u8::is_ascii_digit),
            byte => byte.is_ascii_alphanumeric() || byte == b'_',
        };
        if !goes_on {
            break;
        }
        at += 1;
    }
    at
}

fn word(rest: &str) -> &str {
    let end = rest.find(|char: char| !(char.is_alphanumeric() || char == '_' || char == '$'));
    &rest[..end.unwrap_or(rest.len())]
}

/// Returns the length of the first character, in bytes.
fn width(text: &str) -> usize {
    text.chars().next().map_or(0, char::len_utf8)
}

fn add(line: &mut Vec<Piece>, class: &'static str, text: &str) {
    match line.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.class == class => last.text.push_str(text),
        _ => line.push(piece(class, text)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn keywords_strings_and_comments_are_coloured() {
        for (path, line, text, class) in [
            (
                "a.rs",
                "pub fn main() -> Result<u8> { let x = \"a\\\"b\"; }",
                "fn",
                "tok-keyword",
            ),
            ("a.rs", "let x = \"a\\\"b\" + 'c';", "\"a\\\"b\"", "tok-string"),
            ("a.rs", "let x = r#\"a\"b\"#;", "r#\"a\"b\"#", "tok-string"),
            ("a.rs", "let r = 1_000u64;", "1_000u64", "tok-number"),
            ("a.rs", "fn a<'b>(c: &'b str)", "'b", "tok-meta"),
            ("a.rs", "let c = '\\'';", "'\\''", "tok-string"),
            ("a.rs", "println!(x)", "println", "tok-meta"),
            ("a.rs", "a /* b */ c", "/* b */", "tok-comment"),
            ("a.py", "@cached # why", "@cached", "tok-meta"),
            ("a.py", "def f(x: int): return None", "None", "tok-number"),
            ("a.py", "def f(x: int): return None", "f", "tok-function"),
            ("web/a.tsx", "const a: string = `b`;", "`b`", "tok-string"),
            ("a.go", "func main() { s := 'x' }", "func", "tok-keyword"),
            ("A.java", "class A extends Base {}", "Base", "tok-type"),
            ("a.c", "#include <stdio.h>", "#include", "tok-meta"),
            ("a.sql", "SELECT a FROM b -- c", "SELECT", "tok-keyword"),
            ("a.yml", "name: x # y", "name", "tok-type"),
            ("Dockerfile", "FROM rust:1.95", "FROM", "tok-keyword"),
            (
                "a.ts",
                " * a comment that began above",
                " * a comment that began above",
                "tok-comment",
            ),
        ] {
            let lines = highlight(path, &[line]);
            let found = lines[0]
                .iter()
                .find(|piece| piece.text == text)
                .map(|piece| piece.class);
            assert_eq!(found, Some(class), "{path}: {line}: {lines:?}");
        }
    }

    #[test]
    fn open_elements_continue_on_the_next_line() {
        for (path, lines, classes) in [
            ("a.rs", ["/* a", "b */ fn"], ["tok-comment", "tok-comment"]),
            ("a.py", ["\"\"\"a", "b\"\"\" + c"], ["tok-string", "tok-string"]),
            ("a.py", ["'a", "b = 1"], ["tok-string", ""]),
            ("a.go", ["`a\\`", "b"], ["tok-string", ""]),
            ("a.rs", ["r##\"a\"#", "b\"##"], ["tok-string", "tok-string"]),
        ] {
            let first: Vec<&str> = highlight(path, &lines).iter().map(|line| line[0].class).collect();
            assert_eq!(first, classes, "{lines:?}");
        }
    }

    #[test]
    fn too_large_or_unknown_text_stays_plain() {
        let huge = format!("fn {}", "x".repeat(MAX_HIGHLIGHTED_BYTES));
        for (path, line) in [("a.rs", huge.as_str()), ("a.unknown", "fn x"), ("none", "fn x")] {
            assert_eq!(highlight(path, &[line]), [[piece("", line)]]);
        }
    }

    proptest! {
        #[test]
        fn no_text_is_lost(
            ending in prop::sample::select(vec!["rs", "py", "ts", "go", "java", "c", "rb", "sh", "sql", "yml", "json", "css", "none"]),
            lines in prop::collection::vec("([a-z0-9 _.@#$ü]|\"|'|`|/\\*|\\*/|//|--|\\\\|r#|br|\\PC){0,24}", 0..8),
        ) {
            let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
            let back: Vec<String> = highlight(&format!("a.{ending}"), &lines)
                .iter()
                .map(|line| line.iter().map(|piece| piece.text.as_str()).collect())
                .collect();
            prop_assert_eq!(back, lines);
        }
    }
}
