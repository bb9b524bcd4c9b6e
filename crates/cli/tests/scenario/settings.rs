//! Settings without effect are reported with their remedy, in the review or at the start.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use holdfast_testkit::{FakeGithub, ModelServer, PullRequest, Repository, Script};

use crate::support::{Scene, holdfast, many_files, one_line};

fn printed_by(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned() + &String::from_utf8_lossy(&output.stdout)
}

/// Returns a repository with one change on a base that `prepare` has written to, its base and its head.
fn changed(prepare: &dyn Fn(&Repository)) -> (Repository, String, String) {
    let repository = Repository::new().unwrap();
    repository.write("src/a.rs", "pub fn a() {}\n").unwrap();
    prepare(&repository);
    let base = repository.commit("Begin").unwrap();
    repository.write("src/a.rs", "pub fn a() {\n    b();\n}\n").unwrap();
    let head = repository.commit("Change").unwrap();
    (repository, base, head)
}

#[test]
fn unread_settings_fail_reviews_of_work_trees_and_pull_requests() {
    let large = format!("# {}\nmax_units: 7\n", "x".repeat(1_150_000));
    type Case<'a> = (&'a str, &'a dyn Fn(&Repository));
    let cases: [Case<'_>; 7] = [
        ("rename it to .holdfast.yml", &|repository| {
            repository.write(".holdfast.yaml", "gate: {}\n").unwrap()
        }),
        ("is a symbolic link", &|repository| {
            repository.write("settings.yml", "gate: {}\n").unwrap();
            repository.symlink(".holdfast.yml", "settings.yml").unwrap();
        }),
        ("at most 1 MiB are read: shorten it", &|repository| {
            repository.write(".holdfast.yml", &large).unwrap()
        }),
        ("did you mean exclude?", &|repository| {
            repository.write(".holdfast.yml", "exclud: [a]\n").unwrap()
        }),
        ("write app/[[]id]/**", &|repository| {
            repository
                .write(".holdfast.yml", "exclude: ['app/[id]/**', '!x']\n")
                .unwrap();
        }),
        ("rules.empty-cach: there is no such rule", &|repository| {
            repository.write(".holdfast.yml", "rules: {empty-cach: off}\n").unwrap();
        }),
        ("is not UTF-8", &|repository| {
            repository.write(".holdfast.yml", b"exclude: ['\xff']\n").unwrap()
        }),
    ];
    for (excerpt, prepare) in cases {
        let (repository, base, head) = changed(prepare);
        let github = FakeGithub::start().unwrap();
        github.add(PullRequest::from_git(repository.path(), &base, &head, "octo/demo", 1).unwrap());
        let scene = Scene::new(repository)
            .set("HOLDFAST_GITHUB_URL", &github.url())
            .set("GITHUB_TOKEN", FakeGithub::USER_TOKEN);
        for target in [scene.path().to_owned(), github.pull_request_url("octo/demo", 1)] {
            let output = scene.run(&["review", &target]);
            let printed = printed_by(&output);
            assert!(
                output.status.code().unwrap() >= 2
                    && printed.contains(excerpt)
                    && printed.contains(".holdfast.yml on the base branch: "),
                "{target}: {excerpt}: {printed}"
            );
        }
    }
}

#[test]
fn other_settings_files_are_noted_and_globs_match() {
    let (repository, ..) = changed(&|repository| {
        repository
            .write(".holdfast.yml", "exclude: ['./docs/', '/src']\n")
            .unwrap();
        repository.write(".holdfast.yaml", "gate: {}\n").unwrap();
    });
    let scene = Scene::with_model(repository, ModelServer::start(Script::valid()).unwrap());
    let (_, document) = scene.review();
    let text = document.to_string();
    assert!(text.contains("excluded by .holdfast.yml"), "{document:#}");
    assert!(
        text.contains(".holdfast.yaml at the root of the base branch is not read"),
        "{document:#}"
    );
}

#[test]
fn check_lists_every_problem_with_its_place() {
    let folder = tempfile::tempdir().unwrap();
    let check = |name: &str| {
        holdfast(&["check", folder.path().join(name).to_str().unwrap()])
            .output()
            .unwrap()
    };
    fs::write(
        folder.path().join(".holdfast.yml"),
        "exclud: ['a']\nexclude: ['docs/', '/docs/**', './docs/**', '!x', '', 'app/[id]/**']\nmax_units: 0\n",
    )
    .unwrap();
    let output = check(".holdfast.yml");
    let text = printed_by(&output);
    assert_eq!(output.status.code(), Some(2));
    for part in [
        "line 1 column 1: exclud: ",
        "did you mean exclude?",
        "line 2 column 45: exclude[3]: ",
        "line 2 column 51: exclude[4]: ",
        "line 2 column 55: exclude[5]: ",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    fs::rename(
        folder.path().join(".holdfast.yml"),
        folder.path().join(".holdfast.yaml"),
    )
    .unwrap();
    assert!(printed_by(&check(".holdfast.yml")).contains("rename it to .holdfast.yml"));
    assert!(printed_by(&check(".holdfast.yaml")).contains("rename it to .holdfast.yml"));
    fs::write(folder.path().join("real.yml"), "max_units: 3\n").unwrap();
    assert_eq!(check("real.yml").status.code(), Some(0));
    symlink("real.yml", folder.path().join(".holdfast.yml")).unwrap();
    assert!(printed_by(&check(".holdfast.yml")).contains("symbolic link"));
    fs::remove_file(folder.path().join(".holdfast.yml")).unwrap();
    fs::write(folder.path().join(".holdfast.yml"), " ".repeat(1_048_577)).unwrap();
    assert!(printed_by(&check(".holdfast.yml")).contains("at most 1 MiB are read"));
}

#[test]
fn check_reads_regular_files_only_and_names_a_missing_one() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe.json");
    let made = Command::new("mkfifo").arg(&pipe).status().unwrap();
    assert!(made.success());
    fs::write(folder.path().join("large.json"), " ".repeat(1_048_577)).unwrap();
    fs::create_dir(folder.path().join("folder.yml")).unwrap();
    for (file, excerpt) in [
        ("pipe.json", "is not a regular file"),
        ("folder.yml", "is not a regular file"),
        ("/dev/zero", "is not a regular file"),
        ("large.json", "at most 1 MiB are read"),
        ("missing.json", "there is no file missing.json: check the name"),
        (
            ".holdfast.yml",
            "there is no file .holdfast.yml: start the command at the repository's root",
        ),
    ] {
        let mut child = holdfast(&["check", file])
            .current_dir(folder.path())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let give_up = Instant::now() + Duration::from_secs(60);
        while child.try_wait().unwrap().is_none() {
            if Instant::now() > give_up {
                child.kill().unwrap();
                panic!("{file}: it hangs");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let (status, line) = one_line(&child.wait_with_output().unwrap());
        assert!(status == 2 && line.contains(excerpt), "{file}: {line}");
    }
}

#[test]
fn misspelt_and_invalid_environment_settings_are_reported_together() {
    let scene = Scene::new(many_files(1))
        .set("HOLDFAST_MODLE", "openai/x")
        .set("HOLDFAST_MODEL", "openai/x")
        .set("HOLDFAST_MODEL_LIGHT", "rules")
        .set("HOLDFAST_APPROVERS", "nobody")
        .set("HOLDFAST_LOG", "debgu")
        .set("HOLDFAST_GITHUB_APP_ID", "1")
        .set("HOLDFAST_GITHUB_APP_KEY_FILE", "/nonexistent/app.pem");
    let output = scene.run(&["review", scene.path()]);
    let text = printed_by(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    for part in [
        "did you mean HOLDFAST_MODEL?",
        "HOLDFAST_MODEL_LIGHT (environment): rules",
        "HOLDFAST_APPROVERS (environment)",
        "did you mean debug?",
        "OPENAI_API_KEY (environment)",
        "/nonexistent/app.pem",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!scene.data.path().join("data").exists(), "nothing was begun");
    let runs = Scene::new(many_files(1)).set("HOLDFAST_DATE", "x");
    let text = printed_by(&runs.run(&["runs"]));
    assert!(text.contains("did you mean HOLDFAST_DATA?"), "{text}");
}
