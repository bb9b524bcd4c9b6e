//! Tests of evidence: SARIF logs as tools write them, hostile ones, and what becomes of their reports.

#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use serde_json::{Value, json};

use super::*;
use crate::diff::parse_patch;

fn log(results: Value) -> Value {
    json!({ "version": "2.1.0", "runs": [{
        "tool": { "driver": { "name": "lint/er", "version": "1.2", "rules": [
            { "id": "S1", "shortDescription": { "text": "SQL from text. More." }, "defaultConfiguration": { "level": "error" },
              "properties": { "tags": ["security", "external/cwe/cwe-089"], "security-severity": "8.1" } },
            { "id": "E1", "shortDescription": { "text": "Long line" }, "messageStrings": { "m": { "text": "{0} of {1}" } } },
        ] } },
        "originalUriBaseIds": { "ROOT": { "uri": "file:///work/shop/" } },
        "artifacts": [{ "location": { "uri": "src/b.py" } }],
        "results": results,
    }] })
}

fn result(rule: &str, uri: &str, line: u32) -> Value {
    json!({ "ruleId": rule, "message": { "text": "A query." }, "locations": [{ "physicalLocation": {
        "artifactLocation": { "uri": uri }, "region": { "startLine": line } } }] })
}

fn read(log: &Value) -> Evidence {
    read_sarif(log.to_string().as_bytes(), &Places::below(["/work/shop"])).unwrap()
}

fn only(evidence: &Evidence) -> ToolReport {
    let all: Vec<&ToolReport> = evidence.reports.values().flatten().collect();
    assert_eq!(all.len(), 1, "{all:?}");
    all[0].clone()
}

#[test]
fn a_report_has_its_rules_severity_weakness_and_title() {
    let evidence = read(&log(json!([result("S1", "src/a.py", 3)])));
    assert_eq!(
        evidence.tools.iter().map(Tool::to_string).collect::<Vec<_>>(),
        ["lint-er 1.2"]
    );
    assert_eq!(evidence.reports.keys().collect::<Vec<_>>(), ["src/a.py"]);
    let expected = ToolReport {
        tool: "lint-er".to_owned(),
        rule: "S1".to_owned(),
        start_line: 3,
        end_line: 3,
        severity: Severity::High,
        category: Category::Security,
        cwe: vec![89],
        title: "SQL from text".to_owned(),
        message: "A query.".to_owned(),
    };
    assert_eq!(only(&evidence), expected);
}

#[test]
fn a_level_is_a_lower_severity_than_a_stated_one() {
    for (level, severity, category) in [
        ("error", Severity::Medium, Category::Correctness),
        ("warning", Severity::Low, Category::Maintainability),
        ("note", Severity::Info, Category::Maintainability),
    ] {
        let mut report = result("E1", "src/a.py", 3);
        report["level"] = json!(level);
        let report = only(&read(&log(json!([report]))));
        assert_eq!((report.severity, report.category), (severity, category), "{level}");
    }
    for (score, severity) in [
        ("9.0", Severity::Critical),
        ("6.9", Severity::Medium),
        ("0.1", Severity::Low),
        ("0", Severity::Info),
    ] {
        let mut report = result("E1", "src/a.py", 3);
        report["properties"] = json!({ "security-severity": score });
        assert_eq!(only(&read(&log(json!([report])))).severity, severity, "{score}");
    }
    for wrong in [json!("11"), json!("NaN"), json!(-1), json!([]), json!("high")] {
        let mut report = result("E1", "src/a.py", 3);
        report["properties"] = json!({ "security-severity": wrong });
        assert_eq!(only(&read(&log(json!([report])))).severity, Severity::Low, "{wrong}");
    }
}

#[test]
fn places_and_messages_are_found_by_reference() {
    let report = json!({ "ruleIndex": 1, "message": { "id": "m", "arguments": ["90", "80"] }, "locations": [{ "physicalLocation": {
        "artifactLocation": { "index": 0, "uriBaseId": "ROOT" }, "region": { "startLine": 4, "endLine": 2 } } }] });
    let evidence = read(&log(json!([report])));
    let report = only(&evidence);
    assert_eq!(evidence.reports.keys().collect::<Vec<_>>(), ["src/b.py"]);
    assert_eq!((report.rule.as_str(), report.message.as_str()), ("E1", "90 of 80"));
    assert_eq!((report.start_line, report.end_line), (4, 4));
    let part = read(&log(json!([result("S1/part", "src/a.py", 1)])));
    assert_eq!(
        (only(&part).rule.as_str(), only(&part).severity),
        ("S1/part", Severity::High)
    );
}

#[test]
fn what_is_suppressed_passed_gone_or_elsewhere_is_left_out() {
    let with = |key: &str, value: Value| {
        let mut report = result("S1", "src/a.py", 3);
        report[key] = value;
        report
    };
    for (report, number) in [
        (with("suppressions", json!([{ "kind": "inSource" }])), 0),
        (
            with("suppressions", json!([{ "kind": "external", "status": "rejected" }])),
            1,
        ),
        (with("kind", json!("pass")), 0),
        (with("level", json!("none")), 0),
        (with("baselineState", json!("absent")), 0),
        (with("baselineState", json!("unchanged")), 1),
        (with("locations", json!([])), 0),
        (result("S1", "../a.py", 3), 0),
        (result("S1", "src/a.py", 0), 0),
        (with("ruleIndex", json!(-1)), 1),
        (with("ruleIndex", json!(99)), 1),
    ] {
        assert_eq!(read(&log(json!([report]))).number(), number, "{report}");
    }
}

#[test]
fn a_file_that_is_not_sarif_is_named_so() {
    let error = |text: &str| read_sarif(text.as_bytes(), &Places::default()).unwrap_err().to_string();
    assert!(error("{").starts_with("not SARIF: "), "{}", error("{"));
    assert!(error("[]").starts_with("not SARIF: "));
    assert!(error(r#"{"version":"2.1.0"}"#).contains("runs"));
    assert_eq!(
        error(r#"{"version":"2.0.0","runs":[]}"#),
        "SARIF 2.0.0: only version 2.1.0 is read"
    );
    let runs = |number: usize| format!(r#"{{"version":"2.1.0","runs":[{}{{}}]}}"#, "{},".repeat(number - 1));
    assert!(read_sarif(runs(200).as_bytes(), &Places::default()).is_ok());
    assert_eq!(error(&runs(201)), "not SARIF: more than 200 runs");
    assert!(
        error(&format!(r#"{{"version":2,"runs":"{}"}}"#, "x".repeat(5_000)))
            .chars()
            .count()
            < 200
    );
    let empty = read_sarif(b"\xef\xbb\xbf{\"version\":\"2.1.0\",\"runs\":[{}]}", &Places::default()).unwrap();
    assert_eq!((empty.tools[0].name.as_str(), empty.number()), ("unnamed", 0));
}

#[test]
fn texts_and_numbers_are_bounded() {
    let mut report = result(&"r".repeat(500), "src/a.py", 3);
    report["message"] = json!({ "text": format!("a\u{202e}b{}", "x".repeat(5_000)) });
    let read_one = only(&read(&log(json!([report]))));
    assert!(read_one.rule.chars().count() <= 121 && read_one.message.chars().count() <= 2_001);
    assert!(read_one.title.chars().count() <= 121 && !read_one.message.contains('\u{202e}'));
    // An argument that names itself doesn't grow the text without end.
    let mut report = result("E1", "src/a.py", 3);
    report["message"] = json!({ "text": "{0}", "arguments": vec!["{0}{1}{2}".repeat(500); 10] });
    assert!(only(&read(&log(json!([report])))).message.chars().count() <= 2_001);
    // Nor do many places for an argument.
    report["message"] = json!({ "text": "{0}".repeat(12), "arguments": ["ab"] });
    assert_eq!(
        only(&read(&log(json!([report])))).message,
        format!("{}{{0}}{{0}}", "ab".repeat(10))
    );
    let many: Vec<Value> = (0..MAX_REPORTS + 2).map(|_| result("E1", "src/a.py", 3)).collect();
    let mut evidence = read(&log(json!(many)));
    assert_eq!((evidence.number(), evidence.left_out), (MAX_REPORTS, 2));
    evidence.add(read(&log(json!([result("S1", "src/b.py", 3)]))));
    assert_eq!((evidence.number(), evidence.left_out), (MAX_REPORTS, 3));
}

#[test]
fn findings_lie_on_added_lines_and_in_the_hunk() {
    let hunks = parse_patch("@@ -10,2 +10,4 @@\n a\n+b\n+c\n d\n").unwrap();
    for (start, end, expected) in [
        (11, 11, Some((11, 11))),
        (12, 12, Some((12, 12))),
        (1, 400, Some((10, 13))),
        (10, 10, None),
        (13, 13, None),
        (500, 500, None),
    ] {
        let mut report = result("S1", "src/a.py", start);
        report["locations"][0]["physicalLocation"]["region"]["endLine"] = json!(end);
        let findings = read(&log(json!([report, report]))).findings("src/a.py", &hunks);
        let places: Vec<(u32, u32)> = findings
            .iter()
            .map(|finding| (finding.start_line, finding.line))
            .collect();
        assert_eq!(places, expected.into_iter().collect::<Vec<_>>(), "{start} to {end}");
    }
    let findings = read(&log(json!([result("S1", "src/a.py", 11)]))).findings("src/a.py", &hunks);
    assert_eq!(findings[0].source.to_string(), "tool:lint-er/S1");
    assert_eq!(
        (findings[0].body.as_str(), findings[0].cwe.as_slice()),
        ("A query.", &[89][..])
    );
    assert!(
        read(&log(json!([result("S1", "src/a.py", 11)])))
            .findings("src/other.py", &hunks)
            .is_empty()
    );
}

#[test]
fn a_line_for_people_names_the_first_tools() {
    let tool = |number: usize| Tool {
        name: format!("t{number}"),
        version: None,
    };
    for (number, expected) in [
        (0, ""),
        (1, "t1"),
        (11, "t1, t2, t3, t4, t5, t6, t7, t8, t9, t10, 1 more tool"),
    ] {
        assert_eq!(named(&(1..=number).map(tool).collect::<Vec<_>>()), expected);
    }
}

#[test]
fn reports_in_artifacts_count_unless_the_tool_ran_here() {
    let hunks = parse_patch("@@ -1,1 +1,2 @@\n a\n+b\n").unwrap();
    let found = read(&log(json!([result("S1", "src/a.py", 2)])));
    let mut evidence = Evidence {
        artifacts: Some(ToolRuns::of_artifacts(found.clone(), Vec::new())),
        ..Evidence::default()
    };
    assert_eq!(evidence.findings("src/a.py", &hunks).len(), 1);
    // The same report by code scanning is the same finding.
    evidence.reports = found.reports.clone();
    assert_eq!(evidence.findings("src/a.py", &hunks).len(), 1);
    evidence.ran = Some(ToolRuns {
        tools: found.tools.clone(),
        ..ToolRuns::default()
    });
    assert_eq!(evidence.findings("src/a.py", &hunks), []);
    assert_eq!(evidence.tool_names(), ["lint-er"]);
}
