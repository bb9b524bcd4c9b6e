//! Renders a model's Markdown as plain prose: paragraphs, lists, emphasis and code; everything else becomes text.
//!
//! The text is parsed into a small tree of known elements: a model's text never becomes markup.

use holdfast_core::rule::redacted;
use maud::{Markup, Render, html};
use pulldown_cmark::{CodeBlockKind, Event, Options, Parser, Tag, TagEnd};

use super::text::{self, MAX_PARAGRAPH_CHARS};

/// Maximum nesting of elements; deeper content joins the innermost one.
const MAX_DEPTH: usize = 8;

/// Renders a body.
pub fn prose(markdown: &str) -> Markup {
    let markdown = redacted(markdown);
    let kept: String = markdown.chars().take(MAX_PARAGRAPH_CHARS).collect();
    let left_out = markdown.chars().count() - kept.chars().count();
    let nodes = read(&kept);
    html! {
        div.prose {
            (Nodes(&nodes))
            @if left_out > 0 {
                p { span.cut { "… " (text::grouped(left_out)) " characters left out" } }
            }
        }
    }
}

#[derive(Debug, PartialEq)]
enum Node {
    Text(String),
    Break,
    Code(String),
    CodeBlock(String),
    Element(Element, Vec<Node>),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Paragraph,
    Heading,
    Quote,
    List,
    Numbered,
    Item,
    Emphasis,
    Strong,
}

struct Nodes<'a>(&'a [Node]);

impl Render for Nodes<'_> {
    fn render(&self) -> Markup {
        html! { @for node in self.0 { (node) } }
    }
}

impl Render for Node {
    fn render(&self) -> Markup {
        let most = MAX_PARAGRAPH_CHARS;
        match self {
            Self::Text(text) => html! { (text::block(text, most)) },
            Self::Break => html! { br; },
            Self::Code(text) => html! { code { (text::block(text, most)) } },
            Self::CodeBlock(text) => html! { pre.code-block tabindex="0" { code { (text::block(text, most)) } } },
            Self::Element(element, inner) => {
                let inner = Nodes(inner);
                match element {
                    Element::Paragraph => html! { p { (inner) } },
                    Element::Heading => html! { p { strong { (inner) } } },
                    Element::Quote => html! { blockquote { (inner) } },
                    Element::List => html! { ul { (inner) } },
                    Element::Numbered => html! { ol { (inner) } },
                    Element::Item => html! { li { (inner) } },
                    Element::Emphasis => html! { em { (inner) } },
                    Element::Strong => html! { strong { (inner) } },
                }
            }
        }
    }
}

/// An open element with its content so far, or one that leaves only its text.
enum Open {
    Element(Element, Vec<Node>),
    Code(String),
    Link(String),
    Nothing,
}

fn read(markdown: &str) -> Vec<Node> {
    let mut done: Vec<Node> = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_ext(markdown, Options::empty()) {
        match event {
            Event::Start(tag) => open.push(start(tag, &open)),
            Event::End(end) => finish(end, &mut open, &mut done),
            Event::Text(text) => match open.last_mut() {
                Some(Open::Code(code)) => code.push_str(&text),
                _ => push(Node::Text(text.into_string()), &mut open, &mut done),
            },
            Event::Code(text) => push(Node::Code(text.into_string()), &mut open, &mut done),
            Event::Html(text) | Event::InlineHtml(text) => push(Node::Text(text.into_string()), &mut open, &mut done),
            Event::SoftBreak | Event::HardBreak => push(Node::Break, &mut open, &mut done),
            Event::Rule => push(
                Node::Element(Element::Paragraph, vec![Node::Text("—".to_owned())]),
                &mut open,
                &mut done,
            ),
            Event::InlineMath(text) | Event::DisplayMath(text) | Event::FootnoteReference(text) => {
                push(Node::Text(text.into_string()), &mut open, &mut done);
            }
            Event::TaskListMarker(_) => {}
        }
    }
    done
}

fn start(tag: Tag<'_>, open: &[Open]) -> Open {
    let element = match tag {
        Tag::CodeBlock(CodeBlockKind::Fenced(_) | CodeBlockKind::Indented) => return Open::Code(String::new()),
        Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. } => return Open::Link(dest_url.into_string()),
        Tag::Paragraph | Tag::HtmlBlock => Element::Paragraph,
        Tag::Heading { .. } => Element::Heading,
        Tag::BlockQuote(_) => Element::Quote,
        Tag::List(None) => Element::List,
        Tag::List(Some(_)) => Element::Numbered,
        Tag::Item => Element::Item,
        Tag::Emphasis => Element::Emphasis,
        Tag::Strong => Element::Strong,
        _ => return Open::Nothing,
    };
    // An item needs its list, so a list that is too deep is dropped together with its items.
    let is_too_deep = open.len() >= MAX_DEPTH && !(element == Element::Item && is_list(open.last()));
    if is_too_deep && element != Element::Paragraph || element == Element::Item && !is_list(open.last()) {
        Open::Nothing
    } else {
        Open::Element(element, Vec::new())
    }
}

fn is_list(open: Option<&Open>) -> bool {
    matches!(open, Some(Open::Element(Element::List | Element::Numbered, _)))
}

fn finish(end: TagEnd, open: &mut Vec<Open>, done: &mut Vec<Node>) {
    match open.pop() {
        Some(Open::Element(element, inner)) => push(Node::Element(element, inner), open, done),
        Some(Open::Code(text)) => push(Node::CodeBlock(text.trim_end_matches('\n').to_owned()), open, done),
        Some(Open::Link(address)) => {
            let what = if end == TagEnd::Image { "image: " } else { "" };
            push(Node::Text(format!(" ({what}{address})")), open, done);
        }
        Some(Open::Nothing) | None => {}
    }
}

fn push(node: Node, open: &mut [Open], done: &mut Vec<Node>) {
    let place = open.iter_mut().rev().find_map(|open| match open {
        Open::Element(_, inner) => Some(inner),
        _ => None,
    });
    place.unwrap_or(done).push(node);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_stays_and_everything_else_becomes_text() {
        for (markdown, shown) in [
            ("one\ntwo", "<p>one<br>two</p>"),
            (
                "a *b* **c** `d`",
                "<p>a <em>b</em> <strong>c</strong> <code>d</code></p>",
            ),
            ("# Big", "<p><strong>Big</strong></p>"),
            ("- a\n- b", "<ul><li>a</li><li>b</li></ul>"),
            (
                "```rs\nlet x;\n```",
                "<pre class=\"code-block\" tabindex=\"0\"><code>let x;</code></pre>",
            ),
            (
                "<script>alert(1)</script>",
                "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>",
            ),
            ("a <img src=x onerror=y> b", "<p>a &lt;img src=x onerror=y&gt; b</p>"),
            ("[t](javascript:alert)", "<p>t (javascript:alert)</p>"),
            ("![alt](https://x/y.png)", "<p>alt (image: https://x/y.png)</p>"),
            ("a\u{202e}b", "<p>a<span class=\"hidden-char\">‹U+202E›</span>b</p>"),
        ] {
            assert_eq!(
                prose(markdown).into_string(),
                format!("<div class=\"prose\">{shown}</div>"),
                "{markdown}"
            );
        }
    }

    #[test]
    fn depth_and_length_are_bounded() {
        for markdown in [
            "> ".repeat(4_000) + "deep",
            "- ".repeat(4_000) + "deep",
            "*a ".repeat(3_000),
        ] {
            let html = prose(&markdown).into_string();
            assert!(html.matches("<blockquote>").count() <= MAX_DEPTH, "{}", html.len());
            assert!(html.matches("<ul>").count() <= MAX_DEPTH);
        }
        let html = prose(&"x".repeat(MAX_PARAGRAPH_CHARS + 1_000)).into_string();
        assert!(html.contains("1,000 characters left out"));
    }
}
