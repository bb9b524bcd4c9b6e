//! Reads the words of a comment that silence a rule: Holdfast's own, and those of other tools.

use super::comment::Comment;

/// Maximum number of such words in one comment.
const MAX_DIRECTIVES: usize = 8;
/// Maximum length of a word with its rules, in bytes.
const MAX_WORDS_BYTES: usize = 600;
/// Maximum number of signs between a marker and a word.
const MAX_SIGNS: usize = 16;
/// Maximum number of rules of a list.
const MAX_RULES: usize = 20;
/// Maximum length of a reason, in characters.
const MAX_REASON_CHARS: usize = 200;

/// A word that silences rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Holdfast,
    Noqa,
    Nosec,
    Nosemgrep,
    Gitleaks,
    EslintLine,
    EslintNextLine,
    Nolint,
    NolintNextLine,
    Shellcheck,
    Zizmor,
}

impl Word {
    /// Returns the word as people write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Holdfast => "holdfast: ignore",
            Self::Noqa => "noqa",
            Self::Nosec => "nosec",
            Self::Nosemgrep => "nosemgrep",
            Self::Gitleaks => "gitleaks:allow",
            Self::EslintLine => "eslint-disable-line",
            Self::EslintNextLine => "eslint-disable-next-line",
            Self::Nolint => "NOLINT",
            Self::NolintNextLine => "NOLINTNEXTLINE",
            Self::Shellcheck => "shellcheck disable",
            Self::Zizmor => "zizmor: ignore",
        }
    }

    /// Returns whether it is about its own line.
    pub const fn is_of_own_line(self) -> bool {
        !matches!(self, Self::EslintNextLine | Self::NolintNextLine | Self::Shellcheck)
    }

    /// Returns whether it is about the next line, in a comment that is alone on its line or beside code.
    pub const fn is_of_next_line(self, is_alone: bool) -> bool {
        match self {
            Self::EslintNextLine | Self::NolintNextLine => true,
            Self::Holdfast | Self::Nosec | Self::Nosemgrep | Self::Gitleaks | Self::Shellcheck => is_alone,
            Self::Noqa | Self::EslintLine | Self::Nolint | Self::Zizmor => false,
        }
    }
}

/// Words in a comment that silence rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Directive {
    /// The word.
    pub word: Word,
    /// The rules that it names; empty: all that the word is about. For [`Word::Holdfast`]: none.
    pub rules: Vec<String>,
    /// The words after the rules.
    pub reason: Option<String>,
}

impl Directive {
    /// Returns whether it silences nothing, because it names no rule and has to.
    pub fn lacks_rules(&self) -> bool {
        self.word == Word::Holdfast && self.rules.is_empty()
    }

    /// Returns whether its form asks for a reason, and it has none.
    pub fn lacks_reason(&self) -> bool {
        self.word == Word::Holdfast && self.reason.is_none()
    }
}

/// Returns the silencing words of a comment: at its beginning, or after another marker in it, as in
/// `# type: ignore  # noqa`.
pub(super) fn directives(comment: &Comment<'_>) -> Vec<Directive> {
    let text = comment.text;
    let bytes = text.as_bytes();
    let mut found: Vec<(Directive, usize)> = Vec::new();
    let starts = std::iter::once(0).chain((0..bytes.len()).filter(|at| {
        let rest = bytes.get(*at..).unwrap_or_default();
        rest.starts_with(b"#") || rest.starts_with(b"//")
    }));
    for start in starts {
        let rest = text.get(start..).unwrap_or_default();
        let signs = rest.bytes().take(MAX_SIGNS);
        let signs = signs
            .take_while(|byte| byte.is_ascii_whitespace() || b"#/*!;-%".contains(byte))
            .count();
        let words = rest.get(signs..).unwrap_or_default();
        let words = words.get(..words.floor_char_boundary(MAX_WORDS_BYTES)).unwrap_or(words);
        let Some((word, rules, length)) = parse(words) else {
            continue;
        };
        let behind = start + signs + length;
        // A reading from the marker before has read it already.
        if found.last().is_some_and(|(_, last)| *last >= behind) {
            continue;
        }
        if let Some((before, from)) = found.last_mut() {
            before.reason = reason(text.get(*from..start).unwrap_or_default());
        }
        let directive = Directive {
            word,
            rules,
            reason: reason(text.get(behind..).unwrap_or_default()),
        };
        found.push((directive, behind));
        if found.len() == MAX_DIRECTIVES {
            break;
        }
    }
    found.into_iter().map(|(directive, _)| directive).collect()
}

/// Returns the word at the beginning of a text, its rules, and the number of bytes of both.
fn parse(text: &str) -> Option<(Word, Vec<String>, usize)> {
    let length_before = |rest: &str| text.len() - rest.len();
    if let Some(rest) = after(text, "holdfast:", false) {
        let rest = after(rest.trim_start(), "ignore", false).filter(|rest| !continues(rest))?;
        let (rules, rest) = bracketed(rest, '[', ']').unwrap_or((Vec::new(), rest));
        return Some((Word::Holdfast, rules, length_before(rest)));
    }
    if let Some(rest) = after(text, "zizmor:", false) {
        let rest = after(rest.trim_start(), "ignore", false)?;
        let (rules, rest) = bracketed(rest, '[', ']').filter(|(rules, _)| !rules.is_empty())?;
        return Some((Word::Zizmor, rules, length_before(rest)));
    }
    if let Some(rest) = after(text, "noqa", true).filter(|rest| !continues(rest)) {
        let Some(codes) = rest.trim_start().strip_prefix(':') else {
            return Some((Word::Noqa, Vec::new(), length_before(rest)));
        };
        let (rules, rest) = listed(codes, is_code);
        return (!rules.is_empty()).then(|| (Word::Noqa, rules, length_before(rest)));
    }
    if let Some(rest) = after(text, "nosec", true).filter(|rest| !continues(rest)) {
        let (rules, rest) = listed(rest.strip_prefix(':').unwrap_or(rest), |word| {
            // bandit's tests have names too.
            is_code(word) || (word.contains('_') && word.bytes().all(|byte| byte == b'_' || byte.is_ascii_lowercase()))
        });
        return Some((Word::Nosec, rules, length_before(rest)));
    }
    if let Some(rest) = after(text, "nosemgrep", false).filter(|rest| !continues(rest)) {
        let Some(ids) = rest.strip_prefix(':') else {
            return Some((Word::Nosemgrep, Vec::new(), length_before(rest)));
        };
        let (rules, rest) = comma_separated(ids);
        return (!rules.is_empty()).then(|| (Word::Nosemgrep, rules, length_before(rest)));
    }
    if let Some(rest) = after(text, "gitleaks:allow", false).filter(|rest| !continues(rest)) {
        return Some((Word::Gitleaks, Vec::new(), length_before(rest)));
    }
    if let Some(rest) = after(text, "shellcheck", false).filter(|rest| rest.starts_with(' ')) {
        let rest = after(rest.trim_start(), "disable=", false)?;
        let (rules, rest) = comma_separated(rest);
        let is_all = rules.iter().any(|rule| rule == "all");
        let named = if is_all { Vec::new() } else { rules.clone() };
        return (!rules.is_empty()).then(|| (Word::Shellcheck, named, length_before(rest)));
    }
    for (name, word) in [
        ("eslint-disable-next-line", Word::EslintNextLine),
        ("eslint-disable-line", Word::EslintLine),
    ] {
        if let Some(rest) = after(text, name, false).filter(|rest| !continues(rest)) {
            let (rules, rest) = comma_separated(rest);
            return Some((word, rules, length_before(rest)));
        }
    }
    for (name, word) in [("NOLINTNEXTLINE", Word::NolintNextLine), ("NOLINT", Word::Nolint)] {
        if let Some(rest) = after(text, name, false).filter(|rest| !continues(rest)) {
            return match bracketed(rest, '(', ')') {
                // An empty list names no check.
                Some((rules, _)) if rules.is_empty() => None,
                Some((rules, _)) if rules.iter().any(|rule| rule == "*") => {
                    Some((word, Vec::new(), length_before(rest)))
                }
                Some((rules, rest)) => Some((word, rules, length_before(rest))),
                None => Some((word, Vec::new(), length_before(rest))),
            };
        }
    }
    None
}

/// Returns the text after a word.
fn after<'a>(text: &'a str, word: &str, in_any_case: bool) -> Option<&'a str> {
    let start = text.get(..word.len())?;
    let is_it = start == word || (in_any_case && start.eq_ignore_ascii_case(word));
    is_it.then(|| text.get(word.len()..).unwrap_or_default())
}

/// Returns whether a word continues here: it is another word then.
fn continues(rest: &str) -> bool {
    rest.starts_with(|sign: char| sign.is_alphanumeric() || matches!(sign, '_' | '-'))
}

/// Reads a list in brackets, and returns it with the rest of the text.
fn bracketed(text: &str, open: char, close: char) -> Option<(Vec<String>, &str)> {
    let list = text.strip_prefix(open)?;
    let end = list.find(close)?;
    let rules = list.get(..end).unwrap_or_default().split(',').map(str::trim);
    let rules = rules.filter(|rule| is_rule(rule)).take(MAX_RULES).map(str::to_owned);
    Some((rules.collect(), list.get(end + close.len_utf8()..).unwrap_or_default()))
}

/// Reads words that are separated by commas or space, as long as they are rules.
fn listed(text: &str, is_rule: impl Fn(&str) -> bool) -> (Vec<String>, &str) {
    let (mut rules, mut rest) = (Vec::new(), text);
    while rules.len() < MAX_RULES {
        let next = rest.trim_start_matches(|sign: char| sign.is_whitespace() || sign == ',');
        let length = next
            .find(|sign: char| sign.is_whitespace() || sign == ',')
            .unwrap_or(next.len());
        let word = next.get(..length).unwrap_or_default();
        if !is_rule(word) {
            break;
        }
        rules.push(word.to_owned());
        rest = next.get(length..).unwrap_or_default();
    }
    (rules, rest)
}

/// Reads rules that are separated by commas. A space ends the list, unless a comma is beside it.
fn comma_separated(text: &str) -> (Vec<String>, &str) {
    let (mut rules, mut rest) = (Vec::new(), text);
    while rules.len() < MAX_RULES {
        let next = rest.trim_start();
        let length = next
            .find(|sign: char| sign.is_whitespace() || sign == ',')
            .unwrap_or(next.len());
        let rule = next.get(..length).unwrap_or_default();
        if !is_rule(rule) || rule.starts_with('-') {
            break;
        }
        rules.push(rule.to_owned());
        rest = next.get(length..).unwrap_or_default();
        match rest.trim_start().strip_prefix(',') {
            Some(more) => rest = more,
            None => break,
        }
    }
    (rules, rest)
}

/// Returns whether a word is a code, such as `E501` or `B608`.
fn is_code(word: &str) -> bool {
    let letters = word.bytes().take_while(u8::is_ascii_alphabetic).count();
    let digits = word.get(letters..).unwrap_or_default();
    (1..=10).contains(&letters) && (1..=8).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_rule(word: &str) -> bool {
    !word.is_empty()
        && word
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_./:@*".contains(&byte))
        && word.bytes().any(|byte| byte.is_ascii_alphanumeric() || byte == b'*')
}

/// Returns the reason in the text after a word and its rules.
fn reason(text: &str) -> Option<String> {
    let text = text.trim_matches(|sign: char| sign.is_whitespace() || "-–—:;,*/#".contains(sign));
    let text: String = text.chars().take(MAX_REASON_CHARS).collect();
    text.chars().any(char::is_alphanumeric).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(Word, String, Option<String>)> {
        let found = directives(&Comment { text, is_alone: true });
        let found = found.into_iter();
        found
            .map(|directive| (directive.word, directive.rules.join(" "), directive.reason))
            .collect()
    }

    #[test]
    fn words_are_read_with_their_rules_and_reason() {
        use Word::*;
        for (text, expected) in [
            (" holdfast: ignore[a] known", Some((Holdfast, "a", Some("known")))),
            (
                " holdfast:ignore[a, ruff/S608]: as agreed",
                Some((Holdfast, "a ruff/S608", Some("as agreed"))),
            ),
            (" holdfast: ignore[a]", Some((Holdfast, "a", None))),
            (" holdfast: ignore[a] --", Some((Holdfast, "a", None))),
            (" holdfast: ignore", Some((Holdfast, "", None))),
            (" holdfast: ignore this", Some((Holdfast, "", Some("this")))),
            (" holdfast: ignore[] x", Some((Holdfast, "", Some("x")))),
            (" holdfast: ignore[a", Some((Holdfast, "", Some("[a")))),
            (" holdfast: ignored", None),
            (" see holdfast: ignore[a]", None),
            (" Holdfast: ignore[a]", None),
            (" noqa", Some((Noqa, "", None))),
            (" NOQA: S608,E501 long", Some((Noqa, "S608 E501", Some("long")))),
            ("noqa:S608 , E501", Some((Noqa, "S608 E501", None))),
            (" noqa: because", None),
            (" noqass", None),
            (" type: ignore # noqa", Some((Noqa, "", None))),
            (" nosec", Some((Nosec, "", None))),
            (
                " nosec B602, B607 - trusted",
                Some((Nosec, "B602 B607", Some("trusted"))),
            ),
            (
                " #nosec G304 -- checked above",
                Some((Nosec, "G304", Some("checked above"))),
            ),
            (" nosec: B101", Some((Nosec, "B101", None))),
            (" nosec assert_used", Some((Nosec, "assert_used", None))),
            (" nosec fine here", Some((Nosec, "", Some("fine here")))),
            (" nosecurity", None),
            (" nosemgrep", Some((Nosemgrep, "", None))),
            (" nosemgrep: a.b.c, d why", Some((Nosemgrep, "a.b.c d", Some("why")))),
            (" gitleaks:allow", Some((Gitleaks, "", None))),
            (" eslint-disable-next-line", Some((EslintNextLine, "", None))),
            (
                " eslint-disable-next-line no-eval, security/detect-eval -- ok",
                Some((EslintNextLine, "no-eval security/detect-eval", Some("ok"))),
            ),
            (" eslint-disable-line no-eval ", Some((EslintLine, "no-eval", None))),
            (" eslint-disable no-eval", None),
            (" NOLINT", Some((Nolint, "", None))),
            (
                " NOLINT(cert-err58-cpp, google-*) static",
                Some((Nolint, "cert-err58-cpp google-*", Some("static"))),
            ),
            (" NOLINT(*)", Some((Nolint, "", None))),
            (" NOLINT()", None),
            (" NOLINTNEXTLINE(x)", Some((NolintNextLine, "x", None))),
            (" NOLINTBEGIN", None),
            (
                " shellcheck disable=SC2086,SC2046 # words",
                Some((Shellcheck, "SC2086 SC2046", Some("words"))),
            ),
            (" shellcheck disable=all", Some((Shellcheck, "", None))),
            (" shellcheck source=x", None),
            (
                " zizmor: ignore[unpinned-uses] pinned below",
                Some((Zizmor, "unpinned-uses", Some("pinned below"))),
            ),
            (" zizmor: ignore", None),
            (" a plain comment", None),
            ("", None),
        ] {
            let expected: Vec<(Word, String, Option<String>)> = expected
                .into_iter()
                .map(|(word, rules, reason): (Word, &str, Option<&str>)| {
                    (word, rules.to_owned(), reason.map(str::to_owned))
                })
                .collect();
            assert_eq!(read(text), expected, "{text}");
        }
    }

    #[test]
    fn a_comment_may_have_several_words() {
        let found = read(" noqa: E501  # holdfast: ignore[a] see #12 # nosec");
        let words: Vec<_> = found
            .iter()
            .map(|(word, rules, reason)| (*word, rules.as_str(), reason.as_deref()))
            .collect();
        assert_eq!(
            words,
            [
                (Word::Noqa, "E501", None),
                (Word::Holdfast, "a", Some("see #12")),
                (Word::Nosec, "", None)
            ]
        );
    }

    #[test]
    fn hostile_comments_are_bounded() {
        for piece in [
            "# holdfast: ignore[",
            "# noqa: E1 ",
            "# eslint-disable-line a,",
            "#",
            "//",
            "# nosec ä_",
        ] {
            let text = piece.repeat(4_000 / piece.len());
            let found = read(&text);
            assert!(found.len() <= MAX_DIRECTIVES, "{piece}");
            assert!(found.iter().all(|(_, rules, _)| rules.len() < 4_000), "{piece}");
        }
        assert_eq!(
            read(&format!("holdfast: ignore[{}]", "a,".repeat(50)))[0]
                .1
                .split(' ')
                .count(),
            MAX_RULES
        );
    }
}
