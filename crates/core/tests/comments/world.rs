//! Reports, findings and questions of one pull request.

use holdfast_core::model::approval::Approval;
use holdfast_core::model::change::Change;
use holdfast_core::model::finding::Finding;
use holdfast_core::model::report::{Coverage, EarlierFinding, Report};
use serde_json::{Value, json};

/// The file of the findings, at lines 2 and 3 of its only hunk.
pub const FILE: &str = "src/pay.rs";
const PATCH: &str = "@@ -1,2 +1,4 @@\n fn pay(count: u32) {\n+    let half = total / count;\n+    send(half);\n }";

/// Returns a value from its JSON form.
pub fn from<T: serde::de::DeserializeOwned>(json: Value) -> T {
    serde_json::from_value(json).unwrap()
}

/// Returns the reviewed commit.
pub fn head() -> String {
    "abcdef012345".chars().chain("0".repeat(28).chars()).collect()
}

/// Returns the change.
pub fn change() -> Change {
    from(
        json!({ "base": "1".repeat(40), "head": head(), "title": "Split payments", "description": "", "author": "alice",
        "files": [{ "path": FILE, "previous_path": null, "status": "modified", "kind": "text", "additions": 2,
            "deletions": 0, "patch": PATCH, "omitted": null }], "files_total": 1 }),
    )
}

/// Returns a finding of a model.
pub fn finding(path: &str, line: u32, severity: &str, title: &str) -> Finding {
    from(
        json!({ "path": path, "side": "RIGHT", "start_line": line, "line": line, "severity": severity,
        "category": "correctness", "title": title, "body": "A `count` of zero panics here.", "suggestion": null,
        "confidence": 0.9, "source": "model" }),
    )
}

/// Returns a finding in a state of the ledger. Its comment is number `comment`, where it has one.
pub fn tracked(finding: Finding, state: &str, comment: Option<u32>) -> Finding {
    let url = comment.map(|number| format!("https://github.com/o/r/pull/1#discussion_r{number}"));
    Finding {
        tracked: Some(from(json!({ "id": "a".repeat(32), "state": state, "url": url }))),
        ..finding
    }
}

/// Returns a finding that only an earlier run reported.
pub fn earlier(line: u32, state: &str, title: &str) -> EarlierFinding {
    from(
        json!({ "id": "b".repeat(32), "path": FILE, "line": line, "severity": "low", "title": title, "state": state,
        "url": format!("https://github.com/o/r/pull/1#discussion_r{line}") }),
    )
}

/// Returns the coverage of one file.
pub fn coverage(path: &str, outcome: &str, reason: Option<&str>) -> Coverage {
    from(json!({ "path": path, "outcome": outcome, "reason": reason, "attempts": 1 }))
}

/// Returns a report of a model's review of three files.
pub fn report(findings: Vec<Finding>) -> Report {
    let files = (1..=3).map(|number| coverage(&format!("src/file{number}.rs"), "reviewed", None));
    let mut report: Report = from(json!({ "version": 1, "run": "r-1", "status": "reviewed",
        "target": { "repository": "o/r", "pull_request": 1, "url": "https://github.com/o/r/pull/1",
            "base": "1".repeat(40), "head": head() },
        "model": { "provider": "openai", "name": "m" }, "summary": "", "gate": { "decision": "publish", "worst": null },
        "findings": [], "coverage": [], "notes": [],
        "usage": { "model_calls": 15, "input_tokens": 41_250, "output_tokens": 3_120, "cost_usd": 0.04, "cache_hits": 0,
            "wall_ms": 9_000 } }));
    report.findings = findings;
    report.coverage = files.collect();
    report
}

/// Returns a report with its walkthrough, which ends with the counts as the stage writes them.
pub fn explained(mut report: Report, walkthrough: &str) -> Report {
    let counts = holdfast_core::render::coverage_line(&report.coverage);
    let found = holdfast_core::model::finding::severity_counts(&report.findings);
    report.summary = format!("{walkthrough}\n\n{counts} Findings: {found}.");
    report
}

/// Returns a request for approval.
pub fn approval(round: u32, needed: u32, asked: &[&str]) -> Approval {
    from(
        json!({ "run": "r-1", "round": round, "subject": "o/r#1", "worst": "high", "findings": 3, "author": "alice",
        "target": { "kind": "pull_request", "owner": "o", "repository": "r", "number": 1, "head": head() },
        "content": "", "needed": needed, "asked": asked, "asked_ms": 0,
        "expires_ms": 1_764_158_400_000_u64 }),
    )
}
