//! How the ends of lines are shown: a change of line ends alone would show equal lines.

use std::borrow::Cow;

use super::Hunk;

/// Stands for a carriage return.
pub const RETURN_MARK: char = '\u{240d}';

/// Whether the lines of a hunk differ in whether they end with a carriage return: then each such end is shown.
pub fn marks_line_ends(hunk: &Hunk) -> bool {
    let mut ends = hunk.lines.iter().map(|line| line.text.ends_with('\r'));
    ends.next().is_some_and(|first| ends.any(|end| end != first))
}

/// A line's text as it is shown: a carriage return at its end as a mark or not at all, one inside it as a mark.
pub fn shown_text(text: &str, marks: bool) -> Cow<'_, str> {
    let text = match text.strip_suffix('\r') {
        Some(before) if !marks => before,
        _ => text,
    };
    if text.contains('\r') {
        Cow::Owned(text.replace('\r', RETURN_MARK.encode_utf8(&mut [0; 4])))
    } else {
        Cow::Borrowed(text)
    }
}
