//! Writing to pull requests: one review whatever gets lost, one check, anchors that GitHub takes.

use holdfast_adapters::github::GithubPublishReview;
use holdfast_core::model::finding::Side;
use holdfast_core::port::{CheckConclusion, CheckOutcome, PublishError, PublishReview, ReviewComment, ReviewDraft};
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, Fault, Matcher, PullRequest, Repository};

use crate::{SLUG, connection, pull_request};

const MARKER: &str = "<!-- holdfast:run:0011 -->";

fn serve(change: &Change, token: &str) -> (FakeGithub, GithubPublishReview) {
    let github = FakeGithub::start().unwrap();
    let path = change.repository.path();
    github.add(PullRequest::from_git(path, &change.base, &change.head, SLUG, 12).unwrap());
    let publish = GithubPublishReview::new(connection(&github, token));
    (github, publish)
}

fn draft(line: u32) -> ReviewDraft {
    ReviewDraft {
        body: format!("A review.\n{MARKER}"),
        comments: vec![ReviewComment {
            path: "src/file_0000.rs".to_owned(),
            side: Side::Right,
            start_line: Some(1),
            line,
            body: "Look here.".to_owned(),
        }],
        marker: MARKER.to_owned(),
    }
}

#[tokio::test]
async fn a_review_is_posted_once_and_found_again() {
    let change = Repository::many_files(1).unwrap();
    for token in [FakeGithub::USER_TOKEN, FakeGithub::INSTALLATION_TOKEN] {
        let (github, publish) = serve(&change, token);
        let target = pull_request(&change.head);
        let first = publish.publish_review(&target, &draft(2)).await.unwrap();
        let second = publish.publish_review(&target, &draft(2)).await.unwrap();
        assert_eq!(
            (first.adopted, second.adopted, first.review),
            (false, true, second.review)
        );
        assert_eq!(github.reviews(SLUG, 12).len(), 1);
        let comments = github.review_comments(SLUG, 12);
        assert_eq!(
            (&comments[0]["line"], &comments[0]["start_line"]),
            (&2.into(), &1.into())
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_adopted_and_not_repeated() {
    let change = Repository::many_files(1).unwrap();
    for fault in [Fault::DropAfter, Fault::MalformedBody] {
        let (github, publish) = serve(&change, FakeGithub::USER_TOKEN);
        github.fail_next(Matcher::new("POST", "/repos/*/*/pulls/*/reviews"), fault.clone());
        let published = publish
            .publish_review(&pull_request(&change.head), &draft(2))
            .await
            .unwrap();
        assert!(published.adopted, "{fault:?}");
        assert_eq!(github.reviews(SLUG, 12).len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_strangers_marker_is_passed_over() {
    let change = Repository::many_files(1).unwrap();
    let (github, publish) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
    let stranger = GithubPublishReview::new(connection(&github, FakeGithub::USER_TOKEN));
    let target = pull_request(&change.head);
    stranger.publish_review(&target, &draft(2)).await.unwrap();
    assert!(!publish.publish_review(&target, &draft(2)).await.unwrap().adopted);
    assert_eq!(github.reviews(SLUG, 12).len(), 2);
}

#[tokio::test]
async fn a_bad_anchor_and_a_moved_head_are_refused_by_name() {
    let change = Repository::many_files(1).unwrap();
    let (github, publish) = serve(&change, FakeGithub::USER_TOKEN);
    let refused = publish
        .publish_review(&pull_request(&change.head), &draft(99))
        .await
        .unwrap_err();
    assert!(matches!(refused, PublishError::Rejected(_)), "{refused:?}");
    let moved = publish
        .publish_review(&pull_request(&change.base), &draft(2))
        .await
        .unwrap_err();
    assert!(
        matches!(&moved, PublishError::HeadMoved(line) if line.contains(&change.head[..12])),
        "{moved:?}"
    );
    assert!(github.reviews(SLUG, 12).is_empty());
}

#[tokio::test]
async fn a_check_is_opened_and_closed_once() {
    let change = Repository::many_files(1).unwrap();
    let (github, publish) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
    let target = pull_request(&change.head);
    github.fail_next(Matcher::new("POST", "/repos/*/*/check-runs"), Fault::DropAfter);
    let check = publish.open_check(&target, "run-1").await.unwrap().unwrap();
    assert_eq!(
        publish.open_check(&target, "run-1").await.unwrap(),
        Some(check),
        "found again"
    );
    let outcome = CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title: "Partial".to_owned(),
        summary: "Some files could not be reviewed.".to_owned(),
        annotations: Vec::new(),
    };
    github.fail_next(Matcher::new("PATCH", "/repos/*/*/check-runs/*"), Fault::DropAfter);
    publish.close_check(&target, check, &outcome).await.unwrap();
    publish.close_check(&target, check, &outcome).await.unwrap();
    let checks = github.check_runs(SLUG);
    assert_eq!(checks.len(), 1);
    assert_eq!(
        (&checks[0]["status"], &checks[0]["conclusion"]),
        (&"completed".into(), &"neutral".into())
    );
    let person = GithubPublishReview::new(connection(&github, FakeGithub::USER_TOKEN));
    assert_eq!(
        person.open_check(&target, "run-2").await.unwrap(),
        None,
        "people's tokens write no checks"
    );
}
