//! Kind, status and reason of each file, from a pull request's list and two trees.

#![expect(clippy::unwrap_used, reason = "tests")]
use super::*;

fn file(status: &str, counts: (u64, u64), patch: Option<&str>) -> File {
    File {
        filename: "new".into(),
        previous_filename: (status == "renamed").then(|| "old".into()),
        status: status.into(),
        additions: counts.0,
        deletions: counts.1,
        patch: patch.map(str::to_owned),
    }
}

fn tree(path: &str, entry: Option<(&str, &str, u64)>) -> Tree {
    let entry = entry.map(|(mode, sha, size)| TreeEntry {
        path: path.into(),
        mode: mode.into(),
        sha: sha.into(),
        size: Some(size),
    });
    Tree {
        entries: entry.into_iter().map(|entry| (entry.path.clone(), entry)).collect(),
        is_whole: true,
    }
}

type End<'a> = Option<(&'a str, &'a str, u64)>;
type Case<'a> = (
    &'a str,
    (u64, u64),
    End<'a>,
    End<'a>,
    FileStatus,
    FileKind,
    Option<&'a str>,
);

#[test]
fn trees_show_why_a_file_has_no_patch() {
    const F: &str = "100644";
    let table: [Case<'_>; 14] = [
        (
            "modified",
            (0, 0),
            Some((F, "a", 9)),
            Some((F, "b", 8)),
            FileStatus::Modified,
            FileKind::Binary,
            Some("binary, 9 bytes"),
        ),
        (
            "added",
            (0, 0),
            None,
            Some((F, "b", 0)),
            FileStatus::Added,
            FileKind::Text,
            None,
        ),
        (
            "added",
            (0, 0),
            None,
            Some((F, "b", 7)),
            FileStatus::Added,
            FileKind::Binary,
            Some("binary, 7 bytes"),
        ),
        // Absent isn't empty: nothing is known of a file that the tree lacks.
        (
            "added",
            (0, 0),
            None,
            None,
            FileStatus::Added,
            FileKind::Binary,
            Some("binary or empty: GitHub gives no patch"),
        ),
        (
            "removed",
            (0, 0),
            Some((F, "b", 0)),
            None,
            FileStatus::Deleted,
            FileKind::Text,
            None,
        ),
        (
            "removed",
            (0, 0),
            Some((F, "b", 5)),
            None,
            FileStatus::Deleted,
            FileKind::Binary,
            Some("binary, 5 bytes"),
        ),
        (
            "modified",
            (0, 0),
            Some((F, "a", 9)),
            Some(("100755", "a", 9)),
            FileStatus::ModeChanged,
            FileKind::Text,
            None,
        ),
        (
            "changed",
            (0, 0),
            Some((F, "a", 9)),
            Some(("100755", "a", 9)),
            FileStatus::ModeChanged,
            FileKind::Text,
            None,
        ),
        (
            "renamed",
            (0, 0),
            Some((F, "a", 9)),
            Some((F, "a", 9)),
            FileStatus::Renamed,
            FileKind::Text,
            None,
        ),
        (
            "renamed",
            (0, 0),
            Some((F, "a", 9)),
            Some((F, "b", 9)),
            FileStatus::Renamed,
            FileKind::Binary,
            Some("binary, 9 bytes"),
        ),
        (
            "modified",
            (9, 9),
            Some((F, "a", 9)),
            Some((F, "b", 9)),
            FileStatus::Modified,
            FileKind::Text,
            Some("too large: GitHub gives no patch"),
        ),
        (
            "modified",
            (0, 0),
            Some((F, "a", 9)),
            Some((F, "b", 600_000)),
            FileStatus::Modified,
            FileKind::Binary,
            Some("binary or too large: GitHub gives no patch (586 KiB)"),
        ),
        (
            "changed",
            (0, 0),
            Some((F, "a", 9)),
            Some(("160000", "cc", 0)),
            FileStatus::TypeChanged,
            FileKind::Submodule,
            Some("submodule a..cc"),
        ),
        (
            "added",
            (0, 0),
            None,
            Some(("120000", "b", 0)),
            FileStatus::Added,
            FileKind::Symlink,
            None,
        ),
    ];
    for (given, counts, old, new, status, kind, omitted) in table {
        let file = file(given, counts, None);
        assert!(is_unclear(&file));
        let trees = Trees {
            base: tree(file.previous_filename.as_deref().unwrap_or("new"), old),
            head: tree("new", new),
        };
        let found = classify(file, Some(&trees));
        assert_eq!(
            (found.status, found.kind, found.omitted.as_deref()),
            (status, kind, omitted),
            "{given} {old:?} {new:?}"
        );
    }
}

#[test]
fn without_trees_the_list_decides() {
    let table = [
        (
            file("renamed", (0, 0), None),
            FileStatus::Renamed,
            FileKind::Text,
            false,
        ),
        (
            file("changed", (0, 0), None),
            FileStatus::ModeChanged,
            FileKind::Text,
            false,
        ),
        (
            file("modified", (0, 0), None),
            FileStatus::Modified,
            FileKind::Binary,
            true,
        ),
        (
            file("modified", (3, 0), None),
            FileStatus::Modified,
            FileKind::Text,
            true,
        ),
        (
            file("changed", (1, 1), Some("@@ -1 +1 @@\n-a\n+b")),
            FileStatus::TypeChanged,
            FileKind::Text,
            false,
        ),
        (
            file("copied", (1, 0), Some("@@ -1 +1,2 @@\n a\n+b")),
            FileStatus::Copied,
            FileKind::Text,
            false,
        ),
    ];
    for (given, status, kind, is_omitted) in table {
        let shown = format!("{given:?}");
        let found = classify(given, None);
        assert_eq!(
            (found.status, found.kind, found.omitted.is_some()),
            (status, kind, is_omitted),
            "{shown}"
        );
    }
}

#[test]
fn a_submodules_patch_has_nothing_but_its_commits() {
    let (a, b) = ("a".repeat(40), "b".repeat(40));
    let patch = format!("@@ -1 +1 @@\n-Subproject commit {a}\n+Subproject commit {b}");
    let found = classify(file("modified", (1, 1), Some(&patch)), None);
    assert_eq!(
        (found.kind, found.patch, found.additions),
        (FileKind::Submodule, None, 0)
    );
    assert_eq!(found.omitted.unwrap(), format!("submodule {}..{}", &a[..12], &b[..12]));
    let added = format!("@@ -0,0 +1 @@\n+Subproject commit {b}");
    assert_eq!(
        classify(file("added", (1, 0), Some(&added)), None).omitted.unwrap(),
        format!("submodule none..{}", &b[..12])
    );
    for text in [
        format!("@@ -1,2 +1,2 @@\n-Subproject commit {a}\n+Subproject commit {b}\n code"),
        "@@ -1 +1 @@\n-Subproject commit x\n+Subproject commit y".to_owned(),
        format!("@@ -1 +1 @@\n-Subproject commit {a}\n+rm -rf /"),
    ] {
        assert_eq!(submodule(&text), None, "{text}");
    }
}
