//! Reviews with a scripted model server: the program's output, and the server's requests.

use std::time::{Duration, Instant};

use crate::fix::on_terminal;
use crate::support::{Scene, coverage, many_files};
use holdfast_core::stage::state;
use holdfast_testkit::{Answer, Finding, ModelServer, Repository, Script};
use serde_json::Value;

fn scene(count: usize, script: Script) -> Scene {
    Scene::with_model(many_files(count), ModelServer::start(script).unwrap())
}

/// Returns the path of the n-th file of `many_files` in the review's order.
fn paths(document: &Value) -> Vec<String> {
    document["coverage"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["path"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn without_a_model_coverage_lists_every_changed_file() {
    let change = Repository::corpus().unwrap();
    let listed = change
        .repository
        .git(&["diff", "--name-only", "-M", &change.base, &change.head])
        .unwrap();
    let scene = Scene::new(change.repository);
    let output = scene.run(&["review", scene.path(), "--format", "json", "--base", &change.base]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{document:#}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    let (since, start) = stderr.trim_end().split_once('\n').unwrap();
    assert!(since.starts_with("holdfast: reviewing 1 commit since "), "{stderr}");
    let run = format!("holdfast: reviewing, run {}", document["run"].as_str().unwrap());
    assert_eq!(start, run, "two lines in a CI's log");
    let quiet = scene.run(&["review", scene.path(), "--base", &change.base, "--quiet"]);
    assert!(quiet.stderr.is_empty(), "{}", String::from_utf8_lossy(&quiet.stderr));
    assert_eq!(
        (
            &document["version"],
            &document["status"],
            &document["model"]["provider"]
        ),
        (&1.into(), &"reviewed".into(), &"rules".into())
    );
    assert_eq!(paths(&document).len(), listed.lines().count(), "{listed}\n{document:#}");
    assert_eq!(document["usage"]["model_calls"], 0);
}

#[test]
fn rules_read_a_file_that_is_too_large_for_a_prompt() {
    let repository = Repository::new().unwrap();
    repository.write("a.md", "a\n").unwrap();
    repository.commit("Begin").unwrap();
    let lines = "value = value + 1000000\n".repeat(12_000);
    repository
        .write("big.py", format!("def f(x):\n    return eval(x)\n\n{lines}"))
        .unwrap();
    repository.commit("Add a large file").unwrap();
    let scene = Scene::new(repository);
    let output = scene.run(&["review", scene.path(), "--format", "json", "--fail-on", "critical"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{document:#}");
    assert_eq!(document["coverage"][0]["outcome"], "scanned", "{document:#}");
    assert_eq!(document["findings"][0]["line"], 2, "{document:#}");
    assert_eq!(document["findings"][0]["path"], "big.py");
}

#[test]
fn a_prose_answer_is_corrected_by_the_second_call() {
    let scene = scene(1, Script::prose_then_valid());
    let (exit, document) = scene.review();
    assert_eq!((exit, &document["status"]), (0, &"reviewed".into()));
    let calls = scene.server().journal().calls();
    assert_eq!(calls.len(), 2);
    assert!(
        calls[1].body.to_string().contains("the answer is not one JSON object"),
        "the exact failure goes back: {}",
        calls[1].body
    );
    assert_eq!(document["coverage"][0]["attempts"], 2);
}

#[test]
fn a_finding_in_the_diff_is_shown_and_decides_the_exit_status() {
    let scene = scene(3, Script::finding_each_file());
    let (exit, document) = scene.review();
    assert_eq!(exit, 1, "{document:#}");
    assert_eq!(document["findings"].as_array().unwrap().len(), 3);
    assert_eq!(document["gate"]["decision"], "require_approval");
    let text = scene.run(&["review", scene.path(), "--fail-on", "critical"]);
    assert_eq!(text.status.code(), Some(0));
    let printed = String::from_utf8(text.stdout).unwrap();
    assert!(
        printed.contains("@@ -") && printed.contains(" +"),
        "findings stand in their place in the diff:\n{printed}"
    );
    for format in ["markdown", "sarif"] {
        let output = scene.run(&["review", scene.path(), "--format", format]);
        assert_eq!(output.status.code(), Some(1));
        assert!(!output.stdout.is_empty());
    }
}

#[test]
fn a_finding_outside_the_change_is_never_shown() {
    for finding in [
        Finding::at("src/elsewhere.rs", 1).unchecked(),
        Finding::at("src/elsewhere.rs", 99_999).unchecked(),
    ] {
        let scene = scene(1, Script::findings(vec![finding]));
        let (exit, document) = scene.review();
        assert_eq!(exit, 3);
        assert_eq!(document["findings"], serde_json::json!([]));
        assert_eq!(document["coverage"][0]["outcome"], "unreviewed");
        assert_eq!(
            scene.server().journal().calls().len(),
            3,
            "three attempts, no summary of nothing"
        );
    }
}

#[test]
fn a_unit_without_a_valid_answer_affects_no_other() {
    let first = paths(&Scene::new(many_files(5)).review().1)[0].clone();
    let scene = scene(5, Script::valid().for_path(&first, Script::always_invalid()));
    let (exit, document) = scene.review();
    assert_eq!((exit, &document["status"]), (3, &"partial".into()));
    assert_eq!(coverage(&document, &first)["outcome"], "unreviewed");
    assert_eq!(coverage(&document, &first)["attempts"], 3);
    let reviewed = document["coverage"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["outcome"] == "reviewed")
        .count();
    assert_eq!(reviewed, 4);
}

#[test]
fn a_rate_limit_delays_the_review_and_loses_nothing() {
    let scene = scene(2, Script::rate_limited_first(2, 1, Script::valid()));
    let began = Instant::now();
    let output = scene.run(&["review", scene.path(), "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let (exit, log) = (output.status.code().unwrap(), String::from_utf8(output.stderr).unwrap());
    let waits = "holdfast: the model's server limits requests; waiting 1 s (0 of 2 units reviewed, ";
    assert_eq!(log.matches(waits).count(), 1, "one line for both units: {log}");
    assert_eq!((exit, &document["status"]), (0, &"reviewed".into()), "{document:#}");
    assert!(began.elapsed() >= Duration::from_secs(1), "Retry-After is obeyed");
}

#[test]
fn concurrency_reaches_its_limit_and_never_exceeds_it() {
    let scene = scene(12, Script::slow(150)).set("HOLDFAST_MAX_CONCURRENCY", "4");
    assert_eq!(scene.review().0, 0);
    assert_eq!(scene.server().journal().max_in_flight(), 4);
}

#[test]
fn a_restarted_review_repeats_no_finished_units_call() {
    let scene = scene(40, Script::slow(60)).set("HOLDFAST_MAX_CONCURRENCY", "4");
    for finished in [5, 18, 30] {
        let mut child = scene.spawn_review();
        let deadline = Instant::now() + Duration::from_secs(60);
        while answered(&scene).len() < finished && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(5));
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let (exit, document) = scene.review();
    assert_eq!((exit, &document["status"]), (0, &"reviewed".into()));
    assert_eq!(
        document["usage"]["model_calls"], 41,
        "40 units and the summary, over four processes"
    );
    let runs: Value = serde_json::from_slice(&scene.run(&["runs", "--format", "json"]).stdout).unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "one run, taken up again");
    // Calls in flight are repeated after a kill; calls of finished units aren't. At most four calls, the limit of
    // concurrency, can be in flight at each of three kills.
    let calls = scene.server().journal().calls();
    let units = calls.iter().filter(|call| call.paths.len() == 1).count();
    assert!((40..=52).contains(&units), "{units} calls for 40 units");
}

fn answered(scene: &Scene) -> Vec<usize> {
    scene
        .server()
        .journal()
        .calls()
        .into_iter()
        .filter(|call| call.status == Some(200))
        .map(|call| call.sequence)
        .collect()
}

#[test]
fn a_finished_run_can_be_shown() {
    let scene = scene(2, Script::prose_then_valid());
    let (_, document) = scene.review();
    let run = document["run"].as_str().unwrap();
    let shown: Value = serde_json::from_slice(&scene.run(&["show", run, "--format", "json"]).stdout).unwrap();
    let states: Vec<&str> = shown["states"]
        .as_array()
        .unwrap()
        .iter()
        .map(|taken| taken["state"].as_str().unwrap())
        .collect();
    assert_eq!(
        states,
        [
            state::OPEN_REVIEW,
            state::PLAN_REVIEW,
            state::ROUTE_REVIEWABLE,
            state::GATHER_CONTEXT,
            state::REVIEW_EACH_UNIT,
            state::AGGREGATE_FINDINGS,
            state::RECONCILE_FINDINGS,
            state::SUMMARIZE_REVIEW,
            state::ROUTE_BY_GATE,
            state::PUBLISH_REVIEW,
            state::REVIEW_PUBLISHED
        ]
    );
    let unit = &shown["units"][0];
    assert_eq!(unit["attempts"].as_array().unwrap().len(), 2);
    assert!(
        unit["attempts"][0]["problems"][0]
            .as_str()
            .unwrap()
            .contains("not one JSON object")
    );
    let picture = String::from_utf8(scene.run(&["show", run, "--format", "svg"]).stdout).unwrap();
    assert!(
        picture.starts_with("<svg") && picture.contains(state::CORRECT_FINDINGS),
        "{picture}"
    );
    let text = String::from_utf8(scene.run(&["show", run]).stdout).unwrap();
    assert!(
        text.contains(state::CORRECT_FINDINGS) || text.contains("attempt 2"),
        "{text}"
    );
}

#[test]
fn hostile_answers_neither_control_the_terminal_nor_stop_the_review() {
    let hostile = Script::new(|_, request| {
        let mut finding = Finding::first_added_line()
            .title("a\u{1b}[2J title")
            .body("<script>alert(1)</script> @everyone \u{1b}]0;x\u{7}");
        finding = finding.severity("low");
        finding.to_json(&request.prompt).map_or_else(
            || Answer::text("{\"summary\":\"s\",\"findings\":[]}"),
            |finding| Answer::text(serde_json::json!({ "summary": "\u{1b}[31m", "findings": [finding] }).to_string()),
        )
    });
    let scene = scene(1, hostile);
    let output = scene.run(&["review", scene.path()]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(!output.stdout.contains(&0x1b) && !output.stdout.contains(&0x07));
}

#[test]
fn the_cursor_moves_only_on_a_terminal_that_can_move_it() {
    for (name, value, moves) in [
        ("TERM", "xterm", true),
        ("TERM", "dumb", false),
        ("NO_COLOR", "1", false),
    ] {
        let scene = Scene::new(many_files(1)).set(name, value);
        let (exit, shown) = on_terminal(&scene, &["review", scene.path()], "");
        assert_eq!(exit, Some(0), "{shown}");
        assert_eq!(shown.contains("\r\u{1b}[K"), moves, "{name}={value}: {shown:?}");
        assert_eq!(shown.contains('\u{1b}'), moves, "{name}={value}: {shown:?}");
    }
}
