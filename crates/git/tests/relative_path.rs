//! A repository with a relative path. One test in a program of its own, because it changes the working directory.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;

use holdfast_core::model::change::Target;
use holdfast_core::port::ReadChange;
use holdfast_git::{GitReadChange, Selection, resolve_target};
use holdfast_testkit::Repository;

#[tokio::test]
async fn a_bare_repository_beside_the_working_directory_is_read() {
    let change = Repository::many_files(1).unwrap();
    let beside = tempfile::tempdir().unwrap();
    let bare = beside.path().join("bare.git");
    change
        .repository
        .git(&["clone", "--quiet", "--bare", ".", bare.to_str().unwrap()])
        .unwrap();
    std::fs::create_dir(beside.path().join("folder")).unwrap();
    let selection = |path: &str| Selection {
        base: Some(change.base.clone()),
        head: Some(change.head.clone()),
        ..Selection::of_path(Path::new(path))
    };
    // From a folder beside it, gix resolves the path to an absolute one that doesn't end in `.git`.
    for (folder, path) in [
        ("", "bare.git"),
        ("", "./bare.git"),
        ("bare.git", "."),
        ("folder", "../bare.git"),
    ] {
        std::env::set_current_dir(beside.path().join(folder)).unwrap();
        let target = resolve_target(&selection(path), Path::new("/nonexistent/data"))
            .unwrap()
            .target;
        let Target::WorkTree { path: found, .. } = &target else {
            unreachable!("a path is a work tree")
        };
        assert_eq!(Path::new(found), bare.canonicalize().unwrap(), "{path}");
        let read = GitReadChange::new().read_change(&target).await.unwrap();
        assert_eq!(read.files.len(), 1, "{path}");
    }
}
