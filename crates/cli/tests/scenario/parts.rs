//! A review in which some findings wait for a person: what is public meanwhile, and what a decision adds.

use holdfast_testkit::{FakeGithub, Finding, Script};
use serde_json::{Value, json};

use crate::pull_request::{Pull, SLUG};

/// Returns a severe finding in the first file, and minor ones in the others.
fn one_severe() -> Script {
    let found = |severity: &str, title: &str| {
        Script::findings(vec![Finding::first_added_line().severity(severity).title(title)])
    };
    found("medium", "Off by one").for_path("src/file_0000.rs", found("high", "SECRET hole"))
}

fn comments(pull: &Pull) -> Vec<Value> {
    pull.github.review_comments(SLUG, 12)
}

fn decide(pull: &Pull, arguments: &[&str]) {
    let decided = pull.scene.run(arguments);
    assert!(decided.status.success(), "{}", String::from_utf8_lossy(&decided.stderr));
}

/// Publishes up to the gate; returns the run.
fn wait(pull: &Pull) -> String {
    let (_, document) = pull.publish();
    assert_eq!(document["status"], "awaiting_approval", "{document:#}");
    document["run"].as_str().unwrap().to_owned()
}

#[test]
fn without_approvers_only_severe_findings_wait_and_the_rest_is_public_at_once() {
    let pull = Pull::new(one_severe(), FakeGithub::INSTALLATION_TOKEN);
    let run = wait(&pull);
    assert_eq!((pull.reviews().len(), comments(&pull).len()), (1, 3));
    let comment = pull.comment();
    assert!(
        comment.starts_with("**Holdfast waits for an approval** of 1 finding")
            && comment.contains("## Holdfast: 3 findings, 1 more withheld for an approval; all 4 files reviewed"),
        "{comment}"
    );
    assert!(!format!("{comment}{:?}", pull.check()).contains("SECRET"), "{comment}");
    assert_eq!(pull.check()["conclusion"], "action_required");
    decide(&pull, &["approve", &run]);
    assert_eq!((pull.reviews().len(), comments(&pull).len()), (2, 4));
    let comment = pull.comment();
    assert!(
        comment.starts_with("## Holdfast: 4 findings; all 4 files reviewed"),
        "{comment}"
    );
    // The same command finds the run, and posts nothing.
    assert_eq!(pull.publish().1["status"], json!("published"));
    assert_eq!((pull.reviews().len(), comments(&pull).len()), (2, 4));
}

#[test]
fn a_rejection_of_severe_findings_leaves_the_rest_and_the_next_push_does_not_ask_again() {
    let pull = Pull::new(one_severe(), FakeGithub::INSTALLATION_TOKEN);
    let run = wait(&pull);
    decide(&pull, &["reject", &run, "--reason", "wrong tone"]);
    assert_eq!((pull.reviews().len(), comments(&pull).len()), (1, 3));
    let comment = pull.comment();
    assert!(
        comment.starts_with("**Holdfast did not publish 1 finding** of") && comment.contains("Reason: wrong tone"),
        "{comment}"
    );
    assert!(
        comment.contains("## Holdfast: 3 new findings, 1 dismissed; all 4 files reviewed")
            && !comment.contains("withheld")
            && !comment.contains("SECRET"),
        "nothing waits any more: {comment}"
    );
    assert_the_same_command_posts_nothing(&pull, &run);
    pull.push(
        "src/file_0003.rs",
        "pub fn function_3(x: u64) -> u64 {\n    x * 5 + 3\n}\n",
    );
    let (_, document) = pull.publish();
    assert_eq!(document["status"], "published", "{document:#}");
    let comment = pull.comment();
    assert!(
        comment.contains("1 dismissed") && !comment.contains("SECRET"),
        "{comment}"
    );
}

/// Repeats the command after a rejection.
fn assert_the_same_command_posts_nothing(pull: &Pull, run: &str) {
    let (comment, writes) = (pull.comment(), pull.github.journal().writes().len());
    let (_, document) = pull.publish();
    assert_eq!(
        (&document["status"], &document["run"]),
        (&json!("rejected"), &json!(run))
    );
    assert_eq!(pull.github.journal().writes().len(), writes, "no write");
    assert_eq!(pull.comment(), comment);
    assert_eq!(pull.check()["conclusion"], "neutral");
}

#[test]
fn a_whole_review_that_was_rejected_stays_so_until_a_person_asks_for_another() {
    let pull = Pull::with_settings(4, one_severe(), "gate: { mode: whole }\n");
    let run = wait(&pull);
    decide(&pull, &["reject", &run, "--reason", "wrong tone"]);
    assert!(pull.reviews().is_empty());
    assert_the_same_command_posts_nothing(&pull, &run);
}

#[test]
fn with_approvers_the_whole_review_waits() {
    for settings in [
        "gate: { mode: whole }\n",
        "gate: { approvers: ['ada=ada@example.org'] }\n",
    ] {
        let pull = Pull::with_settings(4, one_severe(), settings);
        let run = wait(&pull);
        assert!(pull.reviews().is_empty(), "{settings}");
        let comment = pull.comment();
        assert!(
            comment.starts_with("**Holdfast waits for an approval** before it publishes the review")
                && !comment.contains("## Holdfast"),
            "{comment}"
        );
        decide(&pull, &["approve", &run]);
        assert_eq!((pull.reviews().len(), comments(&pull).len()), (1, 4), "{settings}");
    }
}
