//! Alerts of code scanning: GitHub's example, and what may be missing or hostile.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use serde_json::{Value, json};

use super::*;

fn alert(rule: Value, place: Value) -> CodeScanningAlert {
    let alert = json!({
        "number": 4, "state": "open", "rule": rule, "tool": { "name": "CodeQL", "guid": null, "version": "2.4.0" },
        "most_recent_instance": {
            "ref": "refs/pull/7/merge", "commit_sha": "39406e42cb832f683daa691dd652a8dc36ee8930",
            "message": { "text": "This path depends on a user-provided value." }, "location": place,
        },
    });
    serde_json::from_value(alert).unwrap()
}

fn place() -> Value {
    json!({ "path": "src/session.ts", "start_line": 917, "end_line": 918, "start_column": 7, "end_column": 18 })
}

#[test]
fn an_alert_is_a_report() {
    let rule = json!({
        "id": "js/zipslip", "severity": "error", "security_severity_level": "high",
        "tags": ["security", "external/cwe/cwe-022"], "description": "Arbitrary file write. During zip extraction",
    });
    let evidence = read_code_scanning(Vec::new(), vec![alert(rule, place())]);
    assert_eq!(evidence.tools[0].to_string(), "CodeQL 2.4.0");
    assert_eq!(
        evidence.reports["src/session.ts"],
        [ToolReport {
            tool: "CodeQL".to_owned(),
            rule: "js/zipslip".to_owned(),
            start_line: 917,
            end_line: 918,
            severity: Severity::High,
            category: crate::model::finding::Category::Security,
            cwe: vec![22],
            title: "Arbitrary file write".to_owned(),
            message: "This path depends on a user-provided value.".to_owned(),
        }]
    );
}

#[test]
fn a_severity_comes_from_security_and_otherwise_from_the_level() {
    for (rule, severity) in [
        (json!({ "security_severity_level": "critical" }), Severity::Critical),
        (
            json!({ "security_severity_level": "low", "severity": "error" }),
            Severity::Low,
        ),
        (
            json!({ "security_severity_level": "extreme", "severity": "note" }),
            Severity::Info,
        ),
        (json!({ "severity": "error" }), Severity::Medium),
        (json!({ "severity": null, "tags": null }), Severity::Low),
    ] {
        let evidence = read_code_scanning(Vec::new(), vec![alert(rule.clone(), place())]);
        assert_eq!(evidence.reports["src/session.ts"][0].severity, severity, "{rule}");
    }
}

#[test]
fn an_alert_without_a_place_in_the_repository_is_left_out() {
    for place in [
        json!({}),
        json!({ "path": "a.ts" }),
        json!({ "path": "../a.ts", "start_line": 1 }),
        json!({ "path": "/etc/passwd", "start_line": 1 }),
        json!({ "path": "a.ts", "start_line": 0 }),
    ] {
        let evidence = read_code_scanning(Vec::new(), vec![alert(json!({}), place.clone())]);
        assert_eq!((evidence.number(), evidence.tools.len()), (0, 1), "{place}");
    }
}

#[test]
fn a_tool_without_an_alert_is_known() {
    let analysis = json!({ "commit_sha": "a", "tool": { "name": "zizmor", "version": null }, "results_count": 0 });
    let evidence = read_code_scanning(vec![serde_json::from_value(analysis).unwrap()], Vec::new());
    assert_eq!((evidence.number(), evidence.tools[0].name.as_str()), (0, "zizmor"));
}
