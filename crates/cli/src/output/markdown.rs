//! Renders Markdown of strangers for a terminal: paragraphs, emphasis, code, lists and quotes, wrapped. Everything else
//! becomes text.

use holdfast_core::render::terminal_text;
use holdfast_core::rule::redacted;
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::hidden::hide;
use super::plain;
use super::style::{BOLD, ITALIC, MAGENTA, Style, pieces};

/// Maximum number of characters that are rendered of one text.
const MAX_CHARS: usize = 24_000;
/// Maximum nesting of lists and quotes; deeper content joins the innermost one.
const MAX_DEPTH: usize = 4;
/// The end of a text that is longer.
const SHORTENED: &str = "\n\n… (shortened; --format json has the whole text)";

/// Returns the lines, each beginning with `indent`.
pub fn markdown_lines(markdown: &str, style: Style, indent: &str) -> Vec<String> {
    let mut text = plain(markdown);
    if let Some((end, _)) = text.char_indices().nth(MAX_CHARS) {
        text.truncate(end);
        text.push_str(SHORTENED);
    }
    let mut writer = Writer {
        style,
        indent,
        lines: Vec::new(),
        open: Vec::new(),
        nesting: Vec::new(),
        spans: Vec::new(),
        strong: 0,
        emphasis: 0,
        code: None,
        needs_gap: false,
    };
    for event in Parser::new_ext(&text, Options::empty()) {
        writer.take(event);
    }
    writer.end_paragraph();
    writer.lines
}

/// The look of a part of a paragraph.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    Plain,
    Emphasis,
    Strong,
    Code,
}

/// A list or a quote.
enum Container {
    /// The number of its next item, if it is numbered.
    List(Option<u64>),
    Quote,
    /// An item, with its mark until the first line is written.
    Item(String, bool),
    /// A structure that leaves only its content.
    Nothing,
}

struct Writer<'a> {
    style: Style,
    indent: &'a str,
    lines: Vec<String>,
    open: Vec<Container>,
    /// The addresses of the open links, each with the position of its text.
    nesting: Vec<(String, usize)>,
    spans: Vec<(Look, String)>,
    strong: usize,
    emphasis: usize,
    /// The text of the open code block.
    code: Option<String>,
    /// Whether a blank line comes before the next block.
    needs_gap: bool,
}

impl Writer<'_> {
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(end) => self.finish(end),
            Event::Code(text) => self.push(Look::Code, &text),
            Event::SoftBreak => self.push_text(" "),
            Event::HardBreak => self.push_text("\n"),
            Event::Rule => self.end_block(),
            Event::TaskListMarker(_) => {}
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => match &mut self.code {
                Some(code) => code.push_str(&text),
                None => self.push_text(&text),
            },
        }
    }

    fn push_text(&mut self, text: &str) {
        let look = match (self.strong, self.emphasis) {
            (0, 0) => Look::Plain,
            (0, _) => Look::Emphasis,
            _ => Look::Strong,
        };
        self.push(look, text);
    }

    /// Adds text to the paragraph. It may have new control characters: Markdown decodes entities.
    fn push(&mut self, look: Look, text: &str) {
        let text = terminal_text(text);
        match self.spans.last_mut() {
            Some((last, before)) if *last == look && look != Look::Code => before.push_str(&text),
            _ => self.spans.push((look, text)),
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Emphasis => self.emphasis += 1,
            Tag::Strong => self.strong += 1,
            Tag::Heading { .. } => {
                self.end_block();
                self.strong += 1;
            }
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => {
                self.nesting.push((dest_url.to_string(), self.paragraph().len()));
            }
            Tag::CodeBlock(_) => {
                self.end_paragraph();
                self.code = Some(String::new());
            }
            Tag::List(number) => self.open(Container::List(*number)),
            Tag::BlockQuote(_) => self.open(Container::Quote),
            Tag::Item => {
                self.end_paragraph();
                let mark = match self.open.last_mut() {
                    Some(Container::List(Some(number))) => {
                        let mark = format!("{number}. ");
                        *number = number.saturating_add(1);
                        mark
                    }
                    _ => "- ".to_owned(),
                };
                self.open.push(match self.open.last() {
                    Some(Container::List(_)) => Container::Item(mark, true),
                    _ => Container::Nothing,
                });
            }
            _ => self.end_paragraph(),
        }
    }

    fn open(&mut self, container: Container) {
        self.end_paragraph();
        let depth = self
            .open
            .iter()
            .filter(|open| matches!(open, Container::List(_) | Container::Quote))
            .count();
        self.open.push(if depth < MAX_DEPTH {
            container
        } else {
            Container::Nothing
        });
    }

    fn finish(&mut self, end: TagEnd) {
        match end {
            TagEnd::Emphasis => self.emphasis = self.emphasis.saturating_sub(1),
            TagEnd::Strong => self.strong = self.strong.saturating_sub(1),
            TagEnd::Heading(_) => {
                self.end_block();
                self.strong = self.strong.saturating_sub(1);
            }
            TagEnd::Link | TagEnd::Image => {
                if let Some((address, at)) = self.nesting.pop() {
                    let whole = self.paragraph();
                    let shown = whole.get(at..).unwrap_or_default();
                    if !address.is_empty() && shown != address {
                        self.push_text(&format!(" ({address})"));
                    }
                }
            }
            TagEnd::CodeBlock => {
                if let Some(code) = self.code.take() {
                    self.write_code(&code);
                }
                self.needs_gap = true;
            }
            TagEnd::Paragraph | TagEnd::HtmlBlock => self.end_block(),
            TagEnd::Item => {
                self.end_paragraph();
                self.open.pop();
            }
            TagEnd::List(_) | TagEnd::BlockQuote(_) => {
                self.end_paragraph();
                self.open.pop();
                self.needs_gap |= self.open.is_empty();
            }
            _ => self.end_paragraph(),
        }
    }

    fn end_block(&mut self) {
        self.end_paragraph();
        self.needs_gap = true;
    }

    fn paragraph(&self) -> String {
        self.spans.iter().map(|(_, text)| text.as_str()).collect()
    }

    /// Writes the paragraph. A secret that marks or entities split is found in the whole text, which is then written
    /// without them.
    fn end_paragraph(&mut self) {
        let whole = self.paragraph();
        let mut spans = std::mem::take(&mut self.spans);
        if whole.trim().is_empty() {
            return;
        }
        let clean = redacted(&whole);
        if clean != whole {
            spans = vec![(Look::Plain, clean)];
        }
        let style = self.style;
        let text: String = spans
            .iter()
            .map(|(look, text)| {
                let text = hide(text);
                match look {
                    Look::Plain => text,
                    Look::Emphasis => style.paint_words(ITALIC, &text),
                    Look::Strong => style.paint_words(BOLD, &text),
                    Look::Code if style.colour => style.paint_words(MAGENTA, &text),
                    Look::Code => format!("`{text}`"),
                }
            })
            .collect();
        let text = text.trim().to_owned();
        for line in text.split('\n') {
            let (first, rest) = self.begin();
            self.lines.extend(style.wrap(line.trim(), &first, &rest));
        }
    }

    fn write_code(&mut self, code: &str) {
        let code = hide(&redacted(&terminal_text(code)));
        for line in code.trim_end_matches('\n').split('\n') {
            let (first, rest) = self.begin();
            // A line of code keeps its blanks: it is broken only where the screen ends.
            let room = self
                .style
                .columns
                .saturating_sub(textwrap::core::display_width(&rest) + 4);
            let pieces = pieces(&line.replace('\t', "    "), room);
            for (number, piece) in pieces.iter().enumerate() {
                let prefix = if number == 0 { &first } else { &rest };
                self.lines.push(format!("{prefix}    {piece}").trim_end().to_owned());
            }
        }
    }

    /// Returns the beginnings of a block's first line and of its other lines, after the blank line before it.
    fn begin(&mut self) -> (String, String) {
        let (mut first, mut rest) = (self.indent.to_owned(), self.indent.to_owned());
        let mut gap = self.indent.to_owned();
        for container in &mut self.open {
            match container {
                Container::Quote => {
                    for prefix in [&mut first, &mut rest, &mut gap] {
                        prefix.push_str("> ");
                    }
                }
                Container::Item(mark, is_new) => {
                    let blank = " ".repeat(mark.len());
                    first.push_str(if *is_new { mark } else { &blank });
                    rest.push_str(&blank);
                    gap.push_str(&blank);
                    *is_new = false;
                }
                Container::List(_) | Container::Nothing => {}
            }
        }
        if std::mem::take(&mut self.needs_gap) && !self.lines.is_empty() {
            self.lines.push(gap.trim_end().to_owned());
        }
        (first, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: Style = Style {
        colour: false,
        columns: 40,
    };

    fn shown(markdown: &str) -> String {
        markdown_lines(markdown, PLAIN, "").join("\n")
    }

    #[test]
    fn structure_is_rendered_and_wrapped() {
        for (raw, text) in [
            ("one *two* **three** `four`", "one two three `four`"),
            ("one\ntwo\n\nthree", "one two\n\nthree"),
            ("a  \nb", "a\nb"),
            (
                "- a long item that is wrapped at forty columns\n- b\n  - c\n\nafter",
                "- a long item that is wrapped at forty\n  columns\n- b\n  - c\n\nafter",
            ),
            ("3. a\n4. b", "3. a\n4. b"),
            ("1. a\n\n   b\n2. c", "1. a\n\n   b\n\n2. c"),
            ("> quoted\n\nx", "> quoted\n\nx"),
            ("# Title\ntext", "Title\n\ntext"),
            (
                "```rust\nif a {\n\tb\n}\n```\nend",
                "    if a {\n        b\n    }\n\nend",
            ),
            ("[text](https://e.example)", "text (https://e.example)"),
            ("<https://e.example>", "https://e.example"),
            ("![p](x.png)", "p (x.png)"),
            ("a <b>c</b>", "a <b>c</b>"),
            ("<div>x</div>", "<div>x</div>"),
            ("| a | b |", "| a | b |"),
            ("- ```\n  x\n  ```\n- y", "-     x\n\n- y"),
        ] {
            assert_eq!(shown(raw), text, "{raw}");
        }
    }

    #[test]
    fn every_line_fits() {
        let deep = "- ".repeat(500) + "end";
        for raw in [
            "x".repeat(500),
            format!("```\n{}\n```", "日本".repeat(100)),
            deep,
            "> ".repeat(500),
        ] {
            for line in markdown_lines(&raw, PLAIN, "    ") {
                assert!(textwrap::core::display_width(&line) <= 40, "{line}");
            }
        }
        let long = shown(&"word ".repeat(10_000));
        assert!(long.len() < 30_000 && long.contains("(shortened;"), "{}", long.len());
    }

    #[test]
    fn emphasis_and_code_are_painted_word_by_word() {
        let style = Style {
            colour: true,
            columns: 10,
        };
        let lines = markdown_lines("**bold text here** `code`", style, "");
        assert_eq!(
            lines,
            [
                "\u{1b}[1mbold\u{1b}[0m \u{1b}[1mtext\u{1b}[0m",
                "\u{1b}[1mhere\u{1b}[0m \u{1b}[35mcode\u{1b}[0m"
            ]
        );
    }

    #[test]
    fn entities_and_marks_bring_back_neither_controls_nor_secrets() {
        let (head, tail) = ("AKIA", "QWERTYUIOPASDFGH");
        for raw in [
            "&#27;[2J &#x9b;31m".to_owned(),
            format!("key {head}**{tail}** here"),
            format!("key &#65;KIA{tail} here"),
            format!("```\n{head}{tail}\n```"),
            format!("`{head}{tail}` [{head}{tail}](x)"),
        ] {
            let text = shown(&raw);
            assert!(
                !text.contains(|char: char| char.is_control() && char != '\n'),
                "{text:?}"
            );
            assert!(!text.contains(&format!("{head}{tail}")), "{text}");
        }
        assert_eq!(
            shown(&format!("key {head}{tail} here")),
            "key (hidden: AWS access key id) here"
        );
    }
}
