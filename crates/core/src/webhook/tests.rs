//! Payloads through `parse`: the event of each, the path of each missing field, and no panic on any input.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::model::repository_id::RepositoryId;
use crate::model::repository_name::RepositoryName;
use crate::model::run_name::RunName;
use crate::model::sha::CommitSha;

const HEAD: &str = "ec26c3e57ca3a959ca5aad62de7213c562f8c821";

fn pull_request(action: &str) -> Value {
    json!({
        "action": action, "number": 2,
        "pull_request": {
            "number": 2, "state": "open", "draft": false, "head": { "sha": HEAD }, "author_association": "MEMBER",
            "updated_at": "2026-11-28T10:00:00Z",
        },
        "repository": { "id": 7, "name": "demo.rs", "owner": { "login": "octo-org" } },
        "sender": { "login": "ada", "type": "User" }, "installation": { "id": 9 },
    })
}

fn comment(body: &str) -> Value {
    let user = json!({ "login": "ada", "type": "User" });
    json!({
        "action": "created",
        "issue": { "number": 2, "state": "open", "pull_request": { "url": "https://example.com" } },
        "comment": { "id": 11, "body": body, "user": user, "author_association": "OWNER" },
        "repository": { "id": 7, "name": "demo.rs", "owner": { "login": "octo-org" } }, "sender": user,
    })
}

fn read(event: &str, payload: &Value) -> WebhookEvent {
    parse(event, payload.to_string().as_bytes())
}

/// Returns a payload with one value changed; null removes it.
fn with(mut payload: Value, pointer: &str, value: Value) -> Value {
    let (parent, name) = pointer.rsplit_once('/').unwrap_or_default();
    if let Some(Value::Object(fields)) = payload.pointer_mut(parent) {
        if value.is_null() {
            fields.shift_remove(name);
        } else {
            fields.insert(name.to_owned(), value);
        }
    }
    payload
}

#[test]
fn a_pull_requests_events_start_a_review() {
    for (name, action) in [
        ("opened", ReviewAction::Opened),
        ("synchronize", ReviewAction::Synchronize),
        ("reopened", ReviewAction::Reopened),
        ("ready_for_review", ReviewAction::ReadyForReview),
        ("edited", ReviewAction::Retargeted),
    ] {
        let changes = json!({ "base": { "ref": { "from": "main" } } });
        let event = read("pull_request", &with(pull_request(name), "/changes", changes));
        let expected = ReviewTrigger {
            action,
            repository: RepositoryRef {
                id: RepositoryId::new(7),
                name: RepositoryName::new("octo-org", "demo.rs").unwrap_or_else(|error| panic!("{error}")),
            },
            number: 2,
            head: CommitSha::try_from(HEAD.to_owned()).unwrap_or_else(|error| panic!("{error}")),
            sender: Sender {
                login: "ada".to_owned(),
                kind: "User".to_owned(),
            },
            updated_at: "2026-11-28T10:00:00Z".to_owned(),
            author: AuthorAssociation::Member,
            installation: Some(9),
        };
        assert_eq!(event, WebhookEvent::Review(expected));
    }
}

#[test]
fn a_comments_first_line_is_its_command() {
    let WebhookEvent::Command(command) = read("issue_comment", &comment("/holdfast cancel\nplease")) else {
        panic!("no command");
    };
    assert_eq!(
        (command.command, command.number, command.comment),
        (Command::Cancel, 2, 11)
    );
}

#[test]
fn a_stop_a_rerun_and_a_merge_group_are_read() {
    for (name, action) in [
        ("closed", StopAction::Closed),
        ("converted_to_draft", StopAction::ConvertedToDraft),
    ] {
        let event = read(
            "pull_request",
            &with(pull_request(name), "/pull_request/state", json!("closed")),
        );
        let WebhookEvent::Stop(stop) = event else {
            panic!("{event:?}")
        };
        assert_eq!((stop.action, stop.number, stop.repository.id.get()), (action, 2, 7));
    }
    let check = |name: &str, extra: Value| {
        let mut payload = with(pull_request("rerequested"), &format!("/{name}"), extra);
        payload[name]["id"] = json!(5);
        payload[name]["head_sha"] = json!(HEAD);
        payload
    };
    let own = json!({ "external_id": "octo-demo-2-ec26c3e57ca3-01234567-1", "pull_requests": [] });
    for (event, extra, of, run, number) in [
        (
            "check_run",
            own,
            "check_run/5",
            Some("octo-demo-2-ec26c3e57ca3-01234567-1"),
            None,
        ),
        ("check_run", json!({ "external_id": "../x" }), "check_run/5", None, None),
        (
            "check_run",
            json!({ "pull_requests": [{ "number": 2 }, {}] }),
            "check_run/5",
            None,
            Some(2),
        ),
        (
            "check_suite",
            json!({ "updated_at": "2026" }),
            "check_suite/5/2026",
            None,
            None,
        ),
    ] {
        let read = read(event, &check(event, extra));
        let WebhookEvent::Rerun(rerun) = read else {
            panic!("{read:?}")
        };
        let found = (
            rerun.of.as_str(),
            rerun.run.as_ref().map(RunName::as_str),
            rerun.number,
            rerun.head.as_str(),
        );
        assert_eq!(found, (of, run, number, HEAD));
    }
    for (head_ref, number) in [
        ("refs/heads/gh-readonly-queue/main/pr-104-ec26c3e", Some(104)),
        ("refs/heads/gh-readonly-queue/a/b-c/pr-7-ec26c3e", Some(7)),
        ("refs/heads/gh-readonly-queue/main/pr-0-ec26c3e", None),
        ("refs/heads/main", None),
    ] {
        let group = json!({ "head_sha": HEAD, "head_ref": head_ref });
        let read = read(
            "merge_group",
            &with(pull_request("checks_requested"), "/merge_group", group),
        );
        match (read, number) {
            (WebhookEvent::MergeGroup(group), Some(number)) => assert_eq!(group.number, number),
            (WebhookEvent::Invalid { what }, None) => assert!(what.contains("head_ref"), "{what}"),
            (read, _) => panic!("{head_ref}: {read:?}"),
        }
    }
}

#[test]
fn other_events_are_ignored_with_the_reason() {
    let opened = || pull_request("opened");
    let review = || comment("/holdfast review");
    let bot = json!({ "login": "renovate[bot]", "type": "Bot" });
    let table = [
        ("pull_request", pull_request("labeled"), "labeled"),
        ("pull_request", pull_request("edited"), "title"),
        ("check_run", pull_request("created"), "created"),
        ("check_suite", pull_request("completed"), "completed"),
        ("merge_group", pull_request("destroyed"), "destroyed"),
        ("pull_request", pull_request(&"x\n".repeat(500)), "x?x?"),
        (
            "pull_request",
            with(opened(), "/pull_request/draft", json!(true)),
            "draft",
        ),
        (
            "pull_request",
            with(opened(), "/pull_request/state", json!("closed")),
            "closed",
        ),
        ("issue_comment", comment("Looks good"), "has no command"),
        ("issue_comment", comment("/holdfast dance"), "no such command"),
        ("issue_comment", with(review(), "/action", json!("edited")), "edited"),
        ("issue_comment", with(review(), "/action", json!("deleted")), "deleted"),
        (
            "issue_comment",
            with(review(), "/issue/pull_request", Value::Null),
            "an issue",
        ),
        (
            "issue_comment",
            with(review(), "/issue/state", json!("closed")),
            "closed",
        ),
        ("issue_comment", with(review(), "/sender", bot.clone()), "a bot"),
        ("issue_comment", with(review(), "/comment/user", bot), "a bot"),
        (
            "installation",
            json!({ "action": "danced", "installation": { "id": 9 } }),
            "danced",
        ),
        ("push", json!({}), "push"),
        (
            "pull_request_review_comment",
            pull_request("created"),
            "the event pull_request_review_comment",
        ),
        (
            "pull_request_review_thread",
            pull_request("resolved"),
            "the event pull_request_review_thread",
        ),
        ("", json!({}), "nothing to do for the event"),
    ];
    for (event, payload, excerpt) in table {
        let read = read(event, &payload);
        assert!(
            matches!(&read, WebhookEvent::Ignored { why } if why.contains(excerpt) && why.len() < 120 && !why.contains('\n')),
            "{event}, {excerpt:?}: {read:?}"
        );
    }
}

#[test]
fn a_body_without_its_events_form_is_invalid_with_the_path() {
    let opened = || pull_request("opened");
    let table = [
        ("pull_request", json!({}), "action: missing"),
        (
            "pull_request",
            with(opened(), "/repository", Value::Null),
            "repository.id: missing",
        ),
        (
            "pull_request",
            with(opened(), "/repository/owner/login", json!("a/b")),
            "repository.owner.login: expected a name",
        ),
        (
            "pull_request",
            with(opened(), "/repository/name", json!("..")),
            "repository.name: expected",
        ),
        (
            "pull_request",
            with(opened(), "/repository/id", json!("7")),
            "repository.id: expected a whole number from 1, found text",
        ),
        (
            "pull_request",
            with(opened(), "/pull_request/number", json!(0)),
            "pull_request.number: expected",
        ),
        (
            "pull_request",
            with(opened(), "/pull_request/number", json!(1.5)),
            "pull_request.number: expected",
        ),
        (
            "pull_request",
            with(opened(), "/pull_request/head", json!([])),
            "pull_request.head.sha: missing",
        ),
        (
            "pull_request",
            with(opened(), "/pull_request/head/sha", json!("main")),
            "pull_request.head.sha: expected a commit id",
        ),
        (
            "pull_request",
            with(opened(), "/pull_request/draft", json!("no")),
            "pull_request.draft: expected",
        ),
        (
            "pull_request",
            with(opened(), "/pull_request/state", Value::Null),
            "pull_request.state: missing",
        ),
        (
            "pull_request",
            with(opened(), "/sender/type", Value::Null),
            "sender.type: missing",
        ),
        (
            "pull_request",
            with(opened(), "/sender/login", json!("a\nb")),
            "sender.login: expected a login",
        ),
        (
            "pull_request",
            with(opened(), "/installation", json!({})),
            "installation.id: missing",
        ),
        (
            "issue_comment",
            with(comment("x"), "/comment/body", json!(5)),
            "comment.body: expected text, found a number",
        ),
        (
            "issue_comment",
            with(comment("x"), "/issue/number", Value::Null),
            "issue.number: missing",
        ),
        (
            "installation",
            json!({ "action": "created" }),
            "installation.id: missing",
        ),
        (
            "installation_repositories",
            json!({ "action": "added" }),
            "installation.id: missing",
        ),
        ("ping", json!({ "zen": "Keep it simple." }), "hook_id: missing"),
        ("push", json!([]), "the body isn't a JSON object"),
    ];
    for (event, payload, excerpt) in table {
        let read = read(event, &payload);
        assert!(
            matches!(&read, WebhookEvent::Invalid { what } if what.contains(excerpt)),
            "{excerpt}: {read:?}"
        );
    }
    for (body, excerpt) in [
        ("", "valid JSON"),
        ("{", "line 1, column 1"),
        ("payload=%7B%7D", "application/json"),
    ] {
        let read = parse("pull_request", body.as_bytes());
        assert!(
            matches!(&read, WebhookEvent::Invalid { what } if what.contains(excerpt)),
            "{body}: {read:?}"
        );
    }
    let deep = "[".repeat(100_000);
    assert!(matches!(parse("push", deep.as_bytes()), WebhookEvent::Invalid { .. }));
}

#[test]
fn each_change_of_an_installation_has_its_action() {
    let of = |event: &str, action: &str| read(event, &json!({ "action": action, "installation": { "id": 9 } }));
    for (event, name, action) in [
        ("installation", "created", InstallationAction::Created),
        ("installation", "deleted", InstallationAction::Deleted),
        ("installation", "suspend", InstallationAction::Suspended),
        ("installation", "unsuspend", InstallationAction::Unsuspended),
        (
            "installation",
            "new_permissions_accepted",
            InstallationAction::PermissionsAccepted,
        ),
        (
            "installation_repositories",
            "added",
            InstallationAction::RepositoriesChanged,
        ),
        (
            "installation_repositories",
            "removed",
            InstallationAction::RepositoriesChanged,
        ),
    ] {
        let change = InstallationChange {
            action,
            installation: 9,
        };
        assert_eq!(of(event, name), WebhookEvent::Installation(change));
    }
    assert_eq!(read("ping", &json!({ "hook_id": 1 })), WebhookEvent::Ping);
}

const EVENTS: [&str; 9] = [
    "pull_request",
    "issue_comment",
    "check_run",
    "check_suite",
    "merge_group",
    "installation",
    "installation_repositories",
    "ping",
    "push",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[a-z]{1,6}", inner), 0..4).prop_map(|fields| fields.into_iter().collect()),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_panic(event in prop::sample::select(&EVENTS[..]), body in prop::collection::vec(any::<u8>(), 0..300)) {
        let read = parse(event, &body);
        if serde_json::from_slice::<Value>(&body).is_err() {
            let is_invalid = matches!(read, WebhookEvent::Invalid { .. });
            prop_assert!(is_invalid);
        }
    }

    #[test]
    fn a_truncated_body_has_no_effect(at in 0_usize..2_000) {
        for (event, payload) in [("pull_request", pull_request("opened")), ("issue_comment", comment("/holdfast review"))] {
            let text = payload.to_string();
            let cut = &text.as_bytes()[..at % text.len()];
            let is_invalid = matches!(parse(event, cut), WebhookEvent::Invalid { .. });
            prop_assert!(is_invalid);
        }
    }

    #[test]
    fn a_body_with_anything_anywhere_is_read_without_panic(value in any_json(), place in 0_usize..14, event in prop::sample::select(&EVENTS[..])) {
        let pointers = [
            "/action", "/pull_request", "/pull_request/number", "/pull_request/head", "/pull_request/head/sha",
            "/pull_request/state", "/pull_request/draft", "/repository", "/repository/id", "/repository/owner/login",
            "/sender", "/sender/login", "/installation", "/installation/id",
        ];
        let payload = with(pull_request("opened"), pointers[place], value);
        if let WebhookEvent::Review(trigger) = read(event, &payload) {
            prop_assert!(trigger.number > 0 && !trigger.repository.name.owner().contains('/'));
        }
    }
}
