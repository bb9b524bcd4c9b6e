//! Checks a text as GitHub's own renderer reads it, with comrak and GitHub's extensions. The checks panic at anything
//! that has an effect: images, outside links, mentions, references, closing words, HTML and headings that Holdfast
//! didn't write, tables, formulas, diagrams, suggestions that were not validated, commands of bots and of runners.

#![expect(clippy::expect_used, reason = "a pattern that does not compile fails the test")]

use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, Options, parse_document};
use holdfast_core::render::is_invisible;
use regex::Regex;
use std::sync::LazyLock;

/// The beginning of pages that may stay links.
const PAGES: &str = "https://github.com/o/r/";
/// The character that breaks a word.
const BREAK: char = '\u{200b}';
/// Names of languages that GitHub draws or applies.
const DRAWN: &[&str] = &[
    "mermaid",
    "math",
    "geojson",
    "topojson",
    "stl",
    "suggestion",
    "plantuml",
    "graphviz",
    "dot",
];

static ACTIVE: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(concat!(
        r"(?i)(^|[^[:alnum:]_`])@[[:alnum:]]|[[:alnum:]]@[[:alnum:]-]+[.]|#[0-9]|GH-[0-9]|https?://|ftp://|www[.]",
        r"|\b(close[sd]?|fix(e[sd])?|resolve[sd]?):?\s+([[:alnum:]./_-]*#[0-9]|https?:|GH-[0-9])",
        r"|\b([0-9]+[a-f]+|[a-f]+[0-9]+)[0-9a-f]{6,30}\b",
    ))
    .expect("the pattern compiles")
});

static OURS: LazyLock<Regex> = LazyLock::new(|| {
    let ours = concat!(
        r"^(<details><summary>((Unreviewed|Skipped|Reviewed) files|Files scanned by rules)</summary>|</details>|</?sub>",
        r"|<details><summary>[0-9]+ (findings? without an inline comment|more findings?)</summary>|<details><summary>The finding</summary>)$"
    );
    Regex::new(ours).expect("the pattern compiles")
});

/// The head of the summary's table; its last column is optional.
const TABLE: [&str; 4] = ["Severity", "Place", "Finding", "State"];

static HEADING: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r"^(Holdfast: |Review of .* at( |$)|Findings$|Coverage$)").expect("the pattern compiles")
});

/// Returns the settings of GitHub's renderer.
pub fn options() -> Options<'static> {
    let mut options = Options::default();
    let extension = &mut options.extension;
    extension.strikethrough = true;
    extension.tagfilter = true;
    extension.table = true;
    extension.autolink = true;
    extension.tasklist = true;
    extension.footnotes = true;
    extension.alerts = true;
    extension.math_dollars = true;
    extension.math_code = true;
    options
}

/// Checks a text. `offered` are the suggestions that were validated.
pub fn check(markdown: &str, offered: &[String]) {
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options());
    let mut text = String::new();
    for node in root.descendants() {
        if !matches!(&node.data().value, NodeValue::Text(_)) {
            check_text(&std::mem::take(&mut text), markdown);
        }
        check_node(node, &mut text, offered, markdown);
    }
    check_text(&text, markdown);
    check_raw(markdown, offered);
}

fn check_node(node: Node<'_>, text: &mut String, offered: &[String], markdown: &str) {
    match &node.data().value {
        // A link's own text is its address.
        NodeValue::Text(_) if node.parent().is_some_and(is_link) => text.clear(),
        NodeValue::Text(part) => text.push_str(part),
        NodeValue::Link(link) => {
            assert!(
                link.url.starts_with(PAGES) && !link.url.contains(".."),
                "{} in {markdown:?}",
                link.url
            );
        }
        NodeValue::HtmlBlock(html) => {
            for line in html.literal.trim().lines() {
                assert!(OURS.is_match(line.trim()), "{line:?} in {markdown:?}");
            }
        }
        NodeValue::HtmlInline(html) => assert!(OURS.is_match(html), "{html:?} in {markdown:?}"),
        NodeValue::Heading(_) => {
            let parts: Vec<String> = node.children().map(plain).collect();
            let is_path = matches!(
                node.first_child().map(|child| child.data().value.clone()),
                Some(NodeValue::Code(_))
            ) && parts.len() == 1;
            assert!(
                is_path || HEADING.is_match(&parts.concat()),
                "{parts:?} in {markdown:?}"
            );
        }
        NodeValue::CodeBlock(code) => {
            assert!(code.fenced && code.closed, "{markdown:?}");
            let info = code.info.to_ascii_lowercase();
            if info == "suggestion" {
                let as_offered = |text: &String| text.trim_end_matches('\n') == code.literal.trim_end_matches('\n');
                assert!(offered.iter().any(as_offered), "{:?} in {markdown:?}", code.literal);
            } else {
                assert!(
                    !DRAWN.iter().any(|drawn| info.contains(drawn)),
                    "{info} in {markdown:?}"
                );
            }
        }
        NodeValue::Table(_) => {
            let cells = node.first_child().into_iter().flat_map(|head| head.children());
            let head: Vec<String> = cells
                .map(|cell| cell.children().map(plain).collect::<String>())
                .collect();
            let ours: [&[&str]; 2] = [&TABLE, &TABLE[..3]];
            assert!(ours.iter().any(|ours| head == *ours), "{head:?} in {markdown:?}");
        }
        NodeValue::TableRow(_)
        | NodeValue::TableCell
        | NodeValue::Document
        | NodeValue::BlockQuote
        | NodeValue::List(_)
        | NodeValue::Item(_)
        | NodeValue::Paragraph
        | NodeValue::SoftBreak
        | NodeValue::LineBreak
        | NodeValue::Code(_)
        | NodeValue::Emph
        | NodeValue::Strong => {}
        other => panic!("{other:?} in {markdown:?}"),
    }
}

fn is_link(node: Node<'_>) -> bool {
    matches!(&node.data().value, NodeValue::Link(_))
}

fn plain(node: Node<'_>) -> String {
    match &node.data().value {
        NodeValue::Text(text) => text.to_string(),
        NodeValue::Code(code) => code.literal.clone(),
        _ => String::new(),
    }
}

fn check_text(text: &str, markdown: &str) {
    if let Some(found) = ACTIVE.find(text) {
        panic!("{:?} acts in {text:?} of {markdown:?}", found.as_str());
    }
}

/// Bots and runners read the text itself, code and all.
fn check_raw(markdown: &str, offered: &[String]) {
    assert!(!markdown.contains("##["), "{markdown:?}");
    let is_hidden = |char: char| char != BREAK && char != '\r' && is_invisible(char);
    assert!(!markdown.contains(is_hidden), "{markdown:?}");
    for line in markdown.lines() {
        let line = line.trim_start();
        let mut chars = line.chars();
        let is_command = chars.next() == Some('/') && chars.next().is_some_and(char::is_alphanumeric);
        let is_offered = offered.iter().any(|text| text.contains(line));
        assert!(
            is_offered || !is_command && !line.starts_with("::"),
            "{line:?} in {markdown:?}"
        );
    }
}

/// Checks that the sections that Holdfast writes are sections, whatever text precedes them.
pub fn has_sections(markdown: &str, titles: &[&str]) {
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &options());
    for title in titles {
        let found = root.children().filter(|node| {
            matches!(&node.data().value, NodeValue::Heading(_))
                && node.children().map(plain).collect::<String>() == *title
        });
        assert_eq!(found.count(), 1, "{title} in {markdown:?}");
    }
}
