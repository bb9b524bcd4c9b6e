//! The threads of findings: what people did with them, only those that Holdfast's account began, and each refusal.

use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::marker::MarkerKey;
use holdfast_core::port::{
    CommentRevision, FindingThread, MAX_REPLIES, PublishReview, ReadError, ReadThreads, Reply, ReviewDraft,
};
use holdfast_github::{GithubConnection, GithubIdentity, GithubPublishReview, GithubReadThreads};
use holdfast_testkit::github::Identity;
use holdfast_testkit::port::run_name;
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, Fault, Matcher, PullRequest, Repository};

use crate::findings::{GRAPHQL, comment, mark, publish};
use crate::write::{publisher, serve};
use crate::{KEY, SLUG, app, connection, pull_request, refusals};

fn reader(connection: GithubConnection) -> GithubReadThreads {
    GithubReadThreads::new(connection, MarkerKey::new(KEY.into()).unwrap())
}

fn ids(threads: &[FindingThread]) -> Vec<String> {
    threads.iter().map(|thread| thread.finding.id.to_string()).collect()
}

/// A pull request with the findings 1 and 2, and their comments' ids.
struct Posted {
    change: Change,
    github: FakeGithub,
    publish: GithubPublishReview,
    read: GithubReadThreads,
    target: Target,
    comments: Vec<u64>,
}

impl Posted {
    async fn new(token: &str) -> Self {
        let change = Repository::many_files(1).unwrap();
        let (github, page) = serve(&change, token);
        let target = pull_request(&change.head);
        let comments = vec![comment(2, "One.", Some(mark(1))), comment(3, "Two.", Some(mark(2)))];
        publish(&page, &target, "run-1", comments).await;
        let posted = github.review_comments(SLUG, 12);
        Self {
            change,
            read: reader(connection(&github, token)),
            publish: page,
            target,
            comments: posted.iter().map(|comment| comment["id"].as_u64().unwrap()).collect(),
            github,
        }
    }

    async fn threads(&self) -> Vec<FindingThread> {
        self.read.threads(&self.target).await.unwrap()
    }
}

#[tokio::test]
async fn each_kind_of_account_finds_its_own_threads() {
    for (token, is_app) in [
        (FakeGithub::USER_TOKEN, false),
        (FakeGithub::INSTALLATION_TOKEN, false),
        (FakeGithub::INSTALLATION_TOKEN, true),
    ] {
        let posted = Posted::new(token).await;
        let read = match is_app {
            true => reader(app(&posted.github, 1)),
            false => reader(connection(&posted.github, token)),
        };
        let found = read.threads(&posted.target).await.unwrap();
        let [one, two] = [posted.comments[0], posted.comments[1]];
        let expected = |number, comment: u64| FindingThread {
            finding: mark(number),
            node: format!("PRRT_{comment}"),
            comment,
            comment_node: format!("PRRC_{comment}"),
            url: format!("{}#discussion_r{comment}", posted.github.pull_request_url(SLUG, 12)),
            is_resolved: false,
            is_outdated: false,
            is_minimized: false,
            thumbs_down: Vec::new(),
            replies: Vec::new(),
        };
        assert_eq!(found, [expected(1, one), expected(2, two)], "{token}");
    }
}

#[tokio::test]
async fn what_people_did_is_read() {
    for (token, own) in [
        (FakeGithub::USER_TOKEN, "holdfast-user"),
        (FakeGithub::INSTALLATION_TOKEN, "holdfast[bot]"),
    ] {
        let posted = Posted::new(token).await;
        let github = &posted.github;
        let [one, two] = [posted.comments[0], posted.comments[1]];
        github.resolve_thread(SLUG, 12, one, "ann").unwrap();
        github.resolve_thread(SLUG, 12, two, own).unwrap();
        for (by, content) in [("ann", "THUMBS_DOWN"), ("bob", "THUMBS_UP"), ("cy", "THUMBS_DOWN")] {
            github.react(SLUG, 12, two, by, content).unwrap();
        }
        let answer = github.reply(SLUG, 12, one, "ann", "Why?").unwrap();
        github.reply(SLUG, 12, answer, "a-bot[bot]", "Because.").unwrap();
        let threads = posted.threads().await;
        let resolved: Vec<bool> = threads.iter().map(|thread| thread.is_resolved).collect();
        assert_eq!(resolved, [true, false], "Holdfast's own account doesn't count");
        assert_eq!(threads[1].thumbs_down, ["ann", "cy"]);
        let reply = |author: &str, body: &str| Reply {
            author: Some(author.to_owned()),
            body: body.to_owned(),
        };
        assert_eq!(
            threads[0].replies,
            [reply("ann", "Why?"), reply("a-bot[bot]", "Because.")]
        );
        assert!(threads[1].replies.is_empty() && threads[0].thumbs_down.is_empty());
        github.unresolve_thread(SLUG, 12, one).unwrap();
        for index in 0..60 {
            github.reply(SLUG, 12, two, "ann", &index.to_string()).unwrap();
            github
                .react(SLUG, 12, one, &format!("person-{index}"), "THUMBS_DOWN")
                .unwrap();
        }
        let threads = posted.threads().await;
        assert!(!threads[0].is_resolved);
        assert_eq!(
            (threads[0].thumbs_down.len(), threads[1].replies.len()),
            (MAX_REPLIES, MAX_REPLIES)
        );
        assert_eq!(threads[1].replies[0].body, "0", "oldest first");
    }
}

#[tokio::test]
async fn folded_and_outdated_comments_are_read() {
    let posted = Posted::new(FakeGithub::INSTALLATION_TOKEN).await;
    let threads = posted.threads().await;
    let revision = CommentRevision {
        comment: threads[0].comment,
        node: threads[0].comment_node.clone(),
        body: "Fixed.".to_owned(),
        finding: mark(1),
        is_minimized: true,
    };
    posted.publish.revise_comment(&posted.target, &revision).await.unwrap();
    let repository = &posted.change.repository;
    repository.write("src/file_0000.rs", "pub fn other() {}\n").unwrap();
    let head = repository.commit("Other").unwrap();
    let push = PullRequest::from_git(repository.path(), &posted.change.base, &head, SLUG, 12).unwrap();
    posted.github.push(push).unwrap();
    let threads = posted.read.threads(&pull_request(&head)).await.unwrap();
    let states: Vec<(bool, bool)> = threads
        .iter()
        .map(|found| (found.is_minimized, found.is_outdated))
        .collect();
    assert_eq!(states, [(true, true), (false, true)]);
    assert_eq!(threads[0].finding, mark(1), "the marker stays");
}

#[tokio::test]
async fn other_threads_are_not_findings() {
    let posted = Posted::new(FakeGithub::INSTALLATION_TOKEN).await;
    let github = &posted.github;
    // A stranger with the same key, a comment with another key's marker or with none, and a draft.
    let stranger = publisher(github, FakeGithub::USER_TOKEN, KEY);
    publish(
        &stranger,
        &posted.target,
        "run-1",
        vec![comment(2, "Three.", Some(mark(3)))],
    )
    .await;
    let other_key = publisher(github, FakeGithub::INSTALLATION_TOKEN, "another key of 16+");
    let comments = vec![comment(2, "Four.", Some(mark(4))), comment(2, "Five.", None)];
    publish(&other_key, &posted.target, "run-1", comments).await;
    let draft = ReviewDraft {
        run: run_name("run-2"),
        is_approved_part: false,
        body: "A draft.".to_owned(),
        comments: vec![comment(2, "Six.", Some(mark(6)))],
    };
    posted.publish.draft_review(&posted.target, &draft).await.unwrap();
    // A person's reply with a copied marker.
    let copied = github.review_comments(SLUG, 12)[0]["body"].as_str().unwrap().to_owned();
    github.reply(SLUG, 12, posted.comments[1], "mallory", &copied).unwrap();
    assert_eq!(
        ids(&posted.threads().await),
        [mark(1), mark(2)].map(|mark| mark.id.to_string())
    );
}

#[tokio::test]
async fn all_pages_are_read() {
    let change = Repository::many_files(1).unwrap();
    let (github, page) = serve(&change, FakeGithub::USER_TOKEN);
    let target = pull_request(&change.head);
    let comments = (1..=120)
        .map(|number| comment(2, &number.to_string(), Some(mark(number))))
        .collect();
    publish(&page, &target, "run-1", comments).await;
    let read = reader(connection(&github, FakeGithub::USER_TOKEN));
    let expected: Vec<String> = (1..=120).map(|number| mark(number).id.to_string()).collect();
    assert_eq!(ids(&read.threads(&target).await.unwrap()), expected);
    let entries = github.journal().entries();
    assert_eq!(entries.iter().filter(|entry| entry.path == GRAPHQL).count(), 3);
}

#[tokio::test]
async fn without_a_token_or_a_pull_request_there_are_none() {
    let posted = Posted::new(FakeGithub::USER_TOKEN).await;
    let requests = posted.github.journal().entries().len();
    let url = posted.github.url().parse().unwrap();
    let anonymous = reader(GithubConnection::new(Some(url), GithubIdentity::Anonymous).unwrap());
    assert!(anonymous.threads(&posted.target).await.unwrap().is_empty());
    let tree = Target::WorkTree {
        path: "/".to_owned(),
        base: crate::sha(&posted.change.base),
        head: crate::sha(&posted.change.head),
        only: Vec::new(),
    };
    assert!(posted.read.threads(&tree).await.unwrap().is_empty());
    assert_eq!(posted.github.journal().entries().len(), requests);
}

#[tokio::test]
async fn each_refusal_is_typed_and_one_line() {
    let posted = Posted::new(FakeGithub::INSTALLATION_TOKEN).await;
    let query_errors = [
        (
            Fault::query_error("RATE_LIMITED", "API rate limit exceeded for installation"),
            ErrorName::GithubRateLimited,
            "limits requests",
        ),
        (
            Fault::query_error("FORBIDDEN", "Resource not accessible\nby integration"),
            ErrorName::GithubForbidden,
            "Pull requests: read",
        ),
        (
            Fault::query_error(
                "INSUFFICIENT_SCOPES",
                "Your token has not been granted the required scopes",
            ),
            ErrorName::GithubForbidden,
            "GITHUB_TOKEN",
        ),
        (
            Fault::query_error("NOT_FOUND", "Could not resolve to a Repository"),
            ErrorName::GithubNotFound,
            "not visible",
        ),
        (
            Fault::query_error("", "Something went wrong while executing your query."),
            ErrorName::GithubUnavailable,
            "try again later",
        ),
    ];
    for (fault, name, text_part) in refusals().into_iter().chain(query_errors) {
        posted.github.fail_next(Matcher::path(GRAPHQL), fault.clone());
        let error = posted.read.threads(&posted.target).await.unwrap_err();
        let line = error.to_string();
        assert_eq!(error.name(), name, "{fault:?}: {line}");
        assert!(line.contains(text_part) && !line.contains('\n'), "{fault:?}: {line}");
        assert!(!line.contains(FakeGithub::INSTALLATION_TOKEN), "{line}");
    }
}

#[tokio::test]
async fn the_fake_refuses_as_github_does() {
    let posted = Posted::new(FakeGithub::INSTALLATION_TOKEN).await;
    let github = &posted.github;
    github.add_token(
        "blind",
        Identity::app("holdfast").with_permission("pull_requests", None),
    );
    let blind = reader(connection(github, "blind"));
    let error = blind.threads(&posted.target).await.unwrap_err();
    assert!(
        matches!(&error, ReadError::Forbidden(line) if line.contains("not accessible by integration")),
        "{error}"
    );
    github.rename(SLUG, "new-owner/renamed");
    assert_eq!(posted.threads().await.len(), 2, "GraphQL follows a rename");
    github.require_sign_on("new-owner/renamed");
    let error = posted.read.threads(&posted.target).await.unwrap_err();
    assert_eq!(error.name(), ErrorName::GithubSignOnRequired, "{error}");
    let mut elsewhere = posted.target.clone();
    if let Target::PullRequest { repository, .. } = &mut elsewhere {
        *repository = holdfast_core::model::repository_name::RepositoryName::new("no", "such").unwrap();
    }
    let error = posted.read.threads(&elsewhere).await.unwrap_err();
    assert!(matches!(error, ReadError::NotFound(_)), "{error}");
    let bare = FakeGithub::start().unwrap();
    bare.add(PullRequest::by_hand(SLUG, 13, Vec::new()));
    let read = reader(connection(&bare, FakeGithub::USER_TOKEN));
    let error = read.threads(&posted.target).await.unwrap_err();
    assert!(
        matches!(&error, ReadError::NotFound(line) if line.contains("number of 12")),
        "{error}"
    );
}
