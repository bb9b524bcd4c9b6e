//! Real repositories, and the pull requests from them.
#![expect(clippy::unwrap_used, reason = "tests")]

use holdfast_testkit::repository::CORPUS_PATHS;
use holdfast_testkit::{PullRequest, Repository};

#[test]
fn the_same_steps_give_the_same_commits() {
    let make = || {
        let repository = Repository::new().unwrap();
        repository.write("a/b.txt", "text\n").unwrap();
        repository.commit("First").unwrap()
    };
    assert_eq!(make(), make());
}

#[test]
fn branches_and_revisions_work_as_in_git() {
    let repository = Repository::new().unwrap();
    repository.write("a.txt", "1\n").unwrap();
    let first = repository.commit("First").unwrap();
    repository.branch("topic").unwrap();
    repository.write("a.txt", "2\n").unwrap();
    let second = repository.commit("Second").unwrap();
    repository.checkout("main").unwrap();
    assert_eq!(repository.rev_parse("HEAD").unwrap(), first);
    assert_eq!(repository.rev_parse("topic").unwrap(), second);
    assert_eq!(std::fs::read_to_string(repository.path().join("a.txt")).unwrap(), "1\n");
    let error = repository.rev_parse("nowhere").unwrap_err().to_string();
    assert!(error.contains("rev-parse") && error.contains("nowhere"), "{error}");
}

#[test]
fn the_corpus_has_every_kind_of_file_as_github_lists_it() {
    let change = Repository::corpus().unwrap();
    let pull = PullRequest::from_git(change.repository.path(), &change.base, &change.head, "o/r", 1).unwrap();
    let paths: Vec<&str> = pull.files.iter().map(|file| file.filename.as_str()).collect();
    assert_eq!(paths, CORPUS_PATHS.map(|(path, _)| path));
    let file = |path: &str| pull.files.iter().find(|file| file.filename == path).unwrap();
    let patch = |path: &str| file(path).patch.as_deref();
    let states = |path: &str| (file(path).status.as_str(), file(path).additions, file(path).deletions);

    assert_eq!(states("src/modified.rs"), ("modified", 1, 2));
    assert_eq!(patch("src/modified.rs").unwrap().matches("@@ -").count(), 2);
    assert_eq!(states("src/new_name.rs"), ("renamed", 1, 1));
    assert_eq!(
        file("src/new_name.rs").previous_filename.as_deref(),
        Some("src/old_name.rs")
    );
    assert_eq!(
        (states("src/sub/moved.rs"), patch("src/sub/moved.rs")),
        (("renamed", 0, 0), None)
    );
    assert_eq!(
        (states("src/deleted.rs"), states("src/added.rs")),
        (("removed", 0, 1), ("added", 3, 0))
    );
    assert_eq!(
        patch("src/added.rs"),
        Some("@@ -0,0 +1,3 @@\n+fn added() -> u8 {\n+    7\n+}")
    );
    assert_eq!((states("image.png"), patch("image.png")), (("modified", 0, 0), None));
    assert_eq!((states("run.sh"), patch("run.sh")), (("modified", 0, 0), None));
    assert_eq!((states("empty.txt"), patch("empty.txt")), (("added", 0, 0), None));
    assert_eq!(states("emptied.txt"), ("modified", 0, 1));
    assert!(patch("crlf.txt").unwrap().contains("-two\r\n+2\r\n three\r"));
    assert!(
        patch("no_newline.txt")
            .unwrap()
            .ends_with("\\ No newline at end of file")
    );
    assert!(patch("latin1.txt").unwrap().contains("+na\u{fffd}ve"));
    assert_eq!(
        patch("vendor/lib"),
        Some(concat!(
            "@@ -1 +1 @@\n-Subproject commit 1111111111111111111111111111111111111111\n",
            "+Subproject commit 2222222222222222222222222222222222222222",
        ))
    );
    assert_eq!(file("vendor/lib").sha, "2".repeat(40));
    assert_eq!(
        (states("becomes_link"), states("link")),
        (("changed", 1, 1), ("modified", 1, 1))
    );
    assert_eq!(pull.commits.len(), 1);
    assert!(pull.commits.contains(&change.head));
}

#[test]
fn text_that_looks_like_a_header_stays_in_its_file() {
    let repository = Repository::new().unwrap();
    repository.write("a.txt", "one\n").unwrap();
    repository.write("b.txt", "one\n").unwrap();
    let base = repository.commit("Before").unwrap();
    repository
        .write("a.txt", "one\ndiff --git a/x b/x\n@@ -1 +1 @@\n--- a/x\n+++ b/x\n")
        .unwrap();
    repository.write("b.txt", "-- two\n").unwrap();
    let head = repository.commit("After").unwrap();
    let pull = PullRequest::from_git(repository.path(), &base, &head, "o/r", 1).unwrap();
    let counts: Vec<_> = pull.files.iter().map(|file| (file.additions, file.deletions)).collect();
    assert_eq!(counts, [(4, 0), (1, 1)]);
}

#[test]
fn many_files_change_one_line_each() {
    let change = Repository::many_files(25).unwrap();
    let pull = PullRequest::from_git(change.repository.path(), "main", "change", "o/r", 1).unwrap();
    assert_eq!(pull.files.len(), 25);
    assert!(pull.files.iter().all(|file| (file.additions, file.deletions) == (1, 1)));
    assert!(pull.files[7].patch.as_deref().unwrap().contains("+    x * 3 + 7"));
}

#[test]
fn a_pull_request_starts_where_the_branches_part() {
    let repository = Repository::new().unwrap();
    repository.write("a.txt", "1\n").unwrap();
    let parted = repository.commit("First").unwrap();
    repository.branch("change").unwrap();
    repository.write("b.txt", "2\n").unwrap();
    repository.commit("Ours").unwrap();
    repository.checkout("main").unwrap();
    repository.write("c.txt", "3\n").unwrap();
    let base = repository.commit("Theirs").unwrap();
    let pull = PullRequest::from_git(repository.path(), "main", "change", "o/r", 1).unwrap();
    assert_eq!((&pull.base_sha, &pull.merge_base_sha), (&base, &parted));
    assert_eq!(
        pull.files.iter().map(|file| file.filename.as_str()).collect::<Vec<_>>(),
        ["b.txt"]
    );
}
