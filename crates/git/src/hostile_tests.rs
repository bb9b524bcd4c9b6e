//! Hostile repositories that are meant to block the reader: each costs its file or its change, never the process.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use holdfast_core::diff::parse_patch;
use holdfast_core::model::change::{Change, ChangedFile, FileKind, FileStatus};
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::ReadError;
use holdfast_testkit::Repository;

use super::budget::Limits;
use super::{change, open, resolve_target};

/// Far above the time of each test, and far below a hang.
const WATCHDOG: Duration = Duration::from_secs(60);

fn read(repository: &Repository, base: &str, head: &str, limits: Limits) -> Result<Change, ReadError> {
    let sha = |text: &str| CommitSha::parse(text).unwrap();
    let reviewed = change::Reviewed {
        base: &sha(base),
        head: &sha(head),
        only: &[],
        remarks: &super::Remarks::default(),
    };
    change::read_change(&open::open(repository.path())?, &reviewed, limits)
}

fn file<'a>(change: &'a Change, path: &str) -> &'a ChangedFile {
    let found = change.files.iter().find(|file| file.path == path);
    found.unwrap_or_else(|| unreachable!("{path} is not in {:?}", change.files.iter().map(|file| &file.path)))
}

/// Creates a repository with one commit, and returns the commit's name.
fn started() -> (Repository, String) {
    let repository = Repository::new().unwrap();
    repository.write("first", "first\n").unwrap();
    let base = repository.commit("first").unwrap();
    (repository, base)
}

/// Writes an object from bytes and returns its name.
fn hash_object(repository: &Repository, kind: &str, content: &[u8]) -> String {
    let file = repository.path().join(".git/object-to-write");
    fs::write(&file, content).unwrap();
    let file = file.to_str().unwrap();
    repository
        .git(&["hash-object", "-w", "--literally", "-t", kind, file])
        .unwrap()
}

fn tree_of(entries: &[(&str, &[u8], &str)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (mode, name, id) in entries {
        out.extend_from_slice(format!("{mode} ").as_bytes());
        out.extend_from_slice(name);
        out.push(0);
        out.extend(hex::decode(id).unwrap());
    }
    out
}

/// Creates a commit of a tree on top of another commit.
fn commit_of(repository: &Repository, tree: &str, parent: &str) -> String {
    repository
        .git(&["commit-tree", "-p", parent, "-m", "made by hand", tree])
        .unwrap()
}

#[test]
fn a_bomb_of_trees_is_cut_off_and_counted() {
    let (repository, base) = started();
    let mut id = hash_object(&repository, "blob", b"x\n");
    let mut mode = "100644";
    // Ten entries each, seven deep: 10,000,000 paths.
    for _ in 0..7 {
        let names: Vec<String> = (0..10).map(|n| format!("n{n}")).collect();
        let entries: Vec<(&str, &[u8], &str)> = names.iter().map(|name| (mode, name.as_bytes(), id.as_str())).collect();
        id = hash_object(&repository, "tree", &tree_of(&entries));
        mode = "40000";
    }
    let head = commit_of(&repository, &id, &base);
    let began = Instant::now();
    let limits = Limits {
        files: 2_000,
        ..Limits::default()
    };
    let change = read(&repository, &base, &head, limits).unwrap();
    assert!(began.elapsed() < WATCHDOG, "{:?}", began.elapsed());
    assert_eq!(change.files.len(), 2_000);
    assert!(
        change.files_total > change.files.len() as u64,
        "the rest is counted as not listed"
    );
    assert!(
        change.notes.iter().any(|note| note.contains("more than 2000 files")),
        "{:?}",
        change.notes
    );
}

#[test]
fn folders_without_files_and_deep_folders_are_bounded_too() {
    let (repository, base) = started();
    let empty = hash_object(&repository, "tree", b"");
    let mut id = empty.clone();
    for _ in 0..5 {
        let names: Vec<String> = (0..10).map(|n| format!("n{n}")).collect();
        let entries: Vec<(&str, &[u8], &str)> = names
            .iter()
            .map(|name| ("40000", name.as_bytes(), id.as_str()))
            .collect();
        id = hash_object(&repository, "tree", &tree_of(&entries));
    }
    let wide = commit_of(&repository, &id, &base);
    let limits = Limits {
        trees: 500,
        ..Limits::default()
    };
    let change = read(&repository, &base, &wide, limits).unwrap();
    assert!(
        change.notes.iter().any(|note| note.contains("more than 500 folders")),
        "{:?}",
        change.notes
    );
    assert!(change.files_total > change.files.len() as u64);

    let blob = hash_object(&repository, "blob", b"x\n");
    let mut id = hash_object(&repository, "tree", &tree_of(&[("100644", b"f", &blob)]));
    for _ in 0..12 {
        id = hash_object(
            &repository,
            "tree",
            &tree_of(&[("100644", b"f", &blob), ("40000", b"n", &id)]),
        );
    }
    let deep = commit_of(&repository, &id, &base);
    let limits = Limits {
        depth: 5,
        ..Limits::default()
    };
    let change = read(&repository, &base, &deep, limits).unwrap();
    assert_eq!(
        change
            .files
            .iter()
            .filter(|file| file.status == FileStatus::Added)
            .count(),
        6
    );
    assert_eq!(change.files_total, change.files.len() as u64 + 1);
    assert!(
        change.notes.iter().any(|note| note.contains("more than 5 folders")),
        "{:?}",
        change.notes
    );
}

#[test]
fn trees_that_git_would_refuse_hide_no_file() {
    let (repository, base) = started();
    let [one, two] = [b"one\n", b"two\n"].map(|content| hash_object(&repository, "blob", content));
    for (entries, why) in [
        (
            vec![("100644", b"a".as_slice(), one.as_str()), ("100644", b"a", &two)],
            "a name twice",
        ),
        (vec![("100644", b"a/b".as_slice(), one.as_str())], "an invalid name"),
        (vec![("100644", b"..".as_slice(), one.as_str())], "an invalid name"),
    ] {
        let bad = hash_object(&repository, "tree", &tree_of(&entries));
        let root = hash_object(
            &repository,
            "tree",
            &tree_of(&[("40000", b"bad", &bad), ("100644", b"good", &one)]),
        );
        let head = commit_of(&repository, &root, &base);
        let change = read(&repository, &base, &head, Limits::default()).unwrap();
        assert!(change.files.iter().any(|file| file.path == "good"));
        assert_eq!(change.files_total, change.files.len() as u64 + 1);
        assert!(change.notes.iter().any(|note| note.contains(why)), "{:?}", change.notes);
    }
}

/// Returns a line with a secret.
fn token_line() -> String {
    format!(
        "token = \"{}{}\"\n",
        "ghp_Zk3Qp9", "Xv7Lm2Rt8Wn4Bc6Yd1Hs5Gf0Jk3Ab9Ce7Eu2"
    )
}

#[test]
fn a_huge_file_is_not_read_and_a_large_one_only_searched() {
    let (repository, base) = started();
    let huge = fs::File::create(repository.path().join("huge")).unwrap();
    huge.set_len(64 * 1024 * 1024).unwrap();
    // Longer than the limit of a shown file, with a few changed lines.
    let large = "a line of a table\n".repeat(80_000);
    repository.write("large.csv", &large).unwrap();
    let middle = repository.commit("large files").unwrap();
    let token = token_line();
    repository.write("large.csv", format!("{large}{token}")).unwrap();
    repository.write("larger.csv", large.repeat(4) + &token).unwrap();
    repository.write("huge", "small now\n").unwrap();
    let head = repository.commit("changed").unwrap();
    let change = read(&repository, &middle, &head, Limits::default()).unwrap();
    let found = file(&change, "huge");
    assert_eq!(
        found.omitted.as_deref(),
        Some("not searched for secrets: too large: 64 MiB, and at most 16 MiB are read")
    );
    assert_eq!(found.patch, None);
    let found = file(&change, "large.csv");
    assert!(found.omitted.as_deref().unwrap().starts_with("too large to show"));
    let lines: Vec<u32> = found.secrets.iter().map(|secret| secret.line).collect();
    assert_eq!(
        (lines, &found.patch),
        (vec![80_001], &None),
        "its added lines are searched for secrets"
    );
    // Even if the whole file changes.
    let whole = read(&repository, &base, &head, Limits::default()).unwrap();
    let found = file(&whole, "larger.csv");
    assert!(
        found.omitted.as_deref().unwrap().starts_with("too large to show"),
        "{found:?}"
    );
    assert_eq!(
        found.secrets.iter().map(|secret| secret.line).collect::<Vec<_>>(),
        [320_001]
    );
    // The limit of content ends the reading of files, not the change.
    let limits = Limits {
        content_bytes: 1_000,
        ..Limits::default()
    };
    let change = read(&repository, &base, &middle, limits).unwrap();
    let reason = file(&change, "large.csv").omitted.as_deref().unwrap();
    assert!(
        reason.starts_with("not searched for secrets: ") && reason.contains("MiB of content was reached"),
        "{reason}"
    );
    let limits = Limits {
        time: Duration::ZERO,
        ..Limits::default()
    };
    let change = read(&repository, &base, &middle, limits).unwrap();
    assert!(change.files_total > change.files.len() as u64);
    assert!(
        change.notes.iter().any(|note| note.contains("limit of 0 s")),
        "{:?}",
        change.notes
    );
}

#[test]
fn renames_are_found_in_bounded_work() {
    let repository = Repository::new().unwrap();
    let text = |seed: usize, edit: &str| -> String {
        (0..400)
            .map(|line| format!("line {} of {seed}\n", line * (seed + 3) % 997))
            .collect::<String>()
            + edit
    };
    for n in 0..200 {
        repository.write(&format!("old/f{n}.txt"), text(n, "")).unwrap();
    }
    let base = repository.commit("before").unwrap();
    for n in 0..200 {
        repository.delete(&format!("old/f{n}.txt")).unwrap();
        repository
            .write(&format!("new/g{n}.txt"), text(n, "an edit\n"))
            .unwrap();
    }
    let head = repository.commit("moved and edited").unwrap();
    let began = Instant::now();
    let change = read(&repository, &base, &head, Limits::default()).unwrap();
    assert!(began.elapsed() < WATCHDOG, "{:?}", began.elapsed());
    assert_eq!(change.files.len(), 200);
    for n in 0..200 {
        let found = file(&change, &format!("new/g{n}.txt"));
        assert_eq!(found.status, FileStatus::Renamed);
        assert_eq!(found.previous_path.as_deref(), Some(format!("old/f{n}.txt").as_str()));
        assert_eq!((found.additions, found.deletions), (1, 0));
    }
    for limits in [
        Limits {
            rename_candidates: 20,
            ..Limits::default()
        },
        Limits {
            rename_lines: 1_000,
            ..Limits::default()
        },
        Limits {
            rename_bytes: 1_000,
            ..Limits::default()
        },
    ] {
        let change = read(&repository, &base, &head, limits).unwrap();
        assert!(
            change.files.len() > 200,
            "the files are still there, as deleted and added"
        );
        assert!(
            change.notes.iter().any(|note| note.contains("renames")),
            "{:?}",
            change.notes
        );
    }
}

#[test]
fn pipes_and_devices_in_place_of_gits_files_are_named() {
    for name in [
        "packed-refs",
        "HEAD",
        "config",
        "shallow",
        "objects/info/alternates",
        "refs/heads/pipe",
        "objects/pack/pack-1.idx",
    ] {
        let (repository, _) = started();
        let path = repository.path().join(".git").join(name);
        if path.exists() {
            fs::remove_file(&path).unwrap();
        }
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
        let error = resolve(repository.path()).unwrap_err();
        assert!(
            error.contains("is not a regular file") && error.contains(name),
            "{name}: {error}"
        );
    }
    let (repository, _) = started();
    std::os::unix::fs::symlink("/dev/zero", repository.path().join(".git/packed-refs")).unwrap();
    let error = resolve(repository.path()).unwrap_err();
    assert!(error.contains("packed-refs is not a regular file"), "{error}");
    // A file that the settings include is not read: this one would block.
    let (repository, _) = started();
    repository.git(&["config", "include.path", "/dev/zero"]).unwrap();
    assert!(resolve(repository.path()).is_ok());
    // Settings that only gix has name other files than git's own.
    for key in ["gitoxide.core.indexFile", "gitoxide.core.shallowFile"] {
        let (repository, _) = started();
        repository.git(&["config", key, "/dev/zero"]).unwrap();
        assert!(resolve(repository.path()).is_ok(), "{key}");
    }
}

fn resolve(path: &Path) -> Result<super::ResolvedTarget, String> {
    let data = tempfile::tempdir().unwrap();
    resolve_target(&super::Selection::of_path(path), data.path()).map_err(|error| error.to_string())
}

#[test]
fn unsupported_formats_are_named_with_the_remedy() {
    let make = |option: &str| {
        let directory = tempfile::tempdir().unwrap();
        let made = Command::new("git")
            .current_dir(directory.path())
            .args(["init", "--quiet", option])
            .output()
            .unwrap();
        (directory, made.status.success())
    };
    let (sha256, is_made) = make("--object-format=sha256");
    assert!(is_made);
    let error = resolve(sha256.path()).unwrap_err();
    assert!(
        error.contains("sha256") && error.contains("only SHA-1 repositories are read"),
        "{error}"
    );
    // Git supports reftables since 2.45; the mark of one is the same for every version.
    let (reftable, is_made) = make("--ref-format=reftable");
    if !is_made {
        let (plain, _) = make("--quiet");
        for (key, value) in [
            ("core.repositoryFormatVersion", "1"),
            ("extensions.refStorage", "reftable"),
        ] {
            let set = Command::new("git")
                .args(["config", "--file"])
                .arg(plain.path().join(".git/config"))
                .args([key, value])
                .status()
                .unwrap();
            assert!(set.success());
        }
        let error = resolve(plain.path()).unwrap_err();
        assert!(error.contains("git refs migrate --ref-format=files"), "{error}");
        return;
    }
    let error = resolve(reftable.path()).unwrap_err();
    assert!(error.contains("git refs migrate --ref-format=files"), "{error}");
}

#[test]
fn names_and_bytes_that_are_not_utf8_are_kept() {
    let (repository, base) = started();
    let [one, two] = [b"x = 1\n", b"y = 2\n"].map(|content| hash_object(&repository, "blob", content));
    let root = hash_object(
        &repository,
        "tree",
        &tree_of(&[("100644", b"caf\xe8.py", &one), ("100644", b"caf\xe9.py", &two)]),
    );
    let head = commit_of(&repository, &root, &base);
    let change = read(&repository, &base, &head, Limits::default()).unwrap();
    let paths: Vec<&str> = change
        .files
        .iter()
        .filter(|file| file.status == FileStatus::Added)
        .map(|file| file.path.as_str())
        .collect();
    assert_eq!(paths, ["caf\\350.py", "caf\\351.py"]);
    let repository = open::open(repository.path()).unwrap();
    let head = CommitSha::parse(&head).unwrap();
    for (path, content) in [("caf\\350.py", b"x = 1\n"), ("caf\\351.py", b"y = 2\n")] {
        let found = change::read_files(&repository, &[path.to_owned()], &head)
            .unwrap()
            .remove(0);
        assert_eq!(found.as_deref(), Some(content.as_slice()), "{path}");
    }
}

#[test]
fn a_script_with_a_nul_byte_is_searched() {
    let (repository, base) = started();
    repository
        .write("deploy.sh", format!("#!/bin/sh\n# \0\n{}", token_line()))
        .unwrap();
    let picture: Vec<u8> = (0..4_000_u32).map(|n| (n * 31 % 256) as u8).collect();
    repository.write("a.png", &picture).unwrap();
    let head = repository.commit("a byte").unwrap();
    let change = read(&repository, &base, &head, Limits::default()).unwrap();
    let script = file(&change, "deploy.sh");
    assert_eq!(
        (script.kind, script.omitted.as_deref()),
        (FileKind::Binary, Some("has NUL bytes"))
    );
    let lines: Vec<u32> = script.secrets.iter().map(|secret| secret.line).collect();
    assert_eq!((lines, script.additions, &script.patch), (vec![3], 3, &None));
    let picture = file(&change, "a.png");
    assert_eq!(
        (picture.kind, &picture.omitted, &picture.patch),
        (FileKind::Binary, &None, &None)
    );
}

#[test]
fn odd_line_ends_give_patches_that_are_read() {
    let (repository, _) = started();
    repository.write("end.txt", "a\nb\n").unwrap();
    repository.write("crlf.txt", "a\r\nb\r\n").unwrap();
    let base = repository.commit("before").unwrap();
    repository.write("end.txt", "a\nb\r").unwrap();
    repository.write("crlf.txt", "a\nb\n").unwrap();
    let head = repository.commit("after").unwrap();
    let change = read(&repository, &base, &head, Limits::default()).unwrap();
    for (path, added) in [("end.txt", 1), ("crlf.txt", 2)] {
        let found = file(&change, path);
        let hunks = parse_patch(found.patch.as_deref().unwrap()).unwrap();
        assert_eq!(hunks[0].added().count(), added, "{path}");
    }
}
