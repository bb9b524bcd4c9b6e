//! Hostile repositories and patches that are meant to fill the memory: each is refused.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;

use holdfast_testkit::Repository;

use super::patch::apply_patch;
use super::snapshot::Snapshot;
use super::{change, open};

/// Creates a repository with one commit of one file.
fn started(content: &str) -> Repository {
    let repository = Repository::new().unwrap();
    repository.write("first", content).unwrap();
    repository.commit("first").unwrap();
    repository
}

#[test]
fn files_of_git_that_would_fill_the_memory_are_refused() {
    let repository = started("first\n");
    let git_dir = repository.path().join(".git");
    let refusal = |name: &str| {
        let error = open::open(repository.path()).map(drop).unwrap_err().to_string();
        assert!(error.contains(name) && error.contains("the limit"), "{name}: {error}");
    };
    for name in [
        "info/exclude",
        "info/attributes",
        "packed-refs",
        "sharedindex.abc",
        "refs/heads/large",
    ] {
        let file = git_dir.join(name);
        fs::File::create(&file).unwrap().set_len(3 << 30).unwrap();
        refusal(name);
        fs::remove_file(file).unwrap();
    }
    // Version 4 of the index: each path is the one before and one byte more.
    let (count, first) = (100_000_u32, "a".repeat(4_000));
    let mut index = Vec::from(*b"DIRC\0\0\0\x04");
    index.extend(count.to_be_bytes());
    for at in 0..count {
        index.extend([0; 62]);
        index.push(0);
        index.extend(if at == 0 { first.as_bytes() } else { b"a" });
        index.push(0);
    }
    assert!(index.len() < 8 << 20);
    fs::write(git_dir.join("index"), index).unwrap();
    refusal("index");
    repository.git(&["read-tree", "HEAD"]).unwrap();
    repository.git(&["update-index", "--index-version", "4"]).unwrap();
    assert!(
        open::open(repository.path()).is_ok(),
        "git's own index of version 4 is read"
    );
}

#[test]
fn a_patch_of_copies_costs_at_most_the_limit_of_content() {
    let repository = started(&"x".repeat(1 << 20));
    let copies: String = (0..2_000)
        .map(|at| format!("diff --git a/first b/c{at}\nsimilarity index 100%\ncopy from first\ncopy to c{at}\n"))
        .collect();
    let data = tempfile::tempdir().unwrap();
    let git = open::open(repository.path()).unwrap();
    let tree = change::root_tree(&git, git.head_id().unwrap().detach()).unwrap();
    let mut snapshot = Snapshot::new(&git, repository.path(), data.path()).unwrap();
    let error = apply_patch(&git, tree, copies.as_bytes(), &mut snapshot)
        .unwrap_err()
        .to_string();
    assert!(error.contains("512 MiB of content"), "{error}");
}
