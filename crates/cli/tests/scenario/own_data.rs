//! Files in a work tree aren't the program's own: default places of data, refused directories, and reviews that resume
//! only themselves.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use holdfast_testkit::{FakeGithub, Script};
use reqwest::blocking::Client;
use serde_json::Value;

use crate::pull_request::{Pull, minor};
use crate::serve::Served;
use crate::support::{Scene, cookie_of, holdfast, many_files, one_line};

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Returns a pull request whose review was killed in the middle: the scene's data directory has an open run that
/// publishes.
fn killed() -> Pull {
    let pull = Pull::new(minor().delayed(400), FakeGithub::USER_TOKEN);
    let mut child = pull.spawn_publish();
    let give_up = Instant::now() + Duration::from_secs(60);
    while pull.scene.server().journal().calls().is_empty() {
        assert!(Instant::now() < give_up, "the model was never asked");
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(pull.reviews().is_empty());
    pull
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    fs::set_permissions(to, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(fs::copy(entry.path(), to.join(entry.file_name())).unwrap()),
        }
    }
}

/// Returns `holdfast ARGUMENTS` in the work tree, with the scene's settings but without `--data`; its state is in
/// `home`.
fn in_tree(scene: &Scene, home: &Path, arguments: &[&str]) -> Command {
    let mut command = holdfast(arguments);
    command.current_dir(scene.path()).env("HOME", home);
    for (name, value) in &scene.settings {
        command.env(name, value);
    }
    command
}

#[test]
fn a_committed_data_directory_causes_nothing_and_is_refused_by_name() {
    let pull = killed();
    let tree = pull.scene.repository.path();
    copy(&pull.scene.data.path().join("data"), &tree.join(".holdfast"));
    fs::remove_file(tree.join(".holdfast/.gitignore")).unwrap();
    pull.scene.repository.commit("Add what a stranger planted").unwrap();
    let home = tempfile::tempdir().unwrap();
    let before = pull.github.journal().writes().len();

    let output = in_tree(&pull.scene, home.path(), &["review", "."]).output().unwrap();
    let message = stderr(&output);
    // The planted files are a part of the change, and some of them are unreadable.
    assert!(matches!(output.status.code(), Some(0 | 1 | 3)), "{message}");
    let named: Vec<&str> = message.lines().filter(|line| line.contains(".holdfast")).collect();
    assert!(named.len() == 1 && named[0].contains("--data"), "{message}");
    let listed = in_tree(&pull.scene, home.path(), &["runs", "--format", "json"])
        .output()
        .unwrap();
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let runs = listed["runs"].as_array().unwrap();
    assert_eq!(runs.len(), 1, "{listed:#}");
    let state = home.path().canonicalize().unwrap().join(".local/state/holdfast/trees");
    assert!(
        runs[0]["data"].as_str().unwrap().starts_with(state.to_str().unwrap()),
        "{listed:#}"
    );

    for name in [".holdfast", "./.holdfast/", "src/../.holdfast"] {
        let mut command = in_tree(&pull.scene, home.path(), &["review", ".", "--data", name]);
        let (status, line) = one_line(&command.output().unwrap());
        assert!(status == 2 && line.contains("git tracks"), "{line}");
        let mut command = in_tree(&pull.scene, home.path(), &["runs"]);
        let (status, line) = one_line(&command.env("HOLDFAST_DATA", name).output().unwrap());
        assert!(status == 2 && line.contains("git tracks"), "{line}");
    }
    assert_eq!(pull.github.journal().writes().len(), before, "nothing was written");
    assert!(pull.reviews().is_empty());
}

#[test]
fn a_review_resumes_only_its_own_run() {
    let pull = killed();
    let before = pull.github.journal().writes().len();
    let (exit, document) = pull.scene.review();
    assert!(exit < 2 && document["status"] == "reviewed", "{document:#}");
    // Without --publish the same pull request is another review.
    let printed = pull.scene.run(&["review", &pull.address(), "--format", "json"]);
    assert!(matches!(printed.status.code(), Some(0 | 1)), "{}", stderr(&printed));
    assert!(stderr(&printed).contains("stay as they are"), "{}", stderr(&printed));
    assert_eq!(pull.github.journal().writes().len(), before, "nothing was written");
    let listed = pull.scene.run(&["runs", "--format", "json"]);
    let listed: Value = serde_json::from_slice(&listed.stdout).unwrap();
    let open = listed["runs"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|run| run["status"] == "running");
    assert_eq!(open.count(), 1, "{listed:#}");
    // Its own command resumes it.
    assert_eq!(pull.publish().1["status"], "published");
    assert_eq!(pull.reviews().len(), 1);
}

#[test]
fn a_planted_run_of_the_right_name_is_not_resumed() {
    let pull = Pull::new(minor().delayed(400), FakeGithub::USER_TOKEN);
    let mut child = pull.scene.spawn_review();
    while pull.scene.server().journal().calls().is_empty() {
        std::thread::sleep(Duration::from_millis(5));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let data = pull.scene.data.path().join("data");
    let database = rusqlite::Connection::open(data.join("engine.sqlite")).unwrap();
    let input: String = database
        .query_row("SELECT input FROM executions WHERE map_run IS NULL", [], |row| {
            row.get(0)
        })
        .unwrap();
    let changed = database.execute(
        "UPDATE executions SET input = ?1 WHERE map_run IS NULL",
        [input.replace("\"publish\":false", "\"publish\":true")],
    );
    assert_eq!(changed.unwrap(), 1);
    drop(database);
    let (status, line) = {
        let output = pull.scene.run(&["review", pull.scene.path(), "--quiet"]);
        one_line(&output)
    };
    assert!(status == 2 && line.contains("is not resumed"), "{line}");
}

#[test]
fn by_default_data_is_in_the_users_state_directory_and_both_places_are_searched() {
    let pull = Pull::new(minor(), FakeGithub::USER_TOKEN);
    let home = tempfile::tempdir().unwrap();
    let run = |arguments: &[&str]| in_tree(&pull.scene, home.path(), arguments).output().unwrap();
    let nothing = run(&["runs"]);
    let (status, line) = one_line(&nothing);
    assert!(
        status == 2 && line.contains("trees/") && line.contains("server"),
        "{line}"
    );
    assert!(matches!(run(&["review", "src"]).status.code(), Some(0 | 1)));
    assert_eq!(run(&["review", &pull.address(), "--publish"]).status.code(), Some(0));
    assert!(!pull.scene.repository.path().join(".holdfast").exists());
    let state = home.path().join(".local/state/holdfast");
    assert_eq!(fs::read_dir(state.join("trees")).unwrap().count(), 1);
    assert!(state.join("server/engine.sqlite").exists());
    for directory in [&state, &state.join("server")] {
        assert_eq!(
            directory.metadata().unwrap().permissions().mode() & 0o077,
            0,
            "{}",
            directory.display()
        );
    }
    let listed = String::from_utf8(run(&["runs"]).stdout).unwrap();
    assert!(
        listed.contains("(this work tree):") && listed.contains("(server):"),
        "{listed}"
    );
    let published = run(&["show", "octo-demo"]);
    assert!(
        published.status.success() && stderr(&published).contains("(server)"),
        "{}",
        stderr(&published)
    );
    let backup = home.path().join("copy");
    let (status, line) = one_line(&run(&["backup", backup.to_str().unwrap()]));
    assert!(status == 2 && line.contains("choose one with --data"), "{line}");
    // The same work tree through a link has the same data.
    let link = home.path().join("link");
    symlink(pull.scene.path(), &link).unwrap();
    assert!(matches!(
        run(&["review", link.to_str().unwrap()]).status.code(),
        Some(0 | 1)
    ));
    assert_eq!(fs::read_dir(state.join("trees")).unwrap().count(), 1);
}

#[test]
fn outside_of_a_work_tree_the_runs_of_all_work_trees_are_found() {
    let scenes = [1, 2].map(|files| Scene::new(many_files(files)));
    let home = tempfile::tempdir().unwrap();
    let nothing = in_tree(&scenes[0], home.path(), &["runs"])
        .current_dir(home.path())
        .output();
    let (status, line) = one_line(&nothing.unwrap());
    assert!(
        status == 2 && line.contains("(server)") && !line.contains("trees/"),
        "{line}"
    );
    for scene in &scenes {
        let reviewed = in_tree(scene, home.path(), &["review", ".", "--quiet"])
            .output()
            .unwrap();
        assert!(matches!(reviewed.status.code(), Some(0 | 1)), "{}", stderr(&reviewed));
    }
    let outside = |arguments: &[&str]| {
        let mut command = in_tree(&scenes[0], home.path(), arguments);
        command.current_dir(home.path()).output().unwrap()
    };
    let listed = String::from_utf8(outside(&["runs"]).stdout).unwrap();
    assert_eq!(listed.matches("(a work tree):").count(), 2, "{listed}");
    let listed: Value = serde_json::from_slice(&outside(&["runs", "--format", "json"]).stdout).unwrap();
    for run in listed["runs"].as_array().unwrap() {
        let shown = outside(&["show", run["run"].as_str().unwrap()]);
        assert!(
            shown.status.success() && stderr(&shown).contains(run["data"].as_str().unwrap()),
            "{}",
            stderr(&shown)
        );
    }
    // A sweep resumes open runs, so it never reaches into other work trees.
    let (status, line) = one_line(&outside(&["sweep"]));
    assert!(status == 2 && line.contains("start the command in it"), "{line}");
}

#[test]
fn without_a_home_the_option_is_named() {
    let scene = Scene::new(many_files(1));
    for arguments in [&["review", "."][..], &["runs"], &["serve"], &["engine"]] {
        let mut command = holdfast(arguments);
        command
            .current_dir(scene.path())
            .env_remove("HOME")
            .env("XDG_STATE_HOME", "relative");
        for (name, value) in [("HOLDFAST_WEBHOOK_SECRET", "0123456789abcdef"), ("GITHUB_TOKEN", "x")] {
            command.env(name, value);
        }
        let (status, line) = one_line(&command.output().unwrap());
        assert!(status == 2 && line.contains("--data"), "{arguments:?}: {line}");
    }
}

#[test]
fn the_consoles_address_works_once_and_signing_out_ends_the_session() {
    let mut served = Served::start_with(Script::valid(), &[]);
    let address = served.console_address();
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    assert_eq!(client.head(&address).send().unwrap().status(), 401, "a look at it");
    let prefetch = client.get(&address).header("sec-purpose", "prefetch;prerender");
    assert_eq!(prefetch.send().unwrap().status(), 401);
    let session = served.sign_in_with_key();
    assert_eq!(client.get(&address).send().unwrap().status(), 401, "it was used");
    assert!(!served.console_address().contains("/sign-in/"));
    let home = served.address().to_string();
    let page = |cookie: &str| client.get(&home).header("cookie", cookie).send().unwrap();
    assert_eq!(page(&session).status(), 200);
    // The session outlives a restart; the address stays used.
    served.kill_and_start();
    let home = served.address().to_owned();
    let page = |cookie: &str| client.get(&home).header("cookie", cookie).send().unwrap();
    assert_eq!(page(&session).status(), 200);

    let response = page(&session);
    let visit = cookie_of(&response);
    let html = response.text().unwrap();
    let csrf = holdfast_testkit::hidden_field(&html, "/sign-out", "csrf").unwrap();
    let out = client
        .post(format!("{home}sign-out"))
        .header("cookie", format!("{session}; {visit}"));
    let out = out.header("origin", home.trim_end_matches('/'));
    let out = out
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("csrf={csrf}"));
    assert_eq!(out.send().unwrap().status(), 303);
    assert_eq!(page(&session).status(), 401, "a copy of the cookie is worth nothing");
    served.kill_and_start();
    let home = served.address().to_owned();
    assert_eq!(
        client.get(&home).header("cookie", &session).send().unwrap().status(),
        401,
        "nor after a restart"
    );
}

#[test]
fn a_new_console_key_ends_all_sessions() {
    let mut served = Served::start_with(Script::valid(), &[]);
    let session = served.sign_in_with_key();
    served.restart_with(&["--new-console-key"]);
    let client = Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let status = |session: &str| {
        client
            .get(served.address())
            .header("cookie", session)
            .send()
            .unwrap()
            .status()
    };
    assert_eq!(status(&session), 401);
    assert_eq!(status(&served.sign_in_with_key()), 200);
}
