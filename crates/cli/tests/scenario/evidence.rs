//! Reports of other tools: real ones, by zizmor and gitleaks.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_testkit::{ModelServer, Repository, Script};
use serde_json::{Value, json};

use crate::support::{PROGRAM, Scene, one_line};

const WORKFLOW: &str = ".github/workflows/label.yml";

/// Returns a program that the tests' Python packages bring.
pub fn tool(name: &str) -> PathBuf {
    let target = Path::new(PROGRAM).parent().unwrap().parent().unwrap();
    let path = target.join("tools/python/bin").join(name);
    assert!(
        path.exists(),
        "{} is missing: cargo xtask verify installs it",
        path.display()
    );
    path
}

/// A repository whose change adds a step that runs a title as a script.
fn workflow() -> (Repository, String) {
    let repository = Repository::new().unwrap();
    let lines = "name: Labels\non:\n  issues:\n    types: [opened]\npermissions: {}\njobs:\n  label:\n    runs-on: ubuntu-latest\n    steps:\n";
    repository
        .write(WORKFLOW, format!("{lines}      - run: echo done\n"))
        .unwrap();
    let base = repository.commit("Begin").unwrap();
    let step = "      - run: echo \"${{ github.event.issue.title }}\"\n";
    repository
        .write(WORKFLOW, format!("{lines}      - run: echo done\n{step}"))
        .unwrap();
    repository.commit("Print the title").unwrap();
    (repository, base)
}

fn zizmor(repository: &Repository) -> Vec<u8> {
    let run = Command::new(tool("zizmor"))
        .args(["--offline", "--format", "sarif", "."])
        .current_dir(repository.path())
        .output();
    run.unwrap().stdout
}

fn review(scene: &Scene, base: &str, files: &[&Path]) -> Value {
    let mut arguments = vec![
        "review",
        scene.path(),
        "--base",
        base,
        "--committed",
        "--format",
        "json",
    ];
    for file in files {
        arguments.extend(["--evidence", file.to_str().unwrap()]);
    }
    let output = scene.run(&arguments);
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn of_tools(report: &Value) -> Vec<&Value> {
    let findings = report["findings"].as_array().unwrap().iter();
    findings
        .filter(|finding| {
            finding["sources"]
                .as_array()
                .unwrap()
                .iter()
                .any(|source| source.as_str().unwrap().starts_with("tool:"))
        })
        .collect()
}

#[test]
fn a_tools_report_on_an_added_line_is_a_finding_and_a_claim_in_the_prompt() {
    let (repository, base) = workflow();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("zizmor.sarif");
    fs::write(&file, zizmor(&repository)).unwrap();
    let server = ModelServer::start(Script::findings(Vec::new())).unwrap();
    let scene = Scene::with_model(repository, server);
    let report = review(&scene, &base, &[&file]);
    let found = of_tools(&report);
    assert_eq!(found.len(), 1, "{report:#}");
    assert_eq!((&found[0]["path"], &found[0]["line"]), (&json!(WORKFLOW), &json!(11)));
    let sources = found[0]["sources"].to_string();
    assert!(sources.contains("tool:zizmor/template-injection"), "{sources}");
    let notes = report["notes"].to_string();
    assert!(notes.contains("Evidence:") && notes.contains("zizmor 1."), "{notes}");
    let calls = scene.server().journal().calls();
    let prompts: Vec<String> = calls.iter().map(|call| json!(call.body).to_string()).collect();
    assert!(
        prompts
            .iter()
            .any(|prompt| prompt.contains("tool:zizmor/template-injection")),
        "{prompts:#?}"
    );
    // The same commits without the reports are another review, whose prompt has no claim.
    let report = review(&scene, &base, &[]);
    assert!(of_tools(&report).is_empty(), "{report:#}");
    // With the same reports again, it is the same review.
    let calls = scene.server().journal().calls().len();
    assert_eq!(of_tools(&review(&scene, &base, &[&file])).len(), 1);
    assert_eq!(scene.server().journal().calls().len(), calls);
}

#[test]
fn a_secret_that_two_tools_find_stays_hidden() {
    let repository = Repository::new().unwrap();
    repository.write("app.py", "import os\n").unwrap();
    let base = repository.commit("Begin").unwrap();
    let secret = format!("ghp_{}", "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8");
    repository
        .write("app.py", format!("import os\ntoken = \"{secret}\"\n"))
        .unwrap();
    repository.commit("Add a token").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("gitleaks.sarif");
    let run = Command::new(tool("gitleaks"))
        .args(["dir", ".", "--report-format", "sarif", "--report-path"])
        .arg(&file)
        .current_dir(repository.path())
        .output()
        .unwrap();
    let log =
        fs::read_to_string(&file).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&run.stderr)));
    assert!(log.contains("github-pat"), "{log}");
    let scene = Scene::new(repository);
    let report = review(&scene, &base, &[&file]);
    assert_eq!(of_tools(&report).len(), 1, "{report:#}");
    assert!(!report.to_string().contains(&secret));
}

#[test]
fn a_file_that_is_not_sarif_is_refused_before_the_review() {
    let (repository, base) = workflow();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.sarif");
    let scene = Scene::new(repository);
    for (text, expected) in [
        ("<xml/>", "not SARIF: expected value at line 1 column 1"),
        (
            r#"{"version":"1.0.0","runs":[]}"#,
            "SARIF 1.0.0: only version 2.1.0 is read",
        ),
    ] {
        fs::write(&file, text).unwrap();
        let arguments = [
            "review",
            scene.path(),
            "--base",
            &base,
            "--evidence",
            file.to_str().unwrap(),
        ];
        let (exit, line) = one_line(&scene.run(&arguments));
        assert_eq!(exit, 2, "{line}");
        assert!(line.contains(expected) && line.contains("x.sarif"), "{line}");
    }
    let missing = ["review", scene.path(), "--evidence", "/nowhere/x.sarif"];
    let (exit, line) = one_line(&scene.run(&missing));
    assert!(
        exit == 2 && line.contains("/nowhere/x.sarif") && line.contains("can't be read"),
        "{line}"
    );
    let folder = ["review", scene.path(), "--evidence", folder.path().to_str().unwrap()];
    let (exit, line) = one_line(&scene.run(&folder));
    assert!(exit == 2 && line.contains("no regular file"), "{line}");
}
