//! Many files of a commit: the same bytes as one by one and as in the work tree, in a few requests; through REST where
//! GraphQL fails.

use std::time::Instant;

use holdfast_core::model::change::Target;
use holdfast_core::port::{FILES_PER_READ, ReadChange, ReadError};
use holdfast_git::GitReadChange;
use holdfast_github::{GithubConnection, GithubIdentity, GithubReadChange};
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, Fault, Matcher, PullRequest, Repository};

use crate::{SLUG, connection, pull_request, sha};

/// Paths of every kind at the head.
const PATHS: [&str; 12] = [
    "src/real.py",
    "src/link.py",
    "src/latin.txt",
    "src/empty",
    "nul.bin",
    "long.sql",
    "over.sql",
    "src",
    "no/such/file",
    "../src/real.py",
    "",
    "src/real.py",
];

fn odd_files() -> Change {
    let repository = Repository::new().unwrap();
    repository.write("README.md", "a\n").unwrap();
    let base = repository.commit("base").unwrap();
    repository.write("src/real.py", "import os\r\n# \u{20ac}\n").unwrap();
    repository.symlink("src/link.py", "real.py").unwrap();
    repository.write("src/latin.txt", b"caf\xe9\n").unwrap();
    repository.write("src/empty", "").unwrap();
    repository.write("nul.bin", b"a\0b\n").unwrap();
    repository.write("long.sql", "select 1;\n".repeat(60_000)).unwrap();
    repository.write("over.sql", "select 1;\n".repeat(120_000)).unwrap();
    let head = repository.commit("head").unwrap();
    Change { repository, base, head }
}

fn serve(change: &Change) -> FakeGithub {
    let github = FakeGithub::start().unwrap();
    let path = change.repository.path();
    github.add(PullRequest::from_git(path, &change.base, &change.head, SLUG, 12).unwrap());
    github
}

fn work_tree(change: &Change) -> Target {
    Target::WorkTree {
        path: change.repository.path().to_str().unwrap().to_owned(),
        base: sha(&change.base),
        head: sha(&change.head),
        only: Vec::new(),
    }
}

#[tokio::test]
async fn every_way_gives_the_same_bytes() {
    let change = odd_files();
    let head = sha(&change.head);
    let tree = work_tree(&change);
    let expected = GitReadChange::new().read_files(&tree, &PATHS, &head).await.unwrap();
    let lengths: Vec<Option<usize>> = expected.iter().map(|bytes| bytes.as_ref().map(Vec::len)).collect();
    let none = None;
    assert_eq!(
        lengths,
        [
            Some(17),
            none,
            Some(5),
            Some(0),
            Some(4),
            Some(600_000),
            none,
            none,
            none,
            none,
            none,
            Some(17)
        ]
    );
    let graphql = || Matcher::new("POST", "/graphql").always();
    let ways: [(&str, Option<Fault>); 4] = [
        ("GraphQL", None),
        ("REST, as GraphQL fails", Some(Fault::status(502))),
        ("REST, as GraphQL is forbidden", Some(Fault::status(403))),
        ("REST, as GraphQL is not there", Some(Fault::MalformedBody)),
    ];
    for (way, fault) in ways {
        let github = serve(&change);
        if let Some(fault) = fault {
            github.fail_next(graphql(), fault);
        }
        let read = GithubReadChange::new(connection(&github, FakeGithub::USER_TOKEN));
        let found = read
            .read_files(&pull_request(&change.head), &PATHS, &head)
            .await
            .unwrap();
        assert_eq!(found, expected, "{way}");
    }
    let github = serve(&change);
    let url = github.url().parse().unwrap();
    let read = GithubReadChange::new(GithubConnection::new(Some(url), GithubIdentity::Anonymous).unwrap());
    let found = read
        .read_files(&pull_request(&change.head), &PATHS, &head)
        .await
        .unwrap();
    assert_eq!(found, expected, "REST, without a token");
    let entries = github.journal().entries();
    assert!(
        entries.iter().all(|entry| entry.path != "/graphql"),
        "GraphQL needs a token"
    );
}

#[tokio::test]
async fn a_limit_is_reported_and_not_evaded() {
    let change = odd_files();
    let github = serve(&change);
    github.fail_next(Matcher::new("POST", "/graphql"), Fault::rate_limited(7));
    let read = GithubReadChange::new(connection(&github, FakeGithub::USER_TOKEN));
    let head = sha(&change.head);
    let error = read
        .read_files(&pull_request(&change.head), &PATHS, &head)
        .await
        .unwrap_err();
    let is_limit = matches!(
        &error,
        ReadError::RateLimited {
            retry_after_s: Some(7),
            ..
        }
    );
    assert!(is_limit, "{error:?}");
    assert_eq!(github.journal().entries().len(), 1);
}

/// Measures the requests and the time of 100 and of 1,000 files, if each answer takes 100 ms.
#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_files_take_a_few_requests() {
    for (count, requests) in [(100, 3), (1_000, 30)] {
        let change = Repository::many_files(count).unwrap();
        let github = serve(&change);
        github.fail_next(Matcher::any().always(), Fault::Delay { delay_ms: 100 });
        let read = GithubReadChange::new(connection(&github, FakeGithub::USER_TOKEN));
        let (target, head) = (pull_request(&change.head), sha(&change.head));
        let paths: Vec<String> = (0..count).map(|index| format!("src/file_{index:04}.rs")).collect();
        let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
        let began = Instant::now();
        for paths in paths.chunks(FILES_PER_READ) {
            let found = read.read_files(&target, paths, &head).await.unwrap();
            assert!(found.iter().all(Option::is_some));
        }
        let (elapsed, made) = (began.elapsed(), github.journal().entries().len());
        eprintln!("{count} files: {made} requests, {elapsed:?} at 100 ms each");
        assert_eq!(made, requests, "{count} files");
    }
}
