//! Events that start a review, and deliveries that arrive twice or late.

use holdfast_testkit::{FakeGithub, PullRequest};
use serde_json::{Value, json};

use crate::pull_request::{SLUG, minor};
use crate::serve::{SECRET, Served};

impl Served {
    fn act(&self, event: &Value) -> (u16, Value) {
        let body = event.to_string();
        let signature = FakeGithub::signature(SECRET, body.as_bytes());
        self.deliver("pull_request", body.as_bytes(), Some(signature))
    }
}

/// Events of the App's manifest that this version ignores: they are answered with 200 and cause no request to GitHub. A
/// command in a comment on a line of the diff is one of them.
#[test]
fn unsupported_events_are_ignored() {
    let served = Served::start(minor());
    let folder = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/node/node_modules/@octokit/webhooks-examples/api.github.com"
    );
    let text = std::fs::read(format!("{folder}/index.json"))
        .unwrap_or_else(|error| panic!("{folder}: {error}: run npm ci in tests/node, or cargo xtask verify"));
    let examples: Vec<Value> = serde_json::from_slice(&text).unwrap();
    let asked = served.pull.github.journal().entries().len();
    for name in ["pull_request_review_comment", "pull_request_review_thread"] {
        let example = examples.iter().find(|example| example["name"] == name).unwrap();
        for payload in example["examples"].as_array().unwrap() {
            let mut payload = payload.clone();
            payload["comment"]["body"] = json!("/holdfast review");
            let body = payload.to_string();
            let signature = FakeGithub::signature(SECRET, body.as_bytes());
            let (status, receipt) = served.deliver(name, body.as_bytes(), Some(signature));
            assert_eq!((status, &receipt["status"]), (200, &json!("ignored")), "{receipt}");
            assert!(receipt["why"].as_str().unwrap().contains(name), "{receipt}");
        }
    }
    assert_eq!(
        served.pull.github.journal().entries().len(),
        asked,
        "nothing is asked of GitHub"
    );
}

#[test]
fn a_formatters_push_is_reviewed() {
    // As in tellahq/opensession#323: a formatter's bot pushes right after a person has opened the pull request.
    let served = Served::start(minor());
    assert_eq!(served.opened().0, 202);
    served
        .pull
        .push("src/file_0002.rs", "pub fn tidy(x: u64) -> u64 {\n    x\n}\n");
    let mut event = served.pull.github.pull_request_event(SLUG, 12, "synchronize").unwrap();
    event["sender"] = json!({ "login": "pre-commit-ci[bot]", "type": "Bot" });
    let (status, receipt) = served.act(&event);
    assert_eq!(status, 202, "{receipt}");
    served.wait_for(receipt["run"].as_str().unwrap(), "published");
    assert_eq!(served.pull.reviews().len(), 1);
}

#[test]
fn a_retargeted_pull_request_is_reviewed_again_and_a_command_runs_once() {
    let served = Served::start(minor());
    let (_, receipt) = served.opened();
    served.wait_for(receipt["run"].as_str().unwrap(), "published");
    // The new base has the first half of the change.
    let repository = &served.pull.scene.repository;
    let head = served
        .pull
        .push("src/more.rs", "pub fn more(x: u64) -> u64 {\n    x * 2\n}\n");
    let event = served.pull.github.pull_request_event(SLUG, 12, "synchronize").unwrap();
    let (_, receipt) = served.act(&event);
    served.wait_for(receipt["run"].as_str().unwrap(), "published");
    let retargeted = PullRequest::from_git(repository.path(), &served.pull.head, &head, SLUG, 12).unwrap();
    served.pull.github.retarget(retargeted).unwrap();
    let mut event = served.pull.github.pull_request_event(SLUG, 12, "edited").unwrap();
    event["changes"] = json!({ "base": { "ref": { "from": "main" } } });
    let (status, receipt) = served.act(&event);
    assert_eq!((status, &receipt["status"]), (202, &json!("started")), "{receipt}");
    served.wait_for(receipt["run"].as_str().unwrap(), "published");
    let reviewed = served.pull.comment();
    served.pull.github.set_permission(SLUG, "maintainer", "write");
    let command = served
        .pull
        .github
        .comment_event(SLUG, 12, "maintainer", "/holdfast review")
        .unwrap();
    let body = command.to_string();
    let signature = FakeGithub::signature(SECRET, body.as_bytes());
    let mut runs = Vec::new();
    for _ in 0..4 {
        let (_, receipt) = served.deliver("issue_comment", body.as_bytes(), Some(signature.clone()));
        if let Some(run) = receipt["run"].as_str() {
            served.wait_for(run, "published");
            runs.push(run.to_owned());
        }
    }
    assert_eq!(runs.len(), 1, "{runs:?}");
    let comments = served.pull.github.issue_comments(SLUG, 12);
    let summary = comments
        .iter()
        .find_map(|comment| comment["body"].as_str().filter(|body| body.contains("## Holdfast: ")));
    assert!(
        summary.is_some_and(|summary| summary != reviewed && summary.contains(&runs[0])),
        "{comments:#?}"
    );
}
