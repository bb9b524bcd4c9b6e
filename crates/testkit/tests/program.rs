//! The program: it prints its address, serves, and writes its journal.
#![expect(clippy::unwrap_used, reason = "tests")]

use holdfast_testkit::{Repository, github};
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};

/// The program and its output, which stays open: a later print to a closed one would end the program.
struct Running(Child, #[expect(dead_code, reason = "held open")] BufReader<ChildStdout>);

impl Drop for Running {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

fn start(arguments: &[&str]) -> (Running, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast-testkit"));
    let mut child = command.args(arguments).stdout(Stdio::piped()).spawn().unwrap();
    let mut address = String::new();
    let mut output = BufReader::new(child.stdout.take().unwrap());
    output.read_line(&mut address).unwrap();
    (Running(child, output), address.trim().to_owned())
}

#[tokio::test]
async fn the_model_listens_and_answers() {
    let (_running, address) = start(&["model", "--script", "overloaded", "--latency-ms", "1"]);
    let request = reqwest::Client::new().post(format!("{address}/v1/chat/completions"));
    let body = serde_json::json!({ "model": "m", "messages": [{ "role": "user", "content": "hello" }] });
    assert_eq!(request.json(&body).send().await.unwrap().status(), 529);
}

#[tokio::test]
async fn github_serves_a_repository_and_its_journal_outlives_a_kill() {
    let change = Repository::many_files(2).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let journal = directory.path().join("github.jsonl");
    let path = change.repository.path().to_str().unwrap();
    let (running, address) = start(&[
        "github",
        "--listen",
        "127.0.0.1:0",
        "--repository",
        path,
        "--base",
        &change.base,
        "--head",
        &change.head,
        "--slug",
        "octo/demo",
        "--pull-request",
        "12",
        "--journal",
        journal.to_str().unwrap(),
    ]);
    let client = reqwest::Client::builder().user_agent("test").build().unwrap();
    let pull = client
        .get(format!("{address}/repos/octo/demo/pulls/12"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        pull.json::<serde_json::Value>().await.unwrap()["head"]["sha"],
        change.head
    );
    drop(running);
    let entries = github::Journal::read(&journal).unwrap();
    assert_eq!(entries.len(), 1);
    assert_eq!(
        (entries[0].path.as_str(), entries[0].status),
        ("/repos/octo/demo/pulls/12", Some(200))
    );
}

#[test]
fn an_unknown_script_is_refused_with_the_names() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_holdfast-testkit"));
    let output = command.args(["model", "--script", "nonsense"]).output().unwrap();
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(message.contains("prose_then_valid"), "{message}");
}
