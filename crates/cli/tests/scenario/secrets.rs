//! Secrets in a change are found in every text file, whatever its name, and shown to no model, terminal or document.

use holdfast_testkit::{ModelServer, Repository, Script};
use serde_json::Value;

use crate::support::Scene;

/// Builds a secret from parts, so that no scanner reports this file as a leak.
fn token() -> String {
    ["ghp", "_", "k3Zx9QmW2pLs7vB4nT1wR8yHc5dFjG6aXuKe"].concat()
}

fn assert_clean(what: &str, text: &str) {
    let token = token();
    for start in 0..token.len() - 12 {
        assert!(!text.contains(&token[start..start + 12]), "{what}: {text}");
    }
}

#[test]
fn a_token_is_found_in_every_text_file() {
    let token = token();
    let repository = Repository::new().unwrap();
    repository.write("README", "base\n").unwrap();
    let base = repository.commit("Begin").unwrap();
    let files = [
        (
            "notes.ipynb",
            format!("{{\"cells\": [{{\"source\": [\"c = Client(\\\"{token}\\\")\\n\"]}}]}}\n"),
        ),
        ("data.csv", format!("id,value\n7,{token}\n")),
        ("drawing.svg", format!("<svg><text>{token}</text></svg>\n")),
        ("poetry.lock", format!("url = \"https://files.internal/{token}\"\n")),
        ("de.po", format!("msgid \"a\"\nmsgstr \"{token}\"\n")),
        (
            "dist/app.js.map",
            format!("{{\"version\":3,\"sourcesContent\":[\"const c='{token}'\"]}}\n"),
        ),
        (
            "vendor/lib/a.generated.yml",
            format!("# @generated, DO NOT EDIT\nvalue: {token}\n"),
        ),
    ];
    for (path, text) in &files {
        repository.write(path, text).unwrap();
    }
    repository.commit("Add data").unwrap();
    let scene = Scene::new(repository);
    let output = scene.run(&["review", scene.path(), "--base", &base, "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    for (path, _) in &files {
        let findings = document["findings"].as_array().unwrap();
        assert!(
            findings
                .iter()
                .any(|finding| finding["path"] == *path && finding["source"] == "rule:github-token"),
            "{path}: {document:#}"
        );
    }
    assert_eq!(output.status.code(), Some(1));
    assert_clean("JSON", &String::from_utf8_lossy(&output.stdout));
}

#[test]
fn a_secret_in_any_part_of_a_change_is_shown_to_nobody() {
    let token = token();
    let repository = Repository::new().unwrap();
    let lines: String = (0..30).map(|line| format!("    call({line});\n")).collect();
    let before = format!("fn a() {{ // {token}\n{lines}    last(\"{token}\");\n}}\n");
    repository.write(&format!("src/old_{token}.rs"), &before).unwrap();
    let base = repository.commit("Begin").unwrap();
    repository
        .rename(&format!("src/old_{token}.rs"), &format!("src/{token}.rs"))
        .unwrap();
    let after = before.replace(
        &format!("    last(\"{token}\");\n"),
        &format!("    first(\"{token}\");\n    second();\n"),
    );
    repository.write(&format!("src/{token}.rs"), &after).unwrap();
    repository.commit(&format!("Rotate {token}\n\nWas {token}.")).unwrap();
    let scene = Scene::with_model(repository, ModelServer::start(Script::finding_each_file()).unwrap());
    let json = scene.run(&["review", scene.path(), "--base", &base, "--format", "json"]);
    let document: Value = serde_json::from_slice(&json.stdout).unwrap();
    let findings = document["findings"].as_array().unwrap();
    assert!(
        findings.iter().any(|finding| finding["source"] == "model"),
        "a finding in a file whose name is shown without its secret counts: {document:#}"
    );
    for call in scene.server().journal().calls() {
        assert_clean("a question", &call.body.to_string());
    }
    assert_clean("JSON", &String::from_utf8_lossy(&json.stdout));
    let run = document["run"].as_str().unwrap();
    for arguments in [
        vec!["review", scene.path(), "--base", &base, "--format", "text"],
        vec!["review", scene.path(), "--base", &base, "--format", "markdown"],
        vec!["review", scene.path(), "--base", &base, "--format", "sarif"],
        vec!["show", run],
        vec!["show", run, "--format", "json"],
        vec!["runs"],
        vec!["runs", "--format", "json"],
        vec!["replay", run],
        vec!["replay", run, "--format", "json"],
    ] {
        let output = scene.run(&arguments);
        assert!(
            !output.stdout.is_empty(),
            "{arguments:?}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        assert_clean(&format!("{arguments:?}"), &String::from_utf8_lossy(&output.stdout));
        assert_clean(&format!("{arguments:?}"), &String::from_utf8_lossy(&output.stderr));
    }
}
