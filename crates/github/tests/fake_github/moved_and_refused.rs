//! Moved repositories, refusals with their remedies, edited comments, and retargeted pull requests.

use holdfast_core::identity::{identify, target_of};
use holdfast_core::model::change::Target;
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::marker::MarkerKey;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::port::{CheckConclusion, CheckOutcome, PublishReview, ReadChange, ReadPull};
use holdfast_github::{GithubPublishReview, GithubReadChange};
use holdfast_testkit::port::run_name;
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, PullRequest, Repository};
use serde_json::{Value, json};

use crate::{KEY, SLUG, connection, pull_request, sha};

fn serve(change: &Change) -> (FakeGithub, GithubReadChange, GithubPublishReview) {
    let github = FakeGithub::start().unwrap();
    let path = change.repository.path();
    github.add(PullRequest::from_git(path, &change.base, &change.head, SLUG, 12).unwrap());
    let connection = connection(&github, FakeGithub::INSTALLATION_TOKEN);
    let publish = GithubPublishReview::new(connection.clone(), MarkerKey::new(KEY.into()).unwrap());
    (github, GithubReadChange::new(connection), publish)
}

fn repository(name: &str) -> RepositoryName {
    RepositoryName::new("octo", name).unwrap()
}

async fn target(read: &GithubReadChange) -> Target {
    let pull = read.pull(&repository("demo"), 12).await.unwrap();
    identify(read, read, &pull, pull.head.clone()).await.unwrap().target
}

#[tokio::test]
async fn a_repository_that_moved_is_followed_and_its_comments_are_found_again() {
    let change = Repository::many_files(1).unwrap();
    let (github, read, publish) = serve(&change);
    let before = target(&read).await;
    publish.announce(&before, &run_name("run-1"), "At work.").await.unwrap();
    github.rename(SLUG, "new-owner/renamed");
    let pull = read.pull(&repository("demo"), 12).await.unwrap();
    assert_eq!(pull.repository.to_string(), "new-owner/renamed");
    let after = target_of(&pull, pull.head.clone());
    assert_eq!(after.place(), before.place());
    // Runs from before and after the move find the comment.
    publish
        .announce(&before, &run_name("run-1"), "Still at work.")
        .await
        .unwrap();
    publish.summarize(&after, &run_name("run-1"), "Done.").await.unwrap();
    let comments = github.issue_comments("new-owner/renamed", 12);
    assert_eq!(comments.len(), 1, "{comments:#?}");
    assert!(comments[0]["body"].as_str().unwrap().starts_with("Done."));
    assert_eq!(read.read_change(&before).await.unwrap().files.len(), 1);
    let statuses: Vec<_> = github
        .journal()
        .entries()
        .iter()
        .filter_map(|entry| entry.status)
        .collect();
    assert!(
        statuses.contains(&301) && statuses.contains(&307),
        "reads and writes: {statuses:?}"
    );
    // A new repository with the old name is another repository.
    let other = PullRequest::from_git(change.repository.path(), &change.base, &change.head, SLUG, 12).unwrap();
    github.add(other);
    assert_eq!(
        read.pull(&repository("demo"), 12).await.unwrap().repository.owner(),
        "octo"
    );
}

#[tokio::test]
async fn each_refusal_is_typed_and_names_its_remedy() {
    let change = Repository::many_files(1).unwrap();
    type Set = fn(&FakeGithub);
    let table: [(Set, ErrorName, &str); 3] = [
        (
            |github| github.archive(SLUG),
            ErrorName::GithubRepositoryArchived,
            "unarchive it",
        ),
        (
            |github| github.set_locked(SLUG, 12, true),
            ErrorName::GithubConversationLocked,
            "unlock it",
        ),
        (
            |github| github.require_sign_on(SLUG),
            ErrorName::GithubSignOnRequired,
            "Configure SSO (https://github.com/orgs/octo/sso)",
        ),
    ];
    for (set, name, remedy) in table {
        let (github, read, publish) = serve(&change);
        set(&github);
        let here = pull_request(&change.head);
        let error = publish
            .announce(&here, &run_name("run-1"), "At work.")
            .await
            .unwrap_err();
        assert_eq!(error.name(), name, "{error}");
        let line = error.to_string();
        assert!(
            line.contains(remedy) && !line.contains("authorization_request"),
            "{line}"
        );
        // Archived repositories and locked conversations can still be read.
        let is_readable = name != ErrorName::GithubSignOnRequired;
        let reading = read.read_change(&here).await;
        assert_eq!(reading.is_ok(), is_readable, "{reading:?}");
        if let Err(error) = reading {
            assert_eq!(error.name(), name);
        }
    }
}

#[tokio::test]
async fn a_comment_is_read_in_its_current_form_with_its_last_editor() {
    let change = Repository::many_files(1).unwrap();
    let (github, read, _) = serve(&change);
    for (editor, text, expected) in [
        (None, "", Some(("/holdfast review", false))),
        (Some("ada"), "/holdfast help", Some(("/holdfast help", false))),
        (Some("mallory"), "/holdfast cancel", Some(("/holdfast cancel", true))),
        (Some("mallory"), "", None),
    ] {
        let id = github.comment(SLUG, 12, "ada", "/holdfast review").unwrap();
        if let Some(editor) = editor {
            github.edit_comment(SLUG, id, editor, Some(text).filter(|text| !text.is_empty()));
        }
        let found = read.comment(&repository("demo"), id).await.unwrap();
        let shown = found
            .as_ref()
            .map(|found| (found.body.as_str(), found.is_edited_by_others));
        assert_eq!(shown, expected, "{editor:?}");
        assert!(found.is_none_or(|found| found.number == 12 && found.author.unwrap().login == "ada"));
    }
}

#[tokio::test]
async fn a_retargeted_pull_request_has_another_diff_and_another_identity() {
    let change = Repository::many_files(2).unwrap();
    let repository = &change.repository;
    let (github, read, _) = serve(&change);
    let before = target(&read).await;
    let ends = read.current_ends(&before).await.unwrap();
    assert_eq!(
        (ends.head, ends.merge_base),
        (sha(&change.head), Some(sha(&change.base)))
    );
    // A commit between: the pull request now goes to it.
    repository.checkout(&change.head).unwrap();
    repository.write("src/more.rs", "pub fn more() {}\n").unwrap();
    let head = repository.commit("Add more").unwrap();
    github
        .push(PullRequest::from_git(repository.path(), &change.base, &head, SLUG, 12).unwrap())
        .unwrap();
    let first = target(&read).await;
    github
        .retarget(PullRequest::from_git(repository.path(), &change.head, &head, SLUG, 12).unwrap())
        .unwrap();
    let second = target(&read).await;
    assert_eq!(first.head(), second.head());
    assert_ne!(first.pinned(), second.pinned());
    let ends = read.current_ends(&first).await.unwrap();
    assert_eq!(
        ends.merge_base,
        Some(sha(&change.head)),
        "what publishes refuses the old diff"
    );
}

#[tokio::test]
async fn a_merge_queues_commit_gets_the_verdict_of_the_head_once() {
    let change = Repository::many_files(1).unwrap();
    let (github, _, publish) = serve(&change);
    let here = pull_request(&change.head);
    let group = sha(&change.base);
    let verdicts = |github: &FakeGithub| -> Vec<Value> {
        let runs = github.check_runs(SLUG).into_iter();
        runs.filter(|run| run["head_sha"] == group.as_str())
            .map(|run| run["conclusion"].clone())
            .collect()
    };
    let check = publish.open_check(&here, &run_name("run-1")).await.unwrap().unwrap();
    let outcome = CheckOutcome {
        conclusion: CheckConclusion::ActionRequired,
        title: "1 finding at or above high".to_owned(),
        summary: "One.".to_owned(),
        annotations: Vec::new(),
        awaits_decision: false,
    };
    publish.close_check(&here, check, &outcome).await.unwrap();
    for _ in 0..2 {
        publish.copy_check(&here, &group).await.unwrap();
    }
    assert_eq!(verdicts(&github), [json!("action_required")]);
    // A head without a verdict stalls no queue, and is not green.
    let (github, _, publish) = serve(&change);
    publish.copy_check(&here, &group).await.unwrap();
    assert_eq!(verdicts(&github), [json!("neutral")]);
}
