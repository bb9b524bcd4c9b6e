//! `holdfast fix`: the suggestions of a review in the files of a work tree.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::process::{Command, Output, Stdio};

use holdfast_testkit::model_server::Finding;
use holdfast_testkit::{ModelServer, Repository, Script};

use crate::support::{Scene, one_line};

const RUN_RS: &str = "pub fn run(x: u64) -> u64 {\n    let y = x * 3;\n    let z = y + 1;\n    z\n}\n";
const MAKEFILE: &str = "all:\n\trun\n";

/// Runs a command of the scene in its work tree.
fn run(scene: &Scene, arguments: &[&str]) -> Output {
    scene.command(arguments).current_dir(scene.path()).output().unwrap()
}

fn reviewed(repository: Repository, findings: Vec<Finding>) -> Scene {
    let server = ModelServer::start(Script::findings(findings)).unwrap();
    let scene = Scene::with_model(repository, server);
    let output = run(&scene, &["review", "--fail-on", "none", "--format", "json"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    scene
}

fn at(path: &str, start: u32, line: u32, suggestion: &str) -> Finding {
    Finding::at(path, line)
        .start_line(start)
        .title(format!("Finding in {path} at {line}"))
        .suggestion(suggestion)
}

/// Returns a review of uncommitted work with two suggestions in one file, and one in another.
fn scene() -> Scene {
    let repository = Repository::new().unwrap();
    repository.write("src/run.rs", "pub fn run() {}\n").unwrap();
    repository.write("src/ends.rs", "a\r\n").unwrap();
    repository.commit("Begin").unwrap();
    repository.write("src/run.rs", RUN_RS).unwrap();
    repository.set_executable("src/run.rs", true).unwrap();
    repository
        .write("src/ends.rs", "fn a() {\r\n    let b = 1;\r\n}")
        .unwrap();
    reviewed(
        repository,
        vec![
            at("src/run.rs", 2, 2, "    let y = x * 4;\n    let w = y;"),
            at("src/run.rs", 4, 4, "    z + 1"),
            at("src/ends.rs", 2, 2, "    let b = 2;"),
        ],
    )
}

const FIXED: &str =
    "pub fn run(x: u64) -> u64 {\n    let y = x * 4;\n    let w = y;\n    let z = y + 1;\n    z + 1\n}\n";

fn read(scene: &Scene, path: &str) -> String {
    fs::read_to_string(scene.repository.path().join(path)).unwrap()
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

#[test]
fn all_suggestions_are_applied_once() {
    let scene = scene();
    let output = run(&scene, &["fix", "--all"]);
    let printed = stdout(&output);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert!(
        printed.contains("applied: src/run.rs:2: Finding in src/run.rs at 2\n"),
        "{printed}"
    );
    assert!(printed.ends_with("3 of 3 suggestions applied\n"), "{printed}");
    assert_eq!(read(&scene, "src/run.rs"), FIXED);
    assert_eq!(read(&scene, "src/ends.rs"), "fn a() {\r\n    let b = 2;\r\n}");
    let mode = fs::metadata(scene.repository.path().join("src/run.rs"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o111, 0o111, "the mode stays");
    let names: Vec<_> = fs::read_dir(scene.repository.path().join("src"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert_eq!(names.len(), 2, "{names:?}");
    let output = run(&scene, &["fix", "--all"]);
    let printed = stdout(&output);
    assert_eq!(output.status.code(), Some(0), "{printed}");
    for line in [
        "applied already: src/run.rs:4: Finding in src/run.rs at 4\n",
        "3 of 3 suggestions applied already: nothing to do\n",
    ] {
        assert!(printed.contains(line), "{line}\n{printed}");
    }
    assert_eq!(read(&scene, "src/run.rs"), FIXED, "a second time changes nothing");
    let printed = run(&scene, &["fix", "--print"]);
    assert_eq!((printed.status.code(), printed.stdout.len()), (Some(0), 0));
    scene.repository.write("src/run.rs", RUN_RS).unwrap();
    let output = run(&scene, &["fix", "--all"]);
    assert!(
        stdout(&output).ends_with("2 of 3 suggestions applied, 1 applied already\n"),
        "{}",
        stdout(&output)
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn the_printed_patch_applies_with_git() {
    let scene = scene();
    let output = run(&scene, &["fix", "--print"]);
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
    assert_eq!(read(&scene, "src/run.rs"), RUN_RS, "no file is changed");
    let mut apply = Command::new("git")
        .args(["apply", "-"])
        .current_dir(scene.path())
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    apply.stdin.take().unwrap().write_all(&output.stdout).unwrap();
    assert!(apply.wait().unwrap().success(), "{}", stdout(&output));
    assert_eq!(read(&scene, "src/run.rs"), FIXED);
    assert_eq!(read(&scene, "src/ends.rs"), "fn a() {\r\n    let b = 2;\r\n}");
}

#[test]
fn a_patch_with_control_characters_is_exact_in_a_file_and_stays_out_of_a_terminal_and_a_log() {
    let repository = Repository::new().unwrap();
    repository.write("a.rs", "\n").unwrap();
    repository.commit("Begin").unwrap();
    let escapes = RUN_RS.replace("    z\n", "    z // \u{1b}[2J\n");
    repository.write("a.rs", &escapes).unwrap();
    let scene = reviewed(repository, vec![at("a.rs", 2, 2, "    let y = x * 4;")]);
    let exact = stdout(&run(&scene, &["fix", "--print"]));
    assert!(exact.contains("\u{1b}[2J"), "{exact}");
    let (exit, shown) = on_terminal(&scene, &["fix", "--print"], "");
    assert!(
        !shown.contains('\u{1b}') && shown.contains("> FILE writes it as it is"),
        "{shown}"
    );
    assert_eq!(exit, Some(0), "{shown}");
    let in_ci = || {
        let mut command = scene.command(&["fix", "--print"]);
        command.current_dir(scene.path()).env("CI", "true");
        command
    };
    let output = in_ci().output().unwrap();
    let lines = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), output.stdout.len()), (Some(2), 0), "{lines}");
    assert!(lines.contains("holdfast fix --print > FILE"), "{lines}");
    let file = scene.data.path().join("patch");
    let written = in_ci().stdout(fs::File::create(&file).unwrap()).status().unwrap();
    assert!(written.success());
    assert_eq!(fs::read_to_string(file).unwrap(), exact);
}

#[test]
fn lines_that_changed_since_the_review_are_named_and_left() {
    let scene = scene();
    let edited = RUN_RS.replace("    z\n", "    z + y\n");
    scene.repository.write("src/run.rs", &edited).unwrap();
    let output = run(&scene, &["fix", "--all"]);
    let printed = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    assert!(
        printed.contains("not applied: src/run.rs:4: its lines are not as reviewed any more: review again\n"),
        "{printed}"
    );
    assert!(printed.ends_with("2 of 3 suggestions applied\n"), "{printed}");
    assert!(read(&scene, "src/run.rs").contains("x * 4"));
    assert!(read(&scene, "src/run.rs").contains("    z + y\n"));
}

#[test]
fn links_and_files_that_git_does_not_track_are_left() {
    let repository = Repository::new().unwrap();
    repository.write("a.rs", "\n").unwrap();
    repository.write("folder/b.rs", "\n").unwrap();
    repository.commit("Begin").unwrap();
    for path in ["a.rs", "folder/b.rs", "new.rs", "Makefile"] {
        let text = if path == "Makefile" { MAKEFILE } else { RUN_RS };
        repository.write(path, text).unwrap();
    }
    let better = "    let y = x * 4;";
    let scene = reviewed(
        repository,
        vec![
            at("a.rs", 2, 2, better),
            at("folder/b.rs", 2, 2, better),
            at("new.rs", 2, 2, better),
            at("Makefile", 2, 2, "\tstop"),
        ],
    );
    let outside = tempfile::tempdir().unwrap();
    for name in ["a.rs", "b.rs"] {
        fs::write(outside.path().join(name), RUN_RS).unwrap();
    }
    let root = scene.repository.path();
    fs::remove_file(root.join("a.rs")).unwrap();
    fs::remove_dir_all(root.join("folder")).unwrap();
    symlink(outside.path().join("a.rs"), root.join("a.rs")).unwrap();
    symlink(outside.path(), root.join("folder")).unwrap();
    let output = run(&scene, &["fix", "--all"]);
    let printed = stdout(&output);
    assert_eq!(output.status.code(), Some(1), "{printed}");
    for line in [
        "not applied: a.rs:2: its path has a symbolic link",
        "not applied: folder/b.rs:2: its path has a symbolic link",
        "not applied: new.rs:2: git does not track its file",
        "0 of 3 suggestions applied",
    ] {
        assert!(printed.contains(line), "{line}\n{printed}");
    }
    for name in ["a.rs", "b.rs"] {
        assert_eq!(fs::read_to_string(outside.path().join(name)).unwrap(), RUN_RS);
    }
    assert_eq!(read(&scene, "Makefile"), MAKEFILE);
    scene.repository.git(&["add", "new.rs"]).unwrap();
    let output = run(&scene, &["fix", "--all"]);
    assert!(stdout(&output).contains("applied: new.rs:2: "), "{}", stdout(&output));
}

#[test]
fn it_needs_a_terminal_a_review_and_its_work_tree() {
    let scene = scene();
    let (exit, line) = one_line(&run(&scene, &["fix"]));
    assert!(
        exit == 2 && line.contains("--all") && line.contains("--print"),
        "{line}"
    );
    let other = Repository::new().unwrap();
    other.write("a", "a").unwrap();
    other.commit("Begin").unwrap();
    let in_other = |arguments: &[&str]| scene.command(arguments).current_dir(other.path()).output().unwrap();
    let (exit, line) = one_line(&in_other(&["fix", "--all"]));
    assert!(exit == 2 && line.contains("there is no finished review of"), "{line}");
    let runs = stdout(&run(&scene, &["runs", "--format", "json"]));
    let runs: serde_json::Value = serde_json::from_str(&runs).unwrap();
    let name = runs["runs"][0]["run"].as_str().unwrap();
    let (exit, line) = one_line(&in_other(&["fix", name, "--all"]));
    assert!(exit == 2 && line.contains("the work tree that was reviewed"), "{line}");
    assert_eq!(read(&scene, "src/run.rs"), RUN_RS);
    let output = run(&scene, &["fix", name, "--all"]);
    assert_eq!(output.status.code(), Some(0), "{}", stdout(&output));
}

/// Starts a command on a terminal with some input; returns its exit status and everything on the terminal.
pub fn on_terminal(scene: &Scene, arguments: &[&str], input: &str) -> (Option<i32>, String) {
    let program = "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))";
    let command = scene.command(arguments);
    let mut child = Command::new("python3")
        .args(["-c", program])
        .arg(command.get_program())
        .args(command.get_args())
        .env_clear()
        .envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .current_dir(scene.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    (output.status.code(), stdout(&output))
}

#[test]
fn a_person_chooses_on_a_terminal() {
    let scene = scene();
    let (exit, shown) = on_terminal(&scene, &["fix"], "n\nmaybe\ny\nq\n");
    assert_eq!(exit, Some(1), "{shown}");
    for part in [
        "Apply? y (yes), n (no), q",
        "let b = 2",
        "1 of 3 suggestions applied",
        "declined",
    ] {
        assert!(shown.contains(part), "{part}\n{shown}");
    }
    let changed = [
        ("src/run.rs", RUN_RS),
        ("src/ends.rs", "fn a() {\r\n    let b = 1;\r\n}"),
    ]
    .iter()
    .filter(|(path, before)| read(&scene, path) != *before)
    .count();
    assert_eq!(changed, 1, "{shown}");
}
