//! Prepares foreign text for a page: removes secrets, makes hidden characters visible, and cuts long text with a
//! note. All text from outside this crate enters a page through this module.
//!
//! `maud` escapes markup; no foreign text is ever marked as escaped already.

use std::fmt::Write;

use holdfast_core::render::is_invisible;
use holdfast_core::rule::redacted;
use maud::{Markup, Render, html};

/// Maximum number of characters of a text in one line (a title, a path, a name).
pub const MAX_LINE_CHARS: usize = 400;
/// Maximum number of characters of a few paragraphs (a summary, a reason, a problem).
pub const MAX_PARAGRAPH_CHARS: usize = 8_000;
/// Maximum number of characters of a prompt or an answer.
pub const MAX_BLOCK_CHARS: usize = 60_000;
/// Number of characters after a cut that are searched for secrets too. It is larger than the longest token.
const BEHIND_CUT: usize = 4_000;
/// Maximum number of characters of one line of code.
pub const MAX_CODE_LINE_CHARS: usize = 2_000;

/// Foreign text to show: see [`line`], [`block`] and [`code`].
#[derive(Clone, Copy, Debug)]
pub struct Foreign<'a> {
    text: &'a str,
    most: usize,
    keeps_lines: bool,
    is_isolated: bool,
}

/// Shows one line: line breaks become visible.
pub fn line(text: &str) -> Foreign<'_> {
    Foreign {
        text,
        most: MAX_LINE_CHARS,
        keeps_lines: false,
        is_isolated: true,
    }
}

/// Shows text with its line breaks (under `white-space: pre-wrap`), at most `most` characters.
pub fn block(text: &str, most: usize) -> Foreign<'_> {
    Foreign {
        text,
        most,
        keeps_lines: true,
        is_isolated: false,
    }
}

/// Shows a piece of a line of code: tabs stay, line breaks become visible.
pub fn code(text: &str) -> Foreign<'_> {
    Foreign {
        text,
        most: usize::MAX,
        keeps_lines: true,
        is_isolated: false,
    }
}

impl Render for Foreign<'_> {
    fn render(&self) -> Markup {
        let (clean, left_out) = clean(self.text, self.most);
        let body = html! {
            @for piece in pieces(&clean, self.keeps_lines) {
                @match piece {
                    Piece::Plain(text) => (text),
                    Piece::Hidden(char) => span.hidden-char { (name_of(char)) },
                }
            }
            @if left_out > 0 {
                span.cut { "… " (grouped(left_out)) @if left_out == 1 { " character left out" } @else { " characters left out" } }
            }
        };
        if self.is_isolated {
            html! { bdi { (body) } }
        } else {
            body
        }
    }
}

enum Piece<'a> {
    Plain(&'a str),
    Hidden(char),
}

fn pieces(text: &str, keeps_lines: bool) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut from = 0;
    let mut before = None;
    for (at, char) in text.char_indices() {
        let end = at + char.len_utf8();
        let next = text[end..].chars().next();
        if is_hidden(char, before, next) && !(keeps_lines && matches!(char, '\n' | '\t')) {
            if from < at {
                pieces.push(Piece::Plain(&text[from..at]));
            }
            pieces.push(Piece::Hidden(char));
            from = end;
        }
        before = Some(char);
    }
    if from < text.len() {
        pieces.push(Piece::Plain(&text[from..]));
    }
    pieces
}

/// Returns whether a character is invisible here or changes how other text reads. Joiners belong between letters that
/// aren't ASCII (Persian, emoji), but elsewhere they can hide text. Variation selectors only choose how an emoji is
/// drawn.
fn is_hidden(char: char, before: Option<char>, next: Option<char>) -> bool {
    match char {
        '\u{200c}' | '\u{200d}' => [before, next]
            .iter()
            .any(|near| near.is_none_or(|near| near.is_ascii())),
        '\u{fe00}'..='\u{fe0f}' => false,
        '\t' | '\n' => true,
        char => is_invisible(char),
    }
}

fn name_of(char: char) -> String {
    format!("‹U+{:04X}›", u32::from(char))
}

/// Returns the first `most` characters without secrets, and the number of characters left out. Secrets are removed
/// before the cut, because the search can't find half a secret. Text far behind the cut isn't searched.
fn clean(text: &str, most: usize) -> (String, usize) {
    let (near, far) = cut(text, most.saturating_add(BEHIND_CUT));
    let near = redacted(near);
    let (kept, left_out) = cut(&near, most);
    (kept.to_owned(), left_out + far)
}

/// Returns the first `most` characters, and the number of characters left out.
fn cut(text: &str, most: usize) -> (&str, usize) {
    if text.len() <= most {
        return (text, 0);
    }
    match text.char_indices().nth(most) {
        Some((at, _)) => (&text[..at], text[at..].chars().count()),
        None => (text, 0),
    }
}

/// Returns one line for an attribute (a label, an alternative text): like [`line`], without markup.
pub fn plain(text: &str) -> String {
    let (clean, left_out) = clean(text, MAX_LINE_CHARS);
    let mut out = String::with_capacity(clean.len());
    for piece in pieces(&clean, false) {
        match piece {
            Piece::Plain(text) => out.push_str(text),
            Piece::Hidden(char) => out.push_str(&name_of(char)),
        }
    }
    if left_out > 0 {
        let _infallible = write!(out, "…");
    }
    out
}

/// Returns a text as a form offers it for editing: without secrets and hidden characters, which publication removes
/// too. A text was edited if it differs from this one after CR LF is replaced by LF.
pub fn editable(text: &str) -> String {
    pieces(&redacted(&text.replace("\r\n", "\n")), true)
        .iter()
        .filter_map(|piece| match piece {
            Piece::Plain(text) => Some(*text),
            Piece::Hidden(_) => None,
        })
        .collect()
}

/// Groups digits: `12,345`.
pub fn grouped<N: ToString>(number: N) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// Returns a number with its noun: `1 file`, `2,000 files`.
pub fn counted(number: u64, noun: &str) -> String {
    format!("{} {noun}{}", grouped(number), if number == 1 { "" } else { "s" })
}

/// Returns US dollars, with enough digits to distinguish cheap from free.
pub fn dollars(cost_usd: f64) -> String {
    match cost_usd {
        cost if !cost.is_finite() || cost <= 0.0 => "$0".to_owned(),
        cost if cost < 0.01 => "under $0.01".to_owned(),
        cost => format!("${cost:.2}"),
    }
}

/// Returns the first twelve digits of a commit's id.
pub fn short(sha: &str) -> &str {
    sha.get(..12).unwrap_or(sha)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_become_visible() {
        for (text, shown) in [
            ("plain", "<bdi>plain</bdi>"),
            ("<b>&\"", "<bdi>&lt;b&gt;&amp;&quot;</bdi>"),
            ("a\u{202e}b", "<bdi>a<span class=\"hidden-char\">‹U+202E›</span>b</bdi>"),
            ("a\nb", "<bdi>a<span class=\"hidden-char\">‹U+000A›</span>b</bdi>"),
            (
                "\u{1b}[31m",
                "<bdi><span class=\"hidden-char\">‹U+001B›</span>[31m</bdi>",
            ),
            (
                "pass\u{200d}word",
                "<bdi>pass<span class=\"hidden-char\">‹U+200D›</span>word</bdi>",
            ),
            (
                "👩\u{200d}💻 می\u{200c}خواهم",
                "<bdi>👩\u{200d}💻 می\u{200c}خواهم</bdi>",
            ),
            ("\u{e0041}", "<bdi><span class=\"hidden-char\">‹U+E0041›</span></bdi>"),
        ] {
            assert_eq!(line(text).render().into_string(), shown, "{text:?}");
        }
        assert_eq!(
            block("a\n\tb\r", 9).render().into_string(),
            "a\n\tb<span class=\"hidden-char\">‹U+000D›</span>"
        );
    }

    #[test]
    fn cut_characters_are_counted() {
        for (text, most, shown) in [
            ("äöü", 3, "äöü"),
            ("äöüß", 3, "äöü<span class=\"cut\">… 1 character left out</span>"),
            ("abcdef", 2, "ab<span class=\"cut\">… 4 characters left out</span>"),
        ] {
            assert_eq!(block(text, most).render().into_string(), shown);
        }
        assert!(plain(&"x".repeat(MAX_LINE_CHARS + 1)).ends_with("x…"));
    }

    #[test]
    fn a_form_offers_the_text_that_publication_keeps() {
        assert_eq!(editable("a\u{202e}b\u{200b}\r\nc\t`x`\u{0}"), "ab\nc\t`x`");
    }

    #[test]
    fn numbers_read_well() {
        for (number, shown) in [(0_u64, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), shown);
        }
        for (cost, shown) in [(0.0, "$0"), (0.004, "under $0.01"), (1.5, "$1.50"), (f64::NAN, "$0")] {
            assert_eq!(dollars(cost), shown);
        }
        assert_eq!(counted(1, "run"), "1 run");
    }
}
