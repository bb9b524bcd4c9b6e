//! The formats of a review, on stdout and in files, through the whole program.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use holdfast_testkit::{Finding, ModelServer, Repository, Script};
use serde_json::{Value, json};

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
        line.contains("missing/a.json can't be written") && line.contains("create it"),
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

/// Returns a work tree in which `src/pay.py` gets two lines, one of them with a finding and a suggestion.
fn paying() -> (Scene, String) {
    let repository = Repository::new().unwrap();
    let lines: String = (1..=9).map(|number| format!("line_{number} = {number}\n")).collect();
    repository.write("src/pay.py", &lines).unwrap();
    let base = repository.commit("Begin").unwrap();
    repository
        .write(
            "src/pay.py",
            format!("{lines}total = sum(amounts)\nrate = total / count\n"),
        )
        .unwrap();
    repository.commit("Pay").unwrap();
    let attack =
        "A count of zero divides by zero.\n::error file=x::y\r::stop-commands::z\n##[add-path]/tmp %0A::warning::w";
    let findings = vec![
        Finding::at("src/pay.py", 11)
            .severity("high")
            .title("Division by zero: a, b")
            .body(attack)
            .suggestion("rate = total / count if count else 0"),
        Finding::at("src/pay.py", 10)
            .severity("low")
            .title("A name")
            .body("Choose another name."),
    ];
    let server = ModelServer::start(Script::findings(findings)).unwrap();
    (Scene::with_model(repository, server), base)
}

/// Returns the review in this format.
fn printed(scene: &Scene, base: &str, format: &str) -> String {
    let output = scene.run(&["review", scene.path(), "--base", base, "--format", format]);
    assert_eq!(
        output.status.code(),
        Some(1),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

/// Returns a file that npm has installed for the tests.
fn from_npm(file: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../tests/node/node_modules")
        .join(file);
    assert!(
        path.exists(),
        "{} is missing: run npm ci in tests/node, or cargo xtask verify",
        path.display()
    );
    path
}

/// Runs a program with this text as its stdin; returns its status and its output.
fn piped(mut command: Command, text: &str) -> (bool, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(text.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let texts = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8(texts).unwrap())
}

#[test]
fn sarif_is_valid_and_names_only_the_own_repository() {
    let (scene, base) = paying();
    let schema = fs::read(from_npm("@microsoft/jest-sarif/lib/schemas/sarif-2.1.0-rtm.5.json")).unwrap();
    let mut schema: Value = serde_json::from_slice(&schema).unwrap();
    // Its pattern is a regular expression only for JavaScript; the log has no language.
    for kind in ["run", "toolComponent"] {
        let language = schema["definitions"][kind]["properties"]["language"].as_object_mut();
        language.unwrap().remove("pattern").unwrap();
    }
    let schema = jsonschema::validator_for(&schema).unwrap();
    let check = |text: &str| -> Value {
        let log: Value = serde_json::from_str(text).unwrap();
        let problems: Vec<String> = schema.iter_errors(&log).map(|error| error.to_string()).collect();
        assert!(problems.is_empty(), "{problems:#?}\n{log:#}");
        log["runs"][0].clone()
    };
    let run = check(&printed(&scene, &base, "sarif"));
    assert!(
        run["versionControlProvenance"].is_null(),
        "a plain work tree has no page: {run:#}"
    );
    assert_eq!(run["results"].as_array().unwrap().len(), 2);
    let described = &run["tool"]["driver"]["rules"][0];
    for key in [
        "name",
        "shortDescription",
        "fullDescription",
        "help",
        "defaultConfiguration",
    ] {
        assert!(!described[key].is_null(), "{key}: {described:#}");
    }
    assert!(run["results"][0]["fixes"][0]["artifactChanges"].is_array(), "{run:#}");
    let hashes = |run: &Value| -> Vec<String> {
        let results = run["results"].as_array().unwrap().iter();
        let hash = |result: &Value| result["partialFingerprints"]["primaryLocationLineHash"].to_string();
        results.map(hash).collect()
    };
    let before = hashes(&run);
    let notes = run["invocations"][0]["toolExecutionNotifications"].as_array().unwrap();
    assert!(notes.iter().any(|note| note["level"] == "note"), "{notes:#?}");
    let remote = "https://user:hunter2@git.example:8443/o/r.git";
    scene.repository.git(&["remote", "add", "origin", remote]).unwrap();
    let run = check(&printed(&scene, &base, "sarif"));
    assert_eq!(hashes(&run), before);
    let page = &run["versionControlProvenance"][0]["repositoryUri"];
    assert_eq!(page, "https://git.example:8443/o/r");
}

#[test]
fn rdjson_is_valid_and_has_the_suggestion() {
    let (scene, base) = paying();
    let text = printed(&scene, &base, "rdjson");
    let mut validator = Command::new("node");
    validator.arg(from_npm("@umbrelladocs/rdformat-validator/bin/rdformat-validator.js"));
    validator.args(["--strict", "--no-extra-fields", "--verbose"]);
    let (is_valid, problems) = piped(validator, &text);
    assert!(is_valid, "{problems}\n{text}");
    let document: Value = serde_json::from_str(&text).unwrap();
    let first = &document["diagnostics"][0];
    let lines = json!({ "start": { "line": 11 }, "end": { "line": 11 } });
    assert_eq!(first["location"], json!({ "path": "src/pay.py", "range": lines }));
    assert_eq!(
        first["suggestions"],
        json!([{ "range": lines, "text": "rate = total / count if count else 0" }])
    );
    assert_eq!(
        (&first["severity"], &first["code"]["value"]),
        (&"ERROR".into(), &"model".into())
    );
}

#[test]
fn code_quality_has_the_same_fingerprints_after_lines_moved() {
    let (scene, base) = paying();
    let issues = |text: &str| -> Vec<Value> { serde_json::from_str(text).unwrap() };
    let before = issues(&printed(&scene, &base, "gitlab"));
    let severities: Vec<&str> = before.iter().map(|issue| issue["severity"].as_str().unwrap()).collect();
    assert_eq!(severities, ["critical", "minor"]);
    for issue in &before {
        for field in ["description", "check_name", "fingerprint"] {
            assert!(issue[field].as_str().is_some_and(|text| !text.is_empty()), "{issue:#}");
        }
        assert_eq!(issue["location"]["path"], "src/pay.py");
    }
    assert_ne!(before[0]["fingerprint"], before[1]["fingerprint"]);
    let path = scene.repository.path().join("src/pay.py");
    let text = fs::read_to_string(&path).unwrap();
    scene
        .repository
        .write("src/pay.py", format!("first = 0\n{text}"))
        .unwrap();
    scene.repository.commit("Move").unwrap();
    let findings = vec![
        Finding::at("src/pay.py", 12)
            .severity("high")
            .title("May divide by zero"),
        Finding::at("src/pay.py", 11).severity("low").title("The name is short"),
    ];
    let server = ModelServer::start(Script::findings(findings)).unwrap();
    let scene = scene.set("HOLDFAST_MODEL_URL", &server.url());
    let after = issues(&printed(&scene, &base, "gitlab"));
    let fingerprints =
        |issues: &[Value]| -> Vec<Value> { issues.iter().map(|issue| issue["fingerprint"].clone()).collect() };
    assert_eq!(fingerprints(&after), fingerprints(&before));
    assert_ne!(after[0]["location"]["lines"], before[0]["location"]["lines"]);
}

#[test]
fn junit_is_read_by_another_parser() {
    let (scene, base) = paying();
    let text = printed(&scene, &base, "junit");
    let mut python = Command::new("python3");
    let script = "import sys, xml.etree.ElementTree as tree\n\
                  root = tree.fromstring(sys.stdin.buffer.read())\n\
                  suite = root.find('testsuite')\n\
                  print({key: root.get(key) for key in ('tests', 'failures', 'errors')})\n\
                  for case in suite: print(case.get('classname'), case.get('name'), [child.tag for child in case])\n";
    python.args(["-c", script]);
    let (is_read, printed) = piped(python, &text);
    assert!(is_read, "{printed}\n{text}");
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(
        lines,
        [
            "{'tests': '3', 'failures': '1', 'errors': '0'}",
            "holdfast.findings src/pay.py:11: Division by zero: a, b ['failure']",
            "holdfast.findings src/pay.py:10: A name ['system-out']",
            "holdfast.files src/pay.py []",
        ]
    );
}

#[test]
fn annotations_hold_one_command_each() {
    let (scene, base) = paying();
    let text = printed(&scene, &base, "github");
    let commands: Vec<&str> = text
        .lines()
        .filter(|line| line.trim_start().starts_with("::"))
        .collect();
    assert_eq!(commands.len(), 2, "{text}");
    assert!(
        commands[0]
            .starts_with("::error file=src/pay.py,line=11,endLine=11,title=high%3A Division by zero%3A a%2C b::"),
        "{text}"
    );
    assert!(
        commands[1].starts_with("::notice file=src/pay.py,line=10,endLine=10,"),
        "{text}"
    );
    assert!(commands[0].contains("%0A") && commands[0].contains("%250A"), "{text}");
    assert!(!text.contains("##["), "{text}");
    assert_eq!(text.lines().last(), Some("Holdfast: 1 high, 1 low in 1 file"));
}

#[test]
fn annotations_beyond_githubs_limit_are_counted() {
    let scene = Scene::with_model(many_files(13), ModelServer::start(Script::finding_each_file()).unwrap());
    let output = scene.run(&["review", scene.path(), "--format", "github"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(text.matches("::error ").count(), 10, "{text}");
    let (_, rest) = text.split_once("GitHub shows 10 of each level in a step:\n").unwrap();
    assert_eq!(
        rest.lines().filter(|line| line.starts_with("  high ")).count(),
        3,
        "{text}"
    );
    assert!(rest.ends_with("Holdfast: 13 high in 13 files\n"), "{text}");
}

#[test]
fn text_is_wrapped_and_ends_with_the_reason_of_the_exit_status() {
    let (scene, base) = paying();
    let mut command = scene.command(&["review", scene.path(), "--base", &base]);
    let output = command.env("COLUMNS", "60").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let widest = text.lines().map(|line| line.chars().count()).max().unwrap();
    assert!((50..=60).contains(&widest), "{text}");
    assert!(
        text.ends_with("\n\n1 high, 1 low; exit status 1: --fail-on high\n"),
        "{text}"
    );
    let removed = "      -rate = total / count\n      +rate = total / count if count else 0\n";
    assert!(text.contains(removed), "{text}");
}
