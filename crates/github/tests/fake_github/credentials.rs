//! A GitHub App: its key signs, its installation's token is asked for once and used; what is wrong is said.

use holdfast_core::model::marker::MarkerKey;
use holdfast_core::port::{PublishReview, ReadChange, ReadError};
use holdfast_github::{GithubConnection, GithubIdentity, GithubPublishReview, GithubReadChange};
use holdfast_testkit::github::FakeGithubOptions;
use holdfast_testkit::{FakeGithub, Matcher, PullRequest, Repository};

use crate::{KEY, SLUG, app, pull_request};

#[tokio::test]
async fn an_app_reads_and_writes_with_its_installations_token() {
    let change = Repository::many_files(1).unwrap();
    let github = FakeGithub::start_with(FakeGithubOptions {
        app_id: 77,
        ..FakeGithubOptions::default()
    })
    .unwrap();
    github.add(PullRequest::from_git(change.repository.path(), &change.base, &change.head, SLUG, 12).unwrap());
    let connection = app(&github, 77);
    let target = pull_request(&change.head);
    let read = GithubReadChange::new(connection.clone());
    assert_eq!(read.read_change(&target).await.unwrap().files.len(), 1);
    let publish = GithubPublishReview::new(connection, MarkerKey::new(KEY.into()).unwrap());
    assert!(
        publish.open_check(&target, "run").await.unwrap().is_some(),
        "an App writes checks"
    );
    let asked = github
        .journal()
        .matching(&Matcher::new("POST", "/app/installations/*/access_tokens"));
    assert_eq!(asked.len(), 1, "the token is kept while it lives");
}

#[tokio::test]
async fn an_app_that_is_not_installed_or_not_known_is_told() {
    let change = Repository::many_files(1).unwrap();
    let github = FakeGithub::start().unwrap();
    let unknown = GithubReadChange::new(app(&github, 1))
        .current_head(&pull_request(&change.head))
        .await;
    let error = unknown.unwrap_err();
    assert!(matches!(error, ReadError::NotFound(_)), "{error:?}");
    assert!(error.to_string().contains("the GitHub App"), "{error}");
}

#[test]
fn what_is_no_key_is_refused_without_being_quoted() {
    let identity = GithubIdentity::App {
        id: 1,
        key: "very secret".into(),
    };
    let error = GithubConnection::new(None, identity).unwrap_err().to_string();
    assert!(
        error.contains("HOLDFAST_GITHUB_APP_KEY_FILE") && !error.contains("very secret"),
        "{error}"
    );
}
