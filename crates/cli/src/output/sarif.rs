//! Converts a report to SARIF 2.1.0 (OASIS standard), for code scanning and editors.

use std::collections::BTreeSet;

use holdfast_core::model::finding::{Finding, Severity, Side};
use holdfast_core::model::report::{NO_REASON, Report};
use holdfast_core::render::plain_text;
use serde_json::{Value, json};

use super::line;

/// Maximum length of a message, in characters.
const MAX_MESSAGE_CHARS: usize = 24_000;

/// Returns the document. `page` is the address of the repository's page. Findings on the base's side have no region,
/// because SARIF describes only the analysed version.
pub fn report_sarif(report: &Report, page: Option<&str>) -> Value {
    let rules: BTreeSet<&str> = report.findings.iter().map(rule_id).collect();
    let is_complete =
        report.unreviewed().next().is_none() && !report.lacks_only_unlisted() && !report.status.lacks_result();
    let mut notifications: Vec<Value> = report
        .unreviewed()
        .map(|entry| {
            let reason = entry.public_reason().unwrap_or(NO_REASON.into());
            json!({ "level": "warning", "message": { "text": message(&format!("{} is unreviewed: {reason}", entry.path)) } })
        })
        .collect();
    notifications.extend(
        report
            .public_notes()
            .map(|note| json!({ "level": "note", "message": { "text": message(note) } })),
    );
    let mut log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Holdfast",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules.iter().map(|id| json!({ "id": id })).collect::<Vec<Value>>(),
            } },
            "automationDetails": { "id": format!("holdfast/{}", report.run) },
            "invocations": [{ "executionSuccessful": is_complete, "toolExecutionNotifications": notifications }],
            "results": report.findings.iter().map(result).collect::<Vec<Value>>(),
        }],
    });
    // Without an address there is no such entry: an invented one would point to a stranger's repository.
    if let Some(page) = page {
        log["runs"][0]["versionControlProvenance"] =
            json!([{ "repositoryUri": page, "revisionId": report.target.head }]);
    }
    log
}

fn rule_id(finding: &Finding) -> &str {
    finding.source.rule().unwrap_or(finding.category.as_str())
}

fn result(finding: &Finding) -> Value {
    let level = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    };
    let mut place = json!({ "artifactLocation": { "uri": uri(&finding.path) } });
    if finding.side == Side::Right {
        place["region"] = json!({ "startLine": finding.start_line, "endLine": finding.line });
    }
    json!({
        "ruleId": rule_id(finding),
        "level": level,
        "message": { "text": message(&format!("{}\n\n{}", line(&finding.title), finding.body)) },
        "locations": [{ "physicalLocation": place }],
        "properties": { "sources": finding.sources, "severity": finding.severity, "category": finding.category, "confidence": finding.confidence },
    })
}

/// Returns a message without active content. `[text](address)`, which SARIF viewers show as a link, is broken up.
fn message(text: &str) -> String {
    plain_text(text, MAX_MESSAGE_CHARS).replace("](", "]\u{200b}(")
}

/// Returns a path as a relative URI: bytes outside the unreserved set are percent-encoded.
fn uri(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => char::from(byte).to_string(),
            other => format!("%{other:02X}"),
        })
        .collect()
}
