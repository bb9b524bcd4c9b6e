//! Real deliveries, npm's `@octokit/webhooks-examples`: every one is read, those that start something as what they are.
//! And the fake's deliveries are read as GitHub's are.

use std::path::Path;

use holdfast_core::webhook::{Command, ReviewAction, WebhookEvent, parse};
use holdfast_testkit::{FakeGithub, PullRequest};
use serde_json::{Value, json};

/// The folder of each product that delivers: github.com, and GitHub Enterprise Server's versions.
fn products() -> Vec<(String, Vec<(String, Value)>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/node/node_modules/@octokit/webhooks-examples");
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| {
        panic!(
            "{}: {error}: @octokit/webhooks-examples is not installed: run npm ci in tests/node, or cargo xtask verify",
            folder.display()
        )
    });
    let mut products = Vec::new();
    for entry in entries {
        let entry = entry.unwrap();
        let Ok(text) = std::fs::read(entry.path().join("index.json")) else {
            continue;
        };
        let events: Vec<Value> = serde_json::from_slice(&text).unwrap();
        let payloads = events.iter().flat_map(|event| {
            let name = event["name"].as_str().unwrap().to_owned();
            let examples = event["examples"].as_array().unwrap();
            examples.iter().map(move |payload| (name.clone(), payload.clone()))
        });
        products.push((entry.file_name().into_string().unwrap(), payloads.collect()));
    }
    products
}

fn read(event: &str, payload: &Value) -> WebhookEvent {
    parse(event, payload.to_string().as_bytes(), Some("holdfast[bot]"))
}

/// What a payload of these two events has to be read as, by what is plain to see in it.
fn is_as_expected(event: &str, payload: &Value, read: &WebhookEvent) -> bool {
    let action = payload["action"].as_str().unwrap_or_default();
    let is_person = payload["sender"]["type"] != "Bot";
    match (event, read) {
        ("pull_request", WebhookEvent::Review(trigger)) => {
            trigger.action.as_str() == action
                && trigger.head.as_str() == payload["pull_request"]["head"]["sha"]
                && payload["repository"]["full_name"]
                    == format!("{}/{}", trigger.repository.owner, trigger.repository.name)
                && trigger.number == payload["number"]
                && payload["pull_request"]["state"] == "open"
                && payload["pull_request"]["draft"] != true
                && is_person
        }
        ("pull_request", WebhookEvent::Ignored { .. }) => {
            !["opened", "synchronize", "reopened", "ready_for_review"].contains(&action)
                || payload["pull_request"]["state"] != "open"
                || payload["pull_request"]["draft"] == true
                || !is_person
        }
        // None of the examples holds a command.
        ("issue_comment", WebhookEvent::Ignored { .. }) => true,
        ("ping", WebhookEvent::Ping)
        | ("installation" | "installation_repositories", WebhookEvent::Installation(_)) => true,
        _ => false,
    }
}

#[test]
fn every_real_payload_is_read() {
    let (mut payloads, mut reviews, mut commands) = (0, 0, 0);
    let mut actions: Vec<ReviewAction> = Vec::new();
    for (product, examples) in products() {
        for (event, payload) in examples {
            let read_as = read(&event, &payload);
            payloads += 1;
            assert!(
                !matches!(read_as, WebhookEvent::Invalid { .. }),
                "{product} {event}: {read_as:?}"
            );
            match event.as_str() {
                "pull_request" | "issue_comment" | "ping" | "installation" | "installation_repositories" => {
                    assert!(
                        is_as_expected(&event, &payload, &read_as),
                        "{product} {event} {}: {read_as:?}",
                        payload["action"]
                    );
                }
                _ => assert!(matches!(read_as, WebhookEvent::Ignored { .. }), "{product} {event}"),
            }
            if let WebhookEvent::Review(trigger) = read_as {
                reviews += 1;
                if !actions.contains(&trigger.action) {
                    actions.push(trigger.action);
                }
            }
            if event == "issue_comment" && payload["action"] == "created" {
                commands += usize::from(asks_on_a_pull_request(payload));
            }
        }
    }
    // One payload at least for each action, or the examples are not what they were.
    assert_eq!(actions.len(), 4, "{actions:?}");
    assert!(
        payloads >= 700 && reviews >= 10 && commands >= 5,
        "{payloads} {reviews} {commands}"
    );
    eprintln!("{payloads} real payloads are read: {reviews} ask for a review, {commands} become commands");
}

/// The same comment with a command, on a pull request: the examples' comments are all on issues.
fn asks_on_a_pull_request(mut payload: Value) -> bool {
    payload["comment"]["body"] = json!("/holdfast review");
    payload["issue"]["pull_request"] = json!({ "url": "https://api.github.com/repos/Codertocat/Hello-World/pulls/1" });
    matches!(read("issue_comment", &payload), WebhookEvent::Command(asked) if asked.command == Command::Review
        && asked.comment == payload["comment"]["id"] && asked.number == payload["issue"]["number"])
}

#[test]
fn the_fakes_deliveries_are_read_as_githubs() {
    let github = FakeGithub::start().unwrap();
    let change = PullRequest::by_hand("octo/demo", 12, Vec::new());
    let head = change.head_sha.clone();
    github.add(change);
    let payload = github.pull_request_event("octo/demo", 12, "opened").unwrap();
    let WebhookEvent::Review(trigger) = read("pull_request", &payload) else {
        panic!("{payload} asks for no review");
    };
    assert_eq!((trigger.head.as_str(), trigger.number), (head.as_str(), 12));
    assert_eq!(trigger.installation, Some(FakeGithub::INSTALLATION_ID));
    github.set_draft("octo/demo", 12, true).unwrap();
    let draft = github.pull_request_event("octo/demo", 12, "synchronize").unwrap();
    assert!(matches!(read("pull_request", &draft), WebhookEvent::Ignored { .. }));
}
