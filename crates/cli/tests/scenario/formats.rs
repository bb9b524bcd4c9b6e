//! The formats of a review, on stdout and in files, through the whole program.

use std::fs;

use holdfast_testkit::{ModelServer, Script};
use serde_json::Value;

use crate::support::{Scene, many_files, one_line};

/// Returns a work tree with a finding in each file.
fn scene() -> Scene {
    Scene::with_model(many_files(3), ModelServer::start(Script::finding_each_file()).unwrap())
}

#[test]
fn one_run_writes_several_reports() {
    let scene = scene();
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let outputs: Vec<String> = ["json", "sarif", "markdown", "text"]
        .iter()
        .map(|format| format!("{format}={}", at(format).display()))
        .collect();
    let mut arguments = vec!["review", scene.path(), "--format", "json"];
    outputs.iter().for_each(|output| arguments.extend(["--output", output]));
    let output = scene.run(&arguments);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let calls = scene.server().journal().calls().len();
    let read = |name: &str| fs::read_to_string(at(name)).unwrap();
    assert_eq!(
        read("json"),
        String::from_utf8(output.stdout).unwrap(),
        "the same document"
    );
    assert_eq!(
        serde_json::from_str::<Value>(&read("sarif")).unwrap()["version"],
        "2.1.0"
    );
    assert!(read("markdown").starts_with("# Review of "));
    assert!(!read("text").contains('\u{1b}'), "a file has no colours");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        4,
        "no temporary file is left"
    );
    assert_eq!(calls, 4, "one call for each file and the walkthrough, for all formats");
}

#[test]
fn a_report_that_cannot_be_written_is_refused_before_the_review() {
    let scene = scene();
    let folder = tempfile::tempdir().unwrap();
    let missing = format!("json={}/missing/a.json", folder.path().display());
    let output = scene.run(&["review", scene.path(), "--output", &missing]);
    let (exit, line) = one_line(&output);
    assert_eq!(exit, 2, "{line}");
    assert!(
        line.contains("missing/a.json") && line.contains("create its folder"),
        "{line}"
    );
    assert!(scene.server().journal().calls().is_empty(), "no model was called");
}

#[test]
fn without_a_limit_findings_do_not_change_the_exit_status() {
    let scene = scene();
    let output = scene.run(&["review", scene.path(), "--fail-on", "none", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["findings"].as_array().unwrap().len(), 3);
    assert_eq!(output.status.code(), Some(0));
}
