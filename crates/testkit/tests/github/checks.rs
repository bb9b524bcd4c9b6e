//! Check runs' rules.

use crate::client::{Client, HEAD, SLUG, start};
use holdfast_testkit::FakeGithub;
use serde_json::{Value, json};

#[tokio::test]
async fn a_check_run_goes_from_queued_to_its_conclusion() {
    let github = start();
    let client = Client::new(&github);
    let (status, created) = client
        .post("/check-runs", json!({ "name": "Holdfast", "head_sha": HEAD }))
        .await;
    assert_eq!(
        (status, &created["status"], &created["conclusion"]),
        (201, &json!("queued"), &Value::Null)
    );
    let path = format!("/check-runs/{}", created["id"]);
    let running = json!({ "status": "in_progress", "external_id": "run-1" });
    assert_eq!(
        client.call("PATCH", &path, Some(running)).await.1["status"],
        "in_progress"
    );
    let output = json!({ "title": "T", "summary": "S", "annotations": annotations(50) });
    let (status, done) = client
        .call(
            "PATCH",
            &path,
            Some(json!({ "conclusion": "neutral", "output": output })),
        )
        .await;
    assert_eq!(
        (status, &done["status"], &done["output"]["annotations_count"]),
        (200, &json!("completed"), &json!(50))
    );
    assert!(done["completed_at"].is_string());
    let more = json!({ "output": { "title": "T", "summary": "S", "annotations": annotations(3) } });
    client.call("PATCH", &path, Some(more)).await;
    assert_eq!(
        client
            .get(&format!("{path}/annotations?per_page=100"))
            .await
            .1
            .as_array()
            .unwrap()
            .len(),
        53
    );
    assert_eq!(github.check_runs(SLUG)[0]["external_id"], "run-1");
}

fn annotations(count: usize) -> Value {
    let annotation =
        json!({ "path": "a", "start_line": 1, "end_line": 1, "annotation_level": "notice", "message": "m" });
    Value::Array(vec![annotation; count])
}

#[tokio::test]
async fn requests_that_github_refuses_are_refused() {
    let github = start();
    let client = Client::new(&github);
    let run = |extra: Value| {
        let mut body = json!({ "name": "Holdfast", "head_sha": HEAD });
        for (name, value) in extra.as_object().unwrap() {
            body[name] = value.clone();
        }
        body
    };
    let output = |field: &str, value: Value| {
        let mut output = json!({ "title": "T", "summary": "S" });
        output[field] = value;
        json!({ "output": output })
    };
    for extra in [
        json!({ "name": "" }),
        json!({ "head_sha": "c".repeat(40) }),
        json!({ "status": "completed" }),
        json!({ "status": "done" }),
        json!({ "conclusion": "fine" }),
        output("annotations", annotations(51)),
        output("annotations", json!([{ "path": "a" }])),
        output("summary", json!("x".repeat(65_536))),
        output("summary", Value::Null),
        json!({ "actions": [{}, {}, {}, {}] }),
    ] {
        let (status, error) = client.post("/check-runs", run(extra.clone())).await;
        assert_eq!(status, 422, "{extra}");
        assert!(error["message"].is_string());
    }
    assert!(github.check_runs(SLUG).is_empty());
    let user = Client::with(&github, Some(FakeGithub::USER_TOKEN));
    let (status, error) = user.post("/check-runs", run(json!({}))).await;
    assert_eq!(
        (status, &error["message"]),
        (403, &json!("You must authenticate via a GitHub App."))
    );
}

#[tokio::test]
async fn a_commits_list_has_the_latest_of_each_name() {
    let github = start();
    let client = Client::new(&github);
    for name in ["a", "b", "a"] {
        client
            .post(
                "/check-runs",
                json!({ "name": name, "head_sha": HEAD, "conclusion": "success" }),
            )
            .await;
    }
    let count =
        async |query: &str| client.get(&format!("/commits/{HEAD}/check-runs{query}")).await.1["total_count"].clone();
    assert_eq!(count("").await, 2);
    assert_eq!(count("?filter=all").await, 3);
    assert_eq!(count("?filter=all&check_name=a").await, 2);
    assert_eq!(count("?app_id=2").await, 0);
    assert_eq!(
        client.get(&format!("/commits/{}/check-runs", "c".repeat(40))).await.0,
        422
    );
}
