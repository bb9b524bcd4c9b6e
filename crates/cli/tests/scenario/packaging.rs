//! What a package needs of the program: completions, manual pages, the version.

#[expect(
    dead_code,
    clippy::print_stdout,
    reason = "the build script's main isn't called here; it prints for cargo"
)]
#[path = "../../build.rs"]
mod build;

use std::fs;
use std::process::Command;

use holdfast_testkit::Repository;

use crate::support::{holdfast, one_line};

#[test]
fn completions_name_every_command() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let output = holdfast(&["completions", shell]).output().unwrap();
        assert!(output.status.success(), "{shell}");
        let script = String::from_utf8(output.stdout).unwrap();
        for word in ["review", "completions", "fail-on", "list-files"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    // The shell itself finds no mistake.
    let script = holdfast(&["completions", "bash"]).output().unwrap().stdout;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("holdfast");
    fs::write(&file, script).unwrap();
    assert!(Command::new("bash").arg("-n").arg(&file).status().unwrap().success());
}

#[test]
fn each_command_has_a_manual_page() {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().join("new/man1");
    let output = holdfast(&["man", to.to_str().unwrap()]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let pages: Vec<String> = fs::read_dir(&to)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains(&format!(": {} manual pages", pages.len())),
        "{printed}{pages:?}"
    );
    let page = fs::read_to_string(to.join("holdfast-review.1")).unwrap();
    for text in [".TH holdfast-review 1", "fail\\-on", "Exit status:"] {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(pages.contains(&"holdfast.1".to_owned()));
    let (exit, line) = one_line(&holdfast(&["man", "/dev/null/man1"]).output().unwrap());
    assert_eq!(exit, 2, "{line}");
    assert!(line.contains("choose another folder"), "{line}");
}

#[test]
fn the_version_names_only_the_own_repositorys_commit() {
    let output = holdfast(&["--version"]).output().unwrap();
    let version = String::from_utf8(output.stdout).unwrap();
    let expected = format!("holdfast {}", env!("CARGO_PKG_VERSION"));
    assert!(version.starts_with(&expected), "{version}");
    let repository = Repository::new().unwrap();
    repository.write("crates/cli/build.rs", "").unwrap();
    let head = repository.commit("Begin").unwrap();
    let folder = repository.path().join("crates/cli");
    assert_eq!(build::commit_of(&folder).as_deref(), head.get(..12));
    assert_eq!(build::commit_of(repository.path()), None, "another repository");
    let outside = tempfile::tempdir().unwrap();
    assert_eq!(build::commit_of(outside.path()), None, "no repository");
    for (given, commit) in [
        (head.to_uppercase().as_str(), head.get(..12)),
        ("v1.0", None),
        ("0123", None),
        ("0123456789ab\ncargo:rustc-env=A=b", None),
    ] {
        assert_eq!(build::digits(given).as_deref(), commit, "{given}");
    }
}

#[test]
fn help_is_wrapped_to_the_terminal() {
    let output = holdfast(&["review", "--help"]).env("COLUMNS", "60").output().unwrap();
    let help = String::from_utf8(output.stdout).unwrap();
    let (options, _) = help.split_once("Examples:").unwrap();
    for line in options.lines().filter(|line| line.contains(' ')) {
        assert!(line.chars().count() <= 60, "{line}");
    }
}

#[test]
fn no_variable_that_cargo_passes_to_the_program_has_the_name_of_a_setting() {
    // cargo run passes what build scripts set, and the program refuses unknown names that begin with HOLDFAST_.
    let script = include_str!("../../build.rs");
    assert!(script.contains("rustc-env=BUILD_VERSION="));
    assert!(!script.contains("rustc-env=HOLDFAST_"), "{script}");
}
