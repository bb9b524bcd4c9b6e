//! What the grammars' own scanners, which are written in C, can bear. Between two tokens a scanner stores its state in
//! 1,024 bytes; those of YAML, Python and Ruby write a few bytes more if a text nests blocks, or opens texts, without
//! end.

use super::language::Language;

/// Maximum nesting of blocks by their indentation.
const MAX_BLOCKS: usize = 200;
/// Maximum size of the names of all here-documents of Ruby, in bytes, each with what the scanner stores beside it.
const MAX_HEREDOC_BYTES: usize = 900;
/// What the scanner of Ruby stores beside a name, in bytes.
const HEREDOC_BYTES: usize = 4;

/// Returns whether a text is too deep for the scanner of its language.
pub(super) fn is_too_deep(language: Language, text: &str) -> bool {
    match language {
        Language::Python => blocks(text, |_| 0) > MAX_BLOCKS,
        Language::Workflow => blocks(text, inner_blocks) > MAX_BLOCKS,
        Language::Ruby => heredoc_bytes(text) > MAX_HEREDOC_BYTES,
        _ => false,
    }
}

/// Returns the maximum number of blocks around a line: those that its indentation shows, and those that begin in it.
fn blocks(text: &str, inner: impl Fn(&str) -> usize) -> usize {
    let mut open: Vec<usize> = Vec::new();
    let mut deepest = 0;
    for line in text.split(['\n', '\r', '\u{c}']) {
        let rest = line.trim_start_matches([' ', '\t']);
        if rest.is_empty() {
            continue;
        }
        let blanks = line.get(..line.len() - rest.len()).unwrap_or_default();
        let width = blanks.bytes().map(|byte| if byte == b'\t' { 8 } else { 1 }).sum();
        while open.last().is_some_and(|last| *last >= width) {
            open.pop();
        }
        open.push(width);
        let inner = inner(rest);
        deepest = deepest.max(open.len() + inner);
        // The next lines may be within those too, at any column.
        let next = (1..=inner.min(MAX_BLOCKS)).map(|more| width + more);
        open.extend(next);
    }
    deepest
}

/// Returns how many blocks of YAML may begin in a line: at most one at each of these marks.
fn inner_blocks(line: &str) -> usize {
    let marks = line.as_bytes().windows(2);
    marks
        .filter(|pair| matches!(pair, [b'-' | b'?' | b':', b' ' | b'\t']))
        .count()
}

/// Returns the size of the names of the here-documents: whatever looks like the begin of one counts.
fn heredoc_bytes(text: &str) -> usize {
    let starts = text.split("<<").skip(1);
    let sizes = starts.map(|rest| {
        let name = rest.trim_start_matches(['-', '~']);
        let size = match name.bytes().next() {
            Some(quote @ (b'"' | b'\'' | b'`')) => {
                let inner = name.get(1..).unwrap_or_default();
                inner.bytes().position(|byte| byte == quote).unwrap_or(inner.len())
            }
            _ => {
                let is_end = |byte: u8| byte.is_ascii() && !byte.is_ascii_alphanumeric() && byte != b'_';
                name.bytes().position(is_end).unwrap_or(name.len())
            }
        };
        if size == 0 { 0 } else { size + HEREDOC_BYTES }
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_would_fill_a_scanner_are_recognised() {
        let indented = |mark: &str| -> String {
            let line = |depth: usize| format!("{}{mark}\n", " ".repeat(depth));
            (0..300).map(line).collect()
        };
        let tabs: String = (0..300)
            .map(|n| format!("{}{}if a:\n", "\t".repeat(n / 8), " ".repeat(n % 8)))
            .collect();
        for (language, text, is_deep) in [
            (Language::Python, indented("if a:"), true),
            (Language::Python, tabs, true),
            (Language::Python, "if a:\n  b\n".repeat(1_000), false),
            (Language::Workflow, indented("a:"), true),
            (Language::Workflow, "- ".repeat(300), true),
            (Language::Workflow, "a:\n  - b: c\n    d: e\n".repeat(1_000), false),
            (Language::Ruby, "f(<<A)\n#{".repeat(300), true),
            (Language::Ruby, format!("f(<<~'{}')", "a".repeat(1_000)), true),
            (Language::Ruby, "x << 1\nclass << self\n".repeat(1_000), false),
            (Language::Go, indented("{"), false),
        ] {
            assert_eq!(
                is_too_deep(language, &text),
                is_deep,
                "{language:?} {:?}",
                text.get(..20)
            );
        }
    }
}
