//! Long lists: all pages are read, several at a time, and no page twice.

use holdfast_core::model::marker::MarkerKey;
use holdfast_core::port::PublishReview;
use holdfast_github::GithubPublishReview;
use holdfast_testkit::port::run_name;
use holdfast_testkit::{FakeGithub, Fault, Matcher, PullRequest};

use crate::{KEY, SLUG, connection, pull_request};

#[tokio::test(flavor = "multi_thread")]
async fn pages_of_comments_are_read_concurrently_within_the_bound() {
    let comments = Matcher::new("GET", "/repos/*/*/issues/*/comments");
    let head = "a".repeat(40);
    // Comments of strangers, requests, and the maximum number of requests in flight: the first page is read by itself,
    // the others eight at a time. A full last page needs one more request.
    for (strangers, requests, max_in_flight) in [(0, 1, 1), (98, 1, 1), (99, 2, 1), (250, 3, 2), (1_900, 20, 8)] {
        let github = FakeGithub::start().unwrap();
        github.add(PullRequest::by_hand(SLUG, 12, Vec::new()));
        let key = MarkerKey::new(KEY.into()).unwrap();
        let publish = GithubPublishReview::new(connection(&github, FakeGithub::INSTALLATION_TOKEN), key);
        for _ in 0..strangers {
            github.comment(SLUG, 12, "ann", "A comment.").unwrap();
        }
        publish
            .announce(&pull_request(&head), &run_name("run-1"), "At work.")
            .await
            .unwrap();
        let first = github.journal().matching(&comments).len();
        github.fail_next(comments.clone().always(), Fault::Delay { delay_ms: 50 });
        publish
            .announce(&pull_request(&head), &run_name("run-1"), "At work.")
            .await
            .unwrap();
        let found = github.journal().matching(&comments).len() - first;
        assert_eq!(found, requests, "{strangers} comments of strangers");
        let most = github.journal().max_in_flight(&comments);
        assert!(
            most <= max_in_flight && (most > 1) == (max_in_flight > 1),
            "{strangers} comments of strangers: {most} in flight"
        );
        assert_eq!(
            github.issue_comments(SLUG, 12).len(),
            strangers + 1,
            "found, not written again"
        );
    }
}
