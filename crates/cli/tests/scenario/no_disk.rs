//! CI jobs of one pull request, each with a new data directory that ends with the job.

use std::collections::BTreeSet;

use holdfast_testkit::{FakeGithub, Script};
use serde_json::{Value, json};

use crate::pull_request::{Pull, SLUG};
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
    command.args(arguments).arg("--data").arg(data.path().join("data"));
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
    for (number, posted) in [(1, 4), (2, 5), (3, 6)] {
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
        assert_eq!(pull.reviews().len(), number, "one review for each head");
        assert_eq!(comments(&pull), posted, "only the changed file has a new comment");
        assert!(!pull.comment().contains("Holdfast is reviewing"), "one summary");
    }
    // The last job again.
    let again = job(&pull, STABLE, &gate_off);
    assert_eq!(again.status, 1, "{}", again.stderr);
    assert_eq!((pull.reviews().len(), comments(&pull)), (3, 6));
    pull.comment();
}

#[test]
fn a_gated_review_is_not_lost_with_the_disk() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
    let gated = job(&pull, STABLE, &[]);
    assert_eq!(
        (gated.status, &gated.document["status"]),
        (1, &json!("awaiting_approval")),
        "{}",
        gated.stderr
    );
    assert_eq!(
        gated.document["findings"].as_array().unwrap().len(),
        4,
        "the output has the findings"
    );
    for words in ["running in GitHub Actions", "nothing is published", "--gate off"] {
        assert!(gated.stderr.contains(words), "{words}: {}", gated.stderr);
    }
    assert!(pull.reviews().is_empty());
    pull.push("src/file_0001.rs", "pub fn changed() {}\n");
    let published = job(&pull, STABLE, &["--gate", "off"]);
    assert_eq!(published.document["status"], "published", "{}", published.stderr);
    assert_eq!((pull.reviews().len(), comments(&pull)), (1, 4));
    // The first job's comment is gone, and the summary is there.
    assert!(!pull.comment().contains("Holdfast is reviewing"));
}

#[test]
fn a_job_without_a_stable_secret_names_the_setting_that_it_needs() {
    let pull = Pull::new(crate::pull_request::low(), FakeGithub::INSTALLATION_TOKEN);
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
