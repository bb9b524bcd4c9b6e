//! Reviews' rules.

use crate::client::{BASE, Client, HEAD, PATCH, SLUG, pull_request, start};
use holdfast_testkit::github::ChangedFile;
use holdfast_testkit::{FakeGithub, PullRequest};
use serde_json::{Value, json};

const REVIEWS: &str = "/pulls/12/reviews";

fn review(comments: Value) -> Value {
    json!({ "commit_id": HEAD, "event": "COMMENT", "body": "Summary", "comments": comments })
}

#[tokio::test]
async fn a_review_comes_with_all_its_comments() {
    let github = start();
    let client = Client::new(&github);
    let comments = json!([
        { "path": "src/a.rs", "line": 2, "side": "RIGHT", "body": "first" },
        { "path": "src/a.rs", "line": 2, "side": "LEFT", "body": "on the old line" },
        { "path": "src/a.rs", "start_line": 20, "line": 22, "start_side": "RIGHT", "side": "RIGHT", "body": "range" },
        { "path": "src/a.rs", "position": 3, "body": "by position" },
    ]);
    let (status, created) = client.post(REVIEWS, review(comments)).await;
    assert_eq!(
        (status, &created["state"], &created["user"]["login"]),
        (200, &json!("COMMENTED"), &json!("holdfast[bot]"))
    );
    let (_, listed) = client.get("/pulls/12/comments").await;
    let places: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|c| (c["line"].as_u64(), c["start_line"].as_u64()))
        .collect();
    assert_eq!(
        places,
        [(Some(2), None), (Some(2), None), (Some(22), Some(20)), (Some(2), None)]
    );
    assert_eq!(listed[3]["side"], "RIGHT");
    assert_eq!(listed[0]["diff_hunk"], "@@ -1,4 +1,4 @@\n one\n-two\n+2");
    let own = client.get(&format!("{REVIEWS}/{}/comments", created["id"])).await.1;
    assert_eq!(own, listed);
    let effect = format!("create review {} COMMENTED with 4 comment(s)", created["id"]);
    assert_eq!(github.journal().effects(), [effect]);
}

#[tokio::test]
async fn one_invalid_comment_refuses_the_review_without_naming_the_comment() {
    let github = start();
    let client = Client::new(&github);
    let good = json!({ "path": "src/a.rs", "line": 2, "body": "good" });
    let bad = [
        json!({ "path": "src/a.rs", "line": 9, "body": "between the hunks" }),
        json!({ "path": "src/a.rs", "line": 22, "side": "LEFT", "body": "not on that side" }),
        json!({ "path": "src/a.rs", "start_line": 3, "line": 3, "body": "empty range" }),
        json!({ "path": "src/a.rs", "start_line": 4, "line": 3, "body": "backwards" }),
        json!({ "path": "src/a.rs", "start_line": 3, "line": 21, "body": "two hunks" }),
        json!({ "path": "src/none.rs", "line": 1, "body": "no such file" }),
        json!({ "path": "image.png", "line": 1, "body": "no patch" }),
        json!({ "path": "src/a.rs", "position": 99, "body": "no such position" }),
        json!({ "path": "src/a.rs", "body": "no place" }),
        json!({ "path": "src/a.rs", "line": 2, "side": "MIDDLE", "body": "no side" }),
        json!({ "path": "src/a.rs", "line": 2, "body": "x".repeat(65_537) }),
    ];
    for comment in bad {
        let (status, error) = client.post(REVIEWS, review(json!([good, comment]))).await;
        assert_eq!(status, 422, "{comment}");
        assert!(error["message"].is_string() && error["documentation_url"].is_string() && error["errors"].is_array());
        let text = error.to_string();
        assert!(!text.contains("a.rs") && !text.contains("none.rs"), "{text}");
    }
    assert!(github.reviews(SLUG, 12).is_empty() && github.review_comments(SLUG, 12).is_empty());
    assert!(github.journal().writes().is_empty());
}

#[tokio::test]
async fn a_person_has_one_pending_review_that_nobody_else_sees() {
    let github = start();
    let (bot, user) = (
        Client::new(&github),
        Client::with(&github, Some(FakeGithub::USER_TOKEN)),
    );
    let comments = json!([{ "path": "src/a.rs", "line": 2, "body": "draft" }]);
    let (status, pending) = bot
        .post(REVIEWS, json!({ "body": "later", "comments": comments }))
        .await;
    assert_eq!((status, &pending["state"]), (200, &json!("PENDING")));
    assert!(pending.get("submitted_at").is_none());
    // Also a review that would be submitted at once.
    let (status, error) = bot.post(REVIEWS, review(json!([]))).await;
    assert_eq!(
        (status, &error["errors"][0]),
        (422, &json!("User can only have one pending review per pull request"))
    );
    assert_eq!(user.post(REVIEWS, review(json!([]))).await.0, 200);
    assert_eq!(bot.get(REVIEWS).await.1.as_array().unwrap().len(), 2);
    assert_eq!(user.get(REVIEWS).await.1.as_array().unwrap().len(), 1);
    let path = format!("{REVIEWS}/{}", pending["id"]);
    assert_eq!((bot.get(&path).await.0, user.get(&path).await.0), (200, 404));
    assert_eq!(bot.get("/pulls/12/comments").await.1, json!([]));
    let (status, submitted) = bot.post(&format!("{path}/events"), json!({ "event": "COMMENT" })).await;
    assert_eq!(
        (status, &submitted["state"], &submitted["body"]),
        (200, &json!("COMMENTED"), &json!("later"))
    );
    assert_eq!(bot.get("/pulls/12/comments").await.1.as_array().unwrap().len(), 1);
    assert_eq!(
        bot.post(&format!("{path}/events"), json!({ "event": "COMMENT" }))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn only_pending_reviews_can_be_deleted() {
    let github = start();
    let client = Client::new(&github);
    let comments = json!([{ "path": "src/a.rs", "line": 2, "body": "draft" }]);
    let (_, pending) = client.post(REVIEWS, json!({ "comments": comments })).await;
    let path = format!("{REVIEWS}/{}", pending["id"]);
    assert_eq!(
        Client::with(&github, Some(FakeGithub::USER_TOKEN))
            .call("DELETE", &path, None)
            .await
            .0,
        404
    );
    assert_eq!(client.call("DELETE", &path, None).await.0, 200);
    assert!(github.reviews(SLUG, 12).is_empty() && github.review_comments(SLUG, 12).is_empty());
    let (_, submitted) = client.post(REVIEWS, review(json!([]))).await;
    let path = format!("{REVIEWS}/{}", submitted["id"]);
    assert_eq!(client.call("DELETE", &path, None).await.0, 422);
    let (status, updated) = client.call("PUT", &path, Some(json!({ "body": "Better" }))).await;
    assert_eq!((status, &updated["body"]), (200, &json!("Better")));
    assert_eq!(
        client
            .call("PUT", &path, Some(json!({ "body": "x".repeat(65_537) })))
            .await
            .0,
        422
    );
    assert_eq!(
        client
            .call("PUT", &format!("{path}/dismissals"), Some(json!({ "message": "no" })))
            .await
            .0,
        422
    );
}

#[tokio::test]
async fn bodies_events_and_commits_are_checked() {
    let github = start();
    let client = Client::new(&github);
    let with = |field: &str, value: Value| {
        let mut body = review(json!([]));
        body[field] = value;
        body
    };
    for (field, value, expected) in [
        ("body", json!("é".repeat(65_536)), 200),
        ("body", json!("x".repeat(65_537)), 422),
        ("body", json!(""), 422),
        ("commit_id", json!("c".repeat(40)), 422),
        ("commit_id", json!(BASE), 422),
        ("event", json!("PUBLISH"), 422),
        ("event", json!("APPROVE"), 200),
        ("event", json!("REQUEST_CHANGES"), 200),
        ("comments", json!("none"), 422),
    ] {
        let (status, error) = client.post(REVIEWS, with(field, value)).await;
        assert_eq!(status, expected, "{field}: {error}");
    }
    assert_eq!(client.post("/pulls/99/reviews", review(json!([]))).await.0, 404);
}

#[tokio::test]
async fn nobody_approves_or_rejects_their_own_pull_request() {
    let github = FakeGithub::start().unwrap();
    let mut request = pull_request();
    request.author = "holdfast-user".into();
    github.add(request);
    let client = Client::with(&github, Some(FakeGithub::USER_TOKEN));
    for (event, expected) in [("APPROVE", 422), ("REQUEST_CHANGES", 422), ("COMMENT", 200)] {
        assert_eq!(
            client.post(REVIEWS, json!({ "event": event, "body": "b" })).await.0,
            expected,
            "{event}"
        );
    }
}

#[tokio::test]
async fn a_push_outdates_only_comments_on_changed_patches() {
    let github = FakeGithub::start().unwrap();
    let files = |patch: &str| {
        vec![
            ChangedFile::modified("src/a.rs", patch),
            ChangedFile::modified("src/b.rs", PATCH),
        ]
    };
    github.add(PullRequest::by_hand(SLUG, 12, files(PATCH)));
    let client = Client::new(&github);
    let comments =
        json!([{ "path": "src/a.rs", "line": 2, "body": "a" }, { "path": "src/b.rs", "line": 2, "body": "b" }]);
    assert_eq!(client.post(REVIEWS, review(comments)).await.0, 200);
    let new_head = "d".repeat(40);
    let mut pushed = PullRequest::by_hand(SLUG, 12, files("@@ -1 +1 @@\n-old\n+new"));
    pushed.head_sha.clone_from(&new_head);
    pushed.commits = [new_head.clone()].into();
    github.push(pushed).unwrap();
    let (_, listed) = client.get("/pulls/12/comments").await;
    assert_eq!(
        (&listed[0]["line"], &listed[0]["position"], &listed[0]["original_line"]),
        (&Value::Null, &Value::Null, &json!(2))
    );
    assert_eq!(
        (&listed[1]["line"], &listed[1]["commit_id"]),
        (&json!(2), &json!(new_head))
    );
    assert_eq!(client.get("/pulls/12").await.1["head"]["sha"], json!(new_head));
    // The old head is still a commit of this pull request; its lines are checked against the new diff.
    assert_eq!(
        client
            .post(REVIEWS, review(json!([{ "path": "src/a.rs", "line": 1, "body": "x" }])))
            .await
            .0,
        200
    );
    assert_eq!(
        client
            .post(
                REVIEWS,
                review(json!([{ "path": "src/a.rs", "line": 21, "body": "x" }]))
            )
            .await
            .0,
        422
    );
}
