//! The permissions of tokens.

use crate::client::{Client, SLUG, pull_request, start};
use holdfast_testkit::FakeGithub;
use holdfast_testkit::github::Identity;
use serde_json::json;

#[tokio::test]
async fn tokens_are_known_or_refused() {
    let github = start();
    let statuses = async |token: Option<&str>| {
        let client = Client::with(&github, token);
        let write = client.post("/issues/12/comments", json!({ "body": "b" })).await.0;
        (client.get("/pulls/12").await.0, write)
    };
    assert_eq!(statuses(Some(FakeGithub::USER_TOKEN)).await, (200, 201));
    assert_eq!(statuses(None).await, (200, 401));
    assert_eq!(statuses(Some("unknown")).await, (401, 401));
    github.revoke_token(FakeGithub::USER_TOKEN);
    assert_eq!(statuses(Some(FakeGithub::USER_TOKEN)).await, (401, 401));
    let (_, error) = Client::with(&github, Some("unknown")).get("/pulls/12").await;
    assert_eq!(
        (&error["message"], &error["status"]),
        (&json!("Bad credentials"), &json!("401"))
    );
}

#[tokio::test]
async fn private_repositories_are_not_found_by_strangers() {
    let github = FakeGithub::start().unwrap();
    let mut request = pull_request();
    request.is_private = true;
    github.add(request);
    assert_eq!(Client::with(&github, None).get("/pulls/12").await.0, 404);
    assert_eq!(Client::new(&github).get("/pulls/12").await.0, 200);
}

#[tokio::test]
async fn a_missing_permission_is_403() {
    let github = start();
    let reader = Identity::app("reader")
        .with_permission("pull_requests", Some("read"))
        .with_permission("checks", None);
    github.add_token("reader", reader);
    let client = Client::with(&github, Some("reader"));
    assert_eq!(client.get("/pulls/12").await.0, 200);
    let (status, error) = client
        .post("/pulls/12/reviews", json!({ "event": "COMMENT", "body": "b" }))
        .await;
    assert_eq!(
        (status, &error["message"]),
        (403, &json!("Resource not accessible by integration"))
    );
    assert_eq!(
        client
            .get(&format!("/commits/{}/check-runs", crate::client::HEAD))
            .await
            .0,
        403
    );
}

#[tokio::test]
async fn a_user_has_an_account_an_installation_has_none() {
    let github = start();
    let user = Client::with(&github, Some(FakeGithub::USER_TOKEN));
    assert_eq!(user.get("//user").await.1["login"], "holdfast-user");
    assert_eq!(Client::new(&github).get("//user").await.0, 403);
    assert_eq!(user.get("//app").await.0, 401);
    assert_eq!(
        user.get("/collaborators/someone/permission").await.1["permission"],
        "read"
    );
    github.set_permission(SLUG, "someone", "write");
    assert_eq!(
        user.get("/collaborators/someone/permission").await.1["permission"],
        "write"
    );
}

#[tokio::test]
async fn requests_without_a_user_agent_or_with_a_bad_body_are_refused() {
    let github = start();
    let url = format!("{}/repos/{SLUG}/issues/12/comments", github.url());
    let client = reqwest::Client::new();
    assert_eq!(client.get(&url).send().await.unwrap().status(), 403);
    let request = client
        .post(&url)
        .header("user-agent", "t")
        .bearer_auth(FakeGithub::USER_TOKEN)
        .body("{\"body\":");
    assert_eq!(request.send().await.unwrap().status(), 400);
    assert!(github.journal().writes().is_empty());
}
