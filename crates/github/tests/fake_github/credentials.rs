//! A GitHub App: its key signs; its installation's token and its login are read once and kept; errors name the cause.

use holdfast_core::model::marker::MarkerKey;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::port::{PublishReview, ReadChange, ReadError, ReadPull};
use holdfast_github::{GithubConnection, GithubIdentity, GithubPublishReview, GithubReadChange};
use holdfast_testkit::github::FakeGithubOptions;
use holdfast_testkit::port::run_name;
use holdfast_testkit::{FakeGithub, Fault, Matcher, PullRequest, Repository};

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
        publish.open_check(&target, &run_name("run")).await.unwrap().is_some(),
        "an App writes checks"
    );
    let requests = github
        .journal()
        .matching(&Matcher::new("POST", "/app/installations/*/access_tokens"));
    assert_eq!(requests.len(), 1, "the token is kept while it lives");
}

#[tokio::test]
async fn an_app_that_is_not_installed_or_not_known_is_named_in_the_error() {
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
fn an_invalid_key_is_refused_without_being_quoted() {
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

#[tokio::test]
async fn an_apps_login_and_tokens_are_kept_until_its_credentials_are_refused() {
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::by_hand(SLUG, 12, Vec::new()));
    let read = GithubReadChange::new(app(&github, 1));
    let repository = RepositoryName::new("octo", "demo").unwrap();
    let counts = || {
        let journal = github.journal();
        let tokens = Matcher::new("POST", "/app/installations/*/access_tokens");
        let logins = journal.matching(&Matcher::new("GET", "/app")).len();
        (logins, journal.matching(&tokens).len())
    };
    let login = read.own_login().await.unwrap().unwrap();
    assert!(login.ends_with("[bot]"), "{login}");
    for _ in 0..3 {
        assert_eq!(read.clone().own_login().await.unwrap().as_ref(), Some(&login));
        read.pull(&repository, 12).await.unwrap();
    }
    assert_eq!(counts(), (1, 1));
    github.fail_next(Matcher::new("GET", "/repos/octo/demo/pulls/12"), Fault::status(401));
    read.pull(&repository, 12).await.unwrap_err();
    for _ in 0..3 {
        assert_eq!(read.own_login().await.unwrap().as_ref(), Some(&login));
        read.pull(&repository, 12).await.unwrap();
    }
    assert_eq!(counts(), (2, 2), "read again after the refusal");
}

#[tokio::test]
async fn a_failed_read_of_the_login_is_not_kept() {
    let github = FakeGithub::start().unwrap();
    let read = GithubReadChange::new(crate::connection(&github, FakeGithub::USER_TOKEN));
    github.fail_next(Matcher::new("GET", "/user"), Fault::status(403));
    assert_eq!(read.own_login().await.unwrap(), None);
    let login = read.own_login().await.unwrap();
    assert!(login.is_some());
    assert_eq!(read.own_login().await.unwrap(), login);
    assert_eq!(github.journal().matching(&Matcher::new("GET", "/user")).len(), 2);
}
