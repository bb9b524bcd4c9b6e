//! A decision in a real browser: the link from a mail that a mail server received, or from the comment on the pull
//! request, is opened, and the review is decided by keyboard without scripts. `tests/browser/decide.mjs` drives the browser.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use holdfast_testkit::{FakeGithub, Script};
use serde_json::Value;

use crate::pull_request::SLUG;
use crate::serve::Served;

/// A mail server.
struct Inbox {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Inbox {
    fn start() -> (Self, String) {
        let mut command = node("inbox.mjs");
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut inbox = Self { child, lines };
        let address = format!("smtp://127.0.0.1:{}", inbox.next()["port"]);
        (inbox, address)
    }

    /// Returns the next line. `cargo xtask verify` installs the prerequisites.
    fn next(&mut self) -> Value {
        let line = self
            .lines
            .next()
            .unwrap_or_else(|| panic!("no mail server: (cd tests/node && npm ci)"));
        serde_json::from_str(&line.unwrap()).unwrap()
    }
}

impl Drop for Inbox {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(root().join("tests/browser").join(script));
    command
}

/// Returns the folder of the pictures: HOLDFAST_PICTURES, or a folder below the target directory.
fn pictures() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let folder = std::env::var_os("HOLDFAST_PICTURES").map_or_else(|| target.join("pictures"), PathBuf::from);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

/// Returns a script's stdout; fails if the script failed.
fn output_of(mut command: Command) -> String {
    let output = command.output().unwrap();
    let (printed, errors) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(
        output.status.success(),
        "(cd tests/node && npm ci; apt-get install chromium)\n{errors}\n{printed}"
    );
    printed
}

/// Decides through the browser, with these options of `decide.mjs`; returns the text of the last page.
fn decide(options: &[&str], address: &str, decision: &str, picture: &str) -> String {
    let mut command = node("decide.mjs");
    command.args(options).args([address, decision]);
    command.arg(pictures().join(format!("decide-{picture}.png")));
    output_of(command)
}

/// Opens pages, each an address or `NAME=ADDRESS`; returns each one's status and text.
pub fn look(first: Option<&str>, pages: &[String]) -> Vec<(u64, String)> {
    let mut command = node("look.mjs");
    command.arg("--pictures").arg(pictures()).args(pages);
    if let Some(first) = first {
        command.args(["--first", first]);
    }
    let read = |line: &str| {
        let page: Value = serde_json::from_str(line).unwrap();
        (
            page["status"].as_u64().unwrap(),
            page["text"].as_str().unwrap().to_owned(),
        )
    };
    output_of(command).lines().map(read).collect()
}

/// Returns the link and the code in a mail.
fn link_and_code(mail: &Value) -> (String, String) {
    let text = mail["text"].as_str().unwrap();
    let link = text.lines().find(|line| line.contains("/approvals/")).unwrap();
    let code = text.split("to be typed there: ").nth(1).unwrap();
    assert!(
        mail["html"].as_str().unwrap().contains(link),
        "the same link in both parts"
    );
    (link.to_owned(), code.split('\n').next().unwrap().to_owned())
}

#[test]
fn the_mailed_link_is_read_and_decided_in_a_browser() {
    let (mut inbox, smtp) = Inbox::start();
    for (decision, status, reviews) in [("approve", "published", 1), ("reject", "rejected", 0)] {
        let settings = [
            ("HOLDFAST_SMTP_URL", smtp.as_str()),
            ("HOLDFAST_APPROVERS", "ada=ada@example.org"),
        ];
        let served = Served::start_with(Script::finding_each_file(), &settings);
        let run = served.opened().1["run"].as_str().unwrap().to_owned();
        let mail = inbox.next();
        assert_eq!(mail["to"], "ada@example.org");
        let (link, code) = link_and_code(&mail);
        served.wait_for(&run, "awaiting_approval");
        let output = decide(&["--code", &code], &link, decision, decision);
        assert!(output.contains("by ada"), "{output}");
        served.wait_for(&run, status);
        assert_eq!(served.pull.reviews().len(), reviews, "a double click decides once");
        let seen = look(None, std::slice::from_ref(&link));
        assert!(seen[0].0 == 409 && seen[0].1.contains("ada"), "{seen:?}");
    }
}

#[test]
fn the_comment_leads_to_the_page_where_two_findings_are_dropped() {
    let settings = [
        ("HOLDFAST_APPROVERS", ""),
        ("HOLDFAST_GITHUB_APP_CLIENT_ID", FakeGithub::CLIENT_ID),
        ("HOLDFAST_GITHUB_APP_CLIENT_SECRET", FakeGithub::CLIENT_SECRET),
    ];
    let served = Served::start_public(Script::finding_each_file(), &settings);
    let github = &served.pull.github;
    github.set_permission(SLUG, "maintainer", "write");
    github.sign_in_as(Some("maintainer"));
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    let page = format!("{}reviews/{run}/decide", served.address());
    // The comment and the check are edited soon after the run has begun to wait.
    let give_up = Instant::now() + Duration::from_secs(20);
    let is_shown =
        || served.pull.comment().contains(&format!("]({page})")) && served.pull.check()["details_url"] == page;
    while !is_shown() {
        assert!(Instant::now() < give_up, "{}", served.pull.comment());
        std::thread::sleep(Duration::from_millis(50));
    }
    let conversation = github.pull_request_url(SLUG, 12);
    let output = decide(&["--comment", "--drop", "2"], &conversation, "approve", "comment");
    assert!(output.contains("by maintainer"), "{output}");
    served.wait_for(&run, "published");
    let comments = github.review_comments(SLUG, 12);
    let paths: Vec<&str> = comments
        .iter()
        .map(|comment| comment["path"].as_str().unwrap())
        .collect();
    assert_eq!(paths, ["src/file_0002.rs", "src/file_0003.rs"]);
    let summary = served.pull.comment();
    for (path, is_shown) in [("file_0001", false), ("file_0002", true)] {
        let row = |line: &&str| line.starts_with('|') && line.contains(path);
        assert_eq!(summary.lines().any(|line| row(&line)), is_shown, "{summary}");
    }
    assert_eq!(
        served.pull.check()["details_url"],
        format!("{}reviews/{run}", served.address()).as_str()
    );
}

#[test]
fn an_expired_link_is_explained_in_a_browser() {
    let served = Served::start(Script::finding_each_file());
    let old = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&old, "awaiting_approval");
    let superseded = served.mailed_link(&old);
    let run = served.pushed();
    served.wait_for(&run, "awaiting_approval");
    let expired = served.mailed_link(&run);
    served.expire_question(&run);
    let unknown = format!("{}approvals/{}", served.address(), "0".repeat(64));
    let decide = format!("{}reviews/{run}/decide", served.address());
    let seen = look(None, &[superseded, expired, unknown, decide]);
    for ((status, text), (expected, excerpt)) in seen.iter().zip([
        (410, "newer"),
        (410, "time to decide is over"),
        (404, ""),
        (401, "Sign in"),
    ]) {
        assert!(*status == expected && text.contains(excerpt), "{status} {text}");
    }
    assert!(served.pull.reviews().is_empty());
}

#[test]
fn the_console_works_in_a_browser() {
    let served = Served::start(Script::finding_each_file());
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    let at = served.address();
    let pages = [
        format!("runs={at}"),
        format!("run={at}reviews/{run}"),
        format!("unit={at}reviews/{run}/units/u0001"),
        format!("approval={at}reviews/{run}/decide"),
        format!("pull={at}pulls/octo/demo/12"),
    ];
    let seen = look(Some(&served.console_address()), &pages);
    for ((status, text), excerpt) in seen.iter().zip([
        "octo/demo",
        "src/file_0000.rs",
        "Attempt 1",
        "Approve",
        "No findings are remembered",
    ]) {
        assert!(*status == 200 && text.contains(excerpt), "{status} {text}");
    }
}
