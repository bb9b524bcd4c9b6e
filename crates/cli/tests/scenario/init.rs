//! `holdfast init`: settings for a repository, from its names.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Output;

use holdfast_testkit::Repository;

use crate::support::{holdfast, one_line};

fn init(folder: &Path, arguments: &[&str]) -> Output {
    let arguments = [&["init"], arguments].concat();
    holdfast(&arguments).current_dir(folder).output().unwrap()
}

fn repository() -> Repository {
    let repository = Repository::new().unwrap();
    for path in [
        "src/main.rs",
        "web/app.ts",
        "third_party/lib.c",
        "tests/a.rs",
        ".github/workflows/ci.yml",
    ] {
        repository.write(path, "text\n").unwrap();
    }
    repository.write("CODEOWNERS", "* @all\n/src/pay/ @pay\n").unwrap();
    repository.commit("Begin").unwrap();
    repository.write("vendor/untracked.c", "text\n").unwrap();
    repository
}

#[test]
fn it_writes_valid_settings_once_at_the_root() {
    let repository = repository();
    let printed = init(repository.path(), &["--print"]);
    assert!(printed.status.success());
    let place = repository.path().join(".holdfast.yml");
    assert!(!place.exists(), "--print writes nothing");
    let output = init(&repository.path().join("src"), &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(&place).unwrap();
    assert_eq!(text.as_bytes(), printed.stdout);
    for part in [
        "- \"third_party/**\"",
        "\"src/pay/**\"  # CODEOWNERS",
        "\".github/workflows/**\"  # CI",
        "languages that rules read: Rust (2), GitHub Actions (1), TypeScript (1)",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(!text.contains("\"vendor/**\""), "git does not track it: {text}");
    let check = holdfast(&["check"]).current_dir(repository.path()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&check.stdout), ".holdfast.yml: no problem\n");
    fs::write(&place, "gate: {}\n").unwrap();
    let (exit, line) = one_line(&init(repository.path(), &["src"]));
    assert_eq!(exit, 2, "{line}");
    assert!(line.contains("exists and is not overwritten"), "{line}");
    assert_eq!(fs::read_to_string(&place).unwrap(), "gate: {}\n");
}

#[test]
fn it_follows_no_link_and_refuses_other_places() {
    let repository = repository();
    let outside = tempfile::tempdir().unwrap();
    let target = outside.path().join("settings");
    symlink(&target, repository.path().join(".holdfast.yml")).unwrap();
    let (exit, line) = one_line(&init(repository.path(), &[]));
    assert_eq!(exit, 2, "{line}");
    assert!(!target.exists(), "a link is not followed");
    repository.delete(".holdfast.yml").unwrap();
    repository.write(".holdfast.yaml", "").unwrap();
    let (exit, line) = one_line(&init(repository.path(), &[]));
    assert!(exit == 2 && line.contains("rename it to .holdfast.yml"), "{line}");
    let (exit, line) = one_line(&init(outside.path(), &[]));
    assert!(exit == 2 && line.contains("is not a git repository"), "{line}");
    let bare = outside.path().join("bare");
    repository
        .git(&["clone", "--quiet", "--bare", ".", bare.to_str().unwrap()])
        .unwrap();
    let (exit, line) = one_line(&init(&bare, &[]));
    assert!(exit == 2 && line.contains("is a bare repository"), "{line}");
}

#[test]
fn a_hostile_owners_file_is_not_opened() {
    let repository = repository();
    repository.delete("CODEOWNERS").unwrap();
    repository.symlink("CODEOWNERS", "/dev/zero").unwrap();
    repository.commit("Link").unwrap();
    let output = init(repository.path(), &["--print"]);
    assert!(output.status.success());
    assert!(!String::from_utf8(output.stdout).unwrap().contains("# - owners"));
}
