//! Converts a report to SARIF 2.1.0 (OASIS standard), for code scanning and editors.

use std::collections::{BTreeMap, BTreeSet};

use holdfast_core::model::finding::{Category, Finding, Severity, Side};
use holdfast_core::model::report::{NO_REASON, Report};
use holdfast_core::model::silencing::SilencedFinding;
use holdfast_core::render::plain_text;
use serde_json::{Value, json};

use super::fingerprint::Fingerprints;
use super::hunks::Hunks;
use super::line;

/// Maximum length of a message, in characters.
const MAX_MESSAGE_CHARS: usize = 24_000;

/// Returns the document. `hunks` are those of the reviewed change; `page` is the address of the repository's page. Findings on the base's side have no region,
/// because SARIF describes only the analysed version.
pub fn report_sarif(report: &Report, hunks: &Hunks, page: Option<&str>) -> Value {
    let mut fingerprints = Fingerprints::new(hunks);
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
    let mut results: Vec<Value> = (report.findings.iter())
        .map(|finding| result(finding, &fingerprints.next(finding)))
        .collect();
    results.extend(report.silenced.iter().map(|silenced| {
        let fingerprint = fingerprints.next(&silenced.finding);
        suppressed(silenced, &fingerprint)
    }));
    let mut log = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": {
                "name": "Holdfast",
                "version": env!("CARGO_PKG_VERSION"),
                "rules": rules(report),
            } },
            "automationDetails": { "id": format!("holdfast/{}", report.run) },
            "invocations": [{ "executionSuccessful": is_complete, "toolExecutionNotifications": notifications }],
            "results": results,
        }],
    });
    // Without an address there is no such entry: an invented one would point to a stranger's repository.
    if let Some(page) = page {
        log["runs"][0]["versionControlProvenance"] =
            json!([{ "repositoryUri": page, "revisionId": report.target.head }]);
    }
    log
}

fn rule_id(finding: &Finding) -> String {
    let rule = finding.source.rule_name();
    rule.unwrap_or_else(|| finding.category.as_str().to_owned())
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// Returns the descriptions of the rules that these findings name. Code scanning shows a rule's name, help, tags,
/// precision and, for security, its score, by which it sorts: that of the rule's worst finding.
fn rules(report: &Report) -> Vec<Value> {
    let mut by_rule: BTreeMap<String, Vec<&Finding>> = BTreeMap::new();
    let silenced = report.silenced.iter().map(|silenced| &silenced.finding);
    for finding in report.findings.iter().chain(silenced) {
        by_rule.entry(rule_id(finding)).or_default().push(finding);
    }
    by_rule.iter().map(|(id, findings)| rule(id, findings)).collect()
}

fn rule(id: &str, findings: &[&Finding]) -> Value {
    let worst = findings
        .iter()
        .map(|finding| finding.severity)
        .max()
        .unwrap_or(Severity::Info);
    let sure = findings.iter().map(|finding| finding.confidence).fold(0.0, f64::max);
    let first = findings.first();
    let is_rule = first.is_some_and(|finding| finding.source.is_rule());
    // A rule says the same each time; the model's findings share only their category.
    let (short, help) = match first.filter(|_| is_rule) {
        Some(finding) => (message(&line(&finding.title)), message(&finding.body)),
        None => (
            format!("{} finding of the model", capitalised(id)),
            "A model read the change. Check the finding against the code before acting on it.".to_owned(),
        ),
    };
    let mut tags: BTreeSet<String> = findings
        .iter()
        .map(|finding| finding.category.as_str().to_owned())
        .collect();
    tags.extend(
        findings
            .iter()
            .flat_map(|finding| &finding.cwe)
            .map(|number| format!("external/cwe/cwe-{number:03}")),
    );
    let is_security = findings.iter().any(|finding| finding.category == Category::Security);
    let mut properties = json!({
        "tags": tags,
        "precision": match sure {
            sure if sure >= 0.9 => "very-high",
            sure if sure >= 0.7 => "high",
            sure if sure >= 0.4 => "medium",
            _ => "low",
        },
    });
    if is_security {
        properties["security-severity"] = json!(match worst {
            Severity::Critical => "9.5",
            Severity::High => "8.0",
            Severity::Medium => "5.5",
            Severity::Low => "2.5",
            Severity::Info => "0.5",
        });
    }
    json!({
        "id": id,
        "name": id.split(|sign: char| !sign.is_ascii_alphanumeric()).map(capitalised).collect::<String>(),
        "shortDescription": { "text": short },
        "fullDescription": { "text": help },
        "help": { "text": help, "markdown": help },
        "defaultConfiguration": { "level": level(worst) },
        "properties": properties,
    })
}

fn capitalised(word: &str) -> String {
    let mut signs = word.chars();
    let first = signs.next().map(|sign| sign.to_ascii_uppercase());
    first.into_iter().chain(signs).collect()
}

/// Returns the result of a silenced finding: readers of SARIF know it as suppressed in the source.
fn suppressed(silenced: &SilencedFinding, fingerprint: &str) -> Value {
    let mut result = result(&silenced.finding, fingerprint);
    let mut suppression = json!({ "kind": "inSource" });
    if let Some(reason) = &silenced.reason {
        suppression["justification"] = json!(message(&line(reason)));
    }
    result["suppressions"] = json!([suppression]);
    result
}

fn result(finding: &Finding, fingerprint: &str) -> Value {
    let mut place = json!({ "artifactLocation": { "uri": uri(&finding.path) } });
    let region = json!({ "startLine": finding.start_line, "endLine": finding.line });
    if finding.side == Side::Right {
        place["region"] = region.clone();
    }
    let mut result = json!({
        "ruleId": rule_id(finding),
        "level": level(finding.severity),
        "message": { "text": message(&format!("{}\n\n{}", line(&finding.title), finding.body)) },
        "locations": [{ "physicalLocation": place }],
        // Code scanning finds an alert of an earlier commit by this name.
        "partialFingerprints": { "primaryLocationLineHash": format!("{}:1", fingerprint.get(..16).unwrap_or(fingerprint)) },
        "properties": { "sources": finding.sources, "severity": finding.severity, "category": finding.category, "confidence": finding.confidence },
    });
    if let Some(suggestion) = finding.suggestion.as_ref().filter(|_| finding.side == Side::Right) {
        let text = format!("{}\n", plain_text(suggestion, MAX_MESSAGE_CHARS).trim_end_matches('\n'));
        let deleted =
            json!({ "startLine": finding.start_line, "startColumn": 1, "endLine": finding.line + 1, "endColumn": 1 });
        result["fixes"] = json!([{
            "description": { "text": "Replace these lines." },
            "artifactChanges": [{
                "artifactLocation": { "uri": uri(&finding.path) },
                "replacements": [{ "deletedRegion": deleted, "insertedContent": { "text": text } }],
            }],
        }]);
    }
    result
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
