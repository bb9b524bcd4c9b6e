//! Converts a report to GitLab's code quality format: a list of issues.

use holdfast_core::model::finding::Severity;
use holdfast_core::model::report::Report;
use holdfast_core::render::plain_line;
use serde_json::{Value, json};

use super::fingerprint::Fingerprints;
use super::hunks::Hunks;

/// Maximum length of a description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 1_000;

/// Returns the document. The report has no secrets.
pub fn report_code_quality(report: &Report, hunks: &Hunks) -> Value {
    let mut fingerprints = Fingerprints::new(hunks);
    let issues = report.findings.iter().map(|finding| {
        json!({
            "description": plain_line(&finding.title, MAX_DESCRIPTION_CHARS),
            "check_name": finding.source.to_string(),
            "fingerprint": fingerprints.next(finding),
            "severity": match finding.severity {
                Severity::Critical => "blocker",
                Severity::High => "critical",
                Severity::Medium => "major",
                Severity::Low => "minor",
                Severity::Info => "info",
            },
            "location": { "path": finding.path, "lines": { "begin": finding.start_line, "end": finding.line } },
        })
    });
    issues.collect()
}
