//! Finds a finding's place: the stated lines if they contain the quote, otherwise the only place in the diff that does.

use super::problem::AnswerProblem;
use unicode_normalization::UnicodeNormalization;

use crate::diff::{Hunk, RETURN_MARK, hunk_of};
use crate::model::finding::Side;
use crate::prompt::without_end_marks;

/// The minimum length of a quoted part of a line, in characters without blanks: `x` is in many lines.
const MIN_PART_CHARS: usize = 3;
/// The maximum number of lines named in a message.
const MAX_NAMED: usize = 10;

/// The place that the model states.
pub struct Stated<'a> {
    /// The side.
    pub side: Side,
    /// The first line of a range.
    pub start_line: Option<u32>,
    /// The line.
    pub line: Option<u32>,
    /// The text of the line, or of several lines.
    pub quote: &'a str,
}

/// A place inside one hunk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The side.
    pub side: Side,
    /// First line.
    pub start_line: u32,
    /// Last line.
    pub line: u32,
    /// True if it is the stated place.
    pub is_stated: bool,
}

/// Finds the place.
///
/// # Errors
///
/// The problem, which starts with the field's name.
pub fn find_place(stated: &Stated<'_>, hunks: &[Hunk]) -> Result<Place, AnswerProblem> {
    let quotes = variants(stated.quote);
    if quotes.is_empty() {
        return Err(AnswerProblem::from(".quote: blank; it must hold the text of the line"));
    }
    let other = match stated.side {
        Side::Left => Side::Right,
        Side::Right => Side::Left,
    };
    if let Some(place) = quotes.iter().find_map(|quote| holds(stated, stated.side, quote, hunks)) {
        return Ok(place);
    }
    let mut several = None;
    for quote in &quotes {
        let here = occurrences(hunks, stated.side, quote);
        if here.is_empty()
            && let Some(place) = holds(stated, other, quote, hunks)
        {
            return Ok(place);
        }
        for (side, places) in [(stated.side, here), (other, occurrences(hunks, other, quote))] {
            match places.as_slice() {
                [] => {}
                [one] => return Ok(moved(stated, side, *one, hunks)),
                many => {
                    several.get_or_insert_with(|| (side, many.iter().map(|(_, line)| *line).collect::<Vec<_>>()));
                    break;
                }
            }
        }
    }
    Err(AnswerProblem(match several {
        Some((side, lines)) => {
            let named: Vec<String> = lines.iter().take(MAX_NAMED).map(u32::to_string).collect();
            let more = if lines.len() > MAX_NAMED { " and others" } else { "" };
            format!(
                ".line: the quote is not there, but on the lines {}{more} of side {}: which one is meant?",
                named.join(", "),
                word(side)
            )
        }
        None => {
            let line = stated.line.unwrap_or_default();
            let is_shown = stated
                .line
                .is_some_and(|line| hunk_of(hunks, stated.side, line, line).is_some());
            let place = if is_shown {
                format!("line {line} of side {} has another text", word(stated.side))
            } else {
                format!(
                    "line {line} is not inside one hunk; on side {} the hunks hold {}",
                    word(stated.side),
                    ranges(hunks, stated.side)
                )
            };
            format!(".quote: is not in the diff, and {place}; copy the text of the line exactly")
        }
    }))
}

/// Returns the stated lines on a side if they lie in one hunk and contain the quote, or the stated line if it does.
fn holds(stated: &Stated<'_>, side: Side, quote: &[String], hunks: &[Hunk]) -> Option<Place> {
    let line = stated.line?;
    let one = stated.start_line.unwrap_or(line);
    let wanted = quote.join(" ");
    [(one.min(line), one.max(line)), (line, line)]
        .into_iter()
        .find(|(first, last)| {
            hunk_of(hunks, side, *first, *last).is_some_and(|hunk| {
                let named: Vec<String> = side_lines(hunk, side)
                    .filter(|(number, _)| (*first..=*last).contains(number))
                    .map(|(_, text)| fold(text))
                    .collect();
                fold(&named.join(" ")).contains(&wanted)
            })
        })
        .map(|(start_line, line)| Place {
            side,
            start_line,
            line,
            is_stated: side == stated.side,
        })
}

/// Returns the quote's place. A range keeps its length if its hunk has the lines.
fn moved(stated: &Stated<'_>, side: Side, (first, last): (u32, u32), hunks: &[Hunk]) -> Place {
    let length = match (stated.start_line, stated.line) {
        (Some(start), Some(line)) => line.saturating_sub(start),
        _ => 0,
    };
    let start = last.saturating_sub(length).min(first);
    let start_line = if hunk_of(hunks, side, start, last).is_some() {
        start
    } else {
        first
    };
    Place {
        side,
        start_line,
        line: last,
        is_stated: false,
    }
}

/// Returns the places of a quote's lines: whole lines if there are any, otherwise parts of lines.
fn occurrences(hunks: &[Hunk], side: Side, quote: &[String]) -> Vec<(u32, u32)> {
    let (mut whole, mut parts) = (Vec::new(), Vec::new());
    let is_long = quote
        .iter()
        .map(|line| line.chars().filter(|c| !c.is_whitespace()).count())
        .sum::<usize>()
        >= MIN_PART_CHARS;
    for hunk in hunks {
        let lines: Vec<(u32, String)> = side_lines(hunk, side)
            .map(|(number, text)| (number, fold(text)))
            .filter(|(_, text)| !text.is_empty())
            .collect();
        for window in lines.windows(quote.len()) {
            let (Some((first, _)), Some((last, _))) = (window.first(), window.last()) else {
                continue;
            };
            let texts = || window.iter().map(|(_, text)| text.as_str()).zip(quote);
            if texts().all(|(text, quoted)| text == quoted) {
                whole.push((*first, *last));
            } else if is_long && is_part(texts(), quote.len()) {
                parts.push((*first, *last));
            }
        }
    }
    if whole.is_empty() { parts } else { whole }
}

/// Returns true if a quote starts inside its first line and ends inside its last.
fn is_part<'a>(mut texts: impl Iterator<Item = (&'a str, &'a String)>, length: usize) -> bool {
    let mut index = 0;
    texts.all(|(text, quoted)| {
        index += 1;
        match (index == 1, index == length) {
            (true, true) => text.contains(quoted),
            (true, false) => text.ends_with(quoted),
            (false, true) => text.starts_with(quoted),
            (false, false) => text == quoted,
        }
    })
}

/// Returns the quote's lines, folded, and variants without the numbers and marks of the shown diff and without
/// quotation marks.
fn variants(quote: &str) -> Vec<Vec<String>> {
    let lines = |strip: fn(&str) -> &str| -> Vec<String> {
        let folded = quote.lines().map(|line| fold(strip(line)));
        folded.filter(|line| !line.is_empty()).collect()
    };
    let mut variants = vec![lines(|line| line), lines(strip_marks), lines(strip_quotation)];
    variants.retain(|variant| !variant.is_empty());
    variants.dedup();
    variants
}

/// Removes `12 +`, `12 -`, `12  `, `+` or `-` before a line of the shown diff.
fn strip_marks(line: &str) -> &str {
    let line = line.trim_start();
    let unnumbered = line.trim_start_matches(|char: char| char.is_ascii_digit());
    let rest = match unnumbered.strip_prefix(' ') {
        Some(rest) if unnumbered.len() < line.len() => rest,
        _ => line,
    };
    rest.strip_prefix(['+', '-']).unwrap_or(rest)
}

fn strip_quotation(line: &str) -> &str {
    line.trim().trim_matches(|char| matches!(char, '`' | '"' | '\''))
}

fn side_lines(hunk: &Hunk, side: Side) -> impl Iterator<Item = (u32, &str)> {
    hunk.lines
        .iter()
        .filter_map(move |line| Some((line.number(side)?, line.text.as_str())))
}

/// Returns the text as the prompt shows it, with folded white space and composed characters: a model may use another
/// normal form.
fn fold(text: &str) -> String {
    // The prompt shows a carriage return as a mark: it counts as white space.
    let text = without_end_marks(text).replace(RETURN_MARK, " ");
    let folded = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if folded.is_ascii() {
        folded
    } else {
        folded.nfc().collect()
    }
}

const fn word(side: Side) -> &'static str {
    match side {
        Side::Left => "LEFT",
        Side::Right => "RIGHT",
    }
}

fn ranges(hunks: &[Hunk], side: Side) -> String {
    let listed: Vec<String> = hunks
        .iter()
        .filter_map(|hunk| hunk.range(side))
        .take(30)
        .map(|(first, last)| format!("{first}-{last}"))
        .collect();
    if listed.is_empty() {
        "no lines".to_owned()
    } else {
        format!("lines {}", listed.join(", "))
    }
}
