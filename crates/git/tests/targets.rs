//! Targets and limits that a person names: deleted files, repositories without a commit, and an index with any bytes.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;
use std::path::{Path, PathBuf};

use holdfast_core::model::change::Change;
use holdfast_core::port::ReadChange;
use holdfast_git::{GitReadChange, Scope, Selection, resolve_target};
use holdfast_testkit::Repository;

/// Resolves a selection and reads its change.
async fn review(selection: &Selection) -> Result<Change, String> {
    let data = tempfile::tempdir().unwrap();
    let resolved = resolve_target(selection, data.path()).map_err(|error| error.to_string())?;
    let read = GitReadChange::with_snapshots(data.path().to_owned());
    let change = read.read_change(&resolved.target).await;
    change.map_err(|error| error.to_string())
}

fn paths(change: &Change) -> Vec<&str> {
    change.files.iter().map(|file| file.path.as_str()).collect()
}

#[tokio::test]
async fn a_deleted_file_is_a_target_and_a_limit() {
    let repository = Repository::new().unwrap();
    for path in ["kept.rs", "deleted.rs", "folder/deep.rs", "branch.rs"] {
        repository.write(path, format!("{path}\n")).unwrap();
    }
    repository.symlink("link", "nowhere").unwrap();
    repository.commit("Begin").unwrap();
    repository.branch("topic").unwrap();
    repository.delete("branch.rs").unwrap();
    repository.commit("Delete").unwrap();
    repository.delete("deleted.rs").unwrap();
    fs::remove_dir_all(repository.path().join("folder")).unwrap();
    repository.delete("link").unwrap();
    repository.symlink("link", "elsewhere").unwrap();
    repository.write("added.rs", "added\n").unwrap();
    repository.git(&["add", "added.rs"]).unwrap();
    repository.delete("added.rs").unwrap();
    for (path, scope, expected) in [
        ("deleted.rs", Scope::Everything, &["deleted.rs"][..]),
        ("folder", Scope::Uncommitted, &["folder/deep.rs"]),
        ("folder/deep.rs", Scope::Everything, &["folder/deep.rs"]),
        ("./folder/../deleted.rs", Scope::Everything, &["deleted.rs"]),
        ("branch.rs", Scope::Everything, &["branch.rs"]),
        ("branch.rs", Scope::Committed, &["branch.rs"]),
        ("link", Scope::Everything, &["link"]),
        ("added.rs", Scope::Staged, &["added.rs"]),
        ("added.rs", Scope::Everything, &[]),
    ] {
        let place = repository.path().join(path);
        let by_target = Selection {
            scope,
            ..Selection::of_path(&place)
        };
        let by_files = Selection {
            scope,
            files: vec![place],
            ..Selection::of_path(repository.path())
        };
        for selection in [by_target, by_files] {
            let change = review(&selection)
                .await
                .unwrap_or_else(|error| panic!("{path}: {error}"));
            assert_eq!(paths(&change), expected, "{path} {scope:?}");
        }
    }
    for (path, part) in [
        ("never.rs", "does not exist as a path"),
        ("folder2/deep.rs", "does not exist"),
    ] {
        let error = review(&Selection::of_path(&repository.path().join(path)))
            .await
            .unwrap_err();
        assert!(error.contains(part) && error.contains("BASE..HEAD"), "{error}");
    }
    // A file of the reviewed commits only.
    let selection = Selection {
        head: Some("main".to_owned()),
        base: Some("main".to_owned()),
        files: vec![repository.path().join("branch.rs")],
        ..Selection::of_path(repository.path())
    };
    assert!(paths(&review(&selection).await.unwrap()).is_empty());
}

#[tokio::test]
async fn without_a_commit_each_part_names_its_remedy() {
    let repository = Repository::new().unwrap();
    repository.write("a.rs", "a\n").unwrap();
    let bare = tempfile::tempdir().unwrap();
    repository
        .git(&["init", "--quiet", "--bare", bare.path().to_str().unwrap()])
        .unwrap();
    let head = |head: Option<&str>, scope, place: &Path| Selection {
        head: head.map(str::to_owned),
        scope,
        ..Selection::of_path(place)
    };
    let here = repository.path();
    for (selection, parts) in [
        (
            head(None, Scope::Committed, here),
            ["--committed has nothing to review", "commit something first"],
        ),
        (
            head(Some("HEAD~1"), Scope::Everything, here),
            ["--head \"HEAD~1\" is not a commit yet", "commit something first"],
        ),
        (
            head(None, Scope::Everything, bare.path()),
            ["has no commit yet", "push a branch"],
        ),
    ] {
        let error = review(&selection).await.unwrap_err();
        assert!(parts.iter().all(|part| error.contains(part)), "{parts:?}: {error}");
    }
}

/// Returns an index of version 2 with these paths, sorted, all for one object.
fn index_of(paths: &[&str], object: &str) -> Vec<u8> {
    let mut out = Vec::from(*b"DIRC\0\0\0\x02");
    out.extend(u32::try_from(paths.len()).unwrap().to_be_bytes());
    for path in paths {
        let mut entry = [0; 40];
        entry[24..28].copy_from_slice(&0o100_644_u32.to_be_bytes());
        out.extend(entry);
        out.extend(hex::decode(object).unwrap());
        out.extend(u16::try_from(path.len()).unwrap().to_be_bytes());
        out.extend(path.as_bytes());
        out.extend(vec![0; 8 - (62 + path.len()) % 8]);
    }
    let mut hasher = gix::hash::hasher(gix::hash::Kind::Sha1);
    hasher.update(&out);
    out.extend(hasher.try_finalize().unwrap().as_slice());
    out
}

#[tokio::test]
async fn impossible_paths_of_an_index_are_left_out_with_a_note() {
    let repository = Repository::new().unwrap();
    repository.write("a.txt", "a\n").unwrap();
    repository.commit("Begin").unwrap();
    let object = repository.git(&["rev-parse", "HEAD:a.txt"]).unwrap();
    let index: PathBuf = repository.path().join(".git/index");
    for impossible in ["", "../x", ".git/config", "/a", "a.txt//b", "a.txt/./b", "b/.GIT/x"] {
        let mut names = [impossible, "a.txt"];
        names.sort_unstable();
        fs::write(&index, index_of(&names, &object)).unwrap();
        for scope in [Scope::Everything, Scope::Uncommitted, Scope::Staged] {
            let selection = Selection {
                scope,
                ..Selection::of_path(repository.path())
            };
            let change = review(&selection).await.unwrap();
            assert_eq!((paths(&change).len(), change.unlisted()), (0, 1), "{impossible:?}");
            let note = format!("{impossible:?} is not listed");
            assert!(change.notes.concat().contains(&note), "{:?}", change.notes);
        }
    }
}
