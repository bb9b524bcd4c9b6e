//! Tests of the edits in a work tree.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use holdfast_testkit::Repository;

use super::*;

async fn replace(repository: &Repository, path: &str, before: &str, after: &str) -> Result<(), NoEdit> {
    let (before, after) = (before.to_owned(), after.to_owned());
    let files = vec![(path.to_owned(), Replacement { before, after })];
    let mut done = replace_tracked(repository.path().to_owned(), files).await.unwrap();
    done.pop().unwrap()
}

async fn read(repository: &Repository, path: &str) -> Editable {
    let mut read = read_tracked(repository.path().to_owned(), vec![path.to_owned()])
        .await
        .unwrap();
    read.pop().unwrap()
}

#[tokio::test]
async fn a_tracked_file_is_replaced_with_its_mode_and_without_remains() {
    let repository = Repository::new().unwrap();
    repository.write("src/run.sh", "one\r\ntwo").unwrap();
    repository.set_executable("src/run.sh", true).unwrap();
    repository.commit("Begin").unwrap();
    let file = repository.path().join("src/run.sh");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o750)).unwrap();
    assert_eq!(read(&repository, "src/run.sh").await.unwrap(), "one\r\ntwo");
    replace(&repository, "src/run.sh", "one\r\ntwo", "three").await.unwrap();
    assert_eq!(fs::read(&file).unwrap(), b"three");
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o750);
    let changed = replace(&repository, "src/run.sh", "one\r\ntwo", "four").await;
    assert!(matches!(changed, Err(NoEdit::Changed)), "{changed:?}");
    assert_eq!(fs::read(&file).unwrap(), b"three");
    assert_eq!(fs::read_dir(repository.path().join("src")).unwrap().count(), 1);
}

#[tokio::test]
async fn every_other_kind_of_file_is_refused() {
    let repository = Repository::new().unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a"), "outside").unwrap();
    for path in ["link", "folder/a", "pipe", "gone", "big", "latin", "nul", "a"] {
        repository.write(path, "text").unwrap();
    }
    repository.commit("Begin").unwrap();
    repository.write("new", "text").unwrap();
    repository.write("forced", "text").unwrap();
    repository.write(".gitignore", "forced\n").unwrap();
    repository.git(&["add", "--force", "forced"]).unwrap();
    repository.write("big", "x".repeat(1024 * 1024 + 1)).unwrap();
    repository.write("latin", b"caf\xe9").unwrap();
    repository.write("nul", b"a\0").unwrap();
    let root = repository.path();
    for path in ["link", "pipe", "gone"] {
        repository.delete(path).unwrap();
    }
    fs::remove_dir_all(root.join("folder")).unwrap();
    symlink(outside.path().join("a"), root.join("link")).unwrap();
    symlink(outside.path(), root.join("folder")).unwrap();
    let made = std::process::Command::new("mkfifo")
        .arg(root.join("pipe"))
        .status()
        .unwrap();
    assert!(made.success());
    for (path, expected) in [
        ("link", "Link"),
        ("folder/a", "Link"),
        ("pipe", "NotRegular"),
        ("gone", "Gone"),
        ("big", "TooLarge"),
        ("latin", "NotText"),
        ("nul", "NotText"),
        ("new", "Untracked"),
        ("forced", "Ignored"),
        ("../a", "Outside"),
        ("/etc/passwd", "Outside"),
        (".git/config", "Outside"),
        ("folder/.GIT/config", "Outside"),
        ("", "Outside"),
        ("missing/deep", "Untracked"),
    ] {
        let reason = read(&repository, path).await.unwrap_err();
        assert_eq!(format!("{reason:?}"), expected, "{path}");
    }
    for path in ["link", "folder/a", "new", "forced", "../a", ".git/config"] {
        assert!(replace(&repository, path, "outside", "evil").await.is_err(), "{path}");
    }
    assert_eq!(fs::read(outside.path().join("a")).unwrap(), b"outside");
    assert_eq!(read(&repository, "a").await.unwrap(), "text");
}

#[tokio::test]
async fn a_foreign_work_tree_is_neither_listed_nor_edited() {
    let repository = Repository::new().unwrap();
    repository.write("a", "text").unwrap();
    repository.commit("Begin").unwrap();
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("a"), "text").unwrap();
    repository
        .git(&["config", "core.worktree", outside.path().to_str().unwrap()])
        .unwrap();
    let root = repository.path().to_owned();
    let (before, after) = ("text".to_owned(), "evil".to_owned());
    let change = ("a".to_owned(), Replacement { before, after });
    let edited = replace_tracked(root.clone(), vec![change]).await.unwrap_err();
    assert!(edited.to_string().contains("core.worktree"), "{edited}");
    let listed = crate::tracked_names(root).await.unwrap_err();
    assert!(listed.to_string().contains("core.worktree"), "{listed}");
    assert_eq!(fs::read(outside.path().join("a")).unwrap(), b"text");
}
