//! Colours for code: which piece of a line is a keyword, a string, a comment. The grammars are those that the rules read.
//!
//! The pieces are plain text with a class each; whoever shows them escapes them. What no grammar knows, or is too large to
//! read at once, comes back as one piece without a class.

use std::sync::LazyLock;

use tree_sitter_highlight::{Highlight, HighlightConfiguration, HighlightEvent, Highlighter};

/// Bytes of one text that are read at most; a larger one stays plain.
pub const BYTES_MOST: usize = 64 * 1024;

/// What the grammars' queries may call a piece, and the class it gets. The longest name that fits counts.
const CLASSES: [(&str, &str); 22] = [
    ("attribute", "tok-meta"),
    ("boolean", "tok-number"),
    ("comment", "tok-comment"),
    ("constant", "tok-number"),
    ("constant.builtin", "tok-number"),
    ("constructor", "tok-type"),
    ("embedded", ""),
    ("escape", "tok-number"),
    ("float", "tok-number"),
    ("function", "tok-function"),
    ("function.builtin", "tok-function"),
    ("function.macro", "tok-meta"),
    ("function.method", "tok-function"),
    ("keyword", "tok-keyword"),
    ("label", "tok-meta"),
    ("number", "tok-number"),
    ("operator", ""),
    ("string", "tok-string"),
    ("string.special", "tok-string"),
    ("tag", "tok-keyword"),
    ("type", "tok-type"),
    ("type.builtin", "tok-type"),
];

/// A piece of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its class; empty for none.
    pub class: &'static str,
    /// Its text.
    pub text: String,
}

/// The pieces of each line of a text; its lines are joined by line feeds, and as many come back. `path` tells the language.
pub fn highlight(path: &str, lines: &[&str]) -> Vec<Vec<Piece>> {
    let size: usize = lines.iter().map(|line| line.len() + 1).sum();
    let colored = grammar(path)
        .filter(|_| size <= BYTES_MOST)
        .and_then(|grammar| read(grammar, &lines.join("\n")));
    match colored {
        Some(colored) if colored.len() == lines.len() => colored,
        _ => lines.iter().map(|line| vec![plain(line)]).collect(),
    }
}

fn plain(text: &str) -> Piece {
    Piece {
        class: "",
        text: text.to_owned(),
    }
}

fn read(grammar: &HighlightConfiguration, text: &str) -> Option<Vec<Vec<Piece>>> {
    let mut highlighter = Highlighter::new();
    let events = highlighter
        .highlight(grammar, text.as_bytes(), None, None, |_| None)
        .ok()?;
    let mut lines: Vec<Vec<Piece>> = vec![Vec::new()];
    let mut open: Vec<&'static str> = Vec::new();
    for event in events {
        match event.ok()? {
            HighlightEvent::HighlightStart(Highlight(index)) => {
                open.push(CLASSES.get(index).map_or("", |(_, class)| class))
            }
            HighlightEvent::HighlightEnd => drop(open.pop()),
            HighlightEvent::Source { start, end } => {
                let class = open.iter().rev().find(|class| !class.is_empty()).copied().unwrap_or("");
                for (index, part) in text.get(start..end)?.split('\n').enumerate() {
                    if index > 0 {
                        lines.push(Vec::new());
                    }
                    add(lines.last_mut()?, class, part);
                }
            }
        }
    }
    Some(lines)
}

fn add(line: &mut Vec<Piece>, class: &'static str, text: &str) {
    match line.last_mut() {
        _ if text.is_empty() => {}
        Some(last) if last.class == class => last.text.push_str(text),
        _ => line.push(Piece {
            class,
            text: text.to_owned(),
        }),
    }
}

macro_rules! grammars {
    ($($name:ident: $endings:expr, $language:expr, $highlights:expr, $locals:expr;)+) => {
        /// The grammar of a path's ending.
        fn grammar(path: &str) -> Option<&'static HighlightConfiguration> {
            let ending = path.rsplit_once('.').map(|(_, ending)| ending)?;
            $(
                if $endings.contains(&ending) {
                    static $name: LazyLock<Option<HighlightConfiguration>> = LazyLock::new(|| {
                        let mut read = HighlightConfiguration::new($language.into(), stringify!($name), $highlights, "", $locals).ok()?;
                        read.configure(&CLASSES.map(|(name, _)| name));
                        Some(read)
                    });
                    return $name.as_ref();
                }
            )+
            None
        }
    };
}

static TYPESCRIPT_HIGHLIGHTS: LazyLock<String> = LazyLock::new(|| {
    format!(
        "{}\n{}",
        tree_sitter_typescript::HIGHLIGHTS_QUERY,
        tree_sitter_javascript::HIGHLIGHT_QUERY
    )
});

grammars! {
    RUST: ["rs"], tree_sitter_rust::LANGUAGE, tree_sitter_rust::HIGHLIGHTS_QUERY, "";
    PYTHON: ["py", "pyi"], tree_sitter_python::LANGUAGE, tree_sitter_python::HIGHLIGHTS_QUERY, "";
    JAVASCRIPT: ["js", "mjs", "cjs", "jsx"], tree_sitter_javascript::LANGUAGE, tree_sitter_javascript::HIGHLIGHT_QUERY, tree_sitter_javascript::LOCALS_QUERY;
    TYPESCRIPT: ["ts", "mts", "cts"], tree_sitter_typescript::LANGUAGE_TYPESCRIPT, &TYPESCRIPT_HIGHLIGHTS, "";
    TSX: ["tsx"], tree_sitter_typescript::LANGUAGE_TSX, &TYPESCRIPT_HIGHLIGHTS, "";
    GO: ["go"], tree_sitter_go::LANGUAGE, tree_sitter_go::HIGHLIGHTS_QUERY, "";
    JAVA: ["java"], tree_sitter_java::LANGUAGE, tree_sitter_java::HIGHLIGHTS_QUERY, "";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_language_knows_its_keywords_and_strings() {
        for (path, line, keyword) in [
            ("a.rs", "fn main() { let x = \"s\"; }", "fn"),
            ("a.py", "def main(): return \"s\"", "def"),
            ("a.js", "function main() { return \"s\" }", "function"),
            ("a.ts", "function main(): string { return \"s\" }", "function"),
            ("a.tsx", "function main(): string { return \"s\" }", "function"),
            ("a.go", "func main() { x := \"s\" }", "func"),
            ("A.java", "class A { String s = \"s\"; }", "class"),
        ] {
            let lines = highlight(path, &[line]);
            let class_of = |text: &str| {
                lines[0]
                    .iter()
                    .find(|piece| piece.text.trim() == text)
                    .map(|piece| piece.class)
            };
            assert_eq!(class_of(keyword), Some("tok-keyword"), "{path}: {lines:?}");
            assert_eq!(class_of("\"s\""), Some("tok-string"), "{path}: {lines:?}");
        }
    }

    #[test]
    fn no_text_is_lost() {
        let huge = "x".repeat(BYTES_MOST);
        for (path, lines) in [
            ("a.rs", vec!["} else {", "/* open", "", "\u{202e} ünï", "}"]),
            ("a.unknown", vec!["let x;", ""]),
            ("a.rs", vec![huge.as_str(), "fn"]),
            ("a.py", vec![]),
            ("none", vec!["a\rb"]),
        ] {
            let back: Vec<String> = highlight(path, &lines)
                .iter()
                .map(|line| line.iter().map(|piece| piece.text.as_str()).collect())
                .collect();
            assert_eq!(back, lines, "{path}");
        }
    }
}
