//! Colours and width of text for people.

use std::env;
use std::io::{IsTerminal, stdout};

use holdfast_core::model::finding::Severity;
use terminal_size::{Width, terminal_size_of};

/// Number of columns without a terminal.
const DEFAULT_COLUMNS: usize = 80;
/// Minimum number of columns: below it, text is cut by the terminal.
const MIN_COLUMNS: usize = 40;
/// Maximum number of columns: longer lines are hard to read.
const MAX_COLUMNS: usize = 160;

/// Bold, for the parts that a reader looks for first.
pub const BOLD: &str = "1";
/// Italic, for emphasis.
pub const ITALIC: &str = "3";
/// Magenta, for code and medium findings.
pub const MAGENTA: &str = "35";
/// Green, for added lines.
pub const GREEN: &str = "32";
/// Red, for removed lines, and for findings and files that need attention.
pub const RED: &str = "31";

/// The style of the output. Its colours are readable on dark and on light terminals, and none of them is needed to
/// understand the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Whether to use colours.
    pub colour: bool,
    /// Number of columns.
    pub columns: usize,
}

impl Style {
    /// The style of a file.
    pub const PLAIN: Self = Self {
        colour: false,
        columns: DEFAULT_COLUMNS,
    };

    /// Returns the style for stdout: colours if it is a terminal that has them and `NO_COLOR` isn't set; `COLUMNS`
    /// columns, or as many as the terminal has.
    pub fn of_stdout() -> Self {
        let given = env::var("COLUMNS").ok().and_then(|columns| columns.trim().parse().ok());
        let columns = given
            .filter(|columns| *columns > 0)
            .or_else(|| terminal_size_of(stdout()).map(|(Width(columns), _)| usize::from(columns)));
        Self {
            colour: stdout().is_terminal() && !forbids_sequences(),
            columns: columns.unwrap_or(DEFAULT_COLUMNS).clamp(MIN_COLUMNS, MAX_COLUMNS),
        }
    }

    /// Returns the text with this code of the terminal (SGR), if colours are on.
    pub fn paint(self, code: &str, text: &str) -> String {
        if self.colour && !code.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }

    /// Returns the text with each of its words painted, so that it can be wrapped.
    pub fn paint_words(self, code: &str, text: &str) -> String {
        let words: Vec<String> = text
            .split(' ')
            .map(|word| match word {
                "" => String::new(),
                word => self.paint(code, word),
            })
            .collect();
        words.join(" ")
    }

    /// Returns a severity's name, painted.
    pub fn severity(self, severity: Severity) -> String {
        let code = match severity {
            Severity::Critical => "1;31",
            Severity::High => RED,
            Severity::Medium => MAGENTA,
            Severity::Low => BOLD,
            Severity::Info => "",
        };
        self.paint(code, severity.as_str())
    }

    /// Wraps a text at spaces. Its first line begins with `first`, the others with `rest`; a word that is too long is
    /// broken.
    pub fn wrap(self, text: &str, first: &str, rest: &str) -> Vec<String> {
        let options = textwrap::Options::new(self.columns)
            .initial_indent(first)
            .subsequent_indent(rest)
            .word_separator(textwrap::WordSeparator::AsciiSpace)
            .word_splitter(textwrap::WordSplitter::NoHyphenation)
            .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit);
        textwrap::wrap(text, options)
            .into_iter()
            .map(|line| line.trim_end().to_owned())
            .collect()
    }
}

/// Returns whether no colour, and no movement of the cursor, may be written to a terminal: `NO_COLOR` is set, or `TERM` is
/// `dumb`.
pub fn forbids_sequences() -> bool {
    let is_set = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    is_set || env::var_os("TERM").is_some_and(|kind| kind == "dumb")
}

/// Cuts a line into pieces of at most `room` columns.
pub fn pieces(line: &str, room: usize) -> Vec<String> {
    let mut pieces = Vec::new();
    let (mut piece, mut width) = (String::new(), 0);
    for char in line.chars() {
        let columns = unicode_width::UnicodeWidthChar::width(char).unwrap_or(0);
        if width + columns > room.max(2) {
            pieces.push(std::mem::take(&mut piece));
            width = 0;
        }
        piece.push(char);
        width += columns;
    }
    pieces.push(piece);
    pieces
}

/// Returns the beginning of a line that fits into `room` columns, with an ellipsis where it is cut.
pub fn cut(line: &str, room: usize) -> String {
    if textwrap::core::display_width(line) <= room {
        return line.to_owned();
    }
    let first = pieces(line, room.saturating_sub(1)).into_iter().next();
    format!("{}…", first.unwrap_or_default())
}
