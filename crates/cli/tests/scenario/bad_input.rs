//! Bad input at the command line: each case prints one line that names the thing, its place and the remedy, and has its
//! exit status.

use std::ffi::OsString;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output};

use crate::support::{Scene, holdfast, many_files, one_line};
use holdfast_testkit::{ModelServer, Repository, Script};
use serde_json::Value;

fn fails_with(scene: &Scene, arguments: &[&str], exit: i32, parts: &[&str]) {
    let (status, line) = one_line(&scene.run(arguments));
    assert_eq!(status, exit, "{line}");
    for part in parts {
        assert!(line.contains(part), "{part:?} is not in: {line}");
    }
}

#[test]
fn a_missing_repository_or_revision_is_a_usage_error() {
    let scene = Scene::new(many_files(1));
    let empty = tempfile::tempdir().unwrap();
    fails_with(
        &scene,
        &["review", empty.path().to_str().unwrap()],
        2,
        &["is not a git repository", empty.path().to_str().unwrap()],
    );
    fails_with(
        &scene,
        &["review", "/nonexistent/tree"],
        2,
        &["/nonexistent/tree does not exist"],
    );
    fails_with(
        &scene,
        &["review", scene.path(), "--base", "no-such-branch"],
        2,
        &["--base \"no-such-branch\" is not a commit"],
    );
    fails_with(
        &scene,
        &["review", scene.path(), "--head", "HEAD~99"],
        2,
        &["--head \"HEAD~99\" is not a commit"],
    );
    fails_with(
        &scene,
        &["review", scene.path(), "--publish"],
        2,
        &["--publish needs a pull request's address"],
    );
    let unborn = Repository::new().unwrap();
    fails_with(
        &scene,
        &["review", unborn.path().to_str().unwrap()],
        2,
        &["no commit yet"],
    );
}

#[test]
fn an_empty_change_is_reported_and_succeeds() {
    let scene = Scene::new(many_files(1));
    fails_with(
        &scene,
        &["review", scene.path(), "--base", "HEAD", "--quiet"],
        0,
        &["nothing to review"],
    );
}

#[test]
fn a_shallow_clone_names_its_remedy() {
    let full = many_files(1);
    let target = tempfile::tempdir().unwrap();
    let clone = target.path().join("clone");
    let from = format!("file://{}", full.path().display());
    full.git(&["clone", "--quiet", "--depth", "1", &from, clone.to_str().unwrap()])
        .unwrap();
    let scene = Scene::new(full);
    fails_with(
        &scene,
        &["review", clone.to_str().unwrap()],
        2,
        &["shallow", "git fetch --unshallow"],
    );
}

#[test]
fn every_invalid_setting_is_reported_together() {
    let scene = Scene::new(many_files(1))
        .set("HOLDFAST_MODEL", "nonsense")
        .set("HOLDFAST_MAX_CONCURRENCY", "many")
        .set("HOLDFAST_MODEL_URL", "http://example.com");
    let output = scene.run(&["review", scene.path()]);
    let message = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2));
    for name in [
        "HOLDFAST_MODEL (environment)",
        "HOLDFAST_MAX_CONCURRENCY (environment)",
        "HOLDFAST_MODEL_URL (environment)",
    ] {
        assert!(message.contains(name), "{name}: {message}");
    }
}

#[test]
fn a_model_without_a_key_is_a_configuration_error() {
    for (model, url, excerpt) in [
        ("openai/x", "https://api.example.com", "OPENAI_API_KEY"),
        ("anthropic/x", "", "ANTHROPIC_API_KEY"),
    ] {
        let scene = Scene::new(many_files(1))
            .set("HOLDFAST_MODEL", model)
            .set("HOLDFAST_MODEL_URL", url);
        let (status, line) = one_line(&scene.run(&["review", scene.path()]));
        assert!(status == 2 && line.contains(excerpt), "{line}");
        assert!(!scene.data.path().join("data").exists(), "nothing was begun");
    }
}

#[test]
fn invalid_pull_request_addresses_are_usage_errors() {
    let scene = Scene::new(many_files(1));
    for address in [
        "http://github.example/o/r/pull/1",
        "ftp://github.com/o/r/pull/1",
        "https://github.com/o/r/issues/1",
        "https://github.com/o/r/pull/x",
    ] {
        let (status, _) = one_line(&scene.run(&["review", address]));
        assert_eq!(status, 2, "{address}");
    }
}

#[test]
fn a_model_that_reads_no_file_fails_the_review_unless_it_only_rejects_the_requests() {
    for (script, status, reason) in [
        (Script::hang(), "failed", "HOLDFAST_MODEL_TIMEOUT_SECONDS"),
        (Script::overloaded(), "failed", "529"),
        (Script::status(400), "partial", "ModelRequestRejected"),
    ] {
        let scene = Scene::with_model(many_files(2), ModelServer::start(script).unwrap())
            .set("HOLDFAST_MODEL_TIMEOUT_SECONDS", "1")
            .set("HOLDFAST_MODEL_PATIENCE", "2s");
        let (exit, document) = scene.review();
        assert_eq!((exit, &document["status"]), (3, &status.into()), "{reason}");
        let file = &document["coverage"][0];
        let message = file["reason"].as_str().unwrap();
        assert!(message.contains(reason), "{reason}: {message}");
        assert!(file["failure"].is_string(), "{file}");
    }
}

#[test]
fn a_refusal_that_no_wait_cures_fails_the_review_after_the_calls_in_flight() {
    for (script, reason, remedy) in [
        (Script::wrong_key(), "ModelUnauthorized", "OPENAI_API_KEY"),
        (Script::spending_limit(), "ModelSpendingLimitReached", "balance"),
        (Script::status(404), "ModelNotFound", "HOLDFAST_MODEL"),
    ] {
        let scene =
            Scene::with_model(many_files(40), ModelServer::start(script).unwrap()).set("HOLDFAST_MAX_CONCURRENCY", "2");
        let (exit, document) = scene.review();
        assert_eq!((exit, &document["status"]), (3, &"failed".into()), "{reason}");
        let notes = document["notes"].to_string();
        assert!(notes.contains(reason) && notes.contains(remedy), "{reason}: {notes}");
        assert!(!document.to_string().contains("test-key"), "the key is nowhere");
        // A server that refuses a request for its form is asked again in others.
        let calls = scene.server().journal().calls().len();
        assert!(calls <= 2 * 7, "{reason}: {calls} calls for 40 files");
    }
}

#[test]
fn no_model_server_is_named_with_its_address() {
    let server = ModelServer::start(Script::valid()).unwrap();
    let mut scene = Scene::with_model(many_files(1), server);
    let address = scene.server().address().to_string();
    scene.server = None;
    scene = scene.set("HOLDFAST_MODEL_PATIENCE", "2s");
    let (exit, document) = scene.review();
    assert_eq!(exit, 3);
    let message = document["coverage"][0]["reason"].as_str().unwrap();
    assert!(
        message.contains("ModelUnavailable") && message.contains(&address),
        "{message}"
    );
}

#[test]
fn two_processes_never_share_a_data_directory() {
    let scene = Scene::with_model(many_files(4), ModelServer::start(Script::slow(20_000)).unwrap());
    let mut first = scene.spawn_review();
    while scene.server().journal().calls().is_empty() {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    fails_with(&scene, &["review", scene.path()], 2, &["is in use by", "--data"]);
    let listed = scene.run(&["runs"]);
    assert!(
        listed.status.success() && String::from_utf8_lossy(&listed.stdout).contains("running"),
        "reading goes on beside the writer"
    );
    first.kill().unwrap();
    first.wait().unwrap();
}

#[test]
fn a_damaged_data_directory_is_refused_and_left_unchanged() {
    let scene = Scene::new(many_files(1));
    let data = scene.data.path().join("data");
    assert_eq!(scene.review().0, 0);
    let file = data.join("engine.sqlite");
    let good = std::fs::read(&file).unwrap();
    let mut damaged = good.clone();
    damaged[..4096.min(good.len())].fill(0xA5);
    std::fs::write(&file, &damaged).unwrap();
    fails_with(&scene, &["review", scene.path()], 2, &["engine.sqlite"]);
    assert_eq!(std::fs::read(&file).unwrap(), damaged, "nothing was written over it");
    let elsewhere = scene.data.path().join("file");
    std::fs::write(&elsewhere, "x").unwrap();
    let output = holdfast(&["review", scene.path(), "--data", elsewhere.to_str().unwrap()])
        .output()
        .unwrap();
    assert_eq!(one_line(&output).0, 2);
}

#[test]
fn a_newer_data_directory_is_refused_by_its_version() {
    let scene = Scene::new(many_files(1));
    assert_eq!(scene.review().0, 0);
    let database = rusqlite::Connection::open(scene.data.path().join("data/engine.sqlite")).unwrap();
    database
        .execute("UPDATE meta SET value = 999 WHERE key = 'version'", [])
        .unwrap();
    drop(database);
    fails_with(&scene, &["review", scene.path()], 2, &["999", "newer"]);
}

/// Runs `holdfast review` of the scene from a shell that first runs `before`.
fn review_after(scene: &Scene, before: &str) -> Output {
    let direct = scene.command(&["review", scene.path(), "--quiet"]);
    let mut shell = Command::new("sh");
    shell.arg("-c").arg(format!("{before}; exec \"$@\"")).arg("sh");
    shell.arg(direct.get_program()).args(direct.get_args()).env_clear();
    for (name, value) in direct.get_envs() {
        shell.env(name, value.unwrap_or_default());
    }
    shell.output().unwrap()
}

#[test]
fn a_full_disk_is_reported_and_loses_nothing() {
    let scene = Scene::with_model(many_files(40), ModelServer::start(Script::valid()).unwrap());
    // No file may grow beyond this number of blocks of 512 bytes; a larger write fails like on a full disk.
    let output = review_after(&scene, "trap '' XFSZ; ulimit -f 600");
    let (status, line) = one_line(&output);
    assert_eq!(status, 3, "{line}");
    assert!(
        line.contains("data") && line.contains("start the same command again to resume"),
        "{line}"
    );
    let answered = scene.server().journal().calls().len();
    let (exit, document) = scene.review();
    assert_eq!((exit, &document["status"]), (0, &"reviewed".into()));
    let runs: Value = serde_json::from_slice(&scene.run(&["runs", "--format", "json"]).stdout).unwrap();
    assert_eq!(runs["runs"].as_array().unwrap().len(), 1, "one run, taken up again");
    let calls = scene.server().journal().calls().len();
    assert!(calls <= answered + 41, "{answered} calls before, {calls} in all");
}

#[test]
fn a_missing_permission_is_reported_with_the_place() {
    let scene = Scene::new(many_files(1));
    let closed = tempfile::tempdir().unwrap();
    let data = closed.path().join("data");
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o500)).unwrap();
    let mut command = holdfast(&["review", scene.path(), "--data", data.to_str().unwrap()]);
    if is_root() {
        // Root may write everywhere, so the program runs as the user nobody, who must be able to read the program.
        let program = closed.path().join("holdfast");
        std::fs::copy(env!("CARGO_BIN_EXE_holdfast"), &program).unwrap();
        std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o555)).unwrap();
        let arguments: Vec<OsString> = command.get_args().map(OsString::from).collect();
        command = Command::new("setpriv");
        command
            .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
            .arg(program)
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", closed.path());
    }
    let (status, line) = one_line(&command.output().unwrap());
    assert_eq!(status, 2, "{line}");
    std::fs::set_permissions(closed.path(), std::fs::Permissions::from_mode(0o700)).unwrap();
    assert!(line.contains("ermission") || line.contains("another user"), "{line}");
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().unwrap();
    output.stdout == b"0\n"
}

#[test]
fn unknown_runs_are_named() {
    let scene = Scene::new(many_files(1));
    fails_with(&scene, &["show", "nothing"], 2, &["no runs", "data"]);
    assert_eq!(scene.review().0, 0);
    fails_with(&scene, &["show", "nothing"], 2, &["there is no run \"nothing\""]);
    let run = scene.review().1["run"].as_str().unwrap().to_owned();
    fails_with(&scene, &["approve", &run], 2, &["does not wait for a decision"]);
}
