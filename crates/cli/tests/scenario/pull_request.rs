//! Reviews of pull requests on a fake GitHub: the program's output, its posts, and the leftovers of failures.

use std::process::{Child, Stdio};

use crate::support::{Scene, one_line};
use holdfast_core::diff::{hunk_of, parse_patch};
use holdfast_core::model::finding::Side;
use holdfast_testkit::{FakeGithub, Fault, Finding, Matcher, ModelServer, PullRequest, Repository, Script};
use serde_json::{Value, json};

pub const SLUG: &str = "octo/demo";

/// A pull request on a fake GitHub, and the program configured for it.
pub struct Pull {
    pub scene: Scene,
    pub github: FakeGithub,
    pub base: String,
    pub head: String,
}

impl Pull {
    /// Creates a pull request of four files.
    pub fn new(script: Script, token: &str) -> Self {
        Self::of(4, script, token)
    }

    /// Creates a pull request of this many files.
    pub fn of(files: usize, script: Script, token: &str) -> Self {
        let change = Repository::many_files(files).unwrap();
        let github = FakeGithub::start().unwrap();
        github.add(PullRequest::from_git(change.repository.path(), &change.base, &change.head, SLUG, 12).unwrap());
        let scene = Scene::with_model(change.repository, ModelServer::start(script).unwrap())
            .set("HOLDFAST_GITHUB_URL", &github.url())
            .set("GITHUB_TOKEN", token)
            // The fake GitHub has no rate limits.
            .set("HOLDFAST_GITHUB_WRITES_PER_MINUTE", "6000");
        Self {
            scene,
            github,
            base: change.base,
            head: change.head,
        }
    }

    /// Creates a pull request of this many files, with this `.holdfast.yml` on its base.
    pub fn with_settings(files: usize, script: Script, settings: &str) -> Self {
        let mut pull = Self::of(files, script, FakeGithub::INSTALLATION_TOKEN);
        let repository = &pull.scene.repository;
        repository.git(&["checkout", "-q", &pull.base]).unwrap();
        repository.write(".holdfast.yml", settings).unwrap();
        let base = repository.commit("Settings").unwrap();
        repository.git(&["checkout", "-q", "change"]).unwrap();
        repository.git(&["rebase", "-q", &base]).unwrap();
        let head = repository.git(&["rev-parse", "HEAD"]).unwrap().trim().to_owned();
        pull.github
            .add(PullRequest::from_git(repository.path(), &base, &head, SLUG, 12).unwrap());
        (pull.base, pull.head) = (base, head);
        pull
    }

    /// Configures an approver, so that the whole review waits.
    pub fn with_approver(self) -> Self {
        Self {
            scene: self.scene.set("HOLDFAST_APPROVERS", "ada=ada@example.org"),
            ..self
        }
    }

    pub fn address(&self) -> String {
        self.github.pull_request_url(SLUG, 12)
    }

    /// Runs `holdfast review ADDRESS --publish --format json`; returns the exit status and the document.
    pub fn publish(&self) -> (i32, Value) {
        let output = self
            .scene
            .run(&["review", &self.address(), "--publish", "--format", "json"]);
        let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
            panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
        });
        (output.status.code().unwrap(), document)
    }

    /// Pushes another commit to the pull request; returns the new head.
    pub fn push(&self, path: &str, text: &str) -> String {
        let repository = &self.scene.repository;
        repository.write(path, text).unwrap();
        // The same message again, so that the pull request keeps its title.
        let head = repository.commit("Change each function").unwrap();
        self.github
            .push(PullRequest::from_git(repository.path(), &self.base, &head, SLUG, 12).unwrap())
            .unwrap();
        head
    }

    pub fn spawn_publish(&self) -> Child {
        let mut command = self.scene.command(&["review", &self.address(), "--publish"]);
        command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    pub fn reviews(&self) -> Vec<Value> {
        self.github.reviews(SLUG, 12)
    }

    /// Returns the text of the only comment in the conversation.
    pub fn comment(&self) -> String {
        let comments = self.github.issue_comments(SLUG, 12);
        assert_eq!(comments.len(), 1, "{comments:#?}");
        comments[0]["body"].as_str().unwrap().to_owned()
    }

    pub fn check(&self) -> Value {
        let mut checks = self.github.check_runs(SLUG);
        assert_eq!(checks.len(), 1, "{checks:#?}");
        checks.remove(0)
    }
}

/// Makes GitHub refuse to change or delete the summary comment.
pub fn refuse_undo(pull: &Pull) {
    for method in ["PATCH", "DELETE"] {
        let matcher = Matcher::new(method, "/repos/*/*/issues/comments/*");
        pull.github.fail_next(matcher.always(), Fault::status(403));
    }
}

/// Returns a finding in each file that needs no approval and gets a comment.
pub fn minor() -> Script {
    Script::findings(vec![Finding::first_added_line().severity("medium")])
}

#[test]
fn without_publish_it_prints_and_writes_nothing() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::USER_TOKEN);
    let output = pull.scene.run(&["review", &pull.address(), "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (output.status.code(), &document["status"]),
        (Some(1), &json!("reviewed"))
    );
    assert_eq!(document["target"]["repository"], SLUG);
    assert_eq!(document["target"]["pull_request"], 12);
    assert_eq!(document["target"]["base"], pull.base.as_str());
    assert!(pull.github.journal().writes().is_empty());
}

#[test]
fn a_hundred_files_cost_github_a_few_requests_more_than_four() {
    let requests = |files: usize| {
        let pull = Pull::of(files, minor(), FakeGithub::USER_TOKEN);
        let output = pull.scene.run(&["review", &pull.address(), "--format", "json"]);
        let document: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(document["coverage"].as_array().unwrap().len(), files);
        pull.github.journal().entries().len()
    };
    let (few, many) = (requests(4), requests(100));
    // A page of the list of files, and the texts: modes and sizes, then their bytes.
    assert!(many <= few + 3 && many <= 20, "{few} for 4 files, {many} for 100");
}

#[test]
fn publishing_posts_one_review_with_comments_inside_hunks_and_a_check() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    let (exit, document) = pull.publish();
    assert_eq!((exit, &document["status"]), (0, &json!("published")), "{document:#}");
    let reviews = pull.reviews();
    assert_eq!(reviews.len(), 1);
    assert_eq!(
        (&reviews[0]["state"], &reviews[0]["commit_id"]),
        (&json!("COMMENTED"), &json!(pull.head))
    );
    let comments = pull.github.review_comments(SLUG, 12);
    assert_eq!(comments.len(), 4);
    for comment in &comments {
        let path = comment["path"].as_str().unwrap();
        let patch = pull
            .scene
            .repository
            .git(&["diff", &pull.base, &pull.head, "--", path])
            .unwrap();
        let hunks = parse_patch(&patch[patch.find("@@ ").unwrap()..]).unwrap();
        let line = u32::try_from(comment["line"].as_u64().unwrap()).unwrap();
        assert!(hunk_of(&hunks, Side::Right, line, line).is_some(), "{path}:{line}");
    }
    let body = pull.comment();
    for path in ["src/file_0000.rs", "src/file_0003.rs"] {
        assert!(body.contains(path), "coverage names {path}: {body}");
    }
    assert_eq!(pull.check()["conclusion"], "success");
    // The same command finds the review of the same head and settings.
    let (_, again) = pull.publish();
    assert_eq!(
        (&again["status"], &again["run"]),
        (&json!("published"), &document["run"])
    );
    assert_eq!(pull.reviews().len(), 1);
}

#[test]
fn a_suggestion_becomes_a_block_that_github_can_apply() {
    let finding = Finding::first_added_line().severity("medium").suggestion("    x * 4");
    let pull = Pull::new(Script::findings(vec![finding]), FakeGithub::USER_TOKEN);
    assert_eq!(pull.publish().0, 0);
    let comments = pull.github.review_comments(SLUG, 12);
    let body = comments[0]["body"].as_str().unwrap();
    assert!(body.contains("```suggestion\n    x * 4\n```"), "{body}");
}

#[test]
fn a_severe_finding_waits_for_approval_and_then_resumes() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN).with_approver();
    let (_, document) = pull.publish();
    assert_eq!(document["status"], "awaiting_approval");
    assert!(pull.reviews().is_empty(), "nothing is public yet");
    assert_eq!(pull.check()["conclusion"], "action_required");
    let comment = pull.comment();
    assert!(
        comment.contains("waits for an approval") && comment.contains("4 findings are at or above the gate's severity"),
        "{comment}"
    );
    let asked = pull.scene.server().journal().calls().len();
    let run = document["run"].as_str().unwrap().to_owned();
    let mails = std::fs::read_dir(pull.scene.data.path().join("data/outbox"))
        .unwrap()
        .count();
    assert_eq!(mails, 1, "one question");
    let approved = pull.scene.run(&["approve", &run]);
    assert!(
        approved.status.success(),
        "{}",
        String::from_utf8_lossy(&approved.stderr)
    );
    assert_eq!(pull.reviews().len(), 1);
    assert_eq!(pull.check()["conclusion"], "action_required");
    assert_eq!(
        pull.scene.server().journal().calls().len(),
        asked,
        "no model was asked again"
    );
    let twice = pull.scene.run(&["approve", &run]);
    assert_eq!(one_line(&twice).0, 2, "decided already");
}

#[test]
fn a_rejected_review_is_never_published_and_the_check_explains_it() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
    let run = pull.publish().1["run"].as_str().unwrap().to_owned();
    let rejected = pull.scene.run(&["reject", &run, "--reason", "wrong tone"]);
    assert!(
        rejected.status.success(),
        "{}",
        String::from_utf8_lossy(&rejected.stderr)
    );
    assert!(pull.reviews().is_empty());
    let comment = pull.comment();
    assert!(
        comment.contains("did not publish 4 findings") && comment.contains("Reason: wrong tone"),
        "{comment}"
    );
    let check = pull.check();
    assert_eq!(check["conclusion"], "neutral");
    assert!(check["output"]["summary"].as_str().unwrap().contains("wrong tone"));
}

#[test]
fn a_partial_review_is_published_and_never_green() {
    let script = minor().for_path("src/file_0002.rs", Script::always_invalid());
    let pull = Pull::new(script, FakeGithub::INSTALLATION_TOKEN);
    let (exit, document) = pull.publish();
    assert_eq!((exit, &document["status"]), (3, &json!("partial")));
    assert_eq!(pull.check()["conclusion"], "neutral");
    let body = pull.comment();
    assert!(
        body.contains("src/file_0002.rs") && body.contains("no valid answer in 3 attempts"),
        "{body}"
    );
}

#[test]
fn a_head_that_moved_meanwhile_supersedes_the_review() {
    let pull = Pull::new(minor().delayed(400), FakeGithub::INSTALLATION_TOKEN);
    let mut child = pull.spawn_publish();
    while pull.scene.server().journal().calls().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    pull.push("src/file_0000.rs", "pub fn other() {}\n");
    assert_eq!(child.wait().unwrap().code(), Some(3));
    assert!(pull.reviews().is_empty(), "an old head is not reviewed in public");
    assert_eq!(pull.check()["status"], "completed", "no check stays in progress");
    assert!(pull.github.issue_comments(SLUG, 12).is_empty(), "nor an announcement");
    let runs: Value = serde_json::from_slice(&pull.scene.run(&["runs", "--format", "json"]).stdout).unwrap();
    assert_eq!(runs["runs"][0]["status"], "superseded");
}

#[test]
fn a_push_is_reviewed_with_model_calls_only_for_changed_files() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    assert_eq!(pull.publish().1["status"], "published");
    let before = pull.scene.server().journal().calls().len();
    let head = pull.push("src/file_0002.rs", "pub fn other(x: u64) -> u64 {\n    x\n}\n");
    let (_, document) = pull.publish();
    assert_eq!(document["status"], "published");
    assert_eq!(document["usage"]["cache_hits"], 3);
    let asked = pull.scene.server().journal().calls().len() - before;
    assert_eq!(asked, 2, "the file that changed, and the summary");
    assert_eq!(pull.reviews().len(), 1, "the second head has no new finding");
    let conclusions: Vec<Value> = pull
        .github
        .check_runs(SLUG)
        .iter()
        .map(|check| check["conclusion"].clone())
        .collect();
    assert_eq!(conclusions, ["success", "success"], "the first head's result stays");
    let comment = pull.comment();
    assert!(
        comment.contains(&head[..12]) && comment.contains("no new findings, 4 still open"),
        "the old summary is gone: {comment}"
    );
}

#[test]
fn a_lost_answer_causes_no_second_post() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    pull.github
        .fail_next(Matcher::new("POST", "/repos/*/*/pulls/*/reviews"), Fault::DropAfter);
    pull.github
        .fail_next(Matcher::new("POST", "/repos/*/*/check-runs"), Fault::DropAfter);
    assert_eq!(pull.publish().1["status"], "published");
    assert_eq!((pull.reviews().len(), pull.github.check_runs(SLUG).len()), (1, 1));
}

#[test]
fn a_kill_during_publication_causes_no_second_post() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    // The review exists at once; its answer arrives when nobody waits any more.
    pull.github.fail_next(
        Matcher::new("POST", "/repos/*/*/pulls/*/reviews"),
        Fault::Delay { delay_ms: 60_000 },
    );
    let mut child = pull.spawn_publish();
    while pull.reviews().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let asked = pull.scene.server().journal().calls().len();
    let (exit, document) = pull.publish();
    assert_eq!((exit, &document["status"]), (0, &json!("published")));
    assert_eq!(
        (pull.reviews().len(), pull.github.review_comments(SLUG, 12).len()),
        (1, 4)
    );
    assert_eq!(
        pull.scene.server().journal().calls().len(),
        asked,
        "no model was asked again"
    );
}

#[test]
fn each_refusal_of_github_is_one_line() {
    let pull = Pull::new(minor(), FakeGithub::USER_TOKEN);
    for (fault, times, exit, excerpt) in [
        (Fault::status(401), 1, 2, "GITHUB_TOKEN"),
        (Fault::status(403), 1, 2, "needs the permission"),
        (Fault::status(404), 1, 2, "check the address"),
        (Fault::status(502), 4, 3, "try again later"),
        (Fault::rate_limited(60), 1, 3, "limits requests"),
    ] {
        pull.github.fail_next(Matcher::any().times(times), fault);
        let (status, line) = one_line(&pull.scene.run(&["review", &pull.address()]));
        assert_eq!(status, exit, "{line}");
        assert!(
            line.contains(excerpt) && !line.contains(FakeGithub::USER_TOKEN),
            "{line}"
        );
    }
    let (status, line) = one_line(
        &pull
            .scene
            .run(&["review", &pull.github.pull_request_url("octo/none", 1)]),
    );
    assert_eq!(status, 2, "{line}");
    let mut nobody = pull.scene.command(&["review", &pull.address(), "--publish"]);
    let (status, line) = one_line(&nobody.env_remove("GITHUB_TOKEN").output().unwrap());
    assert!(
        status == 2 && line.contains("GITHUB_TOKEN") && line.contains("HOLDFAST_GITHUB_APP_ID"),
        "{line}"
    );
}

#[test]
fn a_review_that_cannot_be_posted_fails_and_cleans_up() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    pull.github.fail_next(
        Matcher::new("POST", "/repos/*/*/pulls/*/reviews").always(),
        Fault::status(403),
    );
    let (exit, document) = pull.publish();
    assert_eq!((exit, &document["status"]), (3, &json!("failed")));
    assert!(pull.reviews().is_empty());
    let comment = pull.comment();
    assert!(
        comment.contains("could not complete the review") && comment.contains("a permission is missing"),
        "{comment}"
    );
    let check = pull.check();
    assert_eq!(
        (&check["status"], &check["conclusion"]),
        (&json!("completed"), &json!("neutral"))
    );
    assert_eq!(
        document["findings"].as_array().unwrap().len(),
        4,
        "what was reviewed is still printed"
    );
    assert!(
        document["notes"].to_string().contains("GithubForbidden"),
        "{document:#}"
    );
}

#[test]
fn a_backup_resumes_in_place_of_the_data_directory() {
    let mut pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
    let run = pull.publish().1["run"].as_str().unwrap().to_owned();
    let copy = tempfile::tempdir().unwrap();
    let made = pull.scene.run(&["backup", copy.path().join("data").to_str().unwrap()]);
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    pull.scene.data = copy;
    let approved = pull.scene.run(&["approve", &run]);
    assert!(
        approved.status.success(),
        "{}",
        String::from_utf8_lossy(&approved.stderr)
    );
    assert_eq!(pull.reviews().len(), 1, "with its claim and its key");
}

#[test]
fn cancelling_stops_and_undoes_a_review() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN).with_approver();
    let run = pull.publish().1["run"].as_str().unwrap().to_owned();
    pull.github.fail_next(
        Matcher::new("DELETE", "/repos/*/*/issues/comments/*"),
        Fault::status(502),
    );
    let (status, line) = one_line(&pull.scene.run(&["cancel", &run]));
    assert!(
        status == 3 && line.contains(&format!("holdfast cancel {run}")),
        "{line}"
    );
    let cancelled = pull.scene.run(&["cancel", &run]);
    assert!(
        cancelled.status.success(),
        "{}",
        String::from_utf8_lossy(&cancelled.stderr)
    );
    assert!(pull.reviews().is_empty() && pull.github.issue_comments(SLUG, 12).is_empty());
    let check = pull.check();
    assert_eq!(
        (&check["conclusion"], &check["output"]["title"]),
        (&json!("neutral"), &json!("The review was cancelled"))
    );
    let text = check["output"]["summary"].as_str().unwrap();
    assert!(text.contains("a person who runs Holdfast cancelled it"), "{text}");
    let (status, line) = one_line(&pull.scene.run(&["approve", &run]));
    assert!(status == 2 && line.contains("it is failed"), "{line}");
    // The same command starts again, with the cached answers.
    let (_, document) = pull.publish();
    assert_eq!(document["status"], "awaiting_approval");
    assert_ne!(document["run"], run.as_str());
    assert_eq!(document["usage"]["cache_hits"], 5, "four files and the walkthrough");
}

#[test]
fn a_failed_undo_alarms_a_person_who_can_repeat_it_later() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    let matcher = Matcher::new("POST", "/repos/*/*/pulls/*/reviews");
    pull.github.fail_next(matcher.always(), Fault::status(403));
    refuse_undo(&pull);
    let (exit, document) = pull.publish();
    assert_eq!((exit, &document["status"]), (3, &json!("failed")));
    let run = document["run"].as_str().unwrap();
    assert!(pull.comment().contains("is reviewing"), "the announcement is left");
    let outbox = pull.scene.data.path().join("data/outbox");
    let mails = std::fs::read_dir(outbox).unwrap().map(|entry| entry.unwrap());
    let alarms: Vec<_> = mails
        .filter(|mail| mail.file_name().to_string_lossy().starts_with(&format!("{run}-alarm-")))
        .collect();
    assert_eq!(alarms.len(), 1);
    let alarm = std::fs::read_to_string(alarms[0].path()).unwrap();
    assert!(alarm.contains(&format!("holdfast cancel {run}")), "{alarm}");
    pull.github.clear_faults();
    let cleaned = pull.scene.run(&["cancel", run]);
    assert!(cleaned.status.success(), "{}", String::from_utf8_lossy(&cleaned.stderr));
    assert!(
        pull.github.issue_comments(SLUG, 12).is_empty(),
        "the person who cancels it knows that it failed"
    );
    assert_eq!(pull.check()["status"], "completed");
}
