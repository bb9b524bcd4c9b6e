//! Converts a report to JUnit's XML, for CI systems that list test results.

use std::io;

use holdfast_core::model::finding::{Finding, Severity};
use holdfast_core::model::report::{Coverage, Outcome, Report};
use holdfast_core::render::plain_text;
use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::{line, name};

/// Maximum length of a text, in characters.
const MAX_TEXT_CHARS: usize = 24_000;

/// The result of a test case.
enum Outcomes<'a> {
    Passed,
    /// Passed, with a text in its output.
    Noted(String),
    Skipped(String),
    /// The kind and the text.
    Failed(&'a str, String),
    Broken(String),
}

struct Case<'a> {
    class: &'static str,
    name: String,
    outcome: Outcomes<'a>,
}

/// Returns the document: one test case for each finding and one for each changed file. A finding at or above `fail_on`
/// is a failure, an unreviewed file an error. The report has no secrets.
///
/// # Errors
/// The document can't be written to memory.
pub fn report_junit(report: &Report, fail_on: Option<Severity>) -> io::Result<String> {
    let mut cases: Vec<Case<'_>> = Vec::new();
    if report.status.lacks_result() || report.lacks_only_unlisted() {
        let notes: Vec<&str> = report.public_notes().collect();
        cases.push(Case {
            class: "holdfast.review",
            name: report.status.as_str().to_owned(),
            outcome: Outcomes::Broken(notes.join("\n")),
        });
    }
    cases.extend(report.findings.iter().map(|finding| of_finding(finding, fail_on)));
    cases.extend(report.coverage.iter().map(of_file));
    let count = |test: fn(&Outcomes<'_>) -> bool| cases.iter().filter(|case| test(&case.outcome)).count().to_string();
    let counts = [
        ("tests", cases.len().to_string()),
        ("failures", count(|outcome| matches!(outcome, Outcomes::Failed(..)))),
        ("errors", count(|outcome| matches!(outcome, Outcomes::Broken(_)))),
        ("skipped", count(|outcome| matches!(outcome, Outcomes::Skipped(_)))),
        (
            "time",
            format!("{}.{:03}", report.usage.wall_ms / 1_000, report.usage.wall_ms % 1_000),
        ),
    ];
    let attributes = || {
        let counts = counts.iter().map(|(name, value)| (*name, value.as_str()));
        std::iter::once(("name", "holdfast")).chain(counts)
    };
    let mut writer = Writer::new_with_indent(Vec::new(), b' ', 2);
    writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    writer
        .create_element("testsuites")
        .with_attributes(attributes())
        .write_inner_content(|writer| {
            writer
                .create_element("testsuite")
                .with_attributes(attributes())
                .write_inner_content(|writer| cases.iter().try_for_each(|case| write_case(writer, case)))
                .map(drop)
        })?;
    let mut text = String::from_utf8(writer.into_inner()).map_err(io::Error::other)?;
    text.push('\n');
    Ok(text)
}

fn of_finding(finding: &Finding, fail_on: Option<Severity>) -> Case<'_> {
    let text = format!(
        "{}:{}: {} ({}, {})\n\n{}",
        name(&finding.path),
        finding.line,
        line(&finding.title),
        finding.severity,
        finding.category.as_str(),
        plain_text(&finding.body, MAX_TEXT_CHARS)
    );
    Case {
        class: "holdfast.findings",
        name: format!("{}:{}: {}", name(&finding.path), finding.line, line(&finding.title)),
        outcome: if fail_on.is_some_and(|limit| finding.severity >= limit) {
            Outcomes::Failed(finding.severity.as_str(), text)
        } else {
            Outcomes::Noted(text)
        },
    }
}

fn of_file(entry: &Coverage) -> Case<'_> {
    let reason = || entry.public_reason().map_or_else(String::new, |reason| line(&reason));
    Case {
        class: "holdfast.files",
        name: name(&entry.path),
        outcome: match entry.outcome {
            Outcome::Reviewed | Outcome::Scanned => Outcomes::Passed,
            Outcome::Skipped => Outcomes::Skipped(reason()),
            Outcome::Unreviewed => Outcomes::Broken(reason()),
        },
    }
}

fn write_case(writer: &mut Writer<Vec<u8>>, case: &Case<'_>) -> io::Result<()> {
    let name = allowed(&case.name);
    let element = writer
        .create_element("testcase")
        .with_attributes([("classname", case.class), ("name", &name)]);
    match &case.outcome {
        Outcomes::Passed => element.write_empty().map(drop),
        Outcomes::Noted(text) => element
            .write_inner_content(|writer| write_text(writer, "system-out", &[], text))
            .map(drop),
        Outcomes::Skipped(reason) => element
            .write_inner_content(|writer| {
                let reason = allowed(reason);
                let skipped = writer.create_element("skipped");
                skipped
                    .with_attribute(("message", reason.as_str()))
                    .write_empty()
                    .map(drop)
            })
            .map(drop),
        Outcomes::Failed(kind, text) => element
            .write_inner_content(|writer| write_text(writer, "failure", &[("type", kind), ("message", &name)], text))
            .map(drop),
        Outcomes::Broken(text) => element
            .write_inner_content(|writer| {
                let first = line(text.lines().next().unwrap_or_default());
                write_text(writer, "error", &[("type", "unreviewed"), ("message", &first)], text)
            })
            .map(drop),
    }
}

fn write_text(writer: &mut Writer<Vec<u8>>, element: &str, attributes: &[(&str, &str)], text: &str) -> io::Result<()> {
    let attributes: Vec<(&str, String)> = attributes.iter().map(|(name, value)| (*name, allowed(value))).collect();
    writer
        .create_element(element)
        .with_attributes(attributes.iter().map(|(name, value)| (*name, value.as_str())))
        .write_text_content(BytesText::new(&allowed(&super::plain(text))))
        .map(drop)
}

/// Returns the text without the two characters that XML forbids and that [`super::plain`] keeps.
fn allowed(text: &str) -> String {
    text.replace(['\u{fffe}', '\u{ffff}'], "")
}
