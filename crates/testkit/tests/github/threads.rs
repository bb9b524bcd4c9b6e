//! Threads of review comments: replies, reactions, and the only queries about them that the fake answers.

use crate::client::{Client, SLUG, start};
use holdfast_testkit::TestkitError;
use holdfast_testkit::github::Identity;
use serde_json::{Value, json};

/// Publishes a review with one comment; returns the comment's id.
async fn publish(client: &Client<'_>) -> u64 {
    let comments = json!([{ "path": "src/a.rs", "line": 2, "body": "Look here." }]);
    let review = json!({ "event": "COMMENT", "body": "Summary", "comments": comments });
    client.post("/pulls/12/reviews", review).await;
    client.get("/pulls/12/comments").await.1[0]["id"].as_u64().unwrap()
}

#[tokio::test]
async fn replies_and_reactions_show_in_the_rest_api() {
    let github = start();
    let client = Client::new(&github);
    let first = publish(&client).await;
    let reply = github.reply(SLUG, 12, first, "ann", "Why?").unwrap();
    let second = github.reply(SLUG, 12, reply, "holdfast[bot]", "Because.").unwrap();
    for (by, content) in [("ann", "THUMBS_DOWN"), ("bob", "THUMBS_DOWN"), ("bob", "HEART")] {
        github.react(SLUG, 12, first, by, content).unwrap();
    }
    let (_, listed) = client.get("/pulls/12/comments").await;
    let rows: Vec<[&Value; 4]> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|comment| ["id", "in_reply_to_id", "body", "line"].map(|field| &comment[field]))
        .collect();
    let expected = [
        [json!(first), Value::Null, json!("Look here."), json!(2)],
        [json!(reply), json!(first), json!("Why?"), json!(2)],
        [json!(second), json!(first), json!("Because."), json!(2)],
    ];
    assert_eq!(
        rows,
        expected.each_ref().map(|row| row.each_ref()),
        "a reply to a reply is one to the first comment"
    );
    let reactions = &listed[0]["reactions"];
    assert_eq!(
        (&reactions["-1"], &reactions["+1"], &reactions["total_count"]),
        (&json!(2), &json!(0), &json!(3))
    );
    let (_, reviews) = client.get("/pulls/12/reviews").await;
    let authors: Vec<&Value> = reviews
        .as_array()
        .unwrap()
        .iter()
        .map(|review| &review["user"]["login"])
        .collect();
    assert_eq!(
        authors,
        ["holdfast[bot]", "ann", "holdfast[bot]"],
        "each reply has a review of its own"
    );
}

#[tokio::test]
async fn a_comment_that_does_not_exist_has_no_thread() {
    let github = start();
    let client = Client::new(&github);
    let first = publish(&client).await;
    for (number, comment) in [(12, first + 100), (13, first)] {
        for refused in [
            github.resolve_thread(SLUG, number, comment, "ann"),
            github.unresolve_thread(SLUG, number, comment),
            github.react(SLUG, number, comment, "ann", "EYES"),
            github.reply(SLUG, number, comment, "ann", "Why?").map(drop),
        ] {
            let error = refused.unwrap_err();
            let is_typed = matches!(
                error,
                TestkitError::NoReviewComment { .. } | TestkitError::NoPullRequest { .. }
            );
            assert!(is_typed, "{error}");
        }
    }
    assert!(!github.is_folded(SLUG, 12, first + 100));
}

#[tokio::test]
async fn folding_needs_the_permission_and_another_query_is_refused() {
    let github = start();
    let client = Client::new(&github);
    let first = publish(&client).await;
    let fold =
        "mutation($id:ID!){minimizeComment(input:{subjectId:$id,classifier:RESOLVED}){minimizedComment{isMinimized}}}";
    let unfold = "mutation($id:ID!){unminimizeComment(input:{subjectId:$id}){unminimizedComment{isMinimized}}}";
    let query = |text: &str| json!({ "query": text, "variables": { "id": format!("PRRC_{first}") } });
    let reader = Identity::app("reader").with_permission("pull_requests", Some("read"));
    github.add_token("reader", reader);
    let refused = Client::with(&github, Some("reader"))
        .post("//graphql", query(fold))
        .await
        .1;
    assert_eq!(refused["data"], json!({ "minimizeComment": null }));
    let error = &refused["errors"][0];
    let expected = (
        json!("FORBIDDEN"),
        json!(["minimizeComment"]),
        json!("Resource not accessible by integration"),
    );
    assert_eq!(
        (&error["type"], &error["path"], &error["message"]),
        (&expected.0, &expected.1, &expected.2)
    );
    assert!(!github.is_folded(SLUG, 12, first));
    for (text, is_folded) in [(fold, true), (unfold, false)] {
        let (status, answer) = client.post("//graphql", query(text)).await;
        assert_eq!((status, answer.get("errors")), (200, None), "{answer}");
        assert_eq!(github.is_folded(SLUG, 12, first), is_folded);
    }
    for other in [
        "mutation{addStar{x}}",
        "query{repository(x){pullRequest{reviewThreads(first:1){nodes{id}}}}}",
    ] {
        let (_, answer) = client.post("//graphql", query(other)).await;
        assert!(
            answer["errors"][0]["message"].is_string() && answer.get("data").is_none(),
            "{answer}"
        );
    }
    let effects = github.journal().effects();
    assert_eq!(
        effects[1..],
        [format!("minimizeComment {first}"), format!("unminimizeComment {first}")]
    );
    let anonymous = Client::with(&github, None).post("//graphql", query(fold)).await;
    assert_eq!(anonymous.0, 401);
}
