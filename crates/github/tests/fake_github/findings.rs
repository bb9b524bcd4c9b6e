//! Inline comments with the marker of their finding: not posted twice, changed and folded later.

use holdfast_core::ledger::FindingMark;
use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::finding::Side;
use holdfast_core::model::marker::{MarkerKey, MarkerKind};
use holdfast_core::port::{CommentRevision, PublishError, PublishReview, ReviewComment, ReviewDraft};
use holdfast_github::GithubPublishReview;
use holdfast_testkit::github::Identity;
use holdfast_testkit::port::run_name;
use holdfast_testkit::{FakeGithub, Fault, Matcher, Repository};
use serde_json::Value;

use crate::write::{publisher, serve};
use crate::{KEY, SLUG, pull_request, refusals};

pub(crate) const GRAPHQL: &str = "/graphql";

/// Returns a mark whose id has this number, with a text in place of an entry.
pub(crate) fn mark(number: u32) -> FindingMark {
    FindingMark::parse(&format!("{number:032x}.bm90IGFuIGVudHJ5")).unwrap()
}

pub(crate) fn comment(line: u32, body: &str, finding: Option<FindingMark>) -> ReviewComment {
    ReviewComment {
        path: "src/file_0000.rs".to_owned(),
        side: Side::Right,
        start_line: None,
        line,
        body: body.to_owned(),
        finding,
    }
}

/// Drafts and submits a review with these comments.
pub(crate) async fn publish(page: &GithubPublishReview, target: &Target, run: &str, comments: Vec<ReviewComment>) {
    let draft = ReviewDraft {
        run: run_name(run),
        is_approved_part: false,
        body: "A review.".to_owned(),
        comments,
    };
    let drafted = page.draft_review(target, &draft).await.unwrap();
    page.submit_review(target, drafted.review).await.unwrap();
}

/// Returns the texts of the inline comments, and whether each has a valid marker of a finding.
fn shown(github: &FakeGithub, target: &Target) -> Vec<(String, Option<FindingMark>)> {
    let key = MarkerKey::new(KEY.into()).unwrap();
    let comments = github.review_comments(SLUG, 12).into_iter();
    comments
        .map(|comment| {
            let body = comment["body"].as_str().unwrap();
            let subject = key.find(MarkerKind::Finding, target, body);
            let text = body.split("\n<!-- holdfast:").next().unwrap_or_default().to_owned();
            (text, subject.and_then(|subject| FindingMark::parse(&subject)))
        })
        .collect()
}

#[tokio::test]
async fn a_finding_is_posted_once_whatever_its_words() {
    let change = Repository::many_files(1).unwrap();
    for token in [FakeGithub::USER_TOKEN, FakeGithub::INSTALLATION_TOKEN] {
        let (github, page) = serve(&change, token);
        let target = pull_request(&change.head);
        // The second is by a version without markers.
        let first = vec![comment(2, "One.", Some(mark(1))), comment(3, "Two.\n", None)];
        publish(&page, &target, "run-1", first).await;
        let second = vec![
            comment(1, "One, in other words and elsewhere.", Some(mark(1))),
            comment(2, "One.", Some(mark(9))),
            comment(3, "Two.", Some(mark(2))),
            comment(2, "Three.", Some(mark(3))),
            comment(2, "Two.", None),
        ];
        publish(&page, &target, "run-2", second).await;
        let expected = [
            ("One.".to_owned(), Some(mark(1))),
            ("Two.\n".to_owned(), None),
            ("Three.".to_owned(), Some(mark(3))),
            ("Two.".to_owned(), None),
        ];
        assert_eq!(shown(&github, &target), expected);
    }
}

#[tokio::test]
async fn the_finding_of_a_stranger_or_of_a_draft_is_posted() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
    let target = pull_request(&change.head);
    let stranger = publisher(&github, FakeGithub::USER_TOKEN, KEY);
    publish(&stranger, &target, "run-1", vec![comment(2, "One.", Some(mark(1)))]).await;
    let draft = ReviewDraft {
        run: run_name("run-2"),
        is_approved_part: false,
        body: "A draft.".to_owned(),
        comments: vec![comment(2, "One.", Some(mark(1)))],
    };
    page.draft_review(&target, &draft).await.unwrap();
    publish(&page, &target, "run-3", vec![comment(2, "One.", Some(mark(1)))]).await;
    assert_eq!(shown(&github, &target).len(), 2);
}

#[tokio::test]
async fn a_marker_without_room_has_only_the_id() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::USER_TOKEN);
    let target = pull_request(&change.head);
    let long = FindingMark::parse(&format!("{:032x}.{}", 7, "A".repeat(8_000))).unwrap();
    let texts = ["é".repeat(57_000), "é".repeat(64_000)];
    let comments = texts.iter().map(|text| comment(2, text, Some(long.clone()))).collect();
    publish(&page, &target, "run-1", comments).await;
    let found = shown(&github, &target);
    assert_eq!(found[0], (texts[0].clone(), Some(long.clone())));
    let (text, only_id) = &found[1];
    assert_eq!(
        (text, only_id.as_ref().map(|mark| &mark.id)),
        (&texts[1], Some(&long.id))
    );
    assert_ne!(only_id.as_ref(), Some(&long));
}

fn revision(comment: &Value, body: &str, is_minimized: bool) -> CommentRevision {
    CommentRevision {
        comment: comment["id"].as_u64().unwrap(),
        node: comment["node_id"].as_str().unwrap().to_owned(),
        body: body.to_owned(),
        finding: mark(1),
        is_minimized,
    }
}

struct Posted {
    github: FakeGithub,
    page: GithubPublishReview,
    target: Target,
    id: u64,
    fold: CommentRevision,
    unfold: CommentRevision,
}

impl Posted {
    async fn new() -> Self {
        let change = Repository::many_files(1).unwrap();
        let (github, page) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
        let target = pull_request(&change.head);
        publish(&page, &target, "run-1", vec![comment(2, "One.", Some(mark(1)))]).await;
        let posted = github.review_comments(SLUG, 12).remove(0);
        Self {
            page,
            target,
            id: posted["id"].as_u64().unwrap(),
            fold: revision(&posted, "Fixed in 1234567.", true),
            unfold: revision(&posted, "One, again.", false),
            github,
        }
    }

    async fn revise(&self, revision: &CommentRevision) -> Result<(), PublishError> {
        self.page.revise_comment(&self.target, revision).await
    }

    fn is_folded(&self) -> bool {
        self.github.is_folded(SLUG, 12, self.id)
    }
}

#[tokio::test]
async fn a_comment_is_changed_and_folded_and_shown_again() {
    let posted = Posted::new().await;
    for (revision, text, is_folded) in [
        (&posted.fold, "Fixed in 1234567.", true),
        (&posted.fold, "Fixed in 1234567.", true),
        (&posted.unfold, "One, again.", false),
        (&posted.unfold, "One, again.", false),
    ] {
        posted.revise(revision).await.unwrap();
        let expected = [(text.to_owned(), Some(mark(1)))];
        assert_eq!(shown(&posted.github, &posted.target), expected);
        assert_eq!(posted.is_folded(), is_folded);
    }
    // A changed comment still counts as posted.
    let again = vec![comment(2, "One.", Some(mark(1)))];
    publish(&posted.page, &posted.target, "run-2", again).await;
    assert_eq!(shown(&posted.github, &posted.target).len(), 1);
}

#[tokio::test]
async fn a_thread_is_resolved_only_by_a_token_that_may_push() {
    let posted = Posted::new().await;
    let thread = format!("PRRT_{}", posted.id);
    let resolve = async |page: &GithubPublishReview, thread: &str, is_resolved| {
        page.resolve_thread(&posted.target, thread, is_resolved).await
    };
    assert!(!resolve(&posted.page, &thread, true).await.unwrap(), "FORBIDDEN");
    let pusher = Identity::app("holdfast").with_permission("contents", Some("write"));
    posted.github.add_token("pusher", pusher);
    let page = publisher(&posted.github, "pusher", KEY);
    for is_resolved in [true, true, false, false] {
        assert!(resolve(&page, &thread, is_resolved).await.unwrap());
        assert_eq!(posted.github.is_resolved(SLUG, 12, posted.id), is_resolved);
    }
    assert!(resolve(&page, "PRRT_1", true).await.unwrap(), "a deleted thread");
    posted.github.fail_next(Matcher::path(GRAPHQL), Fault::status(502));
    let error = resolve(&page, &thread, true).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::GithubUnavailable);
}

#[tokio::test]
async fn the_findings_of_a_review_are_read_with_their_comments() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::USER_TOKEN);
    let target = pull_request(&change.head);
    for run in ["run-1", "run-2"] {
        let number = if run == "run-1" { 1 } else { 2 };
        let text = format!("Number {number}.");
        publish(&page, &target, run, vec![comment(2, &text, Some(mark(number)))]).await;
    }
    let comments = github.review_comments(SLUG, 12);
    for ((number, review), comment) in (1..).zip(github.reviews(SLUG, 12)).zip(comments) {
        let found = page
            .posted_findings(&target, review["id"].as_u64().unwrap())
            .await
            .unwrap();
        let expected = (mark(number).id, comment["id"].as_u64().unwrap());
        assert_eq!(found, [expected]);
    }
    let missing = page.posted_findings(&target, 1).await.unwrap_err();
    assert_eq!(missing.name(), ErrorName::GithubNotFound);
}

#[tokio::test]
async fn a_deleted_comment_and_a_refusal_to_fold_count_as_done() {
    let posted = Posted::new().await;
    let refusals = [
        Fault::query_error("FORBIDDEN", "Resource not accessible by integration"),
        Fault::query_error("NOT_FOUND", "Could not resolve to a node with the global id of 'x'"),
        Fault::query_error("", "Field 'minimizeComment' doesn't exist on type 'Mutation'"),
        Fault::status(403),
        Fault::status(404),
    ];
    for fault in refusals {
        posted.github.fail_next(Matcher::path(GRAPHQL), fault.clone());
        posted
            .revise(&posted.fold)
            .await
            .unwrap_or_else(|error| panic!("{fault:?}: {error}"));
        assert!(!posted.is_folded(), "{fault:?}");
        let expected = [("Fixed in 1234567.".to_owned(), Some(mark(1)))];
        assert_eq!(shown(&posted.github, &posted.target), expected, "{fault:?}");
    }
    let mut gone = posted.fold.clone();
    "PRRC_1".clone_into(&mut gone.node);
    posted.revise(&gone).await.unwrap();
    gone.comment = 1;
    posted.revise(&gone).await.unwrap();
    let last = posted.github.journal().entries().pop().unwrap();
    assert_eq!(
        (last.method.as_str(), last.status),
        ("PATCH", Some(404)),
        "nothing is folded"
    );
}

#[tokio::test]
async fn a_change_is_repeated_after_a_lost_answer_or_a_limit() {
    let faults = [
        (Fault::DropAfter, ErrorName::GithubUnavailable),
        (Fault::DropBefore, ErrorName::GithubUnavailable),
        (Fault::MalformedBody, ErrorName::GithubUnavailable),
        (Fault::status(502), ErrorName::GithubUnavailable),
        (Fault::LateEffect { delay_ms: 1 }, ErrorName::GithubUnavailable),
        (Fault::rate_limited(7), ErrorName::GithubRateLimited),
        (Fault::secondary_limit(), ErrorName::GithubRateLimited),
        (
            Fault::query_error("RATE_LIMITED", "API rate limit exceeded"),
            ErrorName::GithubRateLimited,
        ),
        (
            Fault::query_error("RATE_LIMIT", "Slow down"),
            ErrorName::GithubRateLimited,
        ),
        (
            Fault::query_error("", "You have exceeded a secondary rate limit. Please wait."),
            ErrorName::GithubRateLimited,
        ),
    ];
    let posted = Posted::new().await;
    for (fault, name) in faults {
        posted.revise(&posted.unfold).await.unwrap();
        posted.github.fail_next(Matcher::path(GRAPHQL), fault.clone());
        let error = posted.revise(&posted.fold).await.unwrap_err();
        assert_eq!(error.name(), name, "{fault:?}: {error}");
        posted.revise(&posted.fold).await.unwrap();
        assert!(posted.is_folded(), "{fault:?}");
        assert_eq!(shown(&posted.github, &posted.target).len(), 1);
    }
    for (fault, name, text_part) in refusals() {
        posted
            .github
            .fail_next(Matcher::new("PATCH", "/repos/*/*/pulls/comments/*"), fault.clone());
        let error = posted.revise(&posted.fold).await;
        // Nobody reads the answer: a damaged one is as good.
        if matches!(fault, Fault::MalformedBody | Fault::EmptyBody) {
            error.unwrap();
            continue;
        }
        let error = error.unwrap_err();
        let line = error.to_string();
        assert_eq!(error.name(), name, "{fault:?}: {line}");
        assert!(line.contains(text_part) && !line.contains('\n'), "{fault:?}: {line}");
    }
}
