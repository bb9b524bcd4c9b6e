//! The operator's commands when something is missing: an account for GitHub, a free data directory, artifacts, a whole
//! database; and when a signal stops a review.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use holdfast_testkit::{FakeGithub, Fault, Matcher, ModelServer, Script};
use serde_json::{Value, json};

use crate::pull_request::{Pull, minor, refuse_undo};
use crate::serve::Served;
use crate::support::{Scene, holdfast, many_files, one_line};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn data(scene: &Scene) -> PathBuf {
    scene.data.path().join("data")
}

/// Returns the status of the only run.
fn status(scene: &Scene) -> Value {
    let output = scene.run(&["runs", "--format", "json"]);
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    document["runs"][0]["status"].clone()
}

/// Runs a command without the token for GitHub.
fn without_token(pull: &Pull, arguments: &[&str]) -> Output {
    let mut command = pull.scene.command(arguments);
    command.env_remove("GITHUB_TOKEN").output().unwrap()
}

#[test]
fn without_an_account_nothing_is_decided_stopped_or_swept() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
    let run = pull.publish().1["run"].as_str().unwrap().to_owned();
    for arguments in [
        &["approve", &run][..],
        &["reject", &run, "--reason", "no"],
        &["cancel", &run],
    ] {
        let (status, line) = one_line(&without_token(&pull, arguments));
        assert!(
            status == 2 && line.contains("needs GITHUB_TOKEN"),
            "{arguments:?}: {line}"
        );
        assert_eq!(self::status(&pull.scene), "awaiting_approval", "{arguments:?}");
    }
    // Nothing has to be written, so no account is needed.
    let swept = without_token(&pull, &["sweep"]);
    assert!(!stderr(&swept).contains("needs GITHUB_TOKEN"), "{}", stderr(&swept));
    let approved = pull.scene.run(&["approve", &run]);
    assert!(approved.status.success(), "{}", stderr(&approved));
    assert_eq!(pull.reviews().len(), 1);
}

#[test]
fn without_an_account_a_failed_run_is_neither_redriven_nor_cleaned() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    // The review can't be published, and the comment can't be changed or removed.
    let reviews = Matcher::new("POST", "/repos/*/*/pulls/*/reviews");
    pull.github.fail_next(reviews.always(), Fault::status(403));
    refuse_undo(&pull);
    let run = pull.publish().1["run"].as_str().unwrap().to_owned();
    pull.github.clear_faults();
    for arguments in [&["redrive", &run][..], &["sweep"]] {
        let (status, line) = one_line(&without_token(&pull, arguments));
        assert!(
            status == 2 && line.contains("needs GITHUB_TOKEN"),
            "{arguments:?}: {line}"
        );
    }
    let listed = pull.scene.run(&["runs", "--format", "json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    assert_eq!(listed["runs"].as_array().unwrap().len(), 1, "no attempt began");
}

#[test]
fn beside_a_server_commands_point_to_its_console() {
    let served = Served::start(Script::finding_each_file());
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "awaiting_approval");
    let scene = &served.pull.scene;
    let page = format!("{}reviews/{run}", served.address());
    for arguments in [
        &["approve", &run][..],
        &["reject", &run, "--reason", "no"],
        &["cancel", &run],
    ] {
        // With and without an account: the server has one.
        for output in [scene.run(arguments), without_token(&served.pull, arguments)] {
            let (status, line) = one_line(&output);
            assert!(
                status == 2 && line.contains("is in use by process") && line.contains(&page),
                "{arguments:?}: {line}"
            );
        }
    }
    let (status, line) = one_line(&scene.run(&["sweep"]));
    assert!(status == 2 && line.contains(served.address()), "{line}");
    assert_eq!(self::status(scene), "awaiting_approval");
}

#[test]
fn a_copy_without_artifacts_is_reported_as_such() {
    let pull = Pull::new(minor(), FakeGithub::INSTALLATION_TOKEN);
    let (_, document) = pull.publish();
    let run = document["run"].as_str().unwrap();
    assert_eq!(document["status"], "published");
    fs::remove_dir_all(data(&pull.scene).join("artifacts")).unwrap();
    for arguments in [
        &["runs"][..],
        &["runs", "--format", "json"],
        &["show", run],
        &["replay", run],
    ] {
        let output = pull.scene.run(arguments);
        let (status, line) = one_line(&output);
        assert!(
            status == 3 && line.contains("artifacts") && line.contains("missing"),
            "{arguments:?}: {line}"
        );
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(
            !printed.contains("failed  ") && !printed.contains("\"failed\""),
            "{printed}"
        );
    }
    // The execution's output has the status.
    for arguments in [&["runs", "--format", "json"][..], &["show", run, "--format", "json"]] {
        let printed: Value = serde_json::from_slice(&pull.scene.run(arguments).stdout).unwrap();
        let shown = printed["runs"].get(0).unwrap_or(&printed);
        assert_eq!(
            (&shown["status"], &shown["note"], &shown["failure"]),
            (&json!("published"), &json!("its artifacts are missing"), &Value::Null),
            "{arguments:?}"
        );
    }
    let (status, line) = one_line(&pull.scene.run(&["redrive", run]));
    assert!(status == 2 && line.contains("artifacts are missing"), "{line}");
    assert_eq!(pull.reviews().len(), 1);
}

#[test]
fn a_name_that_fits_every_run_is_refused() {
    let scene = Scene::new(many_files(1));
    assert!(scene.review().0 < 2);
    for name in ["", " ", "\t"] {
        for arguments in [
            &["show", name][..],
            &["replay", name],
            &["cancel", name],
            &["redrive", name],
            &["approve", name],
            &["reject", name, "--reason", "no"],
            &["fix", name, "--all"],
        ] {
            let (status, line) = one_line(&scene.run(arguments));
            assert!(
                status == 2 && line.contains("the run's name is empty") && line.contains("holdfast runs"),
                "{arguments:?}: {line}"
            );
        }
    }
}

#[test]
fn an_empty_database_is_damaged_for_every_command() {
    let scene = Scene::new(many_files(1));
    assert!(scene.review().0 < 2);
    let file = data(&scene).join("engine.sqlite");
    fs::write(&file, "").unwrap();
    let copy = scene.data.path().join("copy");
    for arguments in [
        &["runs"][..],
        &["audit"],
        &["backup", copy.to_str().unwrap()],
        &["review", scene.path()],
    ] {
        let (status, line) = one_line(&scene.run(arguments));
        assert!(
            status == 2 && line.contains(file.to_str().unwrap()) && line.contains("it is empty (0 bytes)"),
            "{arguments:?}: {line}"
        );
    }
}

#[test]
fn a_backup_into_its_own_data_directory_is_refused() {
    let scene = Scene::new(many_files(1));
    assert!(scene.review().0 < 2);
    let inside = data(&scene).join("backup");
    let (status, line) = one_line(&scene.run(&["backup", inside.to_str().unwrap()]));
    assert!(status == 2 && line.contains("is in the data directory"), "{line}");
    assert!(!inside.exists());
}

#[test]
fn an_empty_variable_counts_as_not_set() {
    let scene = Scene::new(many_files(1));
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| {
        let mut command = holdfast(arguments);
        command.current_dir(scene.path()).env("HOME", home.path());
        for name in [
            "HOLDFAST_DATA",
            "HOLDFAST_STACK",
            "HOLDFAST_PUBLIC_URL",
            "HOLDFAST_MODEL",
        ] {
            command.env(name, "");
        }
        command.output().unwrap()
    };
    let reviewed = run(&["review", "."]);
    assert!(matches!(reviewed.status.code(), Some(0 | 1)), "{}", stderr(&reviewed));
    assert!(run(&["runs"]).status.success());
    // A script whose variable is empty must not work on this machine instead of the stack.
    let (status, line) = one_line(&run(&["--stack", "", "runs"]));
    assert!(status == 2 && line.contains("--stack: the name is empty"), "{line}");
}

#[test]
fn a_signal_leaves_a_hint_with_the_finished_part() {
    for signal in ["INT", "TERM"] {
        let scene = Scene::with_model(many_files(3), ModelServer::start(minor().delayed(300)).unwrap())
            .set("HOLDFAST_MAX_CONCURRENCY", "1");
        let mut command = scene.command(&["review", scene.path(), "--quiet"]);
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let give_up = Instant::now() + Duration::from_secs(60);
        // The second call begins once the first unit is finished.
        while scene.server().journal().calls().len() < 2 {
            assert!(Instant::now() < give_up, "the model was never called");
            std::thread::sleep(Duration::from_millis(5));
        }
        let sent = Command::new("kill")
            .args([format!("-{signal}"), child.id().to_string()])
            .status();
        assert!(sent.unwrap().success());
        let (status, line) = one_line(&child.wait_with_output().unwrap());
        assert_eq!(status, 3, "{signal}: {line}");
        assert!(
            line.contains(" of 3 units finished") && line.contains("start the same command again to resume run "),
            "{signal}: {line}"
        );
        let (exit, document) = scene.review();
        assert!(exit < 2 && document["status"] == "reviewed", "{document:#}");
    }
}

#[test]
fn a_run_that_cannot_be_read_is_not_called_unknown() {
    let served = Served::start(minor());
    let run = served.opened().1["run"].as_str().unwrap().to_owned();
    served.wait_for(&run, "published");
    let session = served.sign_in_with_key();
    let page = |run: &str| {
        let client = reqwest::blocking::Client::new();
        let address = format!("{}reviews/{run}", served.address());
        client.get(address).header("cookie", &session).send().unwrap().status()
    };
    assert_eq!((page(&run).as_u16(), page("nobody").as_u16()), (200, 404));
    let header = data(&served.pull.scene).join(format!("artifacts/runs/{run}/header.json"));
    fs::write(header, "damaged").unwrap();
    assert_eq!((page(&run).as_u16(), page("nobody").as_u16()), (500, 404));
}

#[test]
fn without_an_aws_account_the_settings_are_named() {
    for (region, says) in [(None, "AWS_REGION"), (Some("eu-central-1"), "AWS_ACCESS_KEY_ID")] {
        let mut command = holdfast(&["--stack", "reviews", "runs"]);
        command.env("AWS_EC2_METADATA_DISABLED", "true");
        command.envs(region.map(|region| ("AWS_REGION", region)));
        let (status, line) = one_line(&command.output().unwrap());
        assert!(
            status == 2
                && line.starts_with("holdfast: stack reviews cannot be read: there is no ")
                && line.contains(says),
            "{line}"
        );
    }
}

#[test]
fn a_signal_after_a_decision_leaves_a_hint_and_the_review_resumes() {
    let pull = Pull::new(Script::finding_each_file(), FakeGithub::INSTALLATION_TOKEN);
    let run = pull.publish().1["run"].as_str().unwrap().to_owned();
    pull.github.fail_next(
        Matcher::new("POST", "/repos/*/*/pulls/*/reviews").always(),
        Fault::status(503),
    );
    let tries = || {
        let entries = pull.github.journal().entries().into_iter();
        let posts = entries.filter(|entry| entry.method == "POST" && entry.path.ends_with("/reviews"));
        posts.count()
    };
    let child = pull
        .scene
        .command(&["approve", &run])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let give_up = Instant::now() + Duration::from_secs(60);
    while tries() == 0 {
        assert!(Instant::now() < give_up, "nothing is published");
        std::thread::sleep(Duration::from_millis(5));
    }
    let sent = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
    assert!(sent.unwrap().success());
    let (status, line) = one_line(&child.wait_with_output().unwrap());
    assert!(
        status == 3 && line.contains("stopped by SIGTERM") && line.contains(&run),
        "{line}"
    );
    let (status, line) = one_line(&pull.scene.run(&["approve", &run]));
    assert!(status == 2 && line.contains("it resumes the run"), "{line}");
    pull.github.clear_faults();
    assert_eq!(pull.publish().1["status"], "published");
    assert_eq!(pull.reviews().len(), 1);
}
