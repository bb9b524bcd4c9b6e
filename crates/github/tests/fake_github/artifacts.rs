//! SARIF files in artifacts of workflow runs: only those of the head count, and no token leaves for their host.

use holdfast_core::evidence::ToolRuns;
use holdfast_core::port::{ReadChange, ReadError};
use holdfast_github::GithubReadChange;
use holdfast_testkit::github::{Artifact, Identity, Matcher, zip_of};
use holdfast_testkit::repository::Change;
use holdfast_testkit::{FakeGithub, Fault, PullRequest, Repository};
use serde_json::json;

use crate::{SLUG, connection, pull_request, sha};

struct Scene {
    github: FakeGithub,
    change: Change,
}

fn scene() -> Scene {
    let change = Repository::many_files(1).unwrap();
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::from_git(change.repository.path(), &change.base, &change.head, SLUG, 12).unwrap());
    Scene { github, change }
}

/// Returns a log with a report on each of these lines of `a.js`.
fn sarif(tool: &str, lines: &[u32]) -> Vec<u8> {
    let result = |line: &u32| {
        let place = json!({
            "artifactLocation": { "uri": "file:///home/runner/work/demo/demo/a.js" }, "region": { "startLine": line },
        });
        json!({ "ruleId": "R1", "message": { "text": "Bad." }, "locations": [{ "physicalLocation": place }] })
    };
    let results: Vec<_> = lines.iter().map(result).collect();
    let run = json!({ "tool": { "driver": { "name": tool } }, "results": results });
    json!({ "version": "2.1.0", "runs": [run] }).to_string().into_bytes()
}

impl Scene {
    /// Returns the artifact of a run on the head, with one log.
    fn artifact(&self, name: &str, run: u64, log: &[u8]) -> Artifact {
        Artifact {
            name: name.to_owned(),
            run,
            head: self.change.head.clone(),
            archive: zip_of(&[("out/report.sarif", log), ("README.md", b"# Not SARIF")]).unwrap(),
            ..Artifact::default()
        }
    }

    fn add(&self, artifact: Artifact) -> u64 {
        self.github.add_artifact(SLUG, artifact).unwrap()
    }

    async fn read(&self, token: &str, names: &[&str]) -> Result<ToolRuns, ReadError> {
        let read = GithubReadChange::new(connection(&self.github, token));
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let head = sha(&self.change.head);
        read.artifacts(&pull_request(&self.change.head), &head, &names).await
    }

    /// Returns the notes of reading `lint`, each without `Artifact lint: `.
    async fn problems(&self) -> Vec<String> {
        let read = self.read(FakeGithub::USER_TOKEN, &["lint"]).await.unwrap();
        let notes = read.notes.into_iter();
        notes
            .map(|note| note.strip_prefix("Artifact lint: ").unwrap().to_owned())
            .collect()
    }
}

fn tools(runs: &ToolRuns) -> Vec<String> {
    runs.tools.iter().map(|tool| tool.name.clone()).collect()
}

#[tokio::test]
async fn the_newest_artifact_of_each_run_on_the_head_is_read_without_a_token() {
    let scene = scene();
    scene.add(scene.artifact("lint", 7, &sarif("older", &[1])));
    scene.add(scene.artifact("lint", 7, &sarif("ruff", &[1, 2])));
    scene.add(scene.artifact("lint", 8, &sarif("zizmor", &[])));
    scene.add(scene.artifact("scan (3.12)", 8, &sarif("semgrep", &[3])));
    scene.add(scene.artifact("other", 8, &sarif("other", &[1])));
    scene.add(Artifact {
        head: scene.change.base.clone(),
        ..scene.artifact("lint", 9, &sarif("base", &[1]))
    });
    let names = ["lint", "scan (3.12)", "lint"];
    for token in [FakeGithub::USER_TOKEN, FakeGithub::INSTALLATION_TOKEN] {
        let found = scene.read(token, &names).await.unwrap();
        assert_eq!(tools(&found), ["zizmor", "ruff", "semgrep"]);
        assert_eq!((found.number(), found.reports["a.js"].len()), (3, 3));
        assert_eq!(found.notes, Vec::<String>::new());
    }
    assert_eq!(scene.github.storage_requests(), [false; 6], "a request with a token");
    let listed = Matcher::new("GET", "/repos/*/*/actions/artifacts");
    assert_eq!(scene.github.journal().matching(&listed).len(), 4, "one for each name");
}

#[tokio::test]
async fn an_artifact_that_is_not_there_is_a_note() {
    let scene = scene();
    let none = "no workflow run on this head has it yet: a later review reads it";
    assert_eq!(scene.problems().await, [none]);
    scene.add(Artifact {
        head: scene.change.base.clone(),
        ..scene.artifact("lint", 7, &sarif("base", &[1]))
    });
    assert_eq!(scene.problems().await, [none]);
    scene.add(Artifact {
        is_expired: true,
        ..scene.artifact("lint", 7, &sarif("expired", &[1]))
    });
    assert_eq!(scene.problems().await, ["that of this head has expired"]);
    assert_eq!(scene.github.storage_requests(), Vec::<bool>::new());
}

#[tokio::test]
async fn a_damaged_or_large_artifact_is_a_note_and_the_others_are_read() {
    let large = 20 * 1024 * 1024 + 1;
    type Edit = fn(Artifact) -> Artifact;
    let table: [(Edit, &str); 7] = [
        (
            |artifact| Artifact {
                archive: artifact.archive[..artifact.archive.len() / 2].to_vec(),
                ..artifact
            },
            "it is a damaged zip archive",
        ),
        (
            |artifact| Artifact {
                archive: b"<html>".to_vec(),
                ..artifact
            },
            "it is a damaged zip archive",
        ),
        (
            |artifact| Artifact {
                archive: zip_of(&[("a.sarif", b"{}"), ("b.sarif", b"@everyone")]).unwrap(),
                ..artifact
            },
            "2 files are not SARIF 2.1.0",
        ),
        (
            |artifact| Artifact {
                stated_bytes: Some(20 * 1024 * 1024 + 1),
                ..artifact
            },
            "it has 20.1 MiB, and at most 20 MiB are read",
        ),
        (
            |artifact| Artifact {
                archive: vec![0; 20 * 1024 * 1024 + 1],
                stated_bytes: Some(9),
                ..artifact
            },
            "it has 20.1 MiB, and at most 20 MiB are read",
        ),
        (
            |artifact| Artifact {
                location: Some("http://storage.example/1.zip".to_owned()),
                ..artifact
            },
            "the file is at an address without https, which isn't called",
        ),
        (
            |artifact| Artifact {
                location: Some("file:///etc/passwd".to_owned()),
                ..artifact
            },
            "the file is at an address without https, which isn't called",
        ),
    ];
    for (edit, expected) in table {
        let scene = scene();
        scene.add(scene.artifact("lint", 7, &sarif("ruff", &[1])));
        scene.add(edit(scene.artifact("lint", 8, &sarif("lost", &[1]))));
        let problems = scene.problems().await;
        assert!(
            problems.len() == 1 && problems[0].ends_with(expected),
            "{expected}: {problems:?}"
        );
        let found = scene.read(FakeGithub::USER_TOKEN, &["lint"]).await.unwrap();
        assert_eq!(tools(&found), ["ruff"], "{expected}");
    }
    let scene = scene();
    scene.add(Artifact {
        archive: vec![0; large - 1],
        ..scene.artifact("lint", 7, &[])
    });
    assert_eq!(
        scene.problems().await,
        ["it is a damaged zip archive"],
        "20 MiB are read"
    );
}

#[tokio::test]
async fn a_review_reads_at_most_20_artifacts() {
    let scene = scene();
    for run in 1..=22 {
        scene.add(scene.artifact("lint", run, &sarif("ruff", &[1])));
    }
    let found = scene.read(FakeGithub::USER_TOKEN, &["lint"]).await.unwrap();
    assert_eq!(
        found.notes,
        ["2 artifacts left out: a review reads at most 20 artifacts, in 90 s"]
    );
    assert_eq!((found.number(), scene.github.storage_requests().len()), (20, 20));
}

#[tokio::test]
async fn a_missing_permission_is_named_and_an_outage_is_an_error() {
    let scene = scene();
    let person = Identity::user("ann").with_permission("actions", None);
    scene.github.add_token("narrow", person);
    let error = scene.read("narrow", &["lint"]).await.unwrap_err();
    assert!(matches!(error, ReadError::Forbidden(_)), "{error}");
    assert!(error.to_string().contains("Actions: read"), "{error}");

    scene.add(scene.artifact("lint", 7, &sarif("ruff", &[1])));
    for path in ["/repos/*/*/actions/artifacts", "/repos/*/*/actions/artifacts/*/zip"] {
        for (fault, is_limit) in [(Fault::rate_limited(7), true), (Fault::status(502), false)] {
            scene.github.fail_next(Matcher::new("GET", path), fault);
            let error = scene.read(FakeGithub::USER_TOKEN, &["lint"]).await.unwrap_err();
            let is_expected = match error {
                ReadError::RateLimited { retry_after_s, .. } => is_limit && retry_after_s == Some(7),
                ReadError::Unavailable(_) => !is_limit,
                _ => false,
            };
            assert!(is_expected, "{path}: {error}");
        }
    }
}

#[tokio::test]
async fn the_host_of_the_files_may_refuse_or_fail() {
    let scene = scene();
    scene.add(scene.artifact("lint", 7, &sarif("ruff", &[1])));
    for status in [403, 404, 301] {
        scene.github.fail_storage(Some(status));
        let problems = scene.problems().await;
        let expected = format!("/zip from 127.0.0.1: the host refuses it ({status})");
        assert!(problems.len() == 1 && problems[0].ends_with(&expected), "{problems:?}");
    }
    for status in [429, 500, 503] {
        scene.github.fail_storage(Some(status));
        let error = scene.read(FakeGithub::USER_TOKEN, &["lint"]).await.unwrap_err();
        let line = error.to_string();
        assert!(matches!(error, ReadError::Unavailable(_)), "{line}");
        assert!(line.contains("from 127.0.0.1") && !line.contains("sig="), "{line}");
    }
    scene.github.fail_storage(None);
    assert_eq!(scene.problems().await, Vec::<String>::new());
}
