//! Real webhooks, from npm's `@octokit/webhooks-examples`: each is read as the right event. The fake's webhooks are
//! read in the same way.

use std::path::Path;

use holdfast_core::model::run_name::RunName;
use holdfast_core::webhook::{Command, RepositoryRef, ReviewAction, StopAction, WebhookEvent, parse};
use holdfast_github::APP_MANIFEST;
use holdfast_testkit::{FakeGithub, PullRequest};
use serde_json::{Value, json};

/// Returns the examples of each product: github.com, and the versions of GitHub Enterprise Server.
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
    parse(event, payload.to_string().as_bytes())
}

/// Returns true if a payload is read as the event that its obvious fields show.
fn is_as_expected(event: &str, payload: &Value, read: &WebhookEvent) -> bool {
    let action = payload["action"].as_str().unwrap_or_default();
    let is_in = |repository: &RepositoryRef| {
        payload["repository"]["id"] == repository.id.get()
            && payload["repository"]["full_name"] == repository.name.to_string()
    };
    let pull = &payload["pull_request"];
    let is_to_review = pull["state"] == "open"
        && pull["draft"] != true
        && match action {
            "opened" | "synchronize" | "reopened" | "ready_for_review" => true,
            "edited" => payload["changes"]["base"].is_object(),
            _ => false,
        };
    match (event, action, read) {
        ("pull_request", "closed" | "converted_to_draft", WebhookEvent::Stop(stop)) => {
            let happened = match stop.action {
                StopAction::Closed => "closed",
                StopAction::ConvertedToDraft => "converted_to_draft",
            };
            happened == action && is_in(&stop.repository) && pull["number"] == stop.number
        }
        ("pull_request", "closed" | "converted_to_draft", _) => false,
        ("pull_request", _, WebhookEvent::Review(trigger)) => {
            is_to_review
                && trigger.action.as_str() == if action == "edited" { "retargeted" } else { action }
                && pull["head"]["sha"] == trigger.head.as_str()
                && pull["updated_at"] == trigger.updated_at
                && payload["sender"]["login"] == trigger.sender.login
                && is_in(&trigger.repository)
                && payload["number"] == trigger.number
        }
        ("pull_request", _, WebhookEvent::Ignored { .. }) => !is_to_review,
        ("check_run" | "check_suite", "rerequested", WebhookEvent::Rerun(wanted)) => {
            let check = &payload[event];
            let (of, run) = match event {
                "check_run" => (format!("check_run/{}", check["id"]), check["external_id"].as_str()),
                _ => (
                    format!("check_suite/{}/{}", check["id"], check["updated_at"].as_str().unwrap()),
                    None,
                ),
            };
            wanted.of == of
                && wanted.run.as_ref().map(RunName::as_str) == run.filter(|run| !run.is_empty())
                && check["head_sha"] == wanted.head.as_str()
                && check["pull_requests"][0]["number"].as_u64() == wanted.number
                && payload["sender"]["login"] == wanted.sender.login
                && is_in(&wanted.repository)
        }
        ("check_run" | "check_suite", _, WebhookEvent::Ignored { .. }) => action != "rerequested",
        ("merge_group", "checks_requested", WebhookEvent::MergeGroup(group)) => {
            let queued = payload["merge_group"]["head_ref"].as_str().unwrap_or_default();
            payload["merge_group"]["head_sha"] == group.head.as_str()
                && queued.contains(&format!("/pr-{}-", group.number))
                && is_in(&group.repository)
        }
        ("merge_group", _, WebhookEvent::Ignored { .. }) => action != "checks_requested",
        // No example has a command.
        ("issue_comment", _, WebhookEvent::Ignored { .. }) => true,
        ("ping", _, WebhookEvent::Ping)
        | ("installation" | "installation_repositories", _, WebhookEvent::Installation(_)) => true,
        _ => false,
    }
}

/// The events with an effect.
const EVENTS: [&str; 8] = [
    "pull_request",
    "issue_comment",
    "check_run",
    "check_suite",
    "merge_group",
    "ping",
    "installation",
    "installation_repositories",
];

#[test]
fn every_real_payload_is_read() {
    let (mut payloads, mut commands, mut retargets) = (0, 0, 0);
    let (mut reviews, mut stops, mut reruns, mut groups) = (0, 0, 0, 0);
    let mut actions: Vec<ReviewAction> = Vec::new();
    for (product, examples) in products() {
        for (event, payload) in examples {
            let read_as = read(&event, &payload);
            payloads += 1;
            let is_right = if EVENTS.contains(&event.as_str()) {
                is_as_expected(&event, &payload, &read_as)
            } else {
                matches!(read_as, WebhookEvent::Ignored { .. })
            };
            assert!(is_right, "{product} {event} {}: {read_as:?}", payload["action"]);
            match read_as {
                WebhookEvent::Review(trigger) => {
                    reviews += 1;
                    if !actions.contains(&trigger.action) {
                        actions.push(trigger.action);
                    }
                }
                WebhookEvent::Stop(_) => stops += 1,
                WebhookEvent::Rerun(_) => reruns += 1,
                WebhookEvent::MergeGroup(_) => groups += 1,
                _ => {}
            }
            match (event.as_str(), payload["action"].as_str()) {
                ("issue_comment", Some("created")) => commands += usize::from(is_command_on_a_pull_request(payload)),
                ("pull_request", Some("opened")) => {
                    check_edited(payload);
                    retargets += 1;
                }
                _ => {}
            }
        }
    }
    // At least one payload for each action; otherwise the examples have changed.
    assert_eq!(actions.len(), 4, "{actions:?}");
    let counts = [reviews, stops, reruns, groups, commands, retargets];
    let least = [10, 5, 4, 1, 5, 5];
    assert!(
        payloads >= 700 && counts.iter().zip(least).all(|(count, least)| *count >= least),
        "{payloads} {counts:?}"
    );
    eprintln!(
        "{payloads} real payloads are read: {reviews} ask for a review, {stops} end one, {reruns} ask again, {groups} are \
         of a merge queue, {commands} become commands, {retargets} go to another base"
    );
}

/// GitHub sends the events of the App's manifest under these names, and each is read: as an event with an effect, or as
/// one without.
#[test]
fn every_event_of_the_manifest_is_read() {
    let manifest: Value = serde_json::from_str(APP_MANIFEST).unwrap();
    let events: Vec<&str> = manifest["default_events"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(Value::as_str)
        .collect();
    let examples: Vec<(String, Value)> = products().into_iter().flat_map(|(_, examples)| examples).collect();
    for event in events {
        let payloads: Vec<&Value> = examples
            .iter()
            .filter(|(name, _)| name == event)
            .map(|(_, payload)| payload)
            .collect();
        assert!(!payloads.is_empty(), "{event}: no such event");
        let is_ignored = |payload: &&Value| matches!(read(event, payload), WebhookEvent::Ignored { .. });
        if !EVENTS.contains(&event) {
            assert!(payloads.iter().all(is_ignored), "{event}");
        }
    }
}

/// Checks the same pull request, edited, of which there is no example. Only a new base is a new change.
fn check_edited(mut payload: Value) {
    payload["action"] = json!("edited");
    for (changes, is_review) in [
        (
            json!({ "base": { "ref": { "from": "main" }, "sha": { "from": "a" } } }),
            true,
        ),
        (json!({ "title": { "from": "Before" } }), false),
        (json!({ "body": { "from": "Before" } }), false),
    ] {
        payload["changes"] = changes;
        let read_as = read("pull_request", &payload);
        assert!(is_as_expected("pull_request", &payload, &read_as), "{read_as:?}");
        assert_eq!(
            matches!(&read_as, WebhookEvent::Review(trigger) if trigger.action == ReviewAction::Retargeted),
            is_review,
            "{}",
            payload["changes"]
        );
    }
}

/// Checks the same comment with a command, on a pull request: all comments of the examples are on issues.
fn is_command_on_a_pull_request(mut payload: Value) -> bool {
    payload["comment"]["body"] = json!("/holdfast review");
    payload["issue"]["pull_request"] = json!({ "url": "https://api.github.com/repos/Codertocat/Hello-World/pulls/1" });
    matches!(read("issue_comment", &payload), WebhookEvent::Command(wanted) if wanted.command == Command::Review
        && wanted.comment == payload["comment"]["id"] && wanted.number == payload["issue"]["number"])
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
