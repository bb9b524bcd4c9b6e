//! Escapes foreign text as Markdown that GitHub shows letter by letter: [`title`], [`path`] and [`code`]. The module
//! `body` handles text of several paragraphs.

use super::language::known_language;
use super::links::Links;
use super::mute::{Piece, mute, muted_code, without_command};
use crate::rule::redact;
use crate::visible::{BREAK, visible, visible_line, visible_name};

/// Maximum number of characters of a title.
const MAX_TITLE_CHARS: usize = 300;
/// Maximum number of characters of a path; a longer one loses its middle.
const MAX_PATH_CHARS: usize = 300;
/// Maximum number of characters of a code block.
const MAX_CODE_CHARS: usize = 20_000;

/// Returns a title, a reason or a note as one line in which nothing is Markdown, in any position.
pub fn title(text: &str) -> String {
    let line = redact(&visible_line(text)).text;
    escaped(&shortened(&line, MAX_TITLE_CHARS), Place::LINE, &Links::none())
}

/// Returns a path, a name or a rule's id as one code span, with line breaks and invisible characters as escapes.
pub fn path(name: &str) -> String {
    // An escaped line break looks like a letter to a search for mentions, so each mention is broken.
    // Escaped invisible characters would split a secret for the search, so the search comes first.
    let name = visible_name(&redact(name).text).replace('@', &format!("@{BREAK}"));
    let chars: Vec<char> = name.chars().collect();
    if chars.len() <= MAX_PATH_CHARS {
        return code_span(&name);
    }
    let half = MAX_PATH_CHARS / 2;
    let (head, tail): (String, String) = (
        chars[..half].iter().collect(),
        chars[chars.len() - half..].iter().collect(),
    );
    code_span(&format!("{head}…{tail}"))
}

/// Returns code in a fence that its content can't close. Unknown languages are dropped: GitHub draws diagrams, maps
/// and formulas for some, and applies a `suggestion`.
pub fn code(text: &str, language: &str) -> String {
    let text = shortened(&redact(&visible(text)).text, MAX_CODE_CHARS);
    fenced(&text, known_language(language))
}

/// Returns the fence around code that is already visible and redacted.
pub(super) fn fenced(text: &str, language: &str) -> String {
    let lines: Vec<String> = text.trim_end_matches('\n').split('\n').map(muted_code).collect();
    let text = lines.join("\n");
    let fence = "`".repeat((longest_run(&text) + 1).max(3));
    format!("{fence}{language}\n{text}\n{fence}")
}

/// Returns a code span that its content can't close, for text that is already visible and redacted.
pub(super) fn code_span(text: &str) -> String {
    let text = muted_code(&text.replace(['\n', '\t'], " "));
    let text = if text.trim().is_empty() { "?".to_owned() } else { text };
    let fence = "`".repeat(longest_run(&text) + 1);
    let blank = if text.starts_with(['`', ' ']) || text.ends_with(['`', ' ']) {
        " "
    } else {
        ""
    };
    format!("{fence}{blank}{text}{blank}{fence}")
}

/// The position of a piece of text in its line.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// Whether it begins the line.
    pub begins: bool,
    /// Whether more of the same line follows.
    pub continues: bool,
}

impl Place {
    /// A whole line.
    pub const LINE: Self = Self {
        begins: true,
        continues: false,
    };
}

/// Returns one line of text, or a piece of one, in which nothing is Markdown except allowed links. The text is
/// already visible and redacted.
pub(super) fn escaped(line: &str, place: Place, links: &Links) -> String {
    let line = if place.begins {
        without_command(line.trim_start())
    } else {
        line.to_owned()
    };
    let mut out = String::with_capacity(line.len() + 16);
    for piece in mute(&line, links, place.continues) {
        match piece {
            Piece::Text(text) => escape_into(&text, place.begins, &mut out),
            Piece::Link(address) => {
                out.push('<');
                out.push_str(&address);
                out.push('>');
            }
        }
    }
    out
}

/// Appends text and escapes every Markdown mark that could have an effect in its position.
fn escape_into(text: &str, begins_line: bool, out: &mut String) {
    let mut chars = text.chars().peekable();
    while let Some(char) = chars.next() {
        let next = chars.peek().copied();
        let before = out.chars().next_back();
        let is_start = begins_line && before.is_none();
        let is_end_of_word = next.is_none_or(char::is_whitespace);
        match char {
            '\\' | '`' | '*' | '[' | ']' | '|' | '~' => push_escaped(char, out),
            '_' if before.is_some_and(char::is_alphanumeric) && next.is_some_and(char::is_alphanumeric) => {
                out.push('_')
            }
            '_' => push_escaped('_', out),
            '<' => out.push_str("&lt;"),
            '&' if next.is_some_and(|next| next.is_alphanumeric() || next == '#') => out.push_str("&amp;"),
            '$' => out.push_str("&#36;"),
            '!' if next == Some('[') => push_escaped('!', out),
            '#' | '>' | '-' | '+' | '=' | ':' if is_start => push_escaped(char, out),
            '.' | ')' if begins_line && is_end_of_word && is_number(out) => push_escaped(char, out),
            char => out.push(char),
        }
    }
}

fn push_escaped(char: char, out: &mut String) {
    out.push('\\');
    out.push(char);
}

/// Returns whether the line so far is a number: a point or a parenthesis after it would begin a list.
fn is_number(line: &str) -> bool {
    !line.is_empty() && line.chars().all(|char| char.is_ascii_digit())
}

/// Returns the length of the longest run of backticks.
pub fn longest_run(text: &str) -> usize {
    text.split(|char| char != '`').map(str::len).max().unwrap_or(0)
}

/// Returns at most `most` characters of a text; a mark replaces the rest.
pub(super) fn shortened(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", text[..at].trim_end()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_one_line_in_which_nothing_is_markdown() {
        for (raw, safe) in [
            ("Unchecked unwrap() in parse_all", "Unchecked unwrap() in parse_all"),
            (
                "~~~ ![x](https://e.example) Fixes #1",
                r"\~\~\~ \!\[x\](https:|//e.example) Fixe|s #|1",
            ),
            ("&#64;name &amp; a && b", "&amp;#|64;name &amp;amp; a && b"),
            ("# big", r"\# big"),
            ("> quote", r"\> quote"),
            ("- item", r"\- item"),
            ("+ item", r"\+ item"),
            ("1. item", r"1\. item"),
            ("12) item", r"12\) item"),
            ("===", r"\==="),
            ("a\n===\n\n# b", r"a === # b"),
            ("| a | b |\n|---|---|", r"\| a \| b \| \|---\|---\|"),
            (":-", r"\:-"),
            ("`code` **bold** _em_", r"\`code\` \*\*bold\*\* \_em\_"),
            ("<img src=x>", "&lt;img src=x>"),
            ("\\`x", r"\\\`x"),
            ("$x$", "&#36;x&#36;"),
            ("/merge", "|/merge"),
            ("::error::x", r"\::error::x"),
            ("a\u{202e}b @bob", "ab @|bob"),
            (
                "see https://github.com/o/r/issues/1",
                "see https:|//github.com/o/r/issues/1",
            ),
        ] {
            assert_eq!(title(raw).replace(BREAK, "|"), safe, "{raw}");
        }
    }

    #[test]
    fn a_path_is_one_code_span() {
        for (raw, safe) in [
            ("src/a.rs", "`src/a.rs`"),
            ("a\n# H\n@octocat\n/merge\n.py", r"`a\n# H\n@|octocat\n/merge\n.py`"),
            ("a`b", "``a`b``"),
            ("`", "`` ` ``"),
            ("/merge", "`|/merge`"),
            ("a\u{202e}b", "`a\\u{202e}b`"),
            ("", "`?`"),
            ("node_modules/@types/x", "`node_modules/@|types/x`"),
        ] {
            assert_eq!(path(raw).replace(BREAK, "|"), safe, "{raw:?}");
        }
        assert!(path(&"x/".repeat(5_000)).len() < 400);
    }

    #[test]
    fn code_cannot_close_its_fence() {
        for (text, language, safe) in [
            ("let a: Vec<u8>;\n", "rust", "```rust\nlet a: Vec<u8>;\n```"),
            ("x", "suggestion", "```\nx\n```"),
            ("x", "Mermaid", "```\nx\n```"),
            ("x", "rust ignore", "```rust\nx\n```"),
            ("x", "rust`", "```\nx\n```"),
            ("```\n````\nx", "", "`````\n```\n````\nx\n`````"),
            (
                "/merge\n@bot now\n::error::x",
                "sh",
                "```sh\n|/merge\n@|bot now\n:|:error::x\n```",
            ),
        ] {
            assert_eq!(code(text, language).replace(BREAK, "|"), safe, "{text} {language}");
        }
    }
}
