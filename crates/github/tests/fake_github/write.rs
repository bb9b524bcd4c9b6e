//! Writes to pull requests: one review and one check even if answers are lost, and anchors that GitHub accepts.

use holdfast_core::model::change::Target;
use holdfast_core::model::finding::Side;
use holdfast_core::model::marker::MarkerKey;
use holdfast_core::port::{CheckConclusion, CheckOutcome, PublishError, PublishReview, ReviewComment, ReviewDraft};
use holdfast_github::GithubPublishReview;
use holdfast_testkit::port::run_name;
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, Fault, Matcher, PullRequest, Repository};

use serde_json::Value;

use crate::{KEY, SLUG, connection, pull_request, refusals};

pub(crate) const RUN: &str = "run-1";

pub(crate) fn serve(change: &Change, token: &str) -> (FakeGithub, GithubPublishReview) {
    let github = FakeGithub::start().unwrap();
    let path = change.repository.path();
    github.add(PullRequest::from_git(path, &change.base, &change.head, SLUG, 12).unwrap());
    let publish = publisher(&github, token, KEY);
    (github, publish)
}

pub(crate) fn publisher(github: &FakeGithub, token: &str, key: &str) -> GithubPublishReview {
    GithubPublishReview::new(connection(github, token), MarkerKey::new(key.into()).unwrap())
}

pub(crate) fn draft(run: &str, line: u32) -> ReviewDraft {
    ReviewDraft {
        run: run_name(run),
        is_approved_part: false,
        body: "A review.".to_owned(),
        comments: vec![ReviewComment {
            path: "src/file_0000.rs".to_owned(),
            side: Side::Right,
            start_line: Some(1),
            line,
            body: "Look here.".to_owned(),
            finding: None,
        }],
    }
}

/// Drafts and submits, as the stage does.
async fn publish(page: &GithubPublishReview, target: &Target, run: &str) -> Result<u64, PublishError> {
    let drafted = page.draft_review(target, &draft(run, 2)).await?;
    if !drafted.is_submitted {
        page.submit_review(target, drafted.review).await?;
    }
    Ok(drafted.review)
}

pub(crate) fn bodies(github: &FakeGithub) -> Vec<String> {
    let comments = github.issue_comments(SLUG, 12);
    let first_line = |comment: &Value| comment["body"].as_str().unwrap().lines().next().unwrap().to_owned();
    comments.iter().map(first_line).collect()
}

#[tokio::test]
async fn a_review_is_seen_once_it_is_submitted_and_found_again() {
    let change = Repository::many_files(1).unwrap();
    for token in [FakeGithub::USER_TOKEN, FakeGithub::INSTALLATION_TOKEN] {
        let (github, page) = serve(&change, token);
        let target = pull_request(&change.head);
        let drafted = page.draft_review(&target, &draft(RUN, 2)).await.unwrap();
        assert!(!drafted.is_submitted);
        assert_eq!(github.reviews(SLUG, 12)[0]["state"], "PENDING");
        assert_eq!(
            page.draft_review(&target, &draft(RUN, 2)).await.unwrap(),
            drafted,
            "found again"
        );
        page.submit_review(&target, drafted.review).await.unwrap();
        page.submit_review(&target, drafted.review).await.unwrap();
        assert!(page.draft_review(&target, &draft(RUN, 2)).await.unwrap().is_submitted);
        let reviews = github.reviews(SLUG, 12);
        assert_eq!((reviews.len(), &reviews[0]["state"]), (1, &"COMMENTED".into()));
        let comments = github.review_comments(SLUG, 12);
        assert_eq!(
            (&comments[0]["line"], &comments[0]["start_line"]),
            (&2.into(), &1.into())
        );
    }
}

#[tokio::test]
async fn a_lost_answer_is_reconciled_and_not_repeated() {
    let change = Repository::many_files(1).unwrap();
    let target = pull_request(&change.head);
    for fault in [Fault::DropAfter, Fault::MalformedBody] {
        let (github, page) = serve(&change, FakeGithub::USER_TOKEN);
        for route in [
            "/repos/*/*/pulls/*/reviews",
            "/repos/*/*/pulls/*/reviews/*/events",
            "/repos/*/*/issues/*/comments",
        ] {
            github.fail_next(Matcher::new("POST", route), fault.clone());
        }
        publish(&page, &target, RUN).await.unwrap();
        page.announce(&target, &run_name(RUN), "Reviewing").await.unwrap();
        assert_eq!(github.reviews(SLUG, 12).len(), 1, "{fault:?}");
        assert_eq!(bodies(&github), ["Reviewing"], "{fault:?}");
    }
}

async fn withdraw(page: &GithubPublishReview, target: &Target) -> Result<bool, PublishError> {
    page.withdraw_state(target, &run_name(RUN)).await?;
    page.withdraw_draft(target, &run_name(RUN)).await
}

#[tokio::test]
async fn texts_of_a_stranger_or_with_another_key_are_not_touched() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
    let target = pull_request(&change.head);
    let stranger = publisher(&github, FakeGithub::USER_TOKEN, KEY);
    publish(&stranger, &target, RUN).await.unwrap();
    stranger
        .announce(&target, &run_name(RUN), "A stranger's")
        .await
        .unwrap();
    let other_key = publisher(&github, FakeGithub::INSTALLATION_TOKEN, "another key of 16+");
    publish(&other_key, &target, RUN).await.unwrap();
    publish(&page, &target, RUN).await.unwrap();
    assert_eq!(github.reviews(SLUG, 12).len(), 3);
    page.summarize(&target, &run_name(RUN), "Ours").await.unwrap();
    withdraw(&page, &target).await.unwrap();
    assert_eq!(bodies(&github), ["A stranger's", "Ours"]);
}

#[tokio::test]
async fn each_part_of_a_review_is_found_again_and_an_undo_leaves_the_submitted_one() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::USER_TOKEN);
    let target = pull_request(&change.head);
    let first = publish(&page, &target, RUN).await.unwrap();
    let mut approved = draft(RUN, 2);
    approved.is_approved_part = true;
    approved.comments[0].body = "A severe one.".to_owned();
    // What the first part has is left out of the second.
    approved.comments.extend(draft(RUN, 2).comments);
    let second = page.draft_review(&target, &approved).await.unwrap();
    assert!(second.review != first && !second.is_submitted);
    assert_eq!(page.draft_review(&target, &approved).await.unwrap(), second);
    assert!(
        page.draft_review(&target, &draft(RUN, 2)).await.unwrap().is_submitted,
        "the first part"
    );
    assert!(
        page.withdraw_draft(&target, &run_name(RUN)).await.unwrap(),
        "the first part stays"
    );
    assert_eq!(github.reviews(SLUG, 12).len(), 1);
    let again = page.draft_review(&target, &approved).await.unwrap();
    page.submit_review(&target, again.review).await.unwrap();
    assert!(page.draft_review(&target, &approved).await.unwrap().is_submitted);
    assert_eq!(github.reviews(SLUG, 12).len(), 2);
    let comments = github.review_comments(SLUG, 12);
    let bodies: Vec<&str> = comments.iter().filter_map(|comment| comment["body"].as_str()).collect();
    assert_eq!(bodies, ["Look here.", "A severe one."]);
}

#[tokio::test]
async fn a_draft_of_another_run_is_replaced() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::USER_TOKEN);
    let target = pull_request(&change.head);
    page.draft_review(&target, &draft("run-0", 2)).await.unwrap();
    publish(&page, &target, RUN).await.unwrap();
    let reviews = github.reviews(SLUG, 12);
    assert_eq!((reviews.len(), &reviews[0]["state"]), (1, &"COMMENTED".into()));
}

#[tokio::test]
async fn a_persons_own_draft_stays_and_is_named_in_the_error() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::USER_TOKEN);
    let target = pull_request(&change.head);
    // The same account, but a marker with another key.
    publisher(&github, FakeGithub::USER_TOKEN, "another key of 16+")
        .draft_review(&target, &draft(RUN, 2))
        .await
        .unwrap();
    let error = page.draft_review(&target, &draft(RUN, 2)).await.unwrap_err();
    assert!(
        matches!(&error, PublishError::Rejected(line) if line.contains("submit or discard it")),
        "{error:?}"
    );
    assert_eq!(github.reviews(SLUG, 12).len(), 1);
}

#[tokio::test]
async fn a_bad_anchor_is_refused_by_name() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::USER_TOKEN);
    let refused = page
        .draft_review(&pull_request(&change.head), &draft(RUN, 99))
        .await
        .unwrap_err();
    assert!(matches!(refused, PublishError::Rejected(_)), "{refused:?}");
    assert!(github.reviews(SLUG, 12).is_empty());
}

#[tokio::test]
async fn a_command_is_answered_once_and_its_answer_stays() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
    let target = pull_request(&change.head);
    let first = github.comment(SLUG, 12, "ann", "/holdfast review").unwrap();
    let second = github.comment(SLUG, 12, "ann", "/holdfast cancel").unwrap();
    for fault in [Fault::DropAfter, Fault::MalformedBody] {
        github.fail_next(Matcher::new("POST", "/repos/*/*/issues/*/comments"), fault);
    }
    for (comment, body) in [
        (first, "On it."),
        (first, "On it."),
        (second, "Stopped."),
        (first, "Reviewed."),
    ] {
        page.answer_command(&target, comment, body).await.unwrap();
    }
    let expected = ["/holdfast review", "/holdfast cancel", "Reviewed.", "Stopped."];
    assert_eq!(bodies(&github), expected);
    // A stranger copies the answer, marker and all: it stays as it is.
    let copied = github.issue_comments(SLUG, 12)[2]["body"].as_str().unwrap().to_owned();
    github.comment(SLUG, 12, "mallory", &copied).unwrap();
    page.answer_command(&target, first, "Reviewed again.").await.unwrap();
    page.summarize(&target, &run_name(RUN), "Summary").await.unwrap();
    withdraw(&page, &target).await.unwrap();
    let expected = [
        "/holdfast review",
        "/holdfast cancel",
        "Reviewed again.",
        "Stopped.",
        "Reviewed.",
        "Summary",
    ];
    assert_eq!(bodies(&github), expected);
}

#[tokio::test]
async fn each_refusal_of_an_answer_is_one_line() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
    let target = pull_request(&change.head);
    for (fault, name, text_part) in refusals() {
        github.fail_next(Matcher::path("/repos/*/*/issues/*/comments"), fault.clone());
        let error = page.answer_command(&target, 1, "On it.").await.unwrap_err();
        let line = error.to_string();
        assert_eq!(error.name(), name, "{fault:?}: {line}");
        assert!(line.contains(text_part) && !line.contains('\n'), "{fault:?}: {line}");
        assert!(
            !line.contains(FakeGithub::INSTALLATION_TOKEN),
            "no token in a message: {line}"
        );
    }
    assert!(bodies(&github).is_empty());
}

#[tokio::test]
async fn a_withdrawn_run_leaves_nothing_however_often() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
    let target = pull_request(&change.head);
    page.announce(&target, &run_name(RUN), "Reviewing").await.unwrap();
    page.draft_review(&target, &draft(RUN, 2)).await.unwrap();
    github.fail_next(Matcher::new("DELETE", "/repos/*/*/issues/comments/*"), Fault::DropAfter);
    assert!(
        withdraw(&page, &target).await.is_err(),
        "the answer was lost: the workflow comes again"
    );
    assert!(!withdraw(&page, &target).await.unwrap());
    assert!(bodies(&github).is_empty() && github.reviews(SLUG, 12).is_empty());
    publish(&page, &target, RUN).await.unwrap();
    // Seen as a draft, and submitted before it is deleted.
    github.fail_next(Matcher::new("GET", "/repos/*/*/pulls/*/reviews"), Fault::StaleRead);
    for _ in 0..2 {
        assert!(
            withdraw(&page, &target).await.unwrap(),
            "a review that was submitted stays"
        );
    }
    assert_eq!(github.reviews(SLUG, 12).len(), 1);
}

#[tokio::test]
async fn open_checks_of_a_run_are_closed_and_none_is_opened() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
    let target = pull_request(&change.head);
    let outcome = |title: &str| CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title: title.to_owned(),
        summary: "It ended.".to_owned(),
        annotations: Vec::new(),
        awaits_decision: false,
    };
    page.close_checks(&target, &run_name(RUN), &outcome("Undone"))
        .await
        .unwrap();
    assert!(github.check_runs(SLUG).is_empty());
    let other = page.open_check(&target, &run_name("run-2")).await.unwrap().unwrap();
    for title in ["Done", "Undone"] {
        let check = page.open_check(&target, &run_name(RUN)).await.unwrap().unwrap();
        if title == "Done" {
            page.close_check(&target, check, &outcome(title)).await.unwrap();
        }
    }
    page.close_checks(&target, &run_name(RUN), &outcome("Undone"))
        .await
        .unwrap();
    let titles: Vec<(bool, Value)> = github
        .check_runs(SLUG)
        .into_iter()
        .map(|check| (check["id"] == other, check["output"]["title"].clone()))
        .collect();
    assert_eq!(
        titles,
        [(true, Value::Null), (false, "Done".into()), (false, "Undone".into())]
    );
    let person = publisher(&github, FakeGithub::USER_TOKEN, KEY);
    person
        .close_checks(&target, &run_name(RUN), &outcome("Undone"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_check_is_opened_and_closed_once() {
    let change = Repository::many_files(1).unwrap();
    let (github, publish) = serve(&change, FakeGithub::INSTALLATION_TOKEN);
    let target = pull_request(&change.head);
    github.fail_next(Matcher::new("POST", "/repos/*/*/check-runs"), Fault::DropAfter);
    let check = publish.open_check(&target, &run_name("run-1")).await.unwrap().unwrap();
    assert_eq!(
        publish.open_check(&target, &run_name("run-1")).await.unwrap(),
        Some(check),
        "found again"
    );
    let outcome = CheckOutcome {
        conclusion: CheckConclusion::Neutral,
        title: "Partial".to_owned(),
        summary: "Some files could not be reviewed.".to_owned(),
        annotations: Vec::new(),
        awaits_decision: false,
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
    let person = publisher(&github, FakeGithub::USER_TOKEN, KEY);
    assert_eq!(
        person.open_check(&target, &run_name("run-2")).await.unwrap(),
        None,
        "people's tokens write no checks"
    );
}
