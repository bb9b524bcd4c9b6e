//! Comments of the conversation and of reviews.

use crate::client::{Client, SLUG, start};
use holdfast_testkit::FakeGithub;
use serde_json::json;

#[tokio::test]
async fn a_comment_exists_from_creation_to_deletion() {
    let github = start();
    let client = Client::new(&github);
    let (status, created) = client.post("/issues/12/comments", json!({ "body": "Hello" })).await;
    assert_eq!(
        (status, &created["body"], &created["user"]["type"]),
        (201, &json!("Hello"), &json!("Bot"))
    );
    let path = format!("/issues/comments/{}", created["id"]);
    assert_eq!(
        client.call("PATCH", &path, Some(json!({ "body": "Bye" }))).await.1["body"],
        "Bye"
    );
    assert_eq!(client.get("/issues/12/comments").await.1[0]["body"], "Bye");
    let user = Client::with(&github, Some(FakeGithub::USER_TOKEN));
    assert_eq!(user.call("PATCH", &path, Some(json!({ "body": "Mine" }))).await.0, 403);
    assert_eq!(user.call("DELETE", &path, None).await.0, 403);
    assert_eq!(client.call("DELETE", &path, None).await.0, 204);
    assert_eq!(
        (client.get(&path).await.0, client.call("DELETE", &path, None).await.0),
        (404, 404)
    );
    assert_eq!(github.journal().effects().len(), 3);
}

#[tokio::test]
async fn bodies_have_a_maximum_and_issues_must_exist() {
    let github = start();
    let client = Client::new(&github);
    for (body, expected) in [
        ("x".repeat(65_536), 201),
        ("x".repeat(65_537), 422),
        (String::new(), 422),
    ] {
        assert_eq!(
            client.post("/issues/12/comments", json!({ "body": body })).await.0,
            expected
        );
    }
    assert_eq!(client.post("/issues/13/comments", json!({ "body": "b" })).await.0, 404);
}

#[tokio::test]
async fn lists_come_in_pages_with_links() {
    let github = start();
    for number in 0..7 {
        github
            .comment(SLUG, 12, "someone", &format!("comment {number}"))
            .unwrap();
    }
    let client = Client::new(&github);
    let mut path = "/issues/12/comments?per_page=3".to_owned();
    let mut sizes = Vec::new();
    loop {
        let response = client.send("GET", &path, None).await.unwrap();
        let link = response
            .headers()
            .get("link")
            .map(|link| link.to_str().unwrap().to_owned())
            .unwrap_or_default();
        sizes.push(response.json::<Vec<serde_json::Value>>().await.unwrap().len());
        let Some(next) = link.split(", ").find(|part| part.ends_with("rel=\"next\"")) else {
            break;
        };
        let (_, address) = next.split_once(&format!("/repos/{SLUG}")).unwrap();
        path = address.split_once('>').unwrap().0.to_owned();
    }
    assert_eq!(sizes, [3, 3, 1]);
    let single = client.send("GET", "/issues/12/comments", None).await.unwrap();
    assert!(!single.headers().contains_key("link"));
}

#[tokio::test]
async fn a_review_comment_can_be_edited_and_deleted_by_its_author() {
    let github = start();
    let client = Client::new(&github);
    let comments = json!([{ "path": "src/a.rs", "line": 2, "body": "first" }]);
    let review = json!({ "event": "COMMENT", "body": "b", "comments": comments });
    assert_eq!(client.post("/pulls/12/reviews", review).await.0, 200);
    let id = github.review_comments(SLUG, 12)[0]["id"].clone();
    let path = format!("/pulls/comments/{id}");
    assert_eq!(
        client.call("PATCH", &path, Some(json!({ "body": "second" }))).await.1["body"],
        "second"
    );
    let user = Client::with(&github, Some(FakeGithub::USER_TOKEN));
    assert_eq!(user.call("DELETE", &path, None).await.0, 403);
    assert_eq!(client.call("DELETE", &path, None).await.0, 204);
    assert_eq!(client.get(&path).await.0, 404);
}
