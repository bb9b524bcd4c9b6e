//! Alerts of code scanning: only those of the head count.

use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{ReadChange, ReadError};
use holdfast_github::GithubReadChange;
use holdfast_testkit::github::{Alert, Identity};
use holdfast_testkit::{FakeGithub, PullRequest, Repository};

use crate::{SLUG, connection};

struct Scene {
    github: FakeGithub,
    repository: Repository,
    base: String,
    head: String,
}

fn scene() -> Scene {
    let repository = Repository::new().unwrap();
    repository.write("a.js", "a\n").unwrap();
    let base = repository.commit("Begin").unwrap();
    repository.write("a.js", "a\nb\n").unwrap();
    let head = repository.commit("Go on").unwrap();
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::from_git(repository.path(), &base, &head, SLUG, 12).unwrap());
    Scene {
        github,
        repository,
        base,
        head,
    }
}

fn alerts(number: u32) -> Vec<Alert> {
    let alert = |line| Alert {
        rule: "js/sql-injection".to_owned(),
        severity: "high".to_owned(),
        path: "a.js".to_owned(),
        line,
    };
    (1..=number).map(alert).collect()
}

/// Returns the number of reports, and the tools.
async fn read(scene: &Scene, token: &str) -> Result<(usize, Vec<String>), ReadError> {
    let read = GithubReadChange::new(connection(&scene.github, token));
    let address = holdfast_github::parse_address(&scene.github.pull_request_url(SLUG, 12)).unwrap();
    let target = read.resolve(&address).await.unwrap();
    let found = read
        .code_scanning(&target, &CommitSha::parse(&scene.head).unwrap())
        .await?;
    let tools = found.tools.iter().map(|tool| tool.name.clone()).collect();
    Ok((found.number(), tools))
}

#[tokio::test]
async fn only_analyses_of_the_head_and_of_its_merge_count() {
    let scene = scene();
    assert_eq!(read(&scene, FakeGithub::USER_TOKEN).await.unwrap(), (0, vec![]), "none");
    let [merge, older, lost] = ["c", "d", "e"].map(|digit| digit.repeat(40));
    let add = |tool, commit, alerts: &[Alert]| scene.github.add_analysis(SLUG, 12, tool, commit, alerts);
    add("Old", (&older, Some(&scene.base)), &alerts(3));
    add("Lost", (&lost, None), &alerts(3));
    add("CodeQL", (&merge, Some(&scene.head)), &alerts(250));
    add("zizmor", (&scene.head, None), &[]);
    let (number, mut tools) = read(&scene, FakeGithub::USER_TOKEN).await.unwrap();
    tools.sort();
    assert_eq!((number, tools), (250, vec!["CodeQL".to_owned(), "zizmor".to_owned()]));
    drop(scene.repository);
}

#[tokio::test]
async fn a_missing_permission_is_named() {
    let scene = scene();
    let person = Identity::user("ann").with_permission("security_events", None);
    scene.github.add_token("narrow", person);
    let error = read(&scene, "narrow").await.unwrap_err();
    assert!(matches!(error, ReadError::Forbidden(_)), "{error}");
    assert!(error.to_string().contains("Code scanning alerts: read"), "{error}");
}
