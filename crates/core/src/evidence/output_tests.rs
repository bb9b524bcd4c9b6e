//! Outputs of installed tools.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use serde_json::json;

use super::*;
use crate::model::installed_tool::InstalledTool;

const FOLDER: &str = "/tmp/run/files";

fn job(tool: InstalledTool, file: &str) -> ToolJob {
    ToolJob {
        tool,
        files: vec![file.to_owned()],
    }
}

fn runs(job: &ToolJob, output: &serde_json::Value) -> ToolRuns {
    let mut runs = ToolRuns::default();
    runs.add(job, output.to_string().as_bytes(), FOLDER).unwrap();
    runs
}

#[test]
fn the_json_of_shellcheck_is_read() {
    let comment = |file: &str, line: u32| {
        json!({ "file": file, "line": line, "endLine": line, "column": 1, "endColumn": 2, "level": "warning", "code": 2086,
            "message": "Double quote to prevent globbing. In /tmp/run/files/a.sh", "fix": null })
    };
    let output =
        json!({ "comments": [comment("./a.sh", 3), comment("./b.sh", 1), comment("../a.sh", 1), comment("a.sh", 0)] });
    let runs = runs(&job(InstalledTool::Shellcheck, "a.sh"), &output);
    assert_eq!(runs.number(), 1);
    let report = &runs.reports["a.sh"][0];
    assert_eq!((report.tool.as_str(), report.rule.as_str()), ("shellcheck", "SC2086"));
    assert_eq!((report.start_line, report.severity), (3, Severity::Low));
    assert_eq!(report.title, "Double quote to prevent globbing");
    assert!(report.message.ends_with("In a.sh"), "{}", report.message);
}

#[test]
fn the_json_of_actionlint_is_read() {
    let path = ".github/workflows/ci.yml";
    let error = json!({ "message": "property \"x\" is not defined", "filepath": path, "line": 4, "column": 2,
        "kind": "expression", "snippet": "x", "end_column": 3 });
    let job = job(InstalledTool::Actionlint, path);
    let found = runs(&job, &json!([error]));
    let report = &found.reports[path][0];
    assert_eq!(
        (report.rule.as_str(), report.category),
        ("expression", Category::Correctness)
    );
    for none in [json!(null), json!([])] {
        let runs = runs(&job, &none);
        assert_eq!((runs.number(), runs.tools[0].name.as_str()), (0, "actionlint"));
    }
}

#[test]
fn sarif_has_the_names_of_the_table() {
    let result = json!({
        "ruleId": "github-pat", "message": { "text": "github-pat has detected secret for file k.txt." },
        "locations": [{ "physicalLocation": {
            "artifactLocation": { "uri": "file:///tmp/run/files/k.txt" }, "region": { "startLine": 2 } } }],
    });
    let driver = json!({ "name": "Other", "semanticVersion": "8.0" });
    let log = json!({ "version": "2.1.0", "runs": [{ "tool": { "driver": driver }, "results": [result] }] });
    let runs = runs(&job(InstalledTool::Gitleaks, "k.txt"), &log);
    assert_eq!(runs.tools[0].to_string(), "gitleaks 8.0");
    let report = &runs.reports["k.txt"][0];
    assert_eq!((report.tool.as_str(), report.severity), ("gitleaks", Severity::Medium));
    assert_eq!(
        (report.category, report.cwe.as_slice()),
        (Category::Security, &[798][..])
    );
}

#[test]
fn another_form_is_an_error() {
    for (tool, output) in [
        (InstalledTool::Ruff, "[]"),
        (InstalledTool::Ruff, ""),
        (InstalledTool::Shellcheck, "[]"),
        (InstalledTool::Actionlint, "{}"),
        (InstalledTool::Actionlint, "boom"),
    ] {
        let mut runs = ToolRuns::default();
        assert!(
            runs.add(&job(tool, "a.py"), output.as_bytes(), FOLDER).is_err(),
            "{tool} {output}"
        );
        assert_eq!(runs, ToolRuns::default());
    }
}

#[test]
fn artifacts_have_a_bounded_number_of_reports_on_one_path() {
    let lines = |number: u32| (1..=number).map(|line| report("r".to_owned(), (line, line), "note", "a").unwrap());
    let reports = |number| BTreeMap::from([("a.py".to_owned(), lines(number).collect::<Vec<_>>())]);
    for (number, left_out, expected) in [
        (1_000, 0, None),
        (1_000, 1, Some("1 more report in artifacts is left out")),
        (1_002, 3, Some("5 more reports in artifacts are left out")),
    ] {
        let files = Evidence {
            reports: reports(number),
            left_out,
            ..Evidence::default()
        };
        let runs = ToolRuns::of_artifacts(files, Vec::new());
        assert_eq!(runs.number(), 1_000, "{number}");
        assert_eq!(runs.notes.first().map(String::as_str), expected, "{number}");
    }
}
