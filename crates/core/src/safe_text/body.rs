//! Sanitises foreign text of several paragraphs: parses it as Markdown and writes it again from the parsed structure.
//! None of the original marks survive: text is escaped, code is fenced again, and only paragraphs, quotes, lists,
//! emphasis and code are written. Headings become bold lines; images, HTML, tables and links become text.

use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::escape::{Place, code_span, escaped, fenced, shortened};
use super::language::known_language;
use super::links::Links;
use crate::rule::redact;
use crate::visible::{BREAK, visible};

/// Maximum number of characters that are read of a body.
const MAX_BODY_CHARS: usize = 12_000;
/// Maximum nesting of quotes and lists; deeper content joins the innermost one.
const MAX_DEPTH: usize = 4;

/// Returns a finding's text, a summary or a person's reason as harmless Markdown. Links to pages that `links` allows
/// stay links.
pub fn body(markdown: &str, links: &Links) -> String {
    body_within(markdown, links, usize::MAX)
}

/// Returns text like [`body`], at most `most` characters long. Excess text is dropped before parsing, so no structure
/// is cut in half.
pub fn body_within(markdown: &str, links: &Links, most: usize) -> String {
    let seen = redact(&visible(markdown)).text;
    let mut kept = MAX_BODY_CHARS;
    loop {
        let text = lines_of(&read(&shortened(&seen, kept)), links).join("\n");
        if text.chars().count() <= most || kept == 0 {
            return text;
        }
        kept /= 2;
    }
}

#[derive(Debug)]
enum Block {
    Paragraph(Vec<Inline>),
    Code(&'static str, String),
    Quote(Vec<Block>),
    List(Option<u64>, Vec<Vec<Block>>),
}

#[derive(Debug)]
enum Inline {
    Text(String),
    Code(String),
    /// Begins or ends emphasis: `*` or `**`.
    Mark(&'static str),
    Break,
}

/// An open element of the text.
enum Open {
    Quote(Vec<Block>),
    List(Option<u64>, Vec<Vec<Block>>),
    Item(Vec<Block>),
    Code(&'static str, String),
    Link(String, String),
    /// Leaves only its content.
    Nothing,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    line: Vec<Inline>,
    done: Vec<Block>,
}

fn read(markdown: &str) -> Vec<Block> {
    let mut reader = Reader::default();
    for event in Parser::new_ext(markdown, Options::empty()) {
        reader.take(event);
    }
    reader.end_paragraph();
    reader.done
}

impl Reader {
    /// Takes the parser's next event. Entities, such as `&#8238;`, have become characters in it, so invisible ones are
    /// removed again.
    fn take(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(end) => self.finish(end),
            Event::Code(text) => self.line.push(Inline::Code(text.into_string())),
            Event::SoftBreak | Event::HardBreak => self.line.push(Inline::Break),
            Event::Rule => self.end_paragraph(),
            Event::TaskListMarker(_) => {}
            Event::Text(text)
            | Event::Html(text)
            | Event::InlineHtml(text)
            | Event::InlineMath(text)
            | Event::DisplayMath(text)
            | Event::FootnoteReference(text) => self.text(&visible(&text)),
        }
    }

    fn text(&mut self, text: &str) {
        match self.open.last_mut() {
            Some(Open::Code(_, code)) => return code.push_str(text),
            Some(Open::Link(_, shown)) => return shown.push_str(text),
            _ => {}
        }
        for (index, part) in text.split('\n').enumerate() {
            if index > 0 {
                self.line.push(Inline::Break);
            }
            match self.line.last_mut() {
                Some(Inline::Text(before)) => before.push_str(part),
                _ => self.line.push(Inline::Text(part.to_owned())),
            }
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        let is_deep = self
            .open
            .iter()
            .filter(|open| matches!(open, Open::Quote(_) | Open::List(..)))
            .count()
            >= MAX_DEPTH;
        let open = match tag {
            Tag::Emphasis => return self.line.push(Inline::Mark("*")),
            Tag::Strong => return self.line.push(Inline::Mark("**")),
            Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => Open::Link(visible(dest_url), String::new()),
            Tag::CodeBlock(kind) => {
                self.end_paragraph();
                let info = match kind {
                    CodeBlockKind::Fenced(info) => known_language(info),
                    CodeBlockKind::Indented => "",
                };
                Open::Code(info, String::new())
            }
            Tag::BlockQuote(_) if !is_deep => self.opened(Open::Quote(Vec::new())),
            Tag::List(start) if !is_deep => self.opened(Open::List(*start, Vec::new())),
            Tag::Item if matches!(self.open.last(), Some(Open::List(..))) => self.opened(Open::Item(Vec::new())),
            _ => self.opened(Open::Nothing),
        };
        self.open.push(open);
        if matches!(tag, Tag::Heading { .. }) {
            self.line.push(Inline::Mark("**"));
        }
    }

    fn opened(&mut self, open: Open) -> Open {
        self.end_paragraph();
        open
    }

    fn finish(&mut self, end: TagEnd) {
        match end {
            TagEnd::Emphasis => return self.line.push(Inline::Mark("*")),
            TagEnd::Strong => return self.line.push(Inline::Mark("**")),
            TagEnd::Heading(_) => self.line.push(Inline::Mark("**")),
            _ => {}
        }
        if !matches!(self.open.last(), Some(Open::Link(..))) {
            self.end_paragraph();
        }
        match self.open.pop() {
            Some(Open::Quote(inner)) if !inner.is_empty() => self.push(Block::Quote(inner)),
            Some(Open::List(start, items)) if !items.is_empty() => self.push(Block::List(start, items)),
            Some(Open::Item(inner)) => {
                if let (Some(Open::List(_, items)), false) = (self.open.last_mut(), inner.is_empty()) {
                    items.push(inner);
                }
            }
            Some(Open::Code(language, text)) => self.push(Block::Code(language, text)),
            Some(Open::Link(address, shown)) => {
                let has_more = shown != address && !address.is_empty();
                let text = if has_more {
                    format!("{shown} ({address})")
                } else {
                    shown
                };
                self.text(text.trim_start());
            }
            _ => {}
        }
    }

    fn end_paragraph(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            self.push(Block::Paragraph(line));
        }
    }

    fn push(&mut self, block: Block) {
        let place = self.open.iter_mut().rev().find_map(|open| match open {
            Open::Quote(inner) | Open::Item(inner) => Some(inner),
            _ => None,
        });
        place.unwrap_or(&mut self.done).push(block);
    }
}

/// Returns the blocks' lines, with a blank line between two blocks.
fn lines_of(blocks: &[Block], links: &Links) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for block in blocks {
        let written = match block {
            Block::Paragraph(inner) => paragraph(inner, links),
            Block::Code(language, text) => fenced(&redact(text).text, language)
                .split('\n')
                .map(str::to_owned)
                .collect(),
            Block::Quote(inner) => {
                let lines = lines_of(inner, links);
                lines
                    .iter()
                    .map(|line| format!("> {line}").trim_end().to_owned())
                    .collect()
            }
            Block::List(start, items) => list(*start, items, links),
        };
        if !written.is_empty() && !lines.is_empty() {
            lines.push(String::new());
        }
        lines.extend(written);
    }
    lines
}

fn list(start: Option<u64>, items: &[Vec<Block>], links: &Links) -> Vec<String> {
    let mut lines = Vec::new();
    for (item, number) in items.iter().zip(start.unwrap_or(0).min(1_000)..) {
        let mark = start.map_or_else(|| "- ".to_owned(), |_| format!("{number}. "));
        let blank = " ".repeat(mark.len());
        for (index, line) in lines_of(item, links).into_iter().enumerate() {
            let before = if index == 0 { &mark } else { &blank };
            lines.push(if line.is_empty() {
                line
            } else {
                format!("{before}{line}")
            });
        }
    }
    lines
}

/// Returns a paragraph's lines. A secret split by emphasis or entities is found in the whole text, which is then
/// written without them.
fn paragraph(inlines: &[Inline], links: &Links) -> Vec<String> {
    let whole: String = inlines.iter().map(plain).collect();
    let redacted = redact(&whole).text;
    if redacted != whole {
        let lines = redacted
            .split('\n')
            .map(|line| escaped(line.trim(), Place::LINE, links));
        return lines.filter(|line| !line.is_empty()).collect();
    }
    let mut lines = Vec::new();
    for line in inlines.split(|inline| matches!(inline, Inline::Break)) {
        let written = marked_line(line, links);
        if !written.is_empty() {
            lines.push(written);
        }
    }
    lines
}

fn plain(inline: &Inline) -> &str {
    match inline {
        Inline::Text(text) | Inline::Code(text) => text,
        Inline::Mark(_) => "",
        Inline::Break => "\n",
    }
}

/// Returns one line with its code spans and emphasis. Emphasis is written only if it begins and ends in this line,
/// around text that neither begins nor ends with a blank. A break keeps its neighbours from becoming one word.
fn marked_line(inlines: &[Inline], links: &Links) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut opened: Vec<(&str, usize)> = Vec::new();
    for (index, inline) in inlines.iter().enumerate() {
        match inline {
            Inline::Text(text) => {
                let place = Place {
                    begins: parts.iter().all(String::is_empty),
                    continues: index + 1 < inlines.len(),
                };
                if text.starts_with(char::is_alphanumeric) && parts.last().is_some_and(|part| part.ends_with('*')) {
                    parts.push(BREAK.to_string());
                }
                parts.push(escaped(text, place, links));
            }
            Inline::Code(text) => {
                let is_close = parts.last().is_some_and(|part| part.ends_with('`'));
                let space = if is_close { BREAK.to_string() } else { String::new() };
                parts.push(format!("{space}{}", code_span(text)));
            }
            Inline::Mark(mark) => {
                let opening = opened.last().filter(|(open, _)| open == mark).map(|(_, at)| *at);
                if let Some(at) = opening {
                    opened.pop();
                    if is_emphasised(&parts[at + 1..].concat()) {
                        let before = parts[..at].iter().rev().find(|part| !part.is_empty());
                        if !before.is_some_and(|part| part.ends_with(char::is_alphanumeric)) {
                            parts[at].clear();
                        }
                        parts[at].push_str(mark);
                        parts.push((*mark).to_owned());
                        continue;
                    }
                } else {
                    opened.push((mark, parts.len()));
                }
                parts.push(BREAK.to_string());
            }
            Inline::Break => {}
        }
    }
    parts.concat().trim().to_owned()
}

/// Returns whether marks around the text would be emphasis.
fn is_emphasised(inner: &str) -> bool {
    let has_end = |char: char| char.is_whitespace() || char == '*';
    !inner.is_empty() && !inner.starts_with(has_end) && !inner.ends_with(has_end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(markdown: &str) -> String {
        body(markdown, &Links::to_repository("https://github.com/o/r")).replace(BREAK, "|")
    }

    #[test]
    fn parsed_structure_is_written_again() {
        for (raw, safe) in [
            ("one *two* **three** `four`", "one *two* **three** `four`"),
            ("one\ntwo\n\nthree", "one\ntwo\n\nthree"),
            ("- a\n- b\n  - c", "- a\n- b\n\n  - c"),
            ("3. a\n4. b", "3. a\n4. b"),
            ("> quoted\n> more", "> quoted\n> more"),
            ("```rust\nlet a: Vec<u8>;\n```", "```rust\nlet a: Vec<u8>;\n```"),
            ("    indented", "```\nindented\n```"),
            ("# Heading\ntext", "**Heading**\n\ntext"),
            ("a\n===\nb", "**a**\n\nb"),
            (
                "see https://github.com/o/r/blob/main/a.rs#L1.",
                "see <https://github.com/o/r/blob/main/a.rs#L1>.",
            ),
            ("snake_case_name and a*b*c", "snake_case_name and a|*b*|c"),
        ] {
            assert_eq!(shown(raw), safe, "{raw}");
        }
    }

    #[test]
    fn active_markup_is_shown_as_text() {
        for (raw, safe) in [
            ("![p](https://e.example/x.png)", "p (https:|//e.example/x.png)"),
            ("[a](javascript:x)", "a (javascript:x)"),
            ("<img src=x onerror=y>", "&lt;img src=x onerror=y>"),
            ("<!-- hidden -->", "&lt;!-- hidden -->"),
            ("a <b>c</b>", "a &lt;b>c&lt;/b>"),
            ("```suggestion\nrm -rf\n```", "```\nrm -rf\n```"),
            (
                "```mermaid\nclick A \"https://e.example\"\n```",
                "```\nclick A \"https://e.example\"\n```",
            ),
            ("~~~<~\nnever closed", "```\nnever closed\n```"),
            ("````\n```\n````", "````\n```\n````"),
            ("&#64;octocat and @bob", "@|octocat and @|bob"),
            ("Fixes **#1**", "Fixe|s **#|1**"),
            (
                "Fixes <https://github.com/o/r/issues/1>",
                "Fixe|s <https://github.com/o/r/issues/1>",
            ),
            ("https://github.com/o/r/../../x", "https:|//github.com/o/r/../../x"),
            ("- a\n  ```\n```\n@x", "- a\n\n  ```\n\n  ```\n\n```\n@|x\n```"),
            (
                "| a | b |\n|---|---|\n| c | d |",
                "\\| a \\| b \\|\n\\|---\\|---\\|\n\\| c \\| d \\|",
            ),
            ("> [!WARNING]\n> x", "> \\[!WARNING\\]\n> x"),
            ("- [x] done", "- \\[x\\] done"),
            ("[ref]: https://e.example\n\n[ref]", "ref (https:|//e.example)"),
            ("/merge\n```\n/merge\n@bot\n```", "|/merge\n\n```\n|/merge\n@|bot\n```"),
            ("$`x`$", "&#36;`x`&#36;"),
            (
                "0123abcdef0https://github.com/o/r/blob/x",
                "0123abcdef0https:|//github.com/o/r/blob/x",
            ),
            ("a\u{202e}b\u{200b}c", "abc"),
            ("a&#x202e;b&ZeroWidthSpace;c&#4;&shy;d&#13;/e", "abcd\n|/e"),
            ("[a&#27;b](https://e.example/&#x202e;c)", "ab (https:|//e.example/c)"),
            ("&#64;&#8203;octocat", "@|octocat"),
            ("*0A*0123abcdef0", "*0A*|0123ab|cdef0"),
            ("G*H*-1", "G|*H*-1"),
        ] {
            assert_eq!(shown(raw), safe, "{raw}");
        }
    }

    #[test]
    fn a_secret_split_by_marks_is_found() {
        let (head, tail) = ("AKIA", "QWERTYUIOPASDFGH");
        for raw in [
            format!("key {head}{tail} here"),
            format!("key {head}**{tail}** here"),
            format!("key &#65;KIA{tail} here"),
            format!("key {head}\u{200b}{tail} here"),
            format!("key {head}&#8203;{tail} here"),
            format!("```\n{head}{tail}\n```"),
            format!("`{head}{tail}`"),
        ] {
            let safe = shown(&raw);
            assert!(!safe.replace('*', "").contains(&format!("{head}{tail}")), "{safe}");
        }
    }

    #[test]
    fn size_is_bounded_and_no_structure_is_cut_in_half() {
        for raw in [
            "> ".repeat(3_000) + "x",
            "- ".repeat(3_000) + "x",
            "<".repeat(100_000),
            "```\n".repeat(5_000),
        ] {
            for most in [100, 60_000] {
                let safe = body_within(&raw, &Links::none(), most);
                assert!(safe.chars().count() <= most, "{}", safe.len());
            }
        }
    }
}
