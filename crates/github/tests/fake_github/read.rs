//! Reads pull requests: the same change as in the work tree, all of its pages, and each refusal with its error name.

use holdfast_core::model::change::{FileKind, FileStatus, Target};
use holdfast_core::port::{ReadChange, ReadError};
use holdfast_git::GitReadChange;
use holdfast_github::{GithubConnection, GithubIdentity, GithubReadChange, parse_address};
use holdfast_testkit::github::ChangedFile;
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, Fault, Matcher, PullRequest, Repository};

use crate::{SLUG, connection, pull_request, sha};

fn serve(change: &Change) -> (FakeGithub, GithubReadChange) {
    let github = FakeGithub::start().unwrap();
    let path = change.repository.path();
    github.add(PullRequest::from_git(path, &change.base, &change.head, SLUG, 12).unwrap());
    let read = GithubReadChange::new(connection(&github, FakeGithub::USER_TOKEN));
    (github, read)
}

#[tokio::test]
async fn a_pull_request_is_the_work_trees_change() {
    let corpus = Repository::corpus().unwrap();
    let (_github, read) = serve(&corpus);
    let from_github = read.read_change(&pull_request(&corpus.head)).await.unwrap();
    let target = Target::WorkTree {
        path: corpus.repository.path().to_str().unwrap().to_owned(),
        base: sha(&corpus.base),
        head: sha(&corpus.head),
        only: Vec::new(),
    };
    let from_git = GitReadChange::new().read_change(&target).await.unwrap();
    assert_eq!((&from_github.base, &from_github.head), (&from_git.base, &from_git.head));
    assert_eq!(from_github.files_total, from_git.files_total);
    for theirs in &from_github.files {
        let ours = from_git.files.iter().find(|file| file.path == theirs.path).unwrap();
        assert_eq!((theirs.status, theirs.kind), (ours.status, ours.kind), "{}", ours.path);
        assert_eq!(theirs.previous_path, ours.previous_path);
        assert_eq!(theirs.patch.is_some(), ours.patch.is_some(), "{}", ours.path);
        // git shows a change of type as a deletion and an addition; the reader of work trees as one change.
        if ours.status != FileStatus::TypeChanged {
            assert_eq!(
                (theirs.additions, theirs.deletions),
                (ours.additions, ours.deletions),
                "{}",
                ours.path
            );
        }
    }
}

#[tokio::test]
async fn every_page_is_read_and_an_incomplete_list_is_reported() {
    let files: Vec<ChangedFile> = (0..250)
        .map(|index| ChangedFile::modified(format!("src/f{index}.rs"), "@@ -1 +1 @@\n-a\n+b"))
        .collect();
    let github = FakeGithub::start().unwrap();
    let change = PullRequest::by_hand(SLUG, 12, files);
    let head = change.head_sha.clone();
    github.add(change);
    let read = GithubReadChange::new(connection(&github, FakeGithub::USER_TOKEN));
    let change = read.read_change(&pull_request(&head)).await.unwrap();
    assert_eq!((change.files.len(), change.files_total), (250, 250));
    assert!(
        change
            .files
            .iter()
            .all(|file| file.kind == FileKind::Text && file.patch.is_some())
    );
}

#[tokio::test]
async fn an_address_becomes_a_target_with_its_head() {
    let change = Repository::many_files(1).unwrap();
    let (github, read) = serve(&change);
    let address = parse_address(&github.pull_request_url(SLUG, 12)).unwrap();
    let target = read.resolve(&address).await.unwrap();
    let expected = pull_request(&change.head);
    assert_eq!(
        (target.named_place(), target.head()),
        (expected.named_place(), expected.head())
    );
    assert_eq!(target.place(), format!("{}#12", github.repository_id(SLUG)));
    let pinned = target.pinned().unwrap();
    assert_eq!(
        (pinned.merge_base.as_str(), pinned.settings.as_str()),
        (change.base.as_str(), "none")
    );
    let elsewhere = parse_address("https://github.example/octo/demo/pull/12").unwrap();
    let error = read.resolve(&elsewhere).await.unwrap_err().to_string();
    assert!(
        error.contains("HOLDFAST_GITHUB_URL") && error.contains("github.example"),
        "{error}"
    );
}

#[tokio::test]
async fn each_refusal_has_its_kind_and_remedy() {
    let change = Repository::many_files(1).unwrap();
    let (github, read) = serve(&change);
    let target = pull_request(&change.head);
    type Is = fn(&ReadError) -> bool;
    let table: [(Fault, Is, &str); 7] = [
        (
            Fault::status(401),
            |error| matches!(error, ReadError::Forbidden(_)),
            "GITHUB_TOKEN",
        ),
        (
            Fault::status(403),
            |error| matches!(error, ReadError::Forbidden(_)),
            "Pull requests: read",
        ),
        (
            Fault::status(404),
            |error| matches!(error, ReadError::NotFound(_)),
            "check the address",
        ),
        (
            Fault::status(502),
            |error| matches!(error, ReadError::Unavailable(_)),
            "try again later",
        ),
        (
            Fault::rate_limited(7),
            |error| {
                matches!(
                    error,
                    ReadError::RateLimited {
                        retry_after_s: Some(7),
                        ..
                    }
                )
            },
            "429",
        ),
        (
            Fault::MalformedBody,
            |error| matches!(error, ReadError::Unavailable(_)),
            "HOLDFAST_GITHUB_URL",
        ),
        (
            Fault::DropBefore,
            |error| matches!(error, ReadError::Unavailable(_)),
            "no answer",
        ),
    ];
    for (fault, is_kind, text_part) in table {
        github.fail_next(Matcher::any(), fault.clone());
        let error = read.current_head(&target).await.unwrap_err();
        assert!(is_kind(&error), "{fault:?}: {error:?}");
        let line = error.to_string();
        assert!(line.contains(text_part) && !line.contains('\n'), "{fault:?}: {line}");
        assert!(!line.contains(FakeGithub::USER_TOKEN), "no token in a message");
    }
}

#[tokio::test]
async fn a_private_repository_needs_a_token() {
    let change = Repository::many_files(1).unwrap();
    let github = FakeGithub::start().unwrap();
    let mut request = PullRequest::from_git(change.repository.path(), &change.base, &change.head, SLUG, 12).unwrap();
    request.is_private = true;
    github.add(request);
    let url = github.url().parse().unwrap();
    let read = GithubReadChange::new(GithubConnection::new(Some(url), GithubIdentity::Anonymous).unwrap());
    let error = read
        .current_head(&pull_request(&change.head))
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains("no GITHUB_TOKEN is set"), "{error}");
}

#[tokio::test]
async fn a_link_is_not_read_through_its_target() {
    let repository = Repository::new().unwrap();
    repository.write("src/real.py", "import os\n").unwrap();
    repository.symlink("src/link.py", "real.py").unwrap();
    repository.symlink("top.py", "src/real.py").unwrap();
    repository.write("large", vec![b'x'; 1024 * 1024 + 1]).unwrap();
    let base = repository.commit("before").unwrap();
    repository.branch("change").unwrap();
    repository.write("other", "x\n").unwrap();
    let head = repository.commit("after").unwrap();
    let change = Change { repository, base, head };
    let (github, read) = serve(&change);
    let at = |path: &'static str| {
        let (read, target, head) = (&read, pull_request(&change.head), sha(&change.head));
        async move { read.read_file(&target, path, &head).await.unwrap() }
    };
    assert_eq!(at("src/real.py").await.as_deref(), Some(b"import os\n".as_slice()));
    for nothing in [
        "src/link.py",
        "top.py",
        "src",
        "large",
        "src/none.py",
        "top.py/x",
        "none/x",
    ] {
        assert_eq!(at(nothing).await, None, "{nothing}");
    }
    assert_eq!(at("other").await.as_deref(), Some(b"x\n".as_slice()));
    let listed = github
        .journal()
        .entries()
        .iter()
        .filter(|entry| entry.path.ends_with("/contents/src"))
        .count();
    assert_eq!(listed, 1, "a folder is listed once");
}

/// GitHub leaves a patch out for an attribute of the change and for a NUL byte. Neither hides the file's content.
#[tokio::test]
async fn a_file_without_a_patch_on_github_is_read() {
    let repository = Repository::new().unwrap();
    repository.write("README.md", "a\n").unwrap();
    let base = repository.commit("base").unwrap();
    let token = ["ghp_", "Zk3", "Qp9", "Xv7Lm2Rt8Wn4Bc6Yd1Hs5Gf0Jk3Ab9Ce7Eu2"].concat();
    let script = format!("token = \"{token}\"\n");
    repository.write(".gitattributes", "*.py -diff\n").unwrap();
    repository.write("a.py", &script).unwrap();
    repository.write("deploy.sh", format!("# \0\n{script}")).unwrap();
    repository
        .write("long.sql", script.clone() + &"select 1;\n".repeat(200_000))
        .unwrap();
    repository.write("logo.png", b"\x89PNG\0\x01").unwrap();
    let head = repository.commit("head").unwrap();
    // Kept to the end, because the fake reads from it.
    let served = Change { repository, base, head };
    let (_github, read) = serve(&served);
    let change = read.read_change(&pull_request(&served.head)).await.unwrap();
    let file = |path: &str| change.files.iter().find(|file| file.path == path).unwrap();

    let hidden = file("a.py");
    assert_eq!((hidden.kind, hidden.omitted.as_deref()), (FileKind::Text, None));
    assert_eq!(
        hidden.patch.as_deref(),
        Some(format!("@@ -0,0 +1,1 @@\n+{script}").as_str())
    );

    let nul = file("deploy.sh");
    assert_eq!(
        (nul.kind, nul.omitted.as_deref()),
        (FileKind::Binary, Some("has NUL bytes"))
    );
    assert_eq!(nul.secrets.iter().map(|found| found.line).collect::<Vec<_>>(), [2]);

    let image = file("logo.png");
    assert_eq!((image.kind, image.secrets.len()), (FileKind::Binary, 0));
    let long = file("long.sql");
    assert!(long.patch.is_some() || !long.secrets.is_empty(), "{:?}", long.omitted);
}
