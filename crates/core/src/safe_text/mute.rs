//! Disarms words that have an effect where they are posted: mentions, references, links, words that close issues,
//! commands. A zero-width space breaks each: it reads the same and does nothing.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::escape::shortened;
use super::links::Links;
use crate::rule::redact;
use crate::visible::{BREAK, visible, visible_line, without_workflow_command};

/// Maximum number of hexadecimal digits that GitHub does not link as a commit id.
const MAX_PLAIN_HEX: usize = 6;

/// `None` only if a pattern doesn't compile; a test checks that all do.
static ACTIVE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let pattern = [
        r"(?P<url>(?i:https?|ftp)://[^\s<>]*)",
        r"(?P<scheme>:)//",
        r"(?P<www>(?i:w))(?i:ww)\.",
        r"(?P<at>@)",
        r"(?P<number>#)",
        r"(?P<gh>(?i:GH))-",
        r"(?P<advisory>(?i:GHSA))-",
        r"\b(?P<sha>[0-9A-Fa-f]{7,64})\b",
    ];
    Regex::new(&pattern.join("|")).ok()
});

static CLOSING: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?i)\b(?P<word>close[sd]?|fix(?:e[sd])?|resolve[sd]?)(?P<rest>\s*:?\s*(?:$|<|[\w.-]*/?[\w.-]*#|GH\b|https?:))",
    )
    .ok()
});

/// Names after `@` in code that aren't mentions: annotations, decorators and directives of common languages.
static ANNOTATIONS: &[&str] = &[
    "abstractmethod",
    "After",
    "Async",
    "Autowired",
    "Bean",
    "Before",
    "cached_property",
    "charset",
    "class",
    "classmethod",
    "code",
    "Component",
    "Configuration",
    "contextmanager",
    "Controller",
    "dataclass",
    "Deprecated",
    "deprecated",
    "else",
    "Entity",
    "example",
    "fixture",
    "font",
    "FunctionalInterface",
    "Id",
    "if",
    "import",
    "include",
    "inheritDoc",
    "Inject",
    "Injectable",
    "Input",
    "interface",
    "JsonProperty",
    "keyframes",
    "layer",
    "link",
    "lru_cache",
    "media",
    "mixin",
    "Module",
    "NonNull",
    "NotNull",
    "Nullable",
    "objc",
    "Output",
    "overload",
    "override",
    "Override",
    "param",
    "PathVariable",
    "property",
    "pytest",
    "RequestBody",
    "RequestMapping",
    "RequestParam",
    "RestController",
    "return",
    "returns",
    "SafeVarargs",
    "see",
    "selector",
    "Service",
    "since",
    "SpringBootApplication",
    "staticmethod",
    "supports",
    "SuppressWarnings",
    "synchronized",
    "Test",
    "throws",
    "Transactional",
    "ts",
    "type",
    "typing",
    "unittest",
    "use",
    "Value",
    "ViewChild",
    "wraps",
];

/// Returns a line's text with all active words broken, except links that `links` allows. `continues` is true if more of
/// the same line follows, perhaps the reference that a closing word needs.
pub(super) fn mute(text: &str, links: &Links, continues: bool) -> Vec<Piece> {
    let Some(active) = ACTIVE.as_ref() else {
        return Vec::new();
    };
    let mut pieces = Vec::new();
    let mut plain = String::new();
    let mut done = 0;
    for found in active.captures_iter(text) {
        let Some(whole) = found.get(0) else { continue };
        plain.push_str(&text[done..whole.start()]);
        done = whole.end();
        let Some(url) = found.name("url") else {
            plain.push_str(&broken(&found, whole.as_str(), text[done..].chars().next()));
            continue;
        };
        let link = url
            .as_str()
            .trim_end_matches(['.', ',', ';', ':', '!', '?', ')', '\'', '"', '*', '_', '~', ']']);
        // A word directly before the address would end where the link begins, and could have an effect.
        let is_apart = !text[..whole.start()].ends_with(|before: char| before.is_alphanumeric() || before == '_');
        if is_apart && links.allows(link) {
            pieces.push(Piece::Text(closing_broken(&std::mem::take(&mut plain), true)));
            pieces.push(Piece::Link(link.to_owned()));
            done = url.start() + link.len();
        } else {
            // The text after the scheme is searched too: it may contain a mention.
            let scheme = url.as_str().find("://").map_or(0, |at| at + 1);
            plain.push_str(&url.as_str()[..scheme]);
            plain.push(BREAK);
            plain.push_str("//");
            let rest = mute(&url.as_str()[scheme + 2..], &Links::none(), false);
            plain.extend(rest.into_iter().map(Piece::into_text));
        }
    }
    plain.push_str(&text[done..]);
    pieces.push(Piece::Text(closing_broken(&plain, continues)));
    pieces
}

/// A part of a muted text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// Text, harmless except for Markdown's own marks.
    Text(String),
    /// A page of the repository.
    Link(String),
}

impl Piece {
    fn into_text(self) -> String {
        match self {
            Self::Text(text) | Self::Link(text) => text,
        }
    }
}

/// Returns text of several lines for a place without Markdown, with all active words broken, at most `most` characters
/// long.
pub fn plain_text(text: &str, most: usize) -> String {
    let text = shortened(&redact(&visible(text)).text, most / 2);
    let lines = text.split('\n').map(|line| {
        let muted: String = mute(line, &Links::none(), false)
            .into_iter()
            .map(Piece::into_text)
            .collect();
        without_command(&without_workflow_command(&muted))
    });
    shortened(&lines.collect::<Vec<_>>().join("\n"), most)
}

/// Returns one line for a place without Markdown, such as an annotation or an alert, at most `most` characters long.
pub fn plain_line(text: &str, most: usize) -> String {
    plain_text(&visible_line(text), most)
}

/// Mutes a line of code: GitHub links nothing in it, but bots and runners read it as text.
pub(super) fn muted_code(line: &str) -> String {
    let mut out = String::with_capacity(line.len());
    let mut before = None;
    for (at, char) in line.char_indices() {
        out.push(char);
        if char == '@' && mentions(before, &line[at + 1..]) {
            out.push(BREAK);
        }
        before = Some(char);
    }
    without_command(&without_workflow_command(&out))
}

/// Returns whether the text after an `@` makes it a mention in code.
fn mentions(before: Option<char>, after: &str) -> bool {
    let word: &str = after
        .split(|char: char| !char.is_alphanumeric() && char != '_')
        .next()
        .unwrap_or("");
    let begins = before.is_none_or(|char| !char.is_alphanumeric());
    begins && !word.is_empty() && !ANNOTATIONS.contains(&word)
}

/// Returns whether a line of code contains a mention that isn't an annotation, or begins with a slash command.
pub fn is_active_code(line: &str) -> bool {
    muted_code(line) != line
}

/// Breaks a slash command at the start of a line, with or without blanks before it.
pub(super) fn without_command(line: &str) -> String {
    let start = line.len() - line.trim_start().len();
    let mut rest = line[start..].chars();
    let is_command = rest.next() == Some('/') && rest.next().is_some_and(char::is_alphanumeric);
    if is_command {
        format!("{}{BREAK}{}", &line[..start], &line[start..])
    } else {
        line.to_owned()
    }
}

fn broken(found: &Captures<'_>, whole: &str, next: Option<char>) -> String {
    let is_word = found.name("sha").is_some() && !is_like_sha(whole);
    let is_mark = found.name("number").is_some() && !next.is_some_and(char::is_alphanumeric);
    if is_word || is_mark {
        return whole.to_owned();
    }
    if found.name("sha").is_some() {
        // Each piece is too short to be a commit id.
        let chars: Vec<char> = whole.chars().collect();
        let pieces: Vec<String> = chars
            .chunks(MAX_PLAIN_HEX)
            .map(|piece| piece.iter().collect())
            .collect();
        return pieces.join(&BREAK.to_string());
    }
    let kept = ["scheme", "www", "at", "number", "gh", "advisory"]
        .iter()
        .find_map(|name| found.name(name))
        .map_or(0, |group| group.len());
    format!("{}{BREAK}{}", &whole[..kept], &whole[kept..])
}

/// Returns whether a hexadecimal word looks like a commit id: it has digits and letters, or at least 20 characters.
fn is_like_sha(word: &str) -> bool {
    let has = |test: fn(&char) -> bool| word.chars().any(|char| test(&char));
    (has(char::is_ascii_digit) && has(char::is_ascii_alphabetic)) || word.len() >= 20
}

/// Breaks words that close an issue if a reference or a link follows, or may follow later in the same line.
fn closing_broken(text: &str, continues: bool) -> String {
    CLOSING.as_ref().map_or_else(
        || text.to_owned(),
        |closing| {
            let broken = closing.replace_all(text, |found: &Captures<'_>| {
                if !continues && found["rest"].trim_matches([' ', '\t', ':']).is_empty() {
                    return found[0].to_owned();
                }
                let (first, last) = found["word"].split_at(found["word"].len() - 1);
                format!("{first}{BREAK}{last}{}", &found["rest"])
            });
            broken.into_owned()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        plain_text(text, 1_000).replace(BREAK, "|")
    }

    #[test]
    fn words_with_an_effect_are_broken() {
        assert!(ACTIVE.is_some() && CLOSING.is_some(), "the patterns compile");
        for (raw, safe) in [
            ("plain text, a::b, 1/2", "plain text, a::b, 1/2"),
            ("hi @octocat, @org/team", "hi @|octocat, @|org/team"),
            ("mail me@example.com", "mail me@|example.com"),
            ("see #12, o/r#3, GH-4, gh-5", "see #|12, o/r#|3, GH|-4, gh|-5"),
            (
                "user@0123abc 0123abcd deadbee 12345678",
                "user@|0123ab|c 0123ab|cd deadbee 12345678",
            ),
            ("http://a.example www.b.example", "http:|//a.example w|ww.b.example"),
            ("HTTPS://x@y.example/#1", "HTTPS:|//x@|y.example/#|1"),
            ("Fixes #12 and closes: o/r#3", "Fixe|s #|12 and close|s: o/r#|3"),
            ("resolved https://a.example", "resolve|d https:|//a.example"),
            ("It fixes the bug", "It fixes the bug"),
            ("/merge now\n  /rebase", "|/merge now\n  |/rebase"),
            ("::error::x", ":|:error::x"),
        ] {
            assert_eq!(shown(raw), safe, "{raw}");
        }
    }

    #[test]
    fn code_keeps_annotations_and_disarms_commands() {
        for (raw, safe) in [
            ("@Override public void run() {}", "@Override public void run() {}"),
            ("@dataclass", "@dataclass"),
            ("@bot merge", "@|bot merge"),
            ("run(); // @octocat", "run(); // @|octocat"),
            ("user@host", "user@host"),
            ("/merge", "|/merge"),
            ("  /approve now", "  |/approve now"),
            ("// comment", "// comment"),
            ("/* comment */", "/* comment */"),
            ("::set-output name=a::b", ":|:set-output name=a::b"),
            ("x ##[error]y", "x ##|[error]y"),
        ] {
            assert_eq!(muted_code(raw).replace(BREAK, "|"), safe, "{raw}");
        }
    }
}
