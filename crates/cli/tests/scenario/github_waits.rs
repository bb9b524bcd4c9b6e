//! GitHub limits requests or is down: the review waits in the workflow and continues, also in another process.

use std::time::{Duration, Instant};

use holdfast_testkit::{FakeGithub, Fault, Matcher};
use serde_json::json;

use crate::pull_request::{Pull, SLUG, minor};

const REVIEWS: &str = "/repos/*/*/pulls/*/reviews";

fn pull() -> Pull {
    Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN)
}

/// Checks that the review was published exactly once, and that each file was read by the model once.
fn check_published(pull: &Pull) {
    assert_eq!(pull.reviews().len(), 1);
    assert_eq!(pull.github.review_comments(SLUG, 12).len(), 4);
    assert!(pull.comment().contains("## Holdfast"));
    assert!(
        pull.github
            .check_runs(SLUG)
            .iter()
            .all(|check| check["status"] == "completed")
    );
    let calls = pull.scene.server().journal().calls();
    assert_eq!(calls.iter().filter(|call| call.paths.len() == 1).count(), 4);
}

/// Returns the time from the refused write to the next request, in milliseconds.
fn gap_after_first_post(pull: &Pull) -> u64 {
    let entries = pull.github.journal().entries();
    let refused = entries
        .iter()
        .position(|entry| entry.method == "POST" && entry.path.ends_with("/reviews"));
    let refused = refused.unwrap();
    entries[refused + 1].at_ms - entries[refused].at_ms
}

#[test]
fn nothing_is_sent_before_the_time_that_github_names() {
    let pull = pull();
    pull.github
        .fail_next(Matcher::new("POST", REVIEWS), Fault::rate_limited(3));
    let output = pull.scene.run(&["review", &pull.address(), "--publish"]);
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    assert!(printed.contains("GitHub limits requests; waiting 3 s"), "{printed}");
    check_published(&pull);
    assert!(gap_after_first_post(&pull) >= 3_000, "{}", gap_after_first_post(&pull));
}

#[test]
fn a_review_starts_though_github_fails_to_answer_its_first_reads() {
    let pull = pull();
    pull.github
        .fail_next(Matcher::new("GET", "/repos/*/*/pulls/*").times(2), Fault::status(502));
    let output = pull.scene.run(&["review", &pull.address(), "--publish"]);
    let printed = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    check_published(&pull);
}

#[test]
fn an_outage_that_outlasts_the_retries_costs_no_review() {
    let pull = pull();
    // More than three times the tries of a state.
    pull.github
        .fail_next(Matcher::new("POST", REVIEWS).times(13), Fault::status(502));
    pull.github.fail_next(
        Matcher::new("GET", "/repos/*/*/pulls/*/files").times(5),
        Fault::DropBefore,
    );
    let (exit, document) = pull.publish();
    assert_eq!((exit, &document["status"]), (0, &json!("published")), "{document:#}");
    check_published(&pull);
    let run = document["run"].as_str().unwrap();
    let replayed = pull.scene.run(&["replay", run]);
    assert!(
        replayed.status.success(),
        "{}",
        String::from_utf8_lossy(&replayed.stdout)
    );
}

#[test]
fn after_the_patience_the_review_fails_and_a_redrive_publishes_it() {
    for (fault, error) in [
        (Fault::status(502), "GithubUnavailable"),
        // Beyond the patience: there is no wait at all.
        (Fault::rate_limited(600), "GithubRateLimited"),
    ] {
        let pull = pull();
        let pull = Pull {
            scene: pull.scene.set("HOLDFAST_GITHUB_PATIENCE", "2s"),
            ..pull
        };
        pull.github.fail_next(Matcher::new("POST", REVIEWS).always(), fault);
        let began = Instant::now();
        let (exit, document) = pull.publish();
        assert_eq!((exit, &document["status"]), (3, &json!("failed")), "{document:#}");
        assert!(began.elapsed() < Duration::from_secs(60));
        let notes = document["notes"].to_string();
        assert!(notes.contains(error) && !notes.contains("[wait"), "{notes}");
        assert_eq!(pull.check()["status"], "completed", "the undo isn't limited");
        pull.github.clear_faults();
        if error == "GithubRateLimited" {
            // The refusal holds for its time, also in this process.
            continue;
        }
        let redriven = pull.scene.run(&["redrive", document["run"].as_str().unwrap()]);
        assert!(
            redriven.status.success(),
            "{}",
            String::from_utf8_lossy(&redriven.stderr)
        );
        check_published(&pull);
    }
}

#[test]
fn a_wait_survives_the_process_and_is_shown() {
    let pull = pull();
    pull.github
        .fail_next(Matcher::new("POST", REVIEWS), Fault::rate_limited(8));
    let mut child = pull.spawn_publish();
    let waits = || {
        let runs = pull.scene.run(&["runs", "--format", "json"]);
        let runs: serde_json::Value = serde_json::from_slice(&runs.stdout).ok()?;
        let run = runs["runs"][0]["run"].as_str()?.to_owned();
        let shown = pull.scene.run(&["show", &run]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        let line = shown.lines().find(|line| line.contains("WaitForGithub"))?.to_owned();
        line.contains("waits until").then_some(line)
    };
    let give_up = Instant::now() + Duration::from_secs(60);
    while waits().is_none() {
        assert!(Instant::now() < give_up, "it doesn't wait");
        std::thread::sleep(Duration::from_millis(50));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let requests = pull.github.journal().entries().len();
    let (exit, document) = pull.publish();
    assert_eq!((exit, &document["status"]), (0, &json!("published")), "{document:#}");
    check_published(&pull);
    let entries = pull.github.journal().entries();
    let refused = entries
        .iter()
        .find(|entry| entry.path.ends_with("/reviews") && entry.method == "POST")
        .unwrap();
    let early = entries[requests..]
        .iter()
        .find(|entry| entry.at_ms < refused.at_ms + 8_000 && entry.method == "POST");
    assert!(early.is_none(), "{early:?}");
}
