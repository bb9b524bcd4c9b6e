//! Converts a report to GitLab's code quality format: a list of issues.

use std::collections::BTreeMap;

use holdfast_core::model::finding::{Finding, Severity};
use holdfast_core::model::report::Report;
use holdfast_core::render::plain_line;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::hunks::Hunks;

/// Maximum length of a description, in characters.
const MAX_DESCRIPTION_CHARS: usize = 1_000;

/// Returns the document. The report has no secrets.
pub fn report_code_quality(report: &Report, hunks: &Hunks) -> Value {
    let mut seen: BTreeMap<[String; 3], usize> = BTreeMap::new();
    let issues = report.findings.iter().map(|finding| {
        let kind = kind_of(finding, hunks);
        let earlier = seen.entry(kind.clone()).or_default();
        *earlier += 1;
        json!({
            "description": plain_line(&finding.title, MAX_DESCRIPTION_CHARS),
            "check_name": finding.source.to_string(),
            "fingerprint": fingerprint(&kind, *earlier),
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

/// Returns what stays the same in the next run: the file, the rule or the category, and the text of the finding's lines
/// without blanks at their ends. Line numbers change with every edit above, and a model words its titles differently in
/// each run. A finding outside of the diff has its title instead of the lines.
fn kind_of(finding: &Finding, hunks: &Hunks) -> [String; 3] {
    let lines = hunks.lines(finding).map(|lines| {
        let texts: Vec<&str> = lines.iter().map(|line| line.text.trim()).collect();
        texts.join("\n")
    });
    let rule = finding.source.rule().unwrap_or(finding.category.as_str());
    [
        finding.path.clone(),
        rule.to_owned(),
        lines.unwrap_or_else(|| finding.title.clone()),
    ]
}

/// Returns 64 hex digits. `number` tells equal findings apart, from 1.
fn fingerprint(kind: &[String; 3], number: usize) -> String {
    hex::encode(Sha256::digest(json!([kind, number]).to_string()))
}
