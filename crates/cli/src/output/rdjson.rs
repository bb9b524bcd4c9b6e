//! Converts a report to reviewdog's diagnostic format (rdjson).

use holdfast_core::model::finding::{Finding, Severity, Side};
use holdfast_core::model::report::Report;
use holdfast_core::render::comment_markdown;
use serde_json::{Value, json};

/// Maximum length of a message, in characters. reviewdog posts it as a comment; GitHub's own limit is 65,536.
const MAX_MESSAGE_CHARS: usize = 24_000;

/// Returns the document. The report has no secrets. A line of the base isn't in the head's files, which reviewdog reads,
/// so such a finding has no lines.
pub fn report_rdjson(report: &Report) -> Value {
    json!({
        "source": { "name": "holdfast" },
        "diagnostics": report.findings.iter().map(diagnostic).collect::<Vec<Value>>(),
    })
}

fn diagnostic(finding: &Finding) -> Value {
    let mut location = json!({ "path": finding.path });
    if finding.side == Side::Right {
        location["range"] = whole_lines(finding);
    }
    let mut diagnostic = json!({
        "message": comment_markdown(finding, MAX_MESSAGE_CHARS),
        "location": location,
        "severity": match finding.severity {
            Severity::Critical | Severity::High => "ERROR",
            Severity::Medium => "WARNING",
            Severity::Low | Severity::Info => "INFO",
        },
        "code": { "value": finding.source.to_string() },
    });
    if let Some(suggestion) = finding.suggestion.as_deref().filter(|_| finding.side == Side::Right) {
        diagnostic["suggestions"] = json!([suggested(finding, suggestion)]);
    }
    diagnostic
}

/// Returns the range from the first to the last line, both included, without the last line's end.
fn whole_lines(finding: &Finding) -> Value {
    json!({ "start": { "line": finding.start_line }, "end": { "line": finding.line } })
}

/// Returns the replacement of the finding's lines. A deletion also removes the last line's end.
fn suggested(finding: &Finding, text: &str) -> Value {
    if text.is_empty() {
        let range = json!({
            "start": { "line": finding.start_line, "column": 1 },
            "end": { "line": finding.line.saturating_add(1), "column": 1 },
        });
        return json!({ "range": range, "text": "" });
    }
    let text = text.strip_suffix('\n').unwrap_or(text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    json!({ "range": whole_lines(finding), "text": text })
}
