//! Removes invisible characters before the search. They would hide a secret from the search, but not from a reader or
//! from a program that receives a copy of it.

use std::borrow::Cow;

use crate::visible::is_invisible;

/// Text without invisible characters, and the origin of each part.
pub(super) struct Visible<'a> {
    /// The text.
    pub text: Cow<'a, str>,
    /// Pairs of a position in `text` and the number of bytes left out before it, ascending. Empty if nothing was left
    /// out.
    cuts: Vec<(usize, usize)>,
}

impl<'a> Visible<'a> {
    pub fn new(line: &'a str) -> Self {
        let plain = Self {
            text: Cow::Borrowed(line),
            cuts: Vec::new(),
        };
        if line.bytes().all(|byte| (b' '..=b'~').contains(&byte) || byte == b'\t') || !line.chars().any(is_hidden) {
            return plain;
        }
        let (mut text, mut cuts, mut left_out) = (String::with_capacity(line.len()), Vec::new(), 0);
        for char in line.chars() {
            if is_hidden(char) {
                left_out += char.len_utf8();
                cuts.push((text.len(), left_out));
            } else {
                text.push(char);
            }
        }
        Self {
            text: Cow::Owned(text),
            cuts,
        }
    }

    /// Maps a range of the text to its line, including the characters left out inside.
    pub fn original(&self, start: usize, end: usize) -> (usize, usize) {
        let before = |place: usize, inclusive: bool| {
            let count = self
                .cuts
                .partition_point(|(at, _)| *at < place || (inclusive && *at == place));
            count
                .checked_sub(1)
                .and_then(|last| self.cuts.get(last))
                .map_or(0, |(_, left_out)| *left_out)
        };
        (start + before(start, true), end + before(end, false))
    }
}

fn is_hidden(char: char) -> bool {
    is_invisible(char) || char == '\n'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_refer_to_the_original_line() {
        let line = "a\u{200b}b\u{202e}\u{200d}cd";
        let visible = Visible::new(line);
        assert_eq!(visible.text, "abcd");
        for (start, end, original) in [
            (0, 1, "a"),
            (1, 2, "b"),
            (1, 3, "b\u{202e}\u{200d}c"),
            (2, 4, "cd"),
            (0, 4, line),
        ] {
            let (from, to) = visible.original(start, end);
            assert_eq!(&line[from..to], original);
        }
        assert_eq!(Visible::new("plain").original(1, 3), (1, 3));
    }
}
