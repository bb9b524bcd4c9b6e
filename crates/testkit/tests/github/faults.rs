//! Planned faults and their effects.

use crate::client::{Client, SLUG, start};
use holdfast_testkit::github::{FakeGithubOptions, Journal};
use holdfast_testkit::{FakeGithub, Fault, Matcher};
use serde_json::json;
use std::time::{Duration, Instant};

const PATH: &str = "/issues/12/comments";

fn posts() -> Matcher {
    Matcher::new("POST", "/repos/*/*/issues/*/comments")
}

fn comments(github: &FakeGithub) -> usize {
    github.issue_comments(SLUG, 12).len()
}

#[tokio::test]
async fn a_status_has_no_effect_and_is_sent_once() {
    let github = start();
    let client = Client::new(&github);
    for status in [401, 403, 404, 422, 500, 502, 503] {
        github.fail_next(posts(), Fault::status(status));
        let (answered, error) = client.post(PATH, json!({ "body": "b" })).await;
        assert_eq!(
            (answered, error["message"].is_string(), comments(&github)),
            (status, true, 0)
        );
    }
    github.fail_next(posts(), Fault::rate_limited(3));
    let limited = client.send("POST", PATH, Some(json!({ "body": "b" }))).await.unwrap();
    assert_eq!(
        (limited.status().as_u16(), &limited.headers()["retry-after"]),
        (429, &"3".parse().unwrap())
    );
    github.fail_next(posts(), Fault::secondary_limit());
    let limited = client.send("POST", PATH, Some(json!({ "body": "b" }))).await.unwrap();
    assert_eq!(
        (limited.status().as_u16(), limited.headers().contains_key("retry-after")),
        (403, false)
    );
    assert_eq!(
        (client.post(PATH, json!({ "body": "b" })).await.0, comments(&github)),
        (201, 1)
    );
    assert_eq!(github.faults_left(), 0);
    assert_eq!(github.journal().entries()[0].fault.as_deref(), Some("status 401"));
}

#[tokio::test]
async fn a_lost_request_and_a_lost_answer_differ_in_their_effect() {
    let github = start();
    let client = Client::new(&github);
    for (fault, left) in [(Fault::DropBefore, 0), (Fault::DropAfter, 1)] {
        github.fail_next(posts(), fault);
        assert!(client.send("POST", PATH, Some(json!({ "body": "b" }))).await.is_err());
        assert_eq!(comments(&github), left);
    }
    let entries = github.journal().entries();
    assert_eq!(
        entries
            .iter()
            .map(|entry| (entry.status, entry.effects.len()))
            .collect::<Vec<_>>(),
        [(None, 0), (None, 1)]
    );
}

#[tokio::test]
async fn unreadable_answers_hide_a_done_effect() {
    let github = start();
    let client = Client::new(&github);
    for (fault, done) in [(Fault::MalformedBody, 1), (Fault::EmptyBody, 2)] {
        github.fail_next(posts(), fault.clone());
        let answer = client.send("POST", PATH, Some(json!({ "body": "b" }))).await.unwrap();
        assert_eq!(answer.status(), 201);
        let text = answer.text().await.unwrap();
        assert_eq!((text.is_empty(), comments(&github)), (fault == Fault::EmptyBody, done));
        assert!(serde_json::from_str::<serde_json::Value>(&text).is_err());
    }
}

#[tokio::test]
async fn a_duplicate_is_done_twice_unless_the_rules_forbid_it() {
    let github = start();
    let client = Client::new(&github);
    github.fail_next(Matcher::any(), Fault::Duplicate);
    assert_eq!(client.post(PATH, json!({ "body": "b" })).await.0, 201);
    assert_eq!(comments(&github), 2);
    github.fail_next(Matcher::any(), Fault::Duplicate);
    assert_eq!(
        client.post("/pulls/12/reviews", json!({ "body": "pending" })).await.0,
        200
    );
    assert_eq!(github.reviews(SLUG, 12).len(), 1);
    assert_eq!(github.journal().entries()[0].effects.len(), 2);
}

#[tokio::test]
async fn a_late_effect_comes_after_its_time_out() {
    let github = start();
    let client = Client::new(&github);
    github.fail_next(posts(), Fault::LateEffect { delay_ms: 150 });
    assert_eq!(
        (client.post(PATH, json!({ "body": "b" })).await.0, comments(&github)),
        (504, 0)
    );
    while comments(&github) == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    while github.journal().effects().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(github.journal().entries()[0].effects.len(), 1);
}

#[tokio::test]
async fn a_delayed_answer_comes_after_its_effect() {
    let github = start();
    let client = Client::new(&github);
    github.fail_next(posts(), Fault::Delay { delay_ms: 200 });
    let start = Instant::now();
    let early = async {
        while comments(&github) == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        start.elapsed()
    };
    let ((status, _), done_after) = tokio::join!(client.post(PATH, json!({ "body": "b" })), early);
    assert_eq!(status, 201);
    assert!(done_after < start.elapsed() && start.elapsed() >= Duration::from_millis(200));
}

#[tokio::test]
async fn a_stale_read_misses_only_the_last_write() {
    let github = start();
    let client = Client::new(&github);
    for body in ["first", "second"] {
        client.post(PATH, json!({ "body": body })).await;
    }
    github.fail_next(Matcher::new("GET", "/repos/**"), Fault::StaleRead);
    let stale = client.get(PATH).await.1;
    assert_eq!(
        (stale.as_array().unwrap().len(), &stale[0]["body"]),
        (1, &json!("first"))
    );
    assert_eq!(client.get(PATH).await.1.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn plans_can_wait_repeat_and_be_cleared() {
    let github = start();
    let client = Client::new(&github);
    github.fail_next(posts().after(1).times(2), Fault::status(500));
    let mut statuses = Vec::new();
    for _ in 0..4 {
        statuses.push(client.post(PATH, json!({ "body": "b" })).await.0);
    }
    assert_eq!(statuses, [201, 500, 500, 201]);
    github.fail_next(Matcher::any().always(), Fault::status(503));
    assert_eq!((client.get("").await.0, client.get("").await.0), (503, 503));
    github.clear_faults();
    assert_eq!(client.get("").await.0, 200);
}

#[tokio::test]
async fn the_journals_file_has_what_memory_has() {
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("github.jsonl");
    let options = FakeGithubOptions {
        journal: Some(journal.clone()),
        ..FakeGithubOptions::default()
    };
    let github = FakeGithub::start_with(options).unwrap();
    github.add(crate::client::pull_request());
    let client = Client::new(&github);
    github.fail_next(posts(), Fault::LateEffect { delay_ms: 1 });
    client.post(PATH, json!({ "body": "late" })).await;
    client.get("/pulls/12/files?per_page=5").await;
    while github.journal().effects().is_empty() {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let entries = Journal::read(&journal).unwrap();
    assert_eq!(entries, github.journal().entries());
    assert_eq!(
        (entries[0].effects.len(), entries[0].body["body"].as_str()),
        (1, Some("late"))
    );
    assert_eq!(entries[1].query, [("per_page".to_owned(), "5".to_owned())]);
    assert_eq!(entries[1].login.as_deref(), Some("holdfast[bot]"));
    assert_eq!(
        (
            github.journal().matching(&posts()).len(),
            github.journal().writes().len()
        ),
        (1, 1)
    );
}
