//! CI jobs of one pull request, each with a new data directory that ends with the job.

use std::collections::BTreeSet;

use holdfast_testkit::{FakeGithub, Finding, Script};
use serde_json::{Value, json};

use crate::pull_request::{Pull, SLUG, minor};
use crate::support::holdfast;

/// A secret that is long enough to derive a key from.
const STABLE: &str = "a-key-of-a-provider-with-many-signs";

/// The result of a job.
struct Job {
    status: i32,
    document: Value,
    stderr: String,
}

/// Runs `holdfast review ADDRESS --publish --format json` as a job of GitHub Actions, with a new data directory.
fn job(pull: &Pull, key: &str, arguments: &[&str]) -> Job {
    let data = tempfile::tempdir().unwrap();
    let address = pull.address();
    let mut command = holdfast(&["review", &address, "--publish", "--format", "json"]);
    command.args(arguments).env("XDG_STATE_HOME", data.path());
    command.envs(pull.scene.settings.iter().map(|(name, value)| (name, value)));
    command
        .env("OPENAI_API_KEY", "a-key-of-a-provider-with-many-signs")
        .env("HOLDFAST_MARKER_KEY", key)
        .env("CI", "true")
        .env("GITHUB_ACTIONS", "true");
    let output = command.output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    Job {
        status: output.status.code().unwrap(),
        document: serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {stderr}")),
        stderr,
    }
}

/// Returns the number of the pull request's review comments. Fails if two that people see are the same.
fn comments(pull: &Pull) -> usize {
    let comments = pull.github.review_comments(SLUG, 12);
    let mut seen = BTreeSet::new();
    for comment in comments.iter().filter(|comment| !comment["line"].is_null()) {
        let place = format!("{} {} {}", comment["path"], comment["line"], comment["body"]);
        assert!(seen.insert(place.clone()), "posted twice: {place}");
    }
    comments.len()
}

#[test]
fn three_pushes_in_three_jobs_leave_one_summary_and_no_comment_twice() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
    let gate_off = ["--gate", "off"];
    for number in 1..=3 {
        if number > 1 {
            pull.push(
                "src/file_0001.rs",
                &format!("pub fn changed() -> u32 {{\n    {number}\n}}\n"),
            );
        }
        let ended = job(&pull, STABLE, &gate_off);
        assert_eq!(
            (ended.status, &ended.document["status"]),
            (1, &json!("published")),
            "{}",
            ended.stderr
        );
        assert!(!ended.stderr.contains("HOLDFAST_MARKER_KEY"), "{}", ended.stderr);
        assert!(
            ended.document["notes"].to_string().contains("--gate off"),
            "{:#}",
            ended.document
        );
        // The ledger is read back from the comments: each finding keeps its own.
        assert_eq!((pull.reviews().len(), comments(&pull)), (1, 4), "push {number}");
        let open = if number == 1 {
            "4 findings;"
        } else {
            "no new findings, 4 still open;"
        };
        assert!(pull.comment().contains(open), "{}", pull.comment());
    }
    // The last job again.
    let again = job(&pull, STABLE, &gate_off);
    assert_eq!(again.status, 1, "{}", again.stderr);
    assert_eq!((pull.reviews().len(), comments(&pull)), (1, 4));
    pull.comment();
}

/// Returns the path of the finding that needs an approval, and answers with a low finding in each other file.
fn one_gated() -> (&'static str, Script) {
    let path = "src/file_0001.rs";
    let gated = Script::findings(vec![Finding::first_added_line().severity("high")]);
    (path, minor().for_path(path, gated))
}

#[test]
fn a_gated_finding_is_withheld_and_the_rest_is_published() {
    let (gated, script) = one_gated();
    let pull = Pull::new(script, FakeGithub::INSTALLATION_TOKEN);
    for _again in 0..2 {
        let ended = job(&pull, STABLE, &[]);
        let document = &ended.document;
        assert_eq!(
            (ended.status, &document["status"], &document["withheld"]),
            (1, &json!("published"), &json!(1)),
            "{}",
            ended.stderr
        );
        assert_eq!(document["findings"].as_array().unwrap().len(), 4, "the output has all");
        for words in [
            "running in GitHub Actions",
            "1 finding is withheld",
            "--data",
            "serve",
            "--gate off",
        ] {
            assert!(ended.stderr.contains(words), "{words}: {}", ended.stderr);
        }
        assert_eq!((pull.reviews().len(), comments(&pull)), (1, 3));
    }
    let review = pull.reviews()[0]["body"].as_str().unwrap().to_owned();
    assert!(review.contains("1 more withheld for an approval"), "{review}");
    let posted = pull.github.review_comments(SLUG, 12);
    assert!(posted.iter().all(|comment| comment["path"] != gated), "{posted:#?}");
    let comment = pull.comment();
    assert!(
        comment.contains("1 finding is withheld") && !comment.contains("is reviewing"),
        "{comment}"
    );
    for check in pull.github.check_runs(SLUG) {
        assert_eq!(
            (&check["status"], &check["conclusion"]),
            (&json!("completed"), &json!("action_required"))
        );
        assert!(
            check["output"]["title"]
                .as_str()
                .unwrap()
                .contains("1 finding withheld"),
            "{check:#}"
        );
    }
    // Without the gate only the withheld finding is new.
    let whole = job(&pull, STABLE, &["--gate", "off"]);
    assert_eq!(whole.document["withheld"], Value::Null, "{}", whole.stderr);
    assert_eq!(comments(&pull), 4);
    assert!(!pull.comment().contains("withheld"));
}

#[test]
fn a_review_whose_findings_are_all_withheld_ends_too() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
    // Whatever the setting of the gate, there is no place to wait in.
    let ended = job(&pull, STABLE, &["--gate", "on"]);
    assert_eq!(
        (&ended.document["status"], &ended.document["withheld"]),
        (&json!("published"), &json!(4)),
        "{}",
        ended.stderr
    );
    assert_eq!(comments(&pull), 0);
    assert!(pull.comment().contains("4 findings are withheld"));
    assert_eq!(pull.check()["conclusion"], "action_required");
    pull.push("src/file_0001.rs", "pub fn changed() {}\n");
    let published = job(&pull, STABLE, &["--gate", "off"]);
    assert_eq!(published.document["status"], "published", "{}", published.stderr);
    assert_eq!(comments(&pull), 4);
}

#[test]
fn a_job_with_a_kept_directory_waits_in_it() {
    let (_, script) = one_gated();
    let pull = Pull::new(script, FakeGithub::INSTALLATION_TOKEN);
    let kept = tempfile::tempdir().unwrap();
    let data = kept.path().join("data");
    let gated = job(&pull, STABLE, &["--data", data.to_str().unwrap()]);
    assert_eq!(gated.document["status"], "awaiting_approval", "{}", gated.stderr);
    for words in ["holdfast approve", "keep this directory", data.to_str().unwrap()] {
        assert!(gated.stderr.contains(words), "{words}: {}", gated.stderr);
    }
    assert_eq!(comments(&pull), 3, "what is below the gate");
    let withheld = job(&pull, STABLE, &["--gate", "withhold", "--data", data.to_str().unwrap()]);
    assert_eq!(
        (&withheld.document["status"], &withheld.document["withheld"]),
        (&json!("published"), &json!(1)),
        "{}",
        withheld.stderr
    );
    assert!(!withheld.stderr.contains("ends with it"), "{}", withheld.stderr);
    assert_eq!(comments(&pull), 3);
}

#[test]
fn a_job_without_a_stable_secret_names_the_setting_that_it_needs() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    // Empty counts as unset.
    let ended = job(&pull, "", &[]);
    assert_eq!(ended.status, 0, "{}", ended.stderr);
    assert!(ended.stderr.contains("set HOLDFAST_MARKER_KEY"), "{}", ended.stderr);
}

#[test]
fn the_gate_is_switched_off_only_for_a_publication() {
    let output = holdfast(&["review", ".", "--gate", "off"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("--publish"));
}
