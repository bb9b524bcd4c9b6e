//! Reports in artifacts of workflows: a review reads those that the base names, and a replay has them without GitHub.

use holdfast_testkit::github::{Artifact, zip_of};
use holdfast_testkit::{FakeGithub, PullRequest, Repository};
use serde_json::{Value, json};

use crate::pull_request::SLUG;
use crate::replay::Recorded;
use crate::support::Scene;

#[test]
fn a_review_reads_the_artifacts_that_the_base_names_and_a_replay_has_them() {
    let repository = Repository::new().unwrap();
    repository.write("app.py", "import os\n").unwrap();
    repository
        .write(".holdfast.yml", "evidence:\n  artifacts: [lint, scan]\n")
        .unwrap();
    let base = repository.commit("Begin").unwrap();
    repository.write("app.py", "import os\nvalue = 1\n").unwrap();
    // The base's settings count.
    repository.write(".holdfast.yml", "evidence: {}\n").unwrap();
    let head = repository.commit("Go on").unwrap();
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::from_git(repository.path(), &base, &head, SLUG, 12).unwrap());
    let place = json!({
        "artifactLocation": { "uri": "/home/runner/work/demo/demo/app.py" }, "region": { "startLine": 2 },
    });
    let result = json!({ "ruleId": "R1", "message": { "text": "Bad." }, "locations": [{ "physicalLocation": place }] });
    let run = json!({ "tool": { "driver": { "name": "checker" } }, "results": [result] });
    let log = json!({ "version": "2.1.0", "runs": [run] }).to_string();
    let artifact = Artifact {
        name: "lint".to_owned(),
        run: 7,
        head,
        archive: zip_of(&[("checker.sarif", log.as_bytes())]).unwrap(),
        ..Artifact::default()
    };
    github.add_artifact(SLUG, artifact).unwrap();
    let scene = Scene::new(repository)
        .set("HOLDFAST_GITHUB_URL", &github.url())
        .set("GITHUB_TOKEN", FakeGithub::USER_TOKEN);
    let output = scene.run(&["review", &github.pull_request_url(SLUG, 12), "--format", "json"]);
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(report["findings"][0]["source"], "tool:checker/R1", "{report:#}");
    for note in [
        "Evidence: 1 report in artifacts of workflows by checker; those on added lines count.",
        "Artifact scan: no workflow run on this head has it yet: a later review reads it",
    ] {
        assert!(report["notes"].as_array().unwrap().contains(&json!(note)), "{report:#}");
    }
    drop(github);
    let (exit, replayed) = Recorded::of(scene, &report["run"]).replay(&[]);
    assert_eq!((exit, &replayed["same"]), (0, &json!(true)), "{replayed:#}");
}
