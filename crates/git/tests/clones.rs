//! Real-world work trees: clones that lack objects or history, and the base of a review if none is given.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::path::Path;
use std::process::Command;

use holdfast_core::model::change::{Change, FileStatus, Target};
use holdfast_core::port::ReadChange;
use holdfast_git::{GitReadChange, ResolvedTarget, Scope, Selection, resolve_target};
use holdfast_testkit::Repository;
use tempfile::TempDir;

/// A data directory that isn't created: commits need none.
const NO_DATA: &str = "/nonexistent/data";

fn git(directory: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .current_dir(directory)
        .args(arguments)
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
}

/// Clones with these options of `git clone`, and returns the folder.
fn clone(of: &Repository, options: &[&str]) -> TempDir {
    for name in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
        of.git(&["config", name, "true"]).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let url = format!("file://{}", of.path().display());
    let arguments = [&["clone", "--quiet"], options, &[&url, "."]].concat();
    git(directory.path(), &arguments);
    directory
}

async fn read(path: &Path, base: &str, head: &str) -> Change {
    let target = resolve_ends(path, base, head);
    GitReadChange::new().read_change(&target).await.unwrap()
}

fn resolve_ends(path: &Path, base: &str, head: &str) -> Target {
    let selection = Selection {
        base: Some(base.to_owned()),
        head: Some(head.to_owned()),
        ..Selection::of_path(path)
    };
    resolve_target(&selection, Path::new(NO_DATA)).unwrap().target
}

fn resolve(path: &Path, base_branch: Option<&str>) -> Result<ResolvedTarget, String> {
    let selection = Selection {
        base_branch: base_branch.map(str::to_owned),
        scope: Scope::Committed,
        ..Selection::of_path(path)
    };
    resolve_target(&selection, Path::new(NO_DATA)).map_err(|error| error.to_string())
}

/// Returns the chosen base, and the reason.
fn base_of(path: &Path, base_branch: Option<&str>) -> (String, String) {
    let resolved = resolve(path, base_branch).unwrap();
    let Target::WorkTree { base, .. } = resolved.target else {
        unreachable!("a path is a work tree")
    };
    assert!(
        resolved.base_note.contains(&base.as_str()[..12]),
        "{}",
        resolved.base_note
    );
    (base.to_string(), resolved.base_note)
}

#[tokio::test]
async fn a_partial_clone_costs_the_files_it_lacks() {
    let origin = Repository::new().unwrap();
    let picture: Vec<u8> = (0..3_000_u32).map(|n| (n * 31 % 256) as u8).collect();
    origin.write("picture.png", &picture).unwrap();
    origin.write("src/a.rs", "fn a() {}\n").unwrap();
    origin.write("src/b.rs", "fn b() {}\n").unwrap();
    let base = origin.commit("before").unwrap();
    origin.delete("picture.png").unwrap();
    origin.write("src/a.rs", "fn a() { 1; }\n").unwrap();
    origin.write("src/b.rs", "fn b() { 1; }\n").unwrap();
    let head = origin.commit("after").unwrap();
    let partial = clone(&origin, &["--filter=blob:none"]);
    // A checkout of the base fetches everything except the picture, which was never checked out.
    for path in ["src/a.rs", "src/b.rs"] {
        git(partial.path(), &["cat-file", "-e", &format!("{base}:{path}")]);
        git(partial.path(), &["cat-file", "-p", &format!("{base}:{path}")]);
    }
    let change = read(partial.path(), &base, &head).await;
    assert_eq!(change.files.len(), 3);
    for file in &change.files {
        if file.path == "picture.png" {
            let reason = file.omitted.as_deref().unwrap();
            assert!(
                reason.contains("partial") && reason.contains("git fetch --refetch --no-filter"),
                "{reason}"
            );
            assert!(!reason.contains("fsck"), "{reason}");
            assert_eq!(file.status, FileStatus::Deleted);
        } else {
            assert!(file.patch.is_some() && file.omitted.is_none(), "{}", file.path);
        }
    }
    // The remedy helps.
    git(partial.path(), &["fetch", "--quiet", "--refetch", "--no-filter"]);
    let change = read(partial.path(), &base, &head).await;
    assert!(
        change.files.iter().all(|file| file.omitted.is_none()),
        "{:?}",
        change.files
    );
}

#[tokio::test]
async fn a_clone_without_trees_lists_what_it_lacks() {
    let origin = Repository::new().unwrap();
    origin.write("src/deep/a.rs", "fn a() {}\n").unwrap();
    origin.write("top.rs", "fn a() {}\n").unwrap();
    let base = origin.commit("before").unwrap();
    origin.write("src/deep/a.rs", "fn a() { 1; }\n").unwrap();
    origin.write("top.rs", "fn a() { 1; }\n").unwrap();
    let head = origin.commit("after").unwrap();
    let partial = clone(&origin, &["--filter=tree:0"]);
    let selection = |base: &str, scope| Selection {
        base: Some(base.to_owned()).filter(|_| scope == Scope::Committed),
        scope,
        ..Selection::of_path(partial.path())
    };
    let data = tempfile::tempdir().unwrap();
    let resolve = |scope| resolve_target(&selection(&base, scope), data.path());
    let error = resolve(Scope::Committed).unwrap_err().to_string();
    assert!(
        error.contains("the root folder of a reviewed commit") && error.contains("git fetch --refetch --no-filter"),
        "{error}"
    );
    // The checkout has fetched the folders of the head.
    std::fs::write(partial.path().join("top.rs"), "fn a() { 2; }\n").unwrap();
    let resolved = resolve(Scope::Uncommitted).unwrap();
    assert!(resolved.base_note.contains("1 modified file"), "{}", resolved.base_note);
    // The remedy helps.
    git(partial.path(), &["fetch", "--quiet", "--refetch", "--no-filter"]);
    let target = resolve(Scope::Committed).unwrap().target;
    let change = GitReadChange::new().read_change(&target).await.unwrap();
    assert_eq!(change.files.len(), 2, "{:?}", change.files);
    // If the root is present, a missing folder costs only that folder.
    let tree = origin.git(&["rev-parse", &format!("{head}:src")]).unwrap();
    std::fs::remove_file(origin.path().join(".git/objects").join(&tree[..2]).join(&tree[2..])).unwrap();
    origin.git(&["config", "extensions.partialClone", "origin"]).unwrap();
    let change = read(origin.path(), &base, &head).await;
    assert_eq!(change.files.len(), 1, "{:?}", change.files);
    assert_eq!(change.files_total, 2);
    assert!(
        change.notes[0].contains("\"src\"") && change.notes[0].contains("--refetch"),
        "{:?}",
        change.notes
    );
}

#[test]
fn a_shallow_clone_that_lacks_the_merge_base_names_the_remedy() {
    let origin = Repository::new().unwrap();
    origin.write("a", "1\n").unwrap();
    origin.commit("one").unwrap();
    origin.branch("feature").unwrap();
    for n in 2..5 {
        origin.write("b", format!("{n}\n")).unwrap();
        origin.commit("more").unwrap();
    }
    origin.checkout("main").unwrap();
    origin.write("a", "2\n").unwrap();
    origin.commit("two").unwrap();
    let shallow = clone(&origin, &["--depth=1", "--no-single-branch", "--branch=feature"]);
    for base_branch in [None, Some("main")] {
        let error = resolve(shallow.path(), base_branch).unwrap_err();
        assert!(
            error.contains("shallow") && error.contains("git fetch --unshallow"),
            "{error}"
        );
    }
    git(shallow.path(), &["fetch", "--quiet", "--unshallow"]);
    assert!(resolve(shallow.path(), None).is_ok());
}

/// Creates `main` with one commit, `develop` with two more, and `feature` with three on top of it.
fn flow() -> (Repository, [String; 2]) {
    let origin = Repository::new().unwrap();
    origin.write("a", "1\n").unwrap();
    let main = origin.commit("main").unwrap();
    origin.branch("develop").unwrap();
    origin.write("a", "2\n").unwrap();
    origin.commit("develop 1").unwrap();
    origin.write("a", "3\n").unwrap();
    let develop = origin.commit("develop 2").unwrap();
    origin.branch("feature").unwrap();
    for n in 0..3 {
        origin.write("b", format!("{n}\n")).unwrap();
        origin.commit("feature").unwrap();
    }
    (origin, [main, develop])
}

#[test]
fn the_base_is_the_commit_at_which_the_head_was_branched() {
    let (origin, [main, develop]) = flow();
    // In the repository itself: the nearest branch with a usual name.
    let (base, note) = base_of(origin.path(), None);
    assert_eq!(base, develop);
    assert!(
        note.contains("the merge base with develop, the nearest branch of a usual name"),
        "{note}"
    );
    // In a clone: the remote's default branch, the target of origin/HEAD.
    let whole = clone(&origin, &["--branch=feature"]);
    git(whole.path(), &["remote", "set-head", "origin", "main"]);
    let (base, note) = base_of(whole.path(), None);
    assert_eq!(base, main);
    assert!(
        note.contains("the merge base with origin/main, the default branch of origin (origin/HEAD)"),
        "{note}"
    );
    // The branch that the environment names comes first.
    let (base, note) = base_of(whole.path(), Some("develop"));
    assert_eq!(base, develop);
    assert!(note.contains("origin/develop, which GITHUB_BASE_REF names"), "{note}");
    // Without origin/HEAD: the upstream, if it is another branch; else the nearest.
    git(whole.path(), &["remote", "set-head", "origin", "--delete"]);
    let (base, note) = base_of(whole.path(), None);
    assert_eq!(base, develop);
    assert!(note.contains("origin/develop, the nearest"), "{note}");
    git(whole.path(), &["branch", "--quiet", "--set-upstream-to=origin/main"]);
    let (base, note) = base_of(whole.path(), None);
    assert_eq!(base, main);
    assert!(
        note.contains("origin/main, the upstream of the branch feature"),
        "{note}"
    );
    // A missing branch is reported, and the next rule applies.
    let (base, note) = base_of(whole.path(), Some("release/9"));
    assert_eq!(base, main);
    assert!(
        note.contains("GITHUB_BASE_REF names \"release/9\", which is not in this clone"),
        "{note}"
    );
    // A detached head, as actions/checkout leaves it, has the same base.
    git(whole.path(), &["checkout", "--quiet", "--detach"]);
    let (base, _) = base_of(whole.path(), None);
    assert_eq!(base, develop);
}

#[test]
fn without_another_branch_the_last_commit_is_reviewed_and_the_note_has_the_reason() {
    let (origin, _) = flow();
    let alone = clone(&origin, &["--branch=feature", "--single-branch"]);
    git(alone.path(), &["remote", "set-head", "origin", "--delete"]);
    let (base, note) = base_of(alone.path(), None);
    assert_eq!(base, origin.rev_parse("feature~1").unwrap());
    assert!(
        note.contains("only its last commit is reviewed") && note.contains("--base names another"),
        "{note}"
    );
    // A branch with every commit of the head leaves only the last commit to review.
    git(alone.path(), &["update-ref", "refs/remotes/origin/main", "HEAD"]);
    let (_, note) = base_of(alone.path(), None);
    assert!(
        note.contains("origin/main") && note.contains("has every commit of the head"),
        "{note}"
    );
    let selection = Selection {
        base: Some("HEAD~2".to_owned()),
        scope: Scope::Committed,
        ..Selection::of_path(alone.path())
    };
    let note = resolve_target(&selection, Path::new(NO_DATA)).unwrap().base_note;
    assert!(
        note.contains("the merge base with HEAD~2, which --base names"),
        "{note}"
    );
}
