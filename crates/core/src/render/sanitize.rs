//! A stranger's Markdown made harmless: no HTML, images, outside links, mentions, closing words, commands or secrets.
//! Code stays code: inside fences and code spans GitHub renders nothing, so the text stands as it is.

use std::sync::LazyLock;

use regex::Regex;

use crate::rule::redact;

/// Breaks a word for GitHub's linkers without changing how it reads.
const BREAK: char = '\u{200b}';

/// `None` only if a pattern did not compile; a test holds that they do.
static CLOSING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(r"(?i)\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)(:?\s+)((?:[\w.-]+/[\w.-]+)?#\d|GH-\d|https?:)").ok()
});

/// Makes Markdown harmless. `allowed` are URL prefixes that may stay links (the repository's own pages).
pub fn sanitize(markdown: &str, allowed: &[String]) -> String {
    let shown: String = markdown.chars().filter(|char| !is_invisible(*char)).collect();
    let redacted = redact(&shown).text;
    let mut out = String::with_capacity(redacted.len() + 16);
    let mut fence: Option<String> = None;
    for line in redacted.lines() {
        let marker = fence_marker(line);
        match (&fence, marker) {
            (Some(open), Some(mark))
                if mark.len() >= open.len()
                    && mark.starts_with(open.as_str())
                    && line.trim_matches([' ', '\t']) == mark =>
            {
                out.push_str(open);
                fence = None;
            }
            (Some(_), _) => out.push_str(line),
            (None, Some(mark)) => {
                out.push_str(&line.trim_start_matches(' ').replace(['<', '@'], ""));
                fence = Some(mark);
            }
            (None, None) => sanitize_line(line, allowed, &mut out),
        }
        out.push('\n');
    }
    if let Some(open) = fence {
        out.push_str(&open);
        out.push('\n');
    }
    out.trim_end().to_owned()
}

/// What a reader does not see but what splits a word for the checks: control characters, and overrides of direction,
/// which make text read as something else. Taken out before anything is looked for.
fn is_invisible(char: char) -> bool {
    let is_direction = matches!(char, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    is_direction || (char.is_control() && !matches!(char, '\t' | '\n'))
}

/// A title: one harmless line without line breaks or control characters.
pub fn one_line(text: &str) -> String {
    let folded = text
        .split(|char: char| char.is_whitespace() || char.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ");
    sanitize(&folded.replace('`', "'"), &[])
}

/// The marker of a line that opens or closes a code fence, by CommonMark's rules to the letter: what is taken for code here
/// has to be code to GitHub. A fence is written without its indentation, so that no list holds it, which would end it.
fn fence_marker(line: &str) -> Option<String> {
    let trimmed = line.trim_start_matches(' ');
    if line.len() - trimmed.len() > 3 {
        return None;
    }
    let char = trimmed.chars().next().filter(|char| *char == '`' || *char == '~')?;
    let mark: String = trimmed.chars().take_while(|next| *next == char).collect();
    let info = &trimmed[mark.len()..];
    (mark.len() >= 3 && (char == '~' || !info.contains('`'))).then_some(mark)
}

fn sanitize_line(line: &str, allowed: &[String], out: &mut String) {
    let is_command = line.trim_start().starts_with('/');
    if is_command {
        out.push(BREAK);
    }
    let mut rest = line;
    // Code spans: as many backticks close as opened. An unclosed run is text.
    while let Some(at) = rest.find('`') {
        let (text, from) = rest.split_at(at);
        if ends_escaping(text) {
            sanitize_text(text, allowed, out);
            out.push('\'');
            rest = &from[1..];
            continue;
        }
        let ticks = from.len() - from.trim_start_matches('`').len();
        let (run, after) = from.split_at(ticks);
        let Some(end) = find_run(after, ticks) else {
            sanitize_text(&rest.replace('`', "'"), allowed, out);
            return;
        };
        sanitize_text(text, allowed, out);
        let code = &after[..end];
        if code.contains('|') {
            // In a table it ends the cell, and what was code is text.
            out.push('\'');
            sanitize_text(&code.replace('`', "'"), allowed, out);
            out.push('\'');
        } else {
            out.push_str(run);
            out.push_str(code);
            out.push_str(run);
        }
        rest = &after[end + ticks..];
    }
    sanitize_text(rest, allowed, out);
}

fn find_run(text: &str, ticks: usize) -> Option<usize> {
    let mut at = 0;
    while let Some(found) = text[at..].find('`') {
        let start = at + found;
        let run = text[start..].len() - text[start..].trim_start_matches('`').len();
        if run == ticks {
            return Some(start);
        }
        at = start + run;
    }
    None
}

fn sanitize_text(text: &str, allowed: &[String], out: &mut String) {
    let broken = CLOSING.as_ref().map_or_else(
        || text.into(),
        |closing| {
            closing.replace_all(text, |found: &regex::Captures<'_>| {
                format!("{}{BREAK}{}{}", &found[1], &found[2], &found[3])
            })
        },
    );
    let mut chars = broken.char_indices().peekable();
    while let Some((at, char)) = chars.next() {
        match char {
            '<' => out.push_str("&lt;"),
            // Entities can spell anything that is broken below.
            '&' => out.push_str("&amp;"),
            '@' => {
                out.push('@');
                out.push(BREAK);
            }
            '!' if matches!(chars.peek(), Some((_, '['))) => push_escaped('!', out),
            // `[text](url)`, `[text][ref]` and `[ref]: url` all need a bracket that opens or closes.
            '[' | ']' => push_escaped(char, out),
            ':' if broken[at..].starts_with("://") && !is_allowed(&broken, at, allowed) => {
                out.push(':');
                out.push(BREAK);
            }
            'w' | 'W' if broken[at..].len() >= 4 && broken.as_bytes()[at..at + 4].eq_ignore_ascii_case(b"www.") => {
                out.push(char);
                out.push(BREAK);
            }
            '#' if broken[at + 1..].starts_with(|next: char| next.is_ascii_digit()) => {
                out.push('#');
                out.push(BREAK);
            }
            char => out.push(char),
        }
    }
}

/// Whether what follows is escaped: a backslash that is not escaped itself.
fn ends_escaping(text: &str) -> bool {
    (text.len() - text.trim_end_matches('\\').len()) % 2 == 1
}

/// Escapes, where it is not escaped already: two backslashes would be one to the reader, and the character alive.
fn push_escaped(char: char, out: &mut String) {
    if !ends_escaping(out) {
        out.push('\\');
    }
    out.push(char);
}

/// Whether the URL whose `://` stands at `at` begins with an allowed prefix.
fn is_allowed(text: &str, at: usize, allowed: &[String]) -> bool {
    let start = text[..at]
        .rfind(|char: char| !char.is_ascii_alphanumeric())
        .map_or(0, |before| {
            before + text[before..].chars().next().map_or(1, char::len_utf8)
        });
    allowed.iter().any(|prefix| text[start..].starts_with(prefix.as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn visible(text: &str) -> String {
        text.replace(BREAK, "|")
    }

    #[test]
    fn strangers_markdown_loses_its_teeth() {
        assert!(CLOSING.is_some(), "the pattern compiles");
        for (raw, safe) in [
            ("plain *text*", "plain *text*"),
            ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)>"),
            ("<!-- hidden -->", "&lt;!-- hidden -->"),
            (
                "![p](https://evil.example/x.png)",
                "\\!\\[p\\](https:|//evil.example/x.png)",
            ),
            ("[a](javascript:x)", "\\[a\\](javascript:x)"),
            ("see www.evil.example", "see w|ww.evil.example"),
            ("hi @octocat and &#64;octocat", "hi @|octocat and &amp;#|64;octocat"),
            ("Fixes #12, closes o/r#3", "Fixes| #|12, closes| o/r#|3"),
            ("/merge now", "|/merge now"),
            ("use `Vec<T>` and `@x`", "use `Vec<T>` and `@x`"),
            ("a ` lone @x", "a ' lone @|x"),
            ("```rust\nlet a: Vec<u8>;\n```", "```rust\nlet a: Vec<u8>;\n```"),
            ("```\nnever closed <b>", "```\nnever closed <b>\n```"),
            (
                "https://github.com/o/r/blob/x https://github.com.evil.example/",
                "https://github.com/o/r/blob/x https:|//github.com.evil.example/",
            ),
            (r"\[a\](//evil.example)", r"\[a\](//evil.example)"),
            (r"\\[a\\](//evil.example)", r"\\\[a\\\](//evil.example)"),
            (r"\`@x <b>\`", r"\'@|x &lt;b>\'"),
            ("a `b | @x` c", "a 'b | @|x' c"),
            ("`a | ``b` @x ``", "'a | ''b' @|x ''"),
            ("text\n\t```\n@x", "text\n\t'''\n@|x"),
            ("\u{a0}```\n@x", "\u{a0}'''\n@|x"),
            ("```\nx\n```\u{a0}\n@x", "```\nx\n```\u{a0}\n@x\n```"),
            ("- a\n  ```\n```\n@x", "- a\n```\n```\n@|x"),
            ("~~~ `\n~~~\n@x", "~~~ `\n~~~\n@|x"),
            ("a\u{202e}b\u{7}c", "abc"),
            ("https:\u{202e}//evil.example", "https:|//evil.example"),
        ] {
            assert_eq!(
                visible(&sanitize(raw, &["https://github.com/o/r/".to_owned()])),
                safe,
                "{raw}"
            );
        }
    }

    proptest! {
        #[test]
        fn outside_code_nothing_dangerous_is_left(text in "[<>@!\\[\\]()#:/a-z0-9 \\n&;~é\u{202e}]{0,200}") {
            let safe = sanitize(&text, &[]);
            if !safe.contains("~~~") {
                prop_assert!(!safe.contains('<'));
                prop_assert!(!safe.contains("://"));
                for (at, _) in safe.match_indices('@') {
                    prop_assert!(safe[at + 1..].starts_with(BREAK));
                }
            }
        }
    }
}
