//! Uncommitted work: its snapshot has the tree that `git add --all` makes, on real repositories of all kinds, and nothing
//! is written to the repository.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use holdfast_core::model::change::{Change, Target};
use holdfast_core::port::ReadChange;
use holdfast_git::{GitReadChange, ResolvedTarget, Scope, Selection, resolve_target};
use holdfast_testkit::Repository;
use proptest::prelude::*;
use tempfile::TempDir;

/// Runs git with an index and an object folder of its own, so that the repository stays as it is.
fn git(tree: &Path, index: &Path, objects: &Path, arguments: &[&str]) -> String {
    let git_dir = text(
        Command::new("git")
            .current_dir(tree)
            .args(["rev-parse", "--absolute-git-dir"]),
    );
    let common =
        text(
            Command::new("git")
                .current_dir(tree)
                .args(["rev-parse", "--path-format=absolute", "--git-common-dir"]),
        );
    let mut command = Command::new("git");
    command
        .current_dir(tree)
        .env("GIT_DIR", git_dir.trim())
        .env("GIT_INDEX_FILE", index)
        .env("GIT_OBJECT_DIRECTORY", objects)
        .env("GIT_ALTERNATE_OBJECT_DIRECTORIES", format!("{}/objects", common.trim()))
        .args(["-c", "advice.addEmbeddedRepo=false", "-c", "core.safecrlf=false"])
        .args(arguments);
    text(&mut command)
}

fn text(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{command:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// Returns the tree that `git add --all` makes of a work tree.
fn gits_tree(tree: &Path) -> String {
    let scratch = tempfile::tempdir().unwrap();
    let index = scratch.path().join("index");
    let own = text(Command::new("git").current_dir(tree).args([
        "rev-parse",
        "--path-format=absolute",
        "--git-path",
        "index",
    ]));
    if Path::new(&own).exists() {
        std::fs::copy(own, &index).unwrap();
    }
    let objects = scratch.path().join("objects");
    std::fs::create_dir(&objects).unwrap();
    git(tree, &index, &objects, &["add", "--all"]);
    git(tree, &index, &objects, &["write-tree"])
}

/// A work tree with its data directory.
struct Desk {
    tree: PathBuf,
    data: TempDir,
}

impl Desk {
    fn of(tree: &Path) -> Self {
        Self {
            tree: tree.canonicalize().unwrap(),
            data: tempfile::tempdir().unwrap(),
        }
    }

    fn resolve(&self, scope: Scope) -> Result<ResolvedTarget, String> {
        let selection = Selection {
            scope,
            ..Selection::of_path(&self.tree)
        };
        resolve_target(&selection, self.data.path()).map_err(|error| error.to_string())
    }

    /// Returns the tree of the reviewed commit.
    fn tree_of(&self, target: &Target) -> String {
        let head = target.head().as_str();
        let own = Command::new("git")
            .current_dir(&self.tree)
            .args(["cat-file", "-e", head])
            .output()
            .unwrap();
        if own.status.success() {
            return text(
                Command::new("git")
                    .current_dir(&self.tree)
                    .args(["rev-parse", &format!("{head}^{{tree}}")]),
            );
        }
        let mut stores = std::fs::read_dir(self.data.path().join("snapshots")).unwrap();
        let store = stores.next().unwrap().unwrap().path();
        text(
            Command::new("git")
                .arg("--git-dir")
                .arg(store)
                .args(["rev-parse", &format!("{head}^{{tree}}")]),
        )
    }

    async fn read(&self, target: &Target) -> Change {
        let read = GitReadChange::with_snapshots(self.data.path().to_owned());
        read.read_change(target).await.unwrap()
    }

    /// Checks the snapshot against git, and that the repository is unchanged.
    fn check(&self) -> ResolvedTarget {
        let before = files_below(&self.tree.join(".git"));
        let resolved = self.resolve(Scope::Uncommitted).unwrap();
        assert_eq!(
            before,
            files_below(&self.tree.join(".git")),
            "nothing is written to the repository"
        );
        assert_eq!(
            self.tree_of(&resolved.target),
            gits_tree(&self.tree),
            "{}",
            resolved.base_note
        );
        assert_eq!(
            resolved,
            self.resolve(Scope::Uncommitted).unwrap(),
            "the same content has the same commit"
        );
        resolved
    }
}

/// Returns every file below a folder with its size and time.
fn files_below(folder: &Path) -> BTreeMap<PathBuf, (u64, Option<std::time::SystemTime>)> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten() {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                found.insert(entry.path(), (metadata.len(), metadata.modified().ok()));
            }
        }
    }
    found
}

fn base_repository() -> Repository {
    let repository = Repository::new().unwrap();
    for path in ["a.txt", "src/b.rs", "src/deep/c.rs", "docs/d.md", "old/e.txt"] {
        repository.write(path, format!("content of {path}\n")).unwrap();
    }
    repository.symlink("link", "a.txt").unwrap();
    repository.write("run.sh", "#!/bin/sh\n").unwrap();
    repository.set_executable("run.sh", true).unwrap();
    repository.write(".gitignore", "*.log\n/target/\n!keep.log\n").unwrap();
    repository
        .write("old/tracked.log", "tracked although ignored\n")
        .unwrap();
    repository.git(&["add", "--force", "old/tracked.log"]).unwrap();
    repository.commit("Begin").unwrap();
    repository
}

#[tokio::test]
async fn every_kind_of_uncommitted_work_is_in_the_snapshot() {
    let repository = base_repository();
    let desk = Desk::of(repository.path());
    let clean = desk.resolve(Scope::Everything).unwrap();
    assert!(
        clean.base_note.contains("there is no uncommitted work"),
        "{}",
        clean.base_note
    );
    assert!(
        !desk.data.path().join("snapshots").exists(),
        "a clean work tree needs no snapshot"
    );
    desk.check();
    repository.write("a.txt", "changed\n").unwrap();
    repository.git(&["add", "a.txt"]).unwrap();
    repository.write("src/b.rs", "changed, unstaged\n").unwrap();
    repository.delete("docs/d.md").unwrap();
    repository.write("new/f.rs", "untracked\n").unwrap();
    repository.write("new/g.log", "ignored\n").unwrap();
    repository.write("new/keep.log", "not ignored\n").unwrap();
    repository.write("target/h.rs", "ignored\n").unwrap();
    repository.write("src/target/i.rs", "not ignored\n").unwrap();
    repository.write("old/tracked.log", "changed\n").unwrap();
    repository.set_executable("run.sh", false).unwrap();
    repository.delete("link").unwrap();
    repository.symlink("link", "/etc/passwd").unwrap();
    repository.symlink("new/outside", "/etc").unwrap();
    repository.delete("src/deep/c.rs").unwrap();
    repository.write("src/deep/c.rs/is-a-folder", "now\n").unwrap();
    let resolved = desk.check();
    assert_eq!(
        resolved.base_note.split_once(": ").unwrap().1,
        "1 staged, 6 modified, 5 untracked files",
        "{}",
        resolved.base_note
    );
    let change = desk.read(&resolved.target).await;
    let paths: Vec<&str> = change.files.iter().map(|file| file.path.as_str()).collect();
    let expected = [
        "a.txt",
        "docs/d.md",
        "link",
        "new/f.rs",
        "new/keep.log",
        "new/outside",
        "old/tracked.log",
        "run.sh",
        "src/b.rs",
        "src/deep/c.rs",
        "src/deep/c.rs/is-a-folder",
        "src/target/i.rs",
    ];
    assert_eq!(paths, expected);
    let patch = |path: &str| {
        change
            .files
            .iter()
            .find(|file| file.path == path)
            .unwrap()
            .patch
            .clone()
            .unwrap()
    };
    assert!(
        patch("link").contains("+/etc/passwd") && patch("new/outside").contains("+/etc"),
        "links are not followed"
    );
    let staged = desk.resolve(Scope::Staged).unwrap();
    assert!(staged.base_note.contains("1 staged file "), "{}", staged.base_note);
    assert_eq!(desk.read(&staged.target).await.files.len(), 1);
}

#[test]
fn line_ends_encodings_and_attributes_are_gits() {
    for (settings, attributes) in [
        (&[("core.autocrlf", "true")][..], ""),
        (&[("core.autocrlf", "input")], ""),
        (
            &[("core.autocrlf", "false")],
            "* text=auto\n*.bat text eol=crlf\n*.bin -text\n",
        ),
        (&[("core.autocrlf", "true")], "*.txt -text\n"),
        (&[("core.eol", "crlf")], "* text=auto\n"),
        (&[], "*.txt ident\n*.utf working-tree-encoding=UTF-16LE\n"),
    ] {
        let repository = Repository::new().unwrap();
        repository.write("lf.txt", "one\ntwo $Id$\n").unwrap();
        repository.write("crlf.txt", "one\r\ntwo\r\n").unwrap();
        repository.write("mixed.txt", "one\r\ntwo\n").unwrap();
        repository.write("run.bat", "echo\n").unwrap();
        repository.write("raw.bin", "a\r\n\0b").unwrap();
        repository.commit("Begin").unwrap();
        for (name, value) in settings {
            repository.git(&["config", name, value]).unwrap();
        }
        repository.write(".gitattributes", attributes).unwrap();
        let desk = Desk::of(repository.path());
        // New times and the line ends of a checkout, without a change.
        for path in ["lf.txt", "crlf.txt", "mixed.txt", "run.bat", "raw.bin"] {
            let content = std::fs::read(repository.path().join(path)).unwrap();
            repository.delete(path).unwrap();
            repository.write(path, content).unwrap();
        }
        repository.git(&["checkout", "--", "lf.txt"]).unwrap();
        desk.check();
        repository.write("lf.txt", "one\r\nchanged $Id: abc $\r\n").unwrap();
        repository.write("new.txt", "new\r\n").unwrap();
        repository.write("wide.utf", b"a\0\n\0").unwrap();
        desk.check();
    }
}

#[test]
fn submodules_and_inner_repositories_are_commits_and_are_not_entered() {
    let inner = base_repository();
    let repository = base_repository();
    let url = inner.path().to_str().unwrap();
    let add = [
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "--quiet",
        "add",
        url,
        "lib",
    ];
    repository.git(&add).unwrap();
    repository.commit("Add a submodule").unwrap();
    let desk = Desk::of(repository.path());
    desk.check();
    repository.write("lib/a.txt", "dirty inside\n").unwrap();
    let resolved = desk.check();
    assert!(
        resolved.base_note.starts_with("there is no uncommitted work"),
        "{}",
        resolved.base_note
    );
    let lib = repository.path().join("lib");
    for arguments in [
        &["config", "user.name", "T"][..],
        &["config", "user.email", "t@example.test"],
        &["commit", "--quiet", "--all", "--message", "inside"],
        &["clone", "--quiet", ".", "../other"],
    ] {
        text(Command::new("git").current_dir(&lib).args(arguments));
    }
    let resolved = desk.check();
    assert!(
        resolved.base_note.ends_with("1 modified, 1 untracked files"),
        "{}",
        resolved.base_note
    );
}

#[test]
fn ignore_rules_of_all_places_count() {
    let repository = base_repository();
    repository.write(".git/info/exclude", "excluded\n").unwrap();
    let own = tempfile::tempdir().unwrap();
    std::fs::write(own.path().join("ignore"), "personal\n").unwrap();
    let file = own.path().join("ignore");
    repository
        .git(&["config", "core.excludesFile", file.to_str().unwrap()])
        .unwrap();
    for path in [
        "excluded",
        "personal",
        "src/personal",
        "seen",
        "src/deep/other",
        "ign/ored/x.log",
        "ign/kept",
    ] {
        repository.write(path, "x\n").unwrap();
    }
    repository.write("src/.gitignore", "deep/*\n!deep/c.rs\n").unwrap();
    repository.write("ign/.gitignore", "*\n!kept\n").unwrap();
    let desk = Desk::of(repository.path());
    let resolved = desk.check();
    assert!(
        resolved.base_note.ends_with("3 untracked files"),
        "{}",
        resolved.base_note
    );
    // A link in the place of the rules is not followed.
    repository.delete("src/.gitignore").unwrap();
    repository.symlink("src/.gitignore", file.to_str().unwrap()).unwrap();
    desk.check();
}

#[tokio::test]
async fn unmerged_files_are_named_and_reviewed_as_they_lie_in_the_work_tree() {
    let repository = base_repository();
    repository.branch("other").unwrap();
    repository.write("a.txt", "theirs\n").unwrap();
    repository.write("src/b.rs", "theirs\n").unwrap();
    repository.commit("Theirs").unwrap();
    repository.checkout("main").unwrap();
    repository.write("a.txt", "ours\n").unwrap();
    repository.delete("src/b.rs").unwrap();
    repository.commit("Ours").unwrap();
    assert!(repository.git(&["merge", "other"]).is_err(), "a conflict");
    let desk = Desk::of(repository.path());
    let resolved = desk.check();
    assert!(
        resolved.base_note.contains("2 unmerged files"),
        "{}",
        resolved.base_note
    );
    let change = desk.read(&resolved.target).await;
    let note = change.notes.join("\n");
    assert!(note.contains("\"a.txt\", \"src/b.rs\""), "{note}");
    assert!(
        change.files[0].patch.as_ref().unwrap().contains("<<<<<<<"),
        "{:?}",
        change.files[0]
    );
    let staged = desk.resolve(Scope::Staged).unwrap();
    let notes = desk.read(&staged.target).await.notes.join("\n");
    assert!(notes.contains("left out"), "{notes}");
}

#[test]
fn flags_of_the_index_count_as_in_git() {
    let repository = base_repository();
    for (option, path) in [("--assume-unchanged", "a.txt"), ("--skip-worktree", "src/b.rs")] {
        repository.git(&["update-index", option, path]).unwrap();
        repository.write(path, "hidden change\n").unwrap();
    }
    repository.write("meant.txt", "to be added\n").unwrap();
    repository.git(&["add", "--intent-to-add", "meant.txt"]).unwrap();
    let desk = Desk::of(repository.path());
    desk.check();
    assert!(
        desk.resolve(Scope::Staged)
            .unwrap()
            .base_note
            .starts_with("nothing is staged")
    );
    for version in ["2", "4"] {
        repository.git(&["update-index", "--index-version", version]).unwrap();
        desk.check();
    }
    repository.git(&["update-index", "--split-index"]).unwrap();
    repository.write("docs/d.md", "changed\n").unwrap();
    desk.check();
}

#[test]
fn a_file_mode_that_the_settings_ignore_is_no_change() {
    let repository = base_repository();
    repository.git(&["config", "core.fileMode", "false"]).unwrap();
    repository.set_executable("a.txt", true).unwrap();
    repository.set_executable("run.sh", false).unwrap();
    let resolved = Desk::of(repository.path()).check();
    assert!(
        resolved.base_note.starts_with("there is no uncommitted work"),
        "{}",
        resolved.base_note
    );
}

#[tokio::test]
async fn no_program_of_the_repository_runs() {
    let repository = base_repository();
    let proof = tempfile::tempdir().unwrap();
    let script = proof.path().join("script.sh");
    std::fs::write(
        &script,
        format!("#!/bin/sh\ntouch {}\ncat\n", proof.path().join("ran").display()),
    )
    .unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    let script = script.to_str().unwrap();
    repository
        .write(".gitattributes", "*.txt filter=evil\n*.rs filter=evil diff=evil\n")
        .unwrap();
    repository.commit("Attributes").unwrap();
    for name in [
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.evil.textconv",
        "diff.evil.command",
        "core.fsmonitor",
        "core.hooksPath",
        "core.pager",
        "core.sshCommand",
        "gpg.program",
    ] {
        repository.git(&["config", name, script]).unwrap();
    }
    repository.git(&["config", "filter.evil.required", "true"]).unwrap();
    repository.write("a.txt", "changed\n").unwrap();
    repository.write("new.txt", "new\n").unwrap();
    // The same content with a new time.
    repository.delete("src/b.rs").unwrap();
    repository.write("src/b.rs", "content of src/b.rs\n").unwrap();
    let desk = Desk::of(repository.path());
    let resolved = desk.resolve(Scope::Everything).unwrap();
    assert!(!proof.path().join("ran").exists(), "a program of the repository ran");
    let change = desk.read(&resolved.target).await;
    let omitted = |path: &str| {
        change
            .files
            .iter()
            .find(|file| file.path == path)
            .unwrap()
            .omitted
            .clone()
    };
    assert!(omitted("a.txt").unwrap().contains("is a program, which is not run"));
    assert_eq!(omitted("new.txt"), None);
    assert!(
        change.files.iter().all(|file| file.path != "src/b.rs"),
        "{:?}",
        change.files
    );
    assert!(!proof.path().join("ran").exists());
}

#[tokio::test]
async fn special_files_block_nothing_and_large_ones_have_a_reason() {
    let repository = base_repository();
    let fifo = |path: &str| {
        let place = repository.path().join(path);
        drop(std::fs::remove_file(&place));
        text(Command::new("mkfifo").arg(place));
    };
    fifo("src/pipe");
    fifo("a.txt");
    repository.write("closed/x", "x\n").unwrap();
    repository.write("large.txt", vec![b'a'; 17 * 1024 * 1024]).unwrap();
    let desk = Desk::of(repository.path());
    let resolved = desk.resolve(Scope::Everything).unwrap();
    let change = desk.read(&resolved.target).await;
    let paths: Vec<&str> = change.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(paths, ["a.txt", "closed/x", "large.txt"]);
    assert!(
        change.files[2].omitted.as_ref().unwrap().contains("too large"),
        "{:?}",
        change.files[2]
    );
    fifo("src/.gitignore");
    let error = desk.resolve(Scope::Everything).unwrap_err();
    assert!(error.contains("src/.gitignore is not a regular file"), "{error}");
    repository.delete("src/.gitignore").unwrap();
    std::fs::File::create(repository.path().join(".gitattributes"))
        .unwrap()
        .set_len(1 << 40)
        .unwrap();
    let error = desk.resolve(Scope::Everything).unwrap_err();
    assert!(error.contains(".gitattributes has 1099511627776 bytes"), "{error}");
}

#[test]
fn settings_that_name_another_work_tree_or_rules_that_block_are_refused() {
    let repository = base_repository();
    let desk = Desk::of(repository.path());
    let private = tempfile::tempdir().unwrap();
    std::fs::write(private.path().join("key"), "private\n").unwrap();
    repository
        .git(&["config", "core.worktree", private.path().to_str().unwrap()])
        .unwrap();
    let error = desk.resolve(Scope::Everything).unwrap_err();
    assert!(
        error.contains("core.worktree") && error.contains("--committed"),
        "{error}"
    );
    assert!(desk.resolve(Scope::Committed).is_ok());
    text(
        Command::new("git")
            .args(["config", "--file"])
            .arg(repository.path().join(".git/config"))
            .args(["--unset", "core.worktree"]),
    );
    repository.write("untracked/a.rs", "fn a() {}\n").unwrap();
    text(Command::new("mkfifo").arg(repository.path().join("untracked/.gitignore")));
    let error = desk.resolve(Scope::Everything).unwrap_err();
    assert!(error.contains("untracked/.gitignore is not a regular file"), "{error}");
    repository.delete("untracked/.gitignore").unwrap();
    for key in ["core.excludesFile", "core.attributesFile"] {
        repository.git(&["config", key, "/dev/zero"]).unwrap();
        let error = desk.resolve(Scope::Everything).unwrap_err();
        assert!(error.contains("/dev/zero is not a regular file"), "{error}");
        repository.git(&["config", "--unset", key]).unwrap();
    }
    text(Command::new("mkfifo").arg(repository.path().join(".git/info/attributes")));
    let error = desk.resolve(Scope::Everything).unwrap_err();
    assert!(error.contains("info/attributes is not a regular file"), "{error}");
}

#[tokio::test]
async fn a_path_of_the_index_that_is_too_deep_is_left_out_with_a_note() {
    let repository = base_repository();
    let blob = repository.git(&["hash-object", "-w", "a.txt"]).unwrap();
    let deep = format!("{}x", "d/".repeat(1_500));
    let info = format!("100644,{blob},{deep}");
    repository
        .git(&["update-index", "--add", "--cacheinfo", &info])
        .unwrap();
    let desk = Desk::of(repository.path());
    for scope in [Scope::Uncommitted, Scope::Staged] {
        let resolved = desk.resolve(scope).unwrap();
        let change = desk.read(&resolved.target).await;
        assert_eq!(change.unlisted(), 1);
        assert!(
            change.notes.join("").contains("too long or too deep"),
            "{:?}",
            change.notes
        );
    }
}

#[derive(Clone, Debug)]
enum Edit {
    Write(usize, u8),
    Delete(usize),
    Add(usize),
    Link(usize),
    Mode(usize, bool),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = prop_oneof![
        4 => (0..PATHS.len(), any::<u8>()).prop_map(|(path, content)| Edit::Write(path, content)),
        1 => (0..PATHS.len()).prop_map(Edit::Delete),
        2 => (0..PATHS.len()).prop_map(Edit::Add),
        1 => (0..PATHS.len()).prop_map(Edit::Link),
        1 => (0..PATHS.len(), any::<bool>()).prop_map(|(path, is)| Edit::Mode(path, is)),
    ];
    prop::collection::vec(edit, 1..14)
}

/// Paths where files and folders of the same name alternate, and some are ignored.
const PATHS: [&str; 12] = [
    "a.txt",
    "src/b.rs",
    "src/deep/c.rs",
    "src/deep",
    "docs/d.md",
    "old/tracked.log",
    "new",
    "new/x.rs",
    "new.x",
    "b.log",
    "target/y",
    "src-2/z",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    #[test]
    fn any_work_tree_is_as_git_sees_it(edits in edits()) {
        let repository = base_repository();
        for edit in &edits {
            // An edit that doesn't fit, such as a file below a file, changes nothing.
            match edit {
                Edit::Write(path, content) => drop(repository.write(PATHS[*path], [b'x', *content, b'\n'])),
                Edit::Delete(path) => {
                    let place = repository.path().join(PATHS[*path]);
                    let deleted = std::fs::remove_file(&place);
                    drop(deleted.or_else(|_| std::fs::remove_dir_all(&place)));
                }
                Edit::Add(path) => drop(repository.git(&["add", "--all", "--", PATHS[*path]])),
                Edit::Link(path) => drop(repository.symlink(PATHS[*path], "a.txt")),
                Edit::Mode(path, is) => drop(repository.set_executable(PATHS[*path], *is)),
            }
        }
        Desk::of(repository.path()).check();
    }
}
