//! Checks suggestions. A suggestion is one click from a commit: it is offered only if it replaces exactly the lines of
//! its finding, changes something, applies, and contains nothing invisible.

use crate::diff::{Hunk, hunk_of};
use crate::model::finding::{Finding, Side};
use crate::rule::redact;
use crate::safe_text::is_active_code;
use crate::visible::is_invisible;

use super::protected::is_protected;

/// The maximum number of lines of a suggestion.
const MAX_LINES: usize = 200;
/// The start of a redacted secret's placeholder.
const PLACEHOLDER: &str = "[[SECRET_";

/// The reason why a suggestion isn't offered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SuggestionProblem {
    /// The base's lines can't be replaced.
    #[error("it is for lines of the base")]
    OldSide,
    /// A file that runs, builds or decides something.
    #[error("its file decides what runs, how it is built or who decides")]
    Protected,
    /// Its lines are not all in one hunk.
    #[error("its lines are not all in one hunk")]
    Unplaced,
    /// Too many lines.
    #[error("it has more than 200 lines")]
    TooLong,
    /// The same text as the replaced lines.
    #[error("it changes nothing")]
    NoChange,
    /// Other indentation than the lines that it replaces.
    #[error("its first line is indented in another way than the line that it replaces")]
    Indentation,
    /// It repeats a line that stays.
    #[error("it repeats the line before or after those that it replaces")]
    Overlap,
    /// A placeholder, or a secret itself.
    #[error("it holds a secret or the placeholder of one")]
    Secret,
    /// Marks of a diff, of a merge's conflict, or of the prompt.
    #[error("it holds marks of a diff")]
    DiffMarks,
    /// A fence.
    #[error("it holds a code fence")]
    Fence,
    /// Control characters, zero-width ones, overrides of direction.
    #[error("it holds characters that a reader doesn't see")]
    Invisible,
    /// A mention or a command that the lines around it don't hold.
    #[error("it adds a mention or a command")]
    Active,
    /// Line ends that are mixed.
    #[error("the lines that it replaces end in different ways")]
    LineEnds,
}

/// Checks a finding's suggestion against the hunks of its file, and returns it with the file's line ends. An empty one
/// deletes the lines.
///
/// # Errors
///
/// Its first problem.
pub fn check_suggestion(finding: &Finding, suggestion: &str, hunks: &[Hunk]) -> Result<String, SuggestionProblem> {
    use SuggestionProblem as Problem;
    if finding.side != Side::Right {
        return Err(Problem::OldSide);
    }
    if is_protected(&finding.path) {
        return Err(Problem::Protected);
    }
    let place = Replaced::find(hunks, finding.start_line, finding.line).ok_or(Problem::Unplaced)?;
    let ends = place.line_ends()?;
    let text = suggestion.replace("\r\n", "\n");
    let lines = lines_of(&text);
    if lines.len() > MAX_LINES {
        return Err(Problem::TooLong);
    }
    if text.chars().any(|char| is_invisible(char) || is_odd_blank(char)) {
        return Err(Problem::Invisible);
    }
    check_marks(&lines, &place)?;
    if text.contains(PLACEHOLDER) || redact(&text).text != text {
        return Err(Problem::Secret);
    }
    let is_new = |line: &&str| line.contains("##[") || (is_active_code(line) && !place.shows(line));
    if lines.iter().any(is_new) {
        return Err(Problem::Active);
    }
    check_lines(&lines, &place)?;
    Ok(match ends {
        _ if lines.is_empty() => String::new(),
        LineEnds::Lf => text,
        LineEnds::Crlf => lines.iter().map(|line| format!("{line}\r\n")).collect(),
        LineEnds::CrlfButLast => lines.join("\r\n"),
    })
}

/// Returns the lines of a suggestion. A line feed at the end ends the last line and starts no other.
fn lines_of(text: &str) -> Vec<&str> {
    if text.is_empty() {
        return Vec::new();
    }
    text.strip_suffix('\n').unwrap_or(text).split('\n').collect()
}

/// The line ends of the replaced lines.
enum LineEnds {
    Lf,
    Crlf,
    /// True if the last replaced line is the file's last and has no line end.
    CrlfButLast,
}

/// Returns true for a blank that looks like a space and isn't one.
fn is_odd_blank(char: char) -> bool {
    char.is_whitespace() && !matches!(char, ' ' | '\t' | '\n')
}

/// The lines that a suggestion replaces, with the lines around them.
struct Replaced<'a> {
    hunk: &'a Hunk,
    lines: Vec<&'a str>,
    before: Option<&'a str>,
    after: Option<&'a str>,
}

impl<'a> Replaced<'a> {
    fn find(hunks: &'a [Hunk], start_line: u32, line: u32) -> Option<Self> {
        let hunk = hunk_of(hunks, Side::Right, start_line, line)?;
        let text_of = |number: u32| hunk.line(Side::Right, number).map(|line| line.text.as_str());
        let lines: Option<Vec<&str>> = (start_line..=line).map(text_of).collect();
        Some(Self {
            hunk,
            lines: lines?,
            before: start_line.checked_sub(1).and_then(text_of),
            after: line.checked_add(1).and_then(text_of),
        })
    }

    /// Returns the line ends of the lines. Fails if some have a carriage return and some don't.
    fn line_ends(&self) -> Result<LineEnds, SuggestionProblem> {
        let has_cr = |line: &str| line.ends_with('\r');
        let (last, others) = self.lines.split_last().ok_or(SuggestionProblem::Unplaced)?;
        let before = others.last().copied().or(self.before);
        let others_have = others.iter().all(|line| has_cr(line));
        match (others.iter().any(|line| has_cr(line)), has_cr(last)) {
            (_, true) if others_have => Ok(LineEnds::Crlf),
            (true, false) if others_have && self.after.is_none() => Ok(LineEnds::CrlfButLast),
            (false, false) if others.is_empty() && self.after.is_none() && before.is_some_and(has_cr) => {
                Ok(LineEnds::CrlfButLast)
            }
            (false, false) => Ok(LineEnds::Lf),
            _ => Err(SuggestionProblem::LineEnds),
        }
    }

    fn bare(&self) -> impl Iterator<Item = &'a str> + '_ {
        self.lines.iter().map(|line| line.trim_end_matches('\r'))
    }

    /// Returns true if the hunk already contains each mention of a line and, if the line is a command, a line with the
    /// same start.
    fn shows(&self, line: &str) -> bool {
        let is_new = |word: &&str| self.hunk.lines.iter().all(|shown| !shown.text.contains(*word));
        let words = line.split(|char: char| char.is_whitespace() || ",;()[]{}\"'<>".contains(char));
        let mut acting = words.filter(|word| word.contains('@') || word.starts_with(['/', ':']));
        !acting.any(|word| is_new(&word))
    }
}

/// Fails on marks that a model copied from the prompt's diff, and on fences around the code.
fn check_marks(lines: &[&str], place: &Replaced<'_>) -> Result<(), SuggestionProblem> {
    for line in lines {
        let start = line.trim_start_matches([' ', '\t', '>', '-', '*', '+']);
        if line.contains("```") || start.starts_with("~~~") {
            return Err(SuggestionProblem::Fence);
        }
        let is_header = [
            "@@ -",
            "--- a/",
            "+++ b/",
            "diff --git ",
            "<<<<<<< ",
            ">>>>>>> ",
            "||||||| ",
            "\\ No newline",
        ];
        if is_header.iter().any(|mark| line.starts_with(mark)) || *line == "=======" || line.contains("<\\/data") {
            return Err(SuggestionProblem::DiffMarks);
        }
    }
    let begins = |line: &str, mark: char| line.starts_with(mark);
    let copied =
        |mark: char| lines.iter().any(|line| begins(line, mark)) && !place.bare().any(|line| begins(line, mark));
    let is_numbered = |line: &str| {
        let rest = line.trim_start().trim_start_matches(|char: char| char.is_ascii_digit());
        rest.len() < line.trim_start().len() && [" +", " -", "  "].iter().any(|mark| rest.starts_with(mark))
    };
    let all_numbered =
        !lines.is_empty() && lines.iter().all(|line| is_numbered(line)) && !place.bare().any(is_numbered);
    if copied('+') || copied('-') || all_numbered {
        return Err(SuggestionProblem::DiffMarks);
    }
    Ok(())
}

fn check_lines(lines: &[&str], place: &Replaced<'_>) -> Result<(), SuggestionProblem> {
    if lines
        .iter()
        .map(|line| line.trim_end())
        .eq(place.bare().map(str::trim_end))
    {
        return Err(SuggestionProblem::NoChange);
    }
    let indentation = |line: &str| line[..line.len() - line.trim_start().len()].to_owned();
    let first = lines.iter().find(|line| !line.trim().is_empty());
    let replaced = place.bare().find(|line| !line.trim().is_empty());
    if let (Some(first), Some(replaced)) = (first, replaced)
        && indentation(first) != indentation(replaced)
    {
        return Err(SuggestionProblem::Indentation);
    }
    // A bracket may follow another bracket; a statement that stays must not appear twice.
    let repeats = |line: Option<&&str>, beside: Option<&str>, there: Option<&str>| {
        let (Some(line), Some(beside)) = (line, beside.map(|line| line.trim_end_matches('\r'))) else {
            return false;
        };
        *line == beside && there != Some(beside) && line.chars().any(char::is_alphanumeric)
    };
    if lines.len() > 1
        && (repeats(lines.first(), place.before, place.bare().next())
            || repeats(lines.last(), place.after, place.bare().last()))
    {
        return Err(SuggestionProblem::Overlap);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed parse fails the test")]
    use SuggestionProblem as Problem;

    use super::*;
    use crate::diff::parse_patch;

    const PATCH: &str =
        "@@ -1,4 +1,6 @@\n fn a() {\n-    old();\n+    let x = 1;\n+    let y = 2;\n+\tlet z = 3;\n }\n // @bob";

    fn check_at(path: &str, patch: &str, side: Side, lines: (u32, u32), text: &str) -> Result<String, Problem> {
        let finding = serde_json::json!({ "path": path, "side": side, "start_line": lines.0, "line": lines.1, "severity": "low",
            "category": "correctness", "title": "t", "body": "b", "suggestion": null, "confidence": 0.5, "source": "model" });
        let finding: Finding = serde_json::from_value(finding).unwrap();
        check_suggestion(&finding, text, &parse_patch(patch).unwrap())
    }

    fn check(lines: (u32, u32), text: &str) -> Result<String, Problem> {
        check_at("src/a.rs", PATCH, Side::Right, lines, text)
    }

    #[test]
    fn a_suggestion_that_replaces_exactly_its_lines_is_offered() {
        for (lines, text) in [
            ((2, 2), "    let x = 2;"),
            ((2, 2), "    let x = 2;\n"),
            ((2, 3), "    let x = 2;"),
            ((2, 2), "    let x = 2;\n    let w = x;"),
            ((2, 2), ""),
            ((2, 2), "\n"),
            ((4, 4), "\tlet z = 4;"),
            ((5, 5), "}\n"),
            ((6, 6), "// @bob and more"),
            ((2, 2), "    let x = list[0];\n    // not /merge"),
        ] {
            let expected = if text == "}\n" {
                Err(Problem::NoChange)
            } else {
                Ok(text.to_owned())
            };
            assert_eq!(check(lines, text), expected, "{text:?}");
        }
    }

    #[test]
    fn the_files_line_ends_are_kept() {
        let patch = "@@ -1,2 +1,3 @@\n a\r\n+b\r\n c";
        for (line, text, expected) in [
            (2, "d", Ok("d\r\n")),
            (2, "d\ne\n", Ok("d\r\ne\r\n")),
            (2, "d\r\ne", Ok("d\r\ne\r\n")),
            (2, "", Ok("")),
            (2, "b", Err(Problem::NoChange)),
            (3, "d\r\ne", Ok("d\r\ne")),
            (3, "d\re", Err(Problem::Invisible)),
        ] {
            let checked = check_at("a.txt", patch, Side::Right, (line, line), text);
            assert_eq!(checked, expected.map(str::to_owned), "{text:?}");
        }
        let mixed = "@@ -1,2 +1,3 @@\n a\r\n+b\n c\r";
        assert_eq!(
            check_at("a.txt", mixed, Side::Right, (1, 2), "d"),
            Err(Problem::LineEnds)
        );
        assert_eq!(
            check_at("a.txt", mixed, Side::Right, (2, 2), "d\r\n").as_deref(),
            Ok("d\n")
        );
    }

    #[test]
    fn other_suggestions_are_refused_with_their_problem() {
        for (lines, text, problem) in [
            ((2, 2), "    let x = 1;", Problem::NoChange),
            ((2, 2), "    let x = 1;  ", Problem::NoChange),
            ((2, 2), "let x = 2;", Problem::Indentation),
            ((2, 2), "\tlet x = 2;", Problem::Indentation),
            ((4, 4), "    let z = 4;", Problem::Indentation),
            ((2, 2), "    let x = \"[[SECRET_1:aws]]\";", Problem::Secret),
            ((2, 2), "+    let x = 2;", Problem::DiffMarks),
            ((2, 2), "-    let x = 1;\n+    let x = 2;", Problem::DiffMarks),
            ((2, 2), "@@ -1 +1 @@\n    let x = 2;", Problem::DiffMarks),
            ((2, 2), "2 +    let x = 2;", Problem::DiffMarks),
            ((2, 2), "<<<<<<< ours\n    let x = 2;", Problem::DiffMarks),
            ((2, 2), "```rust\n    let x = 2;\n```", Problem::Fence),
            ((2, 2), "    let x = 2;\n    ~~~", Problem::Fence),
            ((2, 2), "    let x = 2;\u{202e}", Problem::Invisible),
            ((2, 2), "    let x\u{200b} = 2;", Problem::Invisible),
            ((2, 2), "    let x\u{a0}= 2;", Problem::Invisible),
            ((2, 2), "    let x = 2;\u{1b}[2J", Problem::Invisible),
            ((2, 2), "    let x = 2; // @octocat", Problem::Active),
            ((2, 2), "    let x = 2;\n/merge", Problem::Active),
            ((2, 2), "    let x = 2; //##[error]x", Problem::Active),
            ((2, 2), "    let x = 2;\n::error::x", Problem::Active),
            ((2, 2), "    let x = 2;\n    let y = 2;", Problem::Overlap),
            ((3, 3), "    let x = 1;\n    let y = 3;", Problem::Overlap),
            ((2, 9), "    let x = 2;", Problem::Unplaced),
        ] {
            assert_eq!(check(lines, text), Err(problem), "{text:?}");
        }
        for (lines, is_too_long) in [(200, false), (201, true)] {
            let long = "    f();\n".repeat(lines);
            assert_eq!(check((2, 2), &long) == Err(Problem::TooLong), is_too_long, "{lines}");
        }
        let key = ["AKIA", "QWERTYUIOPASDFGH"].concat();
        assert_eq!(
            check((2, 2), &format!("    let key = \"{key}\";")),
            Err(Problem::Secret)
        );
        for path in ["Makefile", ".github/workflows/ci.yml"] {
            let checked = check_at(path, PATCH, Side::Right, (2, 2), "    let x = 2;");
            assert_eq!(checked, Err(Problem::Protected));
        }
        let old = check_at("a.rs", PATCH, Side::Left, (2, 2), "    let x = 2;");
        assert_eq!(old, Err(Problem::OldSide));
    }
}
