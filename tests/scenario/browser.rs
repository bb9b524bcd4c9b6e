//! A decision in a real browser: the link from a mail that a mail server took, read, and decided by keyboard without script.
//! What is done there stands in `tests/browser/decide.mjs`.

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use holdfast_testkit::Script;
use serde_json::Value;

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

    /// The next line: `cargo xtask verify` installs what it needs.
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

/// Decides through the browser; gives what the last page says.
fn decide(link: &str, code: &str, decision: &str) -> String {
    let pictures = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    let pictures = pictures.join("pictures");
    std::fs::create_dir_all(&pictures).unwrap();
    let picture = pictures.join(format!("approval-{decision}.png"));
    let output = node("decide.mjs")
        .args([link, code, decision])
        .arg(picture)
        .output()
        .unwrap();
    let (said, wrong) = (
        String::from_utf8_lossy(&output.stdout).into_owned(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    );
    assert!(
        output.status.success(),
        "(cd tests/node && npm ci; apt-get install chromium)\n{wrong}\n{said}"
    );
    said
}

#[test]
fn the_mailed_link_is_read_and_decided_in_a_browser() {
    let (mut inbox, smtp) = Inbox::start();
    for (decision, status, reviews) in [("approve", "published", 1), ("reject", "rejected", 0)] {
        let settings = [
            ("HOLDFAST_SMTP_URL", smtp.as_str()),
            ("HOLDFAST_APPROVERS", "ada@example.org"),
        ];
        let served = Served::start_with(Script::finding_each_file(), &settings);
        let run = served.opened().1["run"].as_str().unwrap().to_owned();
        let mail = inbox.next();
        assert_eq!(mail["to"], "ada@example.org");
        let text = mail["text"].as_str().unwrap();
        let link = text.lines().find(|line| line.contains("/approvals/")).unwrap();
        let code = text
            .split("to be typed there: ")
            .nth(1)
            .unwrap()
            .split('\n')
            .next()
            .unwrap();
        assert!(
            mail["html"].as_str().unwrap().contains(link),
            "the same link in both parts"
        );
        served.wait_for(&run, "awaiting_approval");
        let said = decide(link, code, decision);
        assert!(said.contains("ada@example.org"), "{said}");
        served.wait_for(&run, status);
        assert_eq!(served.pull.reviews().len(), reviews);
    }
}
