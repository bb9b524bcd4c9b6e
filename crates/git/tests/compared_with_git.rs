//! Compares patches of large files with git's own: they are as small, where git takes seconds too.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::process::Command;

use holdfast_core::diff::unified;

/// Returns `count` lines of numbers, in the order of their multiples.
fn numbers(count: u64, factor: u64) -> String {
    (0..count).map(|n| format!("{}\n", n * factor % count)).collect()
}

/// Returns the numbers of lines that git adds and removes.
fn git_counts(before: &str, after: &str) -> (u64, u64) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("a", before), ("b", after)] {
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let output = Command::new("git")
        .args(["diff", "--no-index", "--numstat", "a", "b"])
        .current_dir(folder.path())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let mut numbers = text.split_whitespace().map(|number| number.parse().unwrap());
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

#[test]
fn large_files_have_no_larger_patch_than_gits() {
    let many = numbers(300_000, 1);
    let edited = many
        .replace("\n7777\n", "\nseven\n")
        .replace("\n150000\n", "\n")
        .replace("\n299990\n", "\n299990\nmore\n");
    let moved = format!("{}{}", &many[many.len() / 2..], &many[..many.len() / 2]);
    for (before, after) in [
        // 1 MiB, all of it in another order.
        (numbers(165_000, 1), numbers(165_000, 70_001)),
        (many.clone(), edited),
        (many.clone(), moved),
        (many.clone(), many),
    ] {
        let patch = unified(before.as_bytes(), after.as_bytes());
        let (added, removed) = git_counts(&before, &after);
        assert!(!patch.is_coarse);
        assert!(
            patch.additions <= added && patch.deletions <= removed,
            "git: {added} and {removed}, here: {} and {}",
            patch.additions,
            patch.deletions
        );
    }
}
