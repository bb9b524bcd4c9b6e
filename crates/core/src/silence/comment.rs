//! Finds the comments in a line of code, by the markers of its file's language. It reads one line at a time, in linear
//! time: strings that span several lines are not known.

/// Maximum length of a line with comments that count, in bytes.
const MAX_LINE_BYTES: usize = 4_000;
/// Maximum number of comments of a line.
const MAX_COMMENTS: usize = 8;
/// Maximum length of a character literal, in bytes: `'\u{10ffff}'`.
const MAX_CHAR_LITERAL_BYTES: usize = 12;

/// The comments and strings of a file's language.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// The markers, each with the end of its comment; none where the line ends it.
    markers: &'static [(&'static str, Option<&'static str>)],
    /// The signs around strings.
    quotes: &'static [u8],
    /// Whether `'` encloses single characters only.
    has_char_literals: bool,
    /// Whether a marker of one character counts only after a space, or at the beginning of the line.
    needs_space: bool,
}

const HASH: (&str, Option<&str>) = ("#", None);
const SLASHES: (&str, Option<&str>) = ("//", None);
const BLOCK: (&str, Option<&str>) = ("/*", Some("*/"));
const DASHES: (&str, Option<&str>) = ("--", None);
const MARKUP: (&str, Option<&str>) = ("<!--", Some("-->"));
const TEMPLATE: (&str, Option<&str>) = ("{#", Some("#}"));
const SEMICOLON: (&str, Option<&str>) = (";", None);

const SCRIPT: Style = Style {
    markers: &[HASH],
    quotes: b"\"'",
    has_char_literals: false,
    needs_space: false,
};
const SHELL: Style = Style {
    needs_space: true,
    ..SCRIPT
};
const BRACES: Style = Style {
    markers: &[SLASHES, BLOCK],
    quotes: b"\"'`",
    has_char_literals: true,
    needs_space: false,
};
const WEB: Style = Style {
    has_char_literals: false,
    ..BRACES
};
const PHP: Style = Style {
    markers: &[SLASHES, BLOCK, HASH],
    ..WEB
};
const HCL: Style = Style {
    markers: &[HASH, SLASHES, BLOCK],
    ..SHELL
};
const SQL: Style = Style {
    markers: &[DASHES, BLOCK],
    ..SCRIPT
};
const INI: Style = Style {
    markers: &[SEMICOLON, HASH],
    ..SHELL
};
const LISP: Style = Style {
    markers: &[SEMICOLON],
    quotes: b"\"",
    ..SCRIPT
};
/// Text between tags has apostrophes, so no quotes are read.
const PAGE: Style = Style {
    markers: &[MARKUP, TEMPLATE],
    quotes: b"",
    ..SCRIPT
};
const COMPONENT: Style = Style {
    markers: &[MARKUP, SLASHES, BLOCK],
    ..PAGE
};
/// A file of another kind: an environment file, a Dockerfile, a list.
const OTHER: Style = Style {
    markers: &[HASH, SLASHES, BLOCK, MARKUP],
    ..SHELL
};

/// A comment in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Comment<'a> {
    /// Its text after the marker, without its end.
    pub text: &'a str,
    /// Whether nothing but space is before it.
    pub is_alone: bool,
}

impl Style {
    /// Returns the style of a file, by the end of its name.
    pub fn of(path: &str) -> Self {
        let name = path.rsplit('/').next().unwrap_or(path);
        let end = name.rsplit_once('.').map_or("", |(_, end)| end).to_ascii_lowercase();
        match end.as_str() {
            "py" | "pyi" | "pyx" | "rb" | "r" | "jl" | "ex" | "exs" | "cr" | "nim" => SCRIPT,
            "sh" | "bash" | "zsh" | "ksh" | "fish" | "pl" | "pm" | "yml" | "yaml" | "toml" | "ps1" | "psm1"
            | "conf" | "env" | "mk" | "cmake" | "tcl" | "awk" => SHELL,
            "rs" | "go" | "java" | "kt" | "kts" | "c" | "h" | "cc" | "cpp" | "cxx" | "hh" | "hpp" | "hxx" | "cs"
            | "swift" | "scala" | "m" | "mm" | "zig" | "proto" | "sol" => BRACES,
            "js" | "jsx" | "mjs" | "cjs" | "ts" | "tsx" | "mts" | "cts" | "dart" | "groovy" | "gradle" | "css"
            | "scss" | "less" | "jsonc" | "json5" => WEB,
            "php" => PHP,
            "tf" | "hcl" | "tfvars" => HCL,
            "sql" | "lua" | "hs" | "elm" | "adb" | "ads" | "vhd" | "vhdl" => SQL,
            "ini" | "cfg" | "properties" | "asm" | "s" => INI,
            "lisp" | "cl" | "clj" | "cljs" | "el" | "scm" | "rkt" => LISP,
            "html" | "htm" | "xml" | "svg" | "md" | "markdown" | "j2" | "jinja" | "jinja2" | "twig" => PAGE,
            "vue" | "svelte" | "astro" => COMPONENT,
            _ => OTHER,
        }
    }

    /// Returns the comments of a line, in their order. A line over 4,000 bytes has none.
    pub fn comments<'a>(&self, line: &'a str) -> Vec<Comment<'a>> {
        let mut found = Vec::new();
        if line.len() > MAX_LINE_BYTES {
            return found;
        }
        let bytes = line.as_bytes();
        let (mut at, mut code_end) = (0, 0);
        let mut is_alone = true;
        // Quotes that nothing closes are signs like any other.
        let mut unclosed: Vec<u8> = Vec::new();
        while let Some(&byte) = bytes.get(at) {
            if let Some((marker, end)) = self.marker_at(bytes, at) {
                let start = at + marker.len();
                let text = line.get(start..).unwrap_or_default();
                is_alone &= matches!(line.get(code_end..at).map(str::trim), Some("" | "{"));
                let length = end.and_then(|end| Some((text.find(end)?, end.len())));
                let (length, end_length) = length.unwrap_or((text.len(), 0));
                found.push(Comment {
                    text: text.get(..length).unwrap_or_default(),
                    is_alone,
                });
                at = start + length + end_length;
                code_end = at;
                if found.len() == MAX_COMMENTS {
                    break;
                }
                continue;
            }
            at += match byte {
                b'\\' => 2,
                quote if self.quotes.contains(&quote) && !unclosed.contains(&quote) => {
                    match self.string_length(bytes.get(at..).unwrap_or_default(), quote) {
                        Some(length) => length,
                        None => {
                            if !(quote == b'\'' && self.has_char_literals) {
                                unclosed.push(quote);
                            }
                            1
                        }
                    }
                }
                _ => 1,
            };
        }
        found
    }

    fn marker_at(&self, bytes: &[u8], at: usize) -> Option<(&'static str, Option<&'static str>)> {
        let rest = bytes.get(at..)?;
        let found = (self.markers.iter()).find(|(marker, _)| rest.starts_with(marker.as_bytes()))?;
        let before = at.checked_sub(1).and_then(|before| bytes.get(before));
        let is_after_space = before.is_none_or(u8::is_ascii_whitespace);
        (is_after_space || found.0.len() > 1 || !self.needs_space).then_some(*found)
    }

    /// Returns the length of the string at the beginning, with its quotes; none if it doesn't end there.
    fn string_length(&self, bytes: &[u8], quote: u8) -> Option<usize> {
        let most = match quote {
            b'\'' if self.has_char_literals => MAX_CHAR_LITERAL_BYTES,
            _ => bytes.len(),
        };
        let mut at = 1;
        while at < most {
            match bytes.get(at)? {
                b'\\' => at += 2,
                byte if *byte == quote => return Some(at + 1),
                _ => at += 1,
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(path: &str, line: &str) -> Vec<(String, bool)> {
        let found = Style::of(path).comments(line);
        let found = found.iter();
        found
            .map(|comment| (comment.text.trim().to_owned(), comment.is_alone))
            .collect()
    }

    #[test]
    fn comments_are_found_by_the_languages_markers() {
        for (path, line, expected) in [
            ("a.py", "x = 1  # noqa", Some(("noqa", false))),
            ("a.py", "    # noqa", Some(("noqa", true))),
            ("a.py", "x = '# noqa'", None),
            ("a.py", "x = 'it\\'s # noqa'", None),
            ("a.py", "x = \"a\" # don't", Some(("don't", false))),
            ("a.py", "x = y// 2", None),
            ("a.sh", "echo ${x#y} # no", Some(("no", false))),
            ("a.sh", "echo a#b", None),
            ("a.rs", "let x = \"// a\"; // b", Some(("b", false))),
            ("a.rs", "fn f<'a>(x: &'a str) {} // don't", Some(("don't", false))),
            ("a.rs", "let q = '\"'; // b", Some(("b", false))),
            ("a.js", "f(`# ${x} // a`) // b", Some(("b", false))),
            ("a.js", "{/* c */}", Some(("c", true))),
            ("a.ts", "const x = 'it''s'; /* d */ f(\"// e\")", Some(("d", false))),
            ("a.sql", "select 1 -- f", Some(("f", false))),
            ("a.html", "<p>don't</p> <!-- g --> text", Some(("g", false))),
            ("a.j2", "{# h #}", Some(("h", true))),
            ("a.ini", "; i", Some(("i", true))),
            ("Dockerfile", "RUN x # j", Some(("j", false))),
            ("a.txt", "http://x/#frag", Some(("x/#frag", false))),
            ("a.clj", "(f 1) ; k", Some(("k", false))),
            ("a.py", "x = '''# l", Some(("l", false))),
        ] {
            let expected: Vec<(String, bool)> = expected
                .into_iter()
                .map(|(text, alone): (&str, bool)| (text.to_owned(), alone))
                .collect();
            assert_eq!(texts(path, line), expected, "{path}: {line}");
        }
        assert_eq!(
            texts("a.c", "/* a */ /* b */ x; // c"),
            [("a".to_owned(), true), ("b".to_owned(), true), ("c".to_owned(), false)]
        );
        assert!(texts("a.py", &format!("{}# noqa", " ".repeat(4_000))).is_empty());
    }

    #[test]
    fn hostile_lines_end() {
        for piece in ["'", "\"", "\\", "/*", "*/", "#", "'\\", "ä#\"", "{#"] {
            let line = piece.repeat(4_000 / piece.len());
            for path in ["a.py", "a.rs", "a.js", "a.html", "a"] {
                assert!(Style::of(path).comments(&line).len() <= MAX_COMMENTS);
            }
        }
    }
}
