//! Tools that the settings name and that Holdfast runs: real ones, by Python packages of the tests.

use holdfast_testkit::Repository;
use serde_json::Value;

use crate::evidence::tool;
use crate::support::Scene;

const WORKFLOW: &str = ".github/workflows/label.yml";

/// A repository whose settings name tools, and a change with something for each of them.
fn repository(names: &str) -> Repository {
    let repository = Repository::new().unwrap();
    repository
        .write(".holdfast.yml", format!("evidence:\n  tools: [{names}]\n"))
        .unwrap();
    // The base's settings count, not those of the change.
    repository.write("ruff.toml", "[lint]\nselect = [\"S307\"]\n").unwrap();
    let lines = "name: Labels\non:\n  issues:\n    types: [opened]\npermissions: {}\njobs:\n  label:\n    runs-on: ubuntu-latest\n    steps:\n";
    repository
        .write(WORKFLOW, format!("{lines}      - run: echo done\n"))
        .unwrap();
    repository.commit("Begin").unwrap();
    let step = "      - run: echo \"${{ github.event.issue.title }}\"\n";
    repository
        .write(WORKFLOW, format!("{lines}      - run: echo done\n{step}"))
        .unwrap();
    repository.write("ruff.toml", "[lint]\nignore = [\"ALL\"]\n").unwrap();
    repository
        .write("src/-rf.py", "import os\nvalue = eval(input())\n")
        .unwrap();
    repository.write("run.sh", "#!/bin/sh\nrm -r $1/tmp\n").unwrap();
    repository
}

fn with_tools(repository: Repository) -> Scene {
    let bin = tool("ruff").parent().unwrap().to_owned();
    let path = std::env::var("PATH").unwrap();
    Scene::new(repository).set("PATH", &format!("{}:{path}", bin.display()))
}

fn sources(report: &Value) -> Vec<String> {
    let findings = report["findings"].as_array().unwrap().iter();
    let sources = findings.flat_map(|finding| finding["sources"].as_array().unwrap().iter());
    let mut sources: Vec<String> = sources
        .map(|source| source.as_str().unwrap().to_owned())
        .filter(|source| source.starts_with("tool:"))
        .collect();
    sources.sort();
    sources.dedup();
    sources
}

#[test]
fn the_tools_of_the_base_run_with_its_settings_and_a_replay_runs_none() {
    for name in ["zizmor", "ruff", "shellcheck", "gitleaks"] {
        tool(name);
    }
    let scene = with_tools(repository("ruff, zizmor, shellcheck, gitleaks, hadolint"));
    scene.repository.write("Dockerfile", "FROM scratch\n").unwrap();
    let (exit, report) = scene.review();
    let notes = report["notes"].to_string();
    assert!(matches!(exit, 0 | 1), "{exit} {report:#}");
    let found = sources(&report);
    for source in [
        "tool:ruff/S307",
        "tool:shellcheck/SC2086",
        "tool:zizmor/template-injection",
    ] {
        assert!(found.iter().any(|known| known == source), "{source}: {found:?} {notes}");
    }
    assert!(
        !found.iter().any(|source| source == "tool:ruff/F401"),
        "the base selects S307 only: {found:?}"
    );
    assert!(
        notes.contains("in the changed files by ") && notes.contains("gitleaks"),
        "{notes}"
    );
    assert!(notes.contains("hadolint did not run: it isn't installed"), "{notes}");
    let run = report["run"].as_str().unwrap();
    let replayed = Scene::run(&scene, &["replay", run]);
    let text = String::from_utf8_lossy(&replayed.stdout).into_owned();
    assert_eq!(
        replayed.status.code(),
        Some(0),
        "{text}{}",
        String::from_utf8_lossy(&replayed.stderr)
    );
    // Without the programs it is the same.
    let mut replay = scene.command(&["replay", run]);
    let replayed = replay.env("PATH", "/usr/bin:/bin").output().unwrap();
    assert_eq!(
        replayed.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&replayed.stderr)
    );
}

#[test]
fn an_unknown_tool_is_refused_with_the_nearest_name() {
    let scene = Scene::new(repository("rufff"));
    let output = scene.run(&["review", scene.path(), "--format", "json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(
        text.contains("evidence.tools[0]") && text.contains("did you mean ruff?"),
        "{text}"
    );
}
