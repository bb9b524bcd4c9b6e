//! Patches in GitHub's form: their hunks, and the lines on which a review may comment.

/// One line of a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Line {
    /// Its number in the base, for context and deleted lines.
    left: Option<u32>,
    /// Its number in the head, for context and added lines.
    right: Option<u32>,
    text: String,
    /// The line's number below the patch's first `@@`, as in the API's older `position`.
    position: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Hunk {
    header: String,
    lines: Vec<Line>,
}

/// The side of a diff to which a line number belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

impl Side {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "LEFT" => Some(Self::Left),
            "RIGHT" => Some(Self::Right),
            _ => None,
        }
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Left => "LEFT",
            Self::Right => "RIGHT",
        }
    }
}

/// The requested place of a comment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Anchor {
    pub line: u32,
    pub side: Side,
    pub start: Option<(u32, Side)>,
}

/// The place of a comment in a hunk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchored {
    pub position: u32,
    /// The hunk from its header to the line.
    pub diff_hunk: String,
}

const NOT_IN_DIFF: &str = "Pull request review thread line must be part of the diff and Pull request review thread \
                           diff hunk can't be blank";
const START_AFTER_END: &str = "Pull request review thread start line must precede the end line.";
const OTHER_HUNK: &str = "Pull request review thread start line must be part of the same hunk as the line.";

/// Finds an anchor in a patch; the error is GitHub's sentence.
pub(crate) fn find(patch: &str, anchor: Anchor) -> Result<Anchored, &'static str> {
    let hunks = parse(patch);
    let locate = |number: u32, side: Side| {
        hunks.iter().enumerate().find_map(|(index, hunk)| {
            let at = |line: &Line| if side == Side::Left { line.left } else { line.right };
            let offset = hunk.lines.iter().position(|line| at(line) == Some(number))?;
            Some((index, offset))
        })
    };
    let end = locate(anchor.line, anchor.side).ok_or(NOT_IN_DIFF)?;
    if let Some((start_line, start_side)) = anchor.start {
        if start_side == anchor.side && start_line >= anchor.line {
            return Err(START_AFTER_END);
        }
        let start = locate(start_line, start_side).ok_or(NOT_IN_DIFF)?;
        if start.0 != end.0 {
            return Err(OTHER_HUNK);
        }
        if start.1 >= end.1 {
            return Err(START_AFTER_END);
        }
    }
    let hunk = &hunks[end.0];
    let shown = hunk.lines[..=end.1].iter().map(|line| line.text.as_str());
    let diff_hunk = std::iter::once(hunk.header.as_str())
        .chain(shown)
        .collect::<Vec<_>>()
        .join("\n");
    Ok(Anchored {
        position: hunk.lines[end.1].position,
        diff_hunk,
    })
}

/// Returns the anchor of the API's older `position`.
pub(crate) fn at_position(patch: &str, position: u32) -> Option<Anchor> {
    let hunks = parse(patch);
    let line = hunks
        .iter()
        .flat_map(|hunk| &hunk.lines)
        .find(|line| line.position == position)?;
    let (line, side) = line
        .right
        .map(|n| (n, Side::Right))
        .or(line.left.map(|n| (n, Side::Left)))?;
    Some(Anchor {
        line,
        side,
        start: None,
    })
}

fn parse(patch: &str) -> Vec<Hunk> {
    let mut hunks: Vec<Hunk> = Vec::new();
    let (mut left, mut right) = (0, 0);
    for (position, text) in (0_u32..).zip(patch.split('\n')) {
        if let Some((left_start, right_start)) = starts(text) {
            (left, right) = (left_start, right_start);
            hunks.push(Hunk {
                header: text.to_owned(),
                lines: Vec::new(),
            });
            continue;
        }
        let Some(hunk) = hunks.last_mut() else { continue };
        let (is_left, is_right) = match text.as_bytes().first() {
            Some(b'+') => (false, true),
            Some(b'-') => (true, false),
            Some(b' ') => (true, true),
            // `\ No newline at end of file` belongs to neither side.
            _ => (false, false),
        };
        let line = Line {
            left: is_left.then_some(left),
            right: is_right.then_some(right),
            text: text.to_owned(),
            position,
        };
        left += u32::from(is_left);
        right += u32::from(is_right);
        hunk.lines.push(line);
    }
    hunks
}

/// Returns the first line numbers of `@@ -a,b +c,d @@`.
fn starts(header: &str) -> Option<(u32, u32)> {
    let (left, rest) = header.strip_prefix("@@ -")?.split_once(" +")?;
    let (right, _) = rest.split_once(" @@")?;
    let first = |range: &str| range.split(',').next().and_then(|number| number.parse().ok());
    Some((first(left)?, first(right)?))
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;

    const PATCH: &str = "@@ -1,4 +1,4 @@ fn a\n one\n-two\n+2\n three\n four\n@@ -20,2 +20,3 @@\n x\n+y\n z\n\\ No newline at end of file";

    fn anchor(line: u32, side: Side, start: Option<(u32, Side)>) -> Result<Anchored, &'static str> {
        find(PATCH, Anchor { line, side, start })
    }

    #[test]
    fn a_line_of_a_hunk_takes_comments_only_on_its_side() {
        use Side::{Left, Right};
        assert!((1..=4).all(|line| anchor(line, Right, None).is_ok() && anchor(line, Left, None).is_ok()));
        assert_eq!(anchor(5, Right, None), Err(NOT_IN_DIFF));
        assert_eq!(anchor(19, Right, None), Err(NOT_IN_DIFF));
        assert!(anchor(22, Right, None).is_ok());
        assert_eq!(anchor(22, Left, None), Err(NOT_IN_DIFF));
        let two = anchor(2, Left, None).unwrap();
        assert_eq!(
            two,
            Anchored {
                position: 2,
                diff_hunk: "@@ -1,4 +1,4 @@ fn a\n one\n-two".into()
            }
        );
        assert_eq!(anchor(21, Right, None).unwrap().position, 8);
    }

    #[test]
    fn a_range_goes_forward_within_one_hunk() {
        use Side::{Left, Right};
        assert!(anchor(3, Right, Some((1, Right))).is_ok());
        assert!(anchor(2, Right, Some((2, Left))).is_ok());
        assert_eq!(anchor(2, Left, Some((2, Right))), Err(START_AFTER_END));
        assert_eq!(anchor(3, Right, Some((3, Right))), Err(START_AFTER_END));
        assert_eq!(anchor(1, Right, Some((3, Right))), Err(START_AFTER_END));
        assert_eq!(anchor(21, Right, Some((3, Right))), Err(OTHER_HUNK));
        assert_eq!(anchor(21, Right, Some((10, Right))), Err(NOT_IN_DIFF));
    }

    #[test]
    fn positions_count_from_the_first_header() {
        let at = |position| at_position(PATCH, position).map(|anchor| (anchor.line, anchor.side));
        assert_eq!(at(2), Some((2, Side::Left)));
        assert_eq!(at(8), Some((21, Side::Right)));
        assert_eq!(at(6), None);
        assert_eq!(at(99), None);
    }
}
