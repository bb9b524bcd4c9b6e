//! Makes line ends visible: otherwise a change of line ends only would show two equal lines.

use std::borrow::Cow;

use super::Hunk;

/// The character that is displayed for a carriage return.
pub const RETURN_MARK: char = '\u{240d}';

/// Returns whether only some lines of a hunk end with a carriage return. If so, the carriage returns are displayed.
pub fn marks_line_ends(hunk: &Hunk) -> bool {
    let mut ends = hunk.lines.iter().map(|line| line.text.ends_with('\r'));
    ends.next().is_some_and(|first| ends.any(|end| end != first))
}

/// Returns a line's text for display: a carriage return at its end becomes a mark or is dropped; one inside it
/// becomes a mark.
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
