//! Changes of git work trees: gix reads the same as the git command line.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::{Path, PathBuf};

use holdfast_core::diff::parse_patch;
use holdfast_core::model::change::{Change, ChangedFile, FileKind, FileStatus, Target};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadChange;
use holdfast_git::{GitReadChange, Scope, Selection, resolve_target};
use holdfast_testkit::Repository;
use holdfast_testkit::repository::CORPUS_PATHS;

fn sha(text: &str) -> CommitSha {
    CommitSha::parse(text).unwrap()
}

async fn read(repository: &Repository, base: &str, head: &str) -> Change {
    let target = Target::WorkTree {
        path: repository.path().to_str().unwrap().to_owned(),
        base: sha(base),
        head: sha(head),
        only: Vec::new(),
    };
    GitReadChange::new().read_change(&target).await.unwrap()
}

fn file<'a>(change: &'a Change, path: &str) -> &'a ChangedFile {
    change.files.iter().find(|file| file.path == path).unwrap()
}

#[tokio::test]
async fn every_kind_of_file_is_recognised() {
    let corpus = Repository::corpus().unwrap();
    let change = read(&corpus.repository, &corpus.base, &corpus.head).await;
    let mut paths: Vec<&str> = change.files.iter().map(|file| file.path.as_str()).collect();
    paths.sort_unstable();
    assert_eq!(paths, CORPUS_PATHS.map(|(path, _)| path));
    assert_eq!(change.files_total, 16);
    assert_eq!(change.title, "Everything after");
    let table = [
        ("becomes_link", FileStatus::TypeChanged, FileKind::Symlink, true),
        ("crlf.txt", FileStatus::Modified, FileKind::Text, true),
        ("emptied.txt", FileStatus::Modified, FileKind::Text, true),
        ("empty.txt", FileStatus::Added, FileKind::Text, false),
        ("image.png", FileStatus::Modified, FileKind::Binary, false),
        ("latin1.txt", FileStatus::Modified, FileKind::Text, true),
        ("link", FileStatus::Modified, FileKind::Symlink, true),
        ("run.sh", FileStatus::ModeChanged, FileKind::Text, false),
        ("src/deleted.rs", FileStatus::Deleted, FileKind::Text, true),
        ("src/new_name.rs", FileStatus::Renamed, FileKind::Text, true),
        ("src/sub/moved.rs", FileStatus::Renamed, FileKind::Text, false),
        ("vendor/lib", FileStatus::Modified, FileKind::Submodule, false),
    ];
    for (path, status, kind, has_patch) in table {
        let file = file(&change, path);
        assert_eq!(
            (file.status, file.kind, file.patch.is_some()),
            (status, kind, has_patch),
            "{path}"
        );
    }
    assert_eq!(
        file(&change, "src/new_name.rs").previous_path.as_deref(),
        Some("src/old_name.rs")
    );
}

#[tokio::test]
async fn hunks_are_the_same_as_gits() {
    let corpus = Repository::corpus().unwrap();
    let (repository, base, head) = (&corpus.repository, &corpus.base, &corpus.head);
    let change = read(repository, base, head).await;
    for file in change
        .files
        .iter()
        .filter(|file| file.status != FileStatus::TypeChanged)
    {
        let Some(patch) = &file.patch else { continue };
        let mut paths = vec![file.path.as_str()];
        paths.extend(file.previous_path.as_deref());
        let arguments = ["diff", "--find-renames", "--no-color", base, head, "--"];
        let output = std::process::Command::new("git")
            .current_dir(repository.path())
            .args(arguments)
            .args(paths)
            .output()
            .unwrap();
        let theirs = String::from_utf8_lossy(&output.stdout).into_owned();
        let theirs = &theirs[theirs.find("@@ ").unwrap()..];
        let (ours, theirs) = (parse_patch(patch).unwrap(), parse_patch(theirs).unwrap());
        assert_eq!(ours.len(), theirs.len(), "{}", file.path);
        for (ours, theirs) in ours.iter().zip(&theirs) {
            // The text after the second @@ is git's guess of the function; the place and the lines are facts.
            let place = |hunk: &holdfast_core::diff::Hunk| {
                (
                    hunk.old_start,
                    hunk.old_lines,
                    hunk.new_start,
                    hunk.new_lines,
                    hunk.lines.clone(),
                )
            };
            assert_eq!(place(ours), place(theirs), "{}", file.path);
        }
    }
}

#[tokio::test]
async fn files_are_read_at_their_commit() {
    let corpus = Repository::corpus().unwrap();
    let target = Target::WorkTree {
        path: corpus.repository.path().to_str().unwrap().to_owned(),
        base: sha(&corpus.base),
        head: sha(&corpus.head),
        only: Vec::new(),
    };
    let read = GitReadChange::new();
    let at = |path: &'static str, commit: &str| {
        let (read, target, commit) = (&read, &target, sha(commit));
        async move { read.read_file(target, path, &commit).await.unwrap() }
    };
    assert_eq!(at("crlf.txt", &corpus.base).await.unwrap(), b"one\r\ntwo\r\nthree\r\n");
    assert_eq!(at("crlf.txt", &corpus.head).await.unwrap(), b"one\r\n2\r\nthree\r\n");
    for nothing in ["no/such/file", "src", "vendor/lib", "../outside"] {
        assert_eq!(at(nothing, &corpus.head).await, None, "{nothing}");
    }
}

#[test]
fn the_default_base_is_the_upstreams_branch_then_the_parent_then_nothing() {
    let repository = Repository::new().unwrap();
    repository.write("a", "1\n").unwrap();
    let first = repository.commit("first").unwrap();
    let selection = Selection {
        scope: Scope::Committed,
        ..Selection::of_path(repository.path())
    };
    let ends = || match resolve_target(&selection, Path::new("/nonexistent/data"))
        .unwrap()
        .target
    {
        Target::WorkTree { base, head, .. } => (base.to_string(), head.to_string()),
        Target::PullRequest { .. } => unreachable!("a path is a work tree"),
    };
    let empty_tree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904";
    assert_eq!(
        ends(),
        (empty_tree.to_owned(), first.clone()),
        "a first commit is all new"
    );
    repository.write("a", "2\n").unwrap();
    let second = repository.commit("second").unwrap();
    repository.write("a", "3\n").unwrap();
    let third = repository.commit("third").unwrap();
    assert_eq!(
        ends(),
        (second.clone(), third.clone()),
        "without an upstream, the parent"
    );
    repository
        .git(&["update-ref", "refs/remotes/origin/main", &first])
        .unwrap();
    assert_eq!(
        ends(),
        (first, third.clone()),
        "from where the upstream's branch was left"
    );
    repository
        .git(&["update-ref", "refs/remotes/origin/main", &third])
        .unwrap();
    assert_eq!(ends(), (second, third), "nothing of its own: the latest commit");
}

#[tokio::test]
async fn a_missing_object_costs_its_file_and_names_the_remedy() {
    let corpus = Repository::corpus().unwrap();
    let repository = &corpus.repository;
    let blob = repository
        .git(&["rev-parse", &format!("{}:crlf.txt", corpus.head)])
        .unwrap();
    let object: PathBuf = repository.path().join(".git/objects").join(&blob[..2]).join(&blob[2..]);
    std::fs::remove_file(object).unwrap();
    let change = read(repository, &corpus.base, &corpus.head).await;
    let reason = file(&change, "crlf.txt").omitted.as_deref().unwrap();
    assert!(reason.contains(&blob[..12]) && reason.contains("git fsck"), "{reason}");
    let read = change.files.iter().filter(|file| file.patch.is_some()).count();
    assert_eq!(read, 10, "the others are read");
}
