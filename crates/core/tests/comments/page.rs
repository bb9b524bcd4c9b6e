//! A text as GitHub shows it: rendered by comrak with GitHub's extensions, checked, and held against its golden files.

use std::path::Path;

use comrak::nodes::{Node, NodeValue};
use comrak::{Arena, markdown_to_html, parse_document};
use expect_test::expect_file;
use holdfast_core::model::report::Report;
use holdfast_core::port::CheckOutcome;
use holdfast_core::render::counted;

use super::harmless;

/// The page that every link leads to.
const PAGE: &str = "https://github.com/o/r/pull/1";
/// The only other page: where people decide, in the console.
const DECISION: &str = "https://holdfast.example.org/reviews/r-1/decide";
/// GitHub's own limit of a comment.
const MAX_COMMENT_CHARS: usize = 65_536;

/// Checks a text and compares it, and its page, with `golden/NAME.md` and `golden/NAME.html`.
pub fn assert_golden(name: &str, markdown: &str) {
    check(markdown);
    assert_file(&format!("{name}.md"), markdown);
    assert_file(&format!("{name}.html"), &to_html(markdown));
}

/// Compares a check with `golden/NAME.check.md`.
pub fn assert_check(name: &str, outcome: &CheckOutcome) {
    check(&outcome.summary);
    let text = format!(
        "{:?}: {}\n{}\n\n{}\n",
        outcome.conclusion,
        outcome.title,
        counted(outcome.annotations.len(), "annotation"),
        outcome.summary
    );
    assert_file(&format!("{name}.check.md"), &text);
}

fn assert_file(name: &str, text: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/comments/golden");
    expect_file![folder.join(name)].assert_eq(text);
}

/// Renders a text with its HTML, which the checks have found harmless.
fn to_html(markdown: &str) -> String {
    let mut options = harmless::options();
    options.render.r#unsafe = true;
    markdown_to_html(markdown, &options)
}

/// Checks what holds for every text: it fits, nothing in it acts, its folds are closed, and its links lead to the pull
/// request, or to the page where people decide.
pub fn check(markdown: &str) {
    let markdown = &markdown.replace(DECISION, PAGE);
    assert!(
        markdown.chars().count() <= MAX_COMMENT_CHARS,
        "{}",
        markdown.chars().count()
    );
    harmless::check(markdown, &["    let half = count / 2;".to_owned()]);
    let html = to_html(markdown);
    assert_eq!(
        html.matches("<details>").count(),
        html.matches("</details>").count(),
        "{html}"
    );
    assert!(!html.contains("<!--"), "{html}");
    for link in html.split("href=\"").skip(1) {
        assert!(link.starts_with(PAGE), "{link}");
    }
}

/// Returns the rows of all tables, each as the texts of its cells.
pub fn rows(markdown: &str) -> Vec<Vec<String>> {
    let arena = Arena::new();
    let root = parse_document(&arena, markdown, &harmless::options());
    let rows = root
        .descendants()
        .filter(|node| matches!(node.data().value, NodeValue::TableRow(false)));
    rows.map(|row| row.children().map(text).collect()).collect()
}

fn text(node: Node<'_>) -> String {
    let texts = node.descendants().filter_map(|node| match &node.data().value {
        NodeValue::Text(text) => Some(text.to_string()),
        NodeValue::Code(code) => Some(code.literal.clone()),
        _ => None,
    });
    texts.collect()
}

/// Returns the number of findings that the tables hold, with those that are only counted below them.
pub fn findings_in_tables(report: &Report, markdown: &str) -> usize {
    let shown = rows(markdown).len();
    let tables = markdown.split("without an inline comment").next().unwrap_or_default();
    let counted = tables.split("… and ").nth(1).and_then(|rest| rest.split(' ').next());
    let all = shown + counted.map_or(0, |number| number.parse::<usize>().unwrap());
    assert!(all <= report.findings.len() + report.earlier.len());
    all
}
