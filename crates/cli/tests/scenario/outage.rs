//! A model's provider is down for longer than a review waits: what is shown, what stays, and how the review continues by
//! itself.

use std::time::{Duration, Instant};

use holdfast_testkit::{FakeGithub, ModelServer, Script};
use serde_json::{Value, json};

use crate::pull_request::{Pull, SLUG, minor};
use crate::serve::Served;
use crate::support::{Scene, many_files};

/// Settings with which a review gives up soon.
const IMPATIENT: &[(&str, &str)] = &[
    ("HOLDFAST_MODEL_PATIENCE", "2s"),
    ("HOLDFAST_MODEL_TIMEOUT_SECONDS", "1"),
];
/// Time in which nothing else may happen: longer than the time between two looks for reviews to retry.
const QUIET: Duration = Duration::from_secs(20);

fn runs(served: &Served) -> Vec<(String, String)> {
    let output = served.pull.scene.run(&["runs", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    let text = |run: &Value, name: &str| run[name].as_str().unwrap().to_owned();
    let runs = document["runs"].as_array().unwrap().iter();
    runs.map(|run| (text(run, "run"), text(run, "status"))).collect()
}

fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let give_up = Instant::now() + Duration::from_secs(90);
    while !is_so() {
        assert!(Instant::now() < give_up, "{what}");
        std::thread::sleep(Duration::from_millis(100));
    }
}

#[test]
fn a_review_in_a_terminal_that_no_model_has_read_fails_and_leaves_the_last_summary() {
    let mut pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    pull.scene = pull.scene.set("HOLDFAST_MODEL_PATIENCE", "2s");
    assert_eq!(pull.publish().1["status"], "published");
    pull.scene.server().set_script(Script::overloaded());
    let path = "src/file_0002.rs";
    pull.push(path, "pub fn other(x: u64) -> u64 {\n    x\n}\n");
    // The other files are known: the review is partial.
    let (exit, document) = pull.publish();
    assert_eq!((exit, &document["status"]), (3, &json!("partial")), "{document:#}");
    // No file is known under these settings.
    let before = pull.comment();
    pull.scene = pull.scene.set("HOLDFAST_MODEL", "openai/other-model");
    let (exit, document) = pull.publish();
    assert_eq!((exit, &document["status"]), (3, &json!("failed")), "{document:#}");
    let files = document["coverage"].as_array().unwrap();
    assert!(
        files.iter().all(|file| file["failure"] == "ModelUnavailable"),
        "{files:#?}"
    );
    let comment = pull.comment();
    assert!(
        comment.starts_with("**Holdfast could not complete the review** of")
            && comment.contains("the model could not be reached")
            && comment.contains("## Holdfast: ")
            && !comment.contains("retried"),
        "no server is there to retry it: {comment}"
    );
    assert!(comment.ends_with(&before), "the last summary stays: {comment}");
    let checks = pull.github.check_runs(SLUG);
    let last = checks.last().unwrap();
    assert_eq!(
        (&last["conclusion"], &last["output"]["title"]),
        (&json!("neutral"), &json!("The review could not be completed"))
    );
}

#[test]
fn serve_publishes_a_review_by_itself_once_the_model_is_back_and_only_once() {
    let served = Served::start_with(Script::overloaded(), IMPATIENT);
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "failed");
    let comment = served.pull.comment();
    assert!(
        comment.contains("It is retried by itself once that is over"),
        "{comment}"
    );
    let check = served.pull.check();
    let text = check["output"]["summary"].as_str().unwrap();
    assert!(text.contains("It is retried by itself"), "{text}");
    let shown = served.pull.scene.run(&["show", &run]);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(
        shown.contains("retried by itself once the outage or the limit is over, until"),
        "{shown}"
    );
    std::thread::sleep(QUIET);
    assert_eq!(
        runs(&served).len(),
        1,
        "the only retry isn't spent on a provider that is down"
    );
    served.pull.scene.server().set_script(minor());
    let next = format!("{}-2", run.strip_suffix("-1").unwrap());
    until("the retry is published", || {
        runs(&served).contains(&(next.clone(), "published".to_owned()))
    });
    let comment = served.pull.comment();
    assert!(
        comment.starts_with("## Holdfast: 4 findings") && !comment.contains("could not"),
        "{comment}"
    );
    assert_eq!(served.pull.reviews().len(), 1);
    std::thread::sleep(QUIET);
    assert_eq!(runs(&served).len(), 2);
}

#[test]
fn a_partial_review_is_completed_by_itself_after_a_restart() {
    let script = minor().for_path("src/file_0001.rs", Script::overloaded());
    let mut served = Served::start_with(script, IMPATIENT);
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "partial");
    served.kill_and_start();
    served.pull.scene.server().set_script(minor());
    let next = format!("{}-2", run.strip_suffix("-1").unwrap());
    until("the retry is published", || {
        runs(&served).contains(&(next.clone(), "published".to_owned()))
    });
    assert_eq!(
        served.pull.github.review_comments(SLUG, 12).len(),
        4,
        "each finding once"
    );
    assert!(
        served.pull.comment().contains("all 4 files reviewed"),
        "{}",
        served.pull.comment()
    );
}

#[test]
fn a_refused_key_a_newer_push_and_a_cancelled_review_are_not_retried() {
    let refused = Served::start_with(Script::wrong_key(), IMPATIENT);
    let run = refused.opened().1["run"].as_str().unwrap().to_owned();
    refused.wait_for(&run, "failed");
    assert!(
        !refused.pull.comment().contains("retried"),
        "{}",
        refused.pull.comment()
    );

    let pushed = Served::start_with(Script::overloaded(), IMPATIENT);
    let run = pushed.opened().1["run"].as_str().unwrap().to_owned();
    pushed.wait_for(&run, "failed");

    let cancelled = Served::start_with(Script::overloaded(), IMPATIENT);
    cancelled.pull.github.set_permission(SLUG, "maintainer", "write");
    let last = cancelled.opened().1["run"].as_str().unwrap().to_owned();
    cancelled.wait_for(&last, "failed");
    let (status, _) = cancelled.command("maintainer", "/holdfast cancel");
    assert_eq!(status, 200);

    for served in [&refused, &pushed, &cancelled] {
        served.pull.scene.server().set_script(minor());
    }
    let newer = pushed.pushed();
    pushed.wait_for(&newer, "published");
    std::thread::sleep(QUIET);
    assert_eq!(
        (runs(&refused).len(), runs(&pushed).len(), runs(&cancelled).len()),
        (1, 2, 1)
    );
}

#[test]
fn a_fallback_reads_what_its_provider_is_down_for_and_the_next_review_asks_the_model_again() {
    let down = || minor().for_model("test-model", Script::overloaded());
    let server = ModelServer::start(down()).unwrap();
    let scene = Scene::with_model(many_files(8), server)
        .set("HOLDFAST_MODEL_FALLBACK", "anthropic/other-model")
        .set(
            "HOLDFAST_MODEL_PRICES",
            "openai/test-model=1/1,anthropic/other-model=5/5",
        );
    let asked = |model: &str| {
        let calls = scene.server().journal().calls();
        calls.iter().filter(|call| call.model == model).count()
    };
    let (exit, document) = scene.review();
    assert_eq!((exit, &document["status"]), (0, &json!("reviewed")), "{document:#}");
    let note = "8 files read by anthropic/other-model, because the configured model's provider was down";
    assert!(
        document["notes"].as_array().unwrap().contains(&json!(note)),
        "{document:#}"
    );
    // The files and the walkthrough.
    assert_eq!(asked("other-model"), 9);
    // Those in flight at first, and few that try it.
    let wasted = asked("test-model");
    assert!(wasted <= 10 + 6, "{wasted}");
    assert!(document["usage"]["cost_usd"].as_f64().unwrap() > 0.0);
    scene.server().set_script(minor());
    scene
        .repository
        .write("src/file_0000.rs", "pub fn other(x: u64) -> u64 {\n    x * 7\n}\n")
        .unwrap();
    scene.repository.commit("more").unwrap();
    // The shared state tries the provider by itself: at most the time to its next try has to pass.
    until("the model is asked again", || {
        let (_, document) = scene.review();
        assert_eq!(document["status"], "reviewed", "{document:#}");
        scene
            .repository
            .git(&["commit", "--quiet", "--amend", "--allow-empty", "--message", "again"])
            .unwrap();
        asked("test-model") >= wasted + 8
    });
}
