//! Runs that have stopped or failed: superseded by a push, redriven, cleaned up, cancelled.

use holdfast_testkit::{FakeGithub, Fault, Matcher, ModelServer, Script};
use serde_json::{Value, json};

use crate::pull_request::{Pull, SLUG, minor, refuse_undo};
use crate::support::{Scene, many_files, one_line};

fn runs(scene: &Scene) -> Vec<Value> {
    let output = scene.run(&["runs", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["runs"].as_array().unwrap().clone()
}

fn json_of(scene: &Scene, arguments: &[&str]) -> (i32, Value) {
    let output = scene.run(arguments);
    let document = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)));
    (output.status.code().unwrap(), document)
}

#[test]
fn a_push_stops_the_run_that_waits_and_undoes_its_announcement() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
    let old = pull.publish().1["run"].as_str().unwrap().to_owned();
    pull.push("src/file_0002.rs", "pub fn other(x: u64) -> u64 {\n    x\n}\n");
    let (_, document) = pull.publish();
    assert_eq!(document["status"], "awaiting_approval");
    let listed = runs(&pull.scene);
    let of_old = listed.iter().find(|run| run["run"] == old.as_str()).unwrap();
    assert_eq!(
        (&of_old["status"], &of_old["needs_cleaning"]),
        (&json!("superseded"), &json!(false)),
        "{of_old}"
    );
    assert!(of_old["stopped_ms"].is_u64(), "nothing of it goes on: {of_old}");
    let (status, line) = one_line(&pull.scene.run(&["approve", &old]));
    assert!(status == 2 && line.contains("superseded"), "{line}");
    assert_eq!(pull.github.issue_comments(SLUG, 12).len(), 1, "the newer one's alone");
    let mut conclusions: Vec<Value> = pull
        .github
        .check_runs(SLUG)
        .iter()
        .map(|check| check["conclusion"].clone())
        .collect();
    conclusions.sort_by_key(Value::to_string);
    assert_eq!(conclusions, ["action_required", "neutral"], "only the newer one waits");
}

#[test]
fn redriving_a_failed_review_keeps_its_finished_units() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    pull.github.fail_next(
        Matcher::new("POST", "/repos/*/*/pulls/*/reviews").always(),
        Fault::status(403),
    );
    let (exit, failed) = pull.publish();
    assert_eq!((exit, &failed["status"]), (3, &json!("failed")));
    let run = failed["run"].as_str().unwrap();
    let asked = pull.scene.server().journal().calls().len();
    pull.github.clear_faults();
    let (exit, document) = json_of(&pull.scene, &["redrive", run, "--format", "json"]);
    assert_eq!((exit, &document["status"]), (0, &json!("published")), "{document:#}");
    assert_eq!(document["usage"]["cache_hits"], 5, "four files and the walkthrough");
    assert_eq!(
        pull.scene.server().journal().calls().len(),
        asked,
        "nothing is paid for twice"
    );
    assert_eq!(pull.reviews().len(), 1);
    assert!(
        !pull.comment().contains("could not"),
        "the failure is gone: {}",
        pull.comment()
    );
    let (status, line) = one_line(&pull.scene.run(&["redrive", document["run"].as_str().unwrap()]));
    assert!(status == 2 && line.contains("is published"), "{line}");
}

#[test]
fn redriving_a_partial_review_calls_the_model_only_for_missing_units() {
    let script = Script::valid().for_path("src/file_0001.rs", Script::always_invalid());
    let mut scene = Scene::with_model(many_files(3), ModelServer::start(script).unwrap());
    let (exit, partial) = scene.review();
    assert_eq!((exit, &partial["status"]), (3, &json!("partial")));
    let run = partial["run"].as_str().unwrap().to_owned();
    let server = ModelServer::start(Script::valid()).unwrap();
    scene = scene.set("HOLDFAST_MODEL_URL", &server.url());
    let (exit, whole) = json_of(&scene, &["redrive", &run, "--format", "json"]);
    assert_eq!((exit, &whole["status"]), (0, &json!("reviewed")), "{whole:#}");
    assert_eq!(whole["usage"]["cache_hits"], 2);
    let (status, line) = one_line(&scene.run(&["redrive", whole["run"].as_str().unwrap()]));
    assert!(
        status == 2 && line.contains("is reviewed: only a failed or a partial"),
        "{line}"
    );
}

#[test]
fn a_failed_undo_is_listed_until_a_sweep_has_cleaned_it() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    let matcher = Matcher::new("POST", "/repos/*/*/pulls/*/reviews");
    pull.github.fail_next(matcher.always(), Fault::status(403));
    refuse_undo(&pull);
    pull.publish();
    assert_eq!(runs(&pull.scene)[0]["needs_cleaning"], true);
    let listed = pull.scene.run(&["runs"]);
    assert!(String::from_utf8_lossy(&listed.stdout).contains("needs cleaning"));
    let (status, line) = one_line(&pull.scene.run(&["sweep"]));
    assert!(status == 3 && line.contains("still needs cleaning"), "{line}");
    pull.github.clear_faults();
    let swept = pull.scene.run(&["sweep"]);
    assert!(
        swept.status.success() && String::from_utf8_lossy(&swept.stdout).contains(": cleaned"),
        "{swept:?}"
    );
    assert_eq!(runs(&pull.scene)[0]["needs_cleaning"], false);
    assert!(pull.comment().contains("could not complete"), "the failure alone");
    let again = pull.scene.run(&["sweep"]);
    assert_eq!(String::from_utf8_lossy(&again.stdout), "Nothing needs cleaning.\n");
}

#[test]
fn cancelling_stops_a_review_of_a_work_tree() {
    let server = ModelServer::start(Script::valid().delayed(60_000)).unwrap();
    let scene = Scene::with_model(many_files(2), server);
    let mut child = scene.spawn_review();
    while scene.server().journal().calls().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let run = runs(&scene)[0]["run"].as_str().unwrap().to_owned();
    // Neither a sweep nor a refused redrive resumes it: only its own command has its settings.
    let calls = scene.server().journal().calls().len();
    let (status, line) = one_line(&scene.run(&["redrive", &run]));
    assert!(status == 2 && line.contains("start the same holdfast review"), "{line}");
    let swept = scene.run(&["sweep"]);
    assert_eq!(String::from_utf8_lossy(&swept.stdout), "Nothing needs cleaning.\n");
    assert_eq!(scene.server().journal().calls().len(), calls);
    let cancelled = scene.run(&["cancel", &run]);
    assert!(
        cancelled.status.success(),
        "{}",
        String::from_utf8_lossy(&cancelled.stderr)
    );
    let listed = runs(&scene);
    assert_eq!(
        (&listed[0]["status"], &listed[0]["needs_cleaning"]),
        (&json!("failed"), &json!(false))
    );
}
