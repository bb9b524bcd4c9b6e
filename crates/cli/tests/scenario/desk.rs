//! A developer's desk: what `holdfast review` reviews of a work tree, in each kind of repository, and the line that names
//! it.

use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use holdfast_testkit::{ModelServer, Repository, Script};
use serde_json::Value;
use tempfile::TempDir;

use crate::support::{PROGRAM, Scene, holdfast, many_files};

/// A work tree and a data directory; commands run in a folder of the work tree.
struct Desk {
    tree: PathBuf,
    data: TempDir,
}

/// A finished review.
struct Reviewed {
    status: i32,
    /// The lines on stderr.
    lines: String,
    document: Value,
}

impl Desk {
    fn of(tree: &Path) -> Self {
        Self {
            tree: tree.canonicalize().unwrap(),
            data: tempfile::tempdir().unwrap(),
        }
    }

    fn command(&self, folder: &str, arguments: &[&str]) -> Command {
        let mut command = holdfast(&["review"]);
        command.args(arguments);
        command.args(["--format", "json", "--fail-on", "critical", "--data"]);
        command.arg(self.data.path().join("data"));
        command.current_dir(self.tree.join(folder));
        command
    }

    fn run(&self, folder: &str, arguments: &[&str]) -> Output {
        self.command(folder, arguments).output().unwrap()
    }

    fn review_in(&self, folder: &str, arguments: &[&str]) -> Reviewed {
        reviewed(&self.run(folder, arguments))
    }

    fn review(&self, arguments: &[&str]) -> Reviewed {
        self.review_in("", arguments)
    }

    /// Runs a command that fails as wrong usage; returns its line.
    fn refused(&self, arguments: &[&str]) -> String {
        let output = self.run("", arguments);
        let line = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{line}");
        assert_eq!(line.lines().count(), 1, "{line}");
        line
    }

    fn review_patch(&self, patch: &str) -> Output {
        let mut command = self.command("", &["-"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        child.stdin.take().unwrap().write_all(patch.as_bytes()).unwrap();
        child.wait_with_output().unwrap()
    }
}

fn reviewed(output: &Output) -> Reviewed {
    let lines = String::from_utf8(output.stderr.clone()).unwrap();
    let document = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| panic!("{error}: {lines}"));
    Reviewed {
        status: output.status.code().unwrap(),
        lines,
        document,
    }
}

impl Reviewed {
    fn paths(&self) -> Vec<&str> {
        let entries = self.document["coverage"].as_array().unwrap();
        let mut paths: Vec<&str> = entries.iter().map(|entry| entry["path"].as_str().unwrap()).collect();
        paths.sort_unstable();
        paths
    }

    /// Returns the run's name without its attempt.
    fn stem(&self) -> &str {
        self.document["run"].as_str().unwrap().rsplit_once('-').unwrap().0
    }

    #[track_caller]
    fn check(&self, paths: &[&str], line: &str) -> &Self {
        assert_eq!(self.status, 0, "{} {:#}", self.lines, self.document);
        assert_eq!(self.paths(), paths, "{}", self.lines);
        assert!(self.lines.contains(line), "{line:?} is not in: {}", self.lines);
        let notes = self.document["notes"].to_string();
        assert!(
            notes.contains(line) || self.lines.is_empty(),
            "the report has it too: {notes}"
        );
        self
    }
}

fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "git {arguments:?}: {said}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

fn clone(of: &Repository, options: &[&str]) -> TempDir {
    for name in ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"] {
        of.git(&["config", name, "true"]).unwrap();
    }
    let directory = tempfile::tempdir().unwrap();
    let url = format!("file://{}", of.path().display());
    git(
        directory.path(),
        &[&["clone", "--quiet"], options, &[&url, "."]].concat(),
    );
    directory
}

/// Returns a repository with a commit on `main`, two on the checked-out branch `topic`, and work of each kind.
fn dirty() -> Repository {
    let repository = Repository::new().unwrap();
    for path in ["a.rs", "src/b.rs", "src/c.rs"] {
        repository
            .write(path, format!("fn {}() {{}}\n", &path[path.len() - 4..path.len() - 3]))
            .unwrap();
    }
    repository.commit("Begin").unwrap();
    repository.branch("topic").unwrap();
    for (path, text) in [("src/d.rs", "fn d() {}\n"), ("e.rs", "fn e() {}\n")] {
        repository.write(path, text).unwrap();
        repository.commit(&format!("Add {path}")).unwrap();
    }
    repository.write("a.rs", "fn a() { staged(); }\n").unwrap();
    repository.git(&["add", "a.rs"]).unwrap();
    repository.write("src/b.rs", "fn b() { unstaged(); }\n").unwrap();
    repository.write("src/new/f.rs", "fn f() { eval(x) }\n").unwrap();
    repository
}

#[test]
fn each_part_of_a_work_tree_is_reviewed_by_its_option() {
    let repository = dirty();
    let desk = Desk::of(repository.path());
    let all = ["a.rs", "e.rs", "src/b.rs", "src/d.rs", "src/new/f.rs"];
    let main = repository.rev_parse("main").unwrap();
    let everything = format!(
        "reviewing 2 commits since {} (the merge base with main, the nearest branch of a usual name) and uncommitted work: 1 \
         staged, 1 modified, 1 untracked files",
        &main[..12]
    );
    desk.review(&[]).check(&all, &everything);
    desk.review(&["."]).check(&all, &everything);
    desk.review(&["--staged"])
        .check(&["a.rs"], "reviewing 1 staged file against HEAD ");
    desk.review(&["--uncommitted"]).check(
        &["a.rs", "src/b.rs", "src/new/f.rs"],
        "reviewing uncommitted work against HEAD ",
    );
    desk.review(&["--committed"])
        .check(&["e.rs", "src/d.rs"], "reviewing 2 commits since ");
    desk.review(&["--base", "HEAD"]).check(
        &["a.rs", "src/b.rs", "src/new/f.rs"],
        "reviewing uncommitted work since ",
    );
    desk.review(&["main..HEAD"])
        .check(&["e.rs", "src/d.rs"], "reviewing 2 commits of main..HEAD");
    desk.review(&["HEAD~1"])
        .check(&["src/d.rs"], "against its first parent ");
    desk.review(&["main"]).check(
        &["a.rs", "src/b.rs", "src/c.rs"],
        "against the empty tree, as it has no parent",
    );
    desk.review(&["--base", "main", "--committed"]).check(
        &["e.rs", "src/d.rs"],
        &format!(
            "reviewing 2 commits since {} (the merge base with main, which --base names)",
            &main[..12]
        ),
    );
    desk.review(&["--head", "HEAD~1"])
        .check(&["src/d.rs"], "reviewing 1 commit since ");
    let quiet = desk.review(&["--quiet"]);
    assert!(quiet.lines.is_empty(), "{}", quiet.lines);
}

#[test]
fn a_folder_a_file_and_files_limit_the_review() {
    let repository = dirty();
    let desk = Desk::of(repository.path());
    let outside = |reviewed: &Reviewed, note: &str| {
        let notes = reviewed.document["notes"].to_string();
        assert!(notes.contains(note), "{notes}");
    };
    let src = desk.review(&["src"]);
    src.check(&["src/b.rs", "src/d.rs", "src/new/f.rs"], "reviewing 2 commits");
    outside(
        &src,
        "limited to src: 2 changed files are outside of it and are not reviewed",
    );
    let here = desk.review_in("src", &[]);
    here.check(&["src/b.rs", "src/d.rs", "src/new/f.rs"], "reviewing 2 commits");
    assert_eq!(here.stem(), src.stem(), "the same review");
    desk.review_in("src", &["../a.rs"])
        .check(&["a.rs"], "reviewing 2 commits");
    let files = desk.review(&["--files", "e.rs", "src/new"]);
    files.check(&["e.rs", "src/new/f.rs"], "reviewing 2 commits");
    outside(&files, "limited to e.rs, src/new: 3 changed files are outside");
    desk.review_in("src", &["HEAD~1", "--files", "d.rs"])
        .check(&["src/d.rs"], "reviewing commit");
    assert_ne!(files.stem(), src.stem());
    let unchanged = desk.review(&["src/c.rs"]);
    assert_eq!((unchanged.status, unchanged.paths().len()), (0, 0));
    let line = desk.refused(&["--files", "src/none.rs"]);
    assert!(
        line.contains("--files src/none.rs: there is no such file or folder"),
        "{line}"
    );
    let line = desk.refused(&["--files", "/etc/passwd"]);
    assert!(line.contains("/etc/passwd is not in the work tree"), "{line}");
}

#[test]
fn contradictions_and_unknown_targets_are_refused_in_one_line() {
    let repository = dirty();
    repository.git(&["branch", "src"]).unwrap();
    let desk = Desk::of(repository.path());
    for (arguments, parts) in [
        (
            &["nothing-here"][..],
            &[
                "nothing-here does not exist as a path, and \"nothing-here\" is not a commit",
                "BASE..HEAD",
            ][..],
        ),
        (&["main..nothing"], &["\"nothing\" is not a commit"]),
        (&["HEAD", "--staged"], &["--staged does not fit the target \"HEAD\""]),
        (&["main..HEAD", "--base", "main"], &["--base does not fit the target"]),
        (&[".", "--staged", "--base", "main"], &["--base does not fit --staged"]),
        (&["-", "--uncommitted"], &["--uncommitted does not fit a patch"]),
        (
            &["https://github.com/o/r/pull/1", "--staged"],
            &["--staged, --uncommitted, --committed and --files are for work trees"],
        ),
    ] {
        let line = desk.refused(arguments);
        for part in parts {
            assert!(line.contains(part), "{part:?} is not in: {line}");
        }
    }
    let output = desk.run("", &["--staged", "--committed"]);
    assert_eq!(output.status.code(), Some(2), "clap's own message");
    let both = desk.review(&["src"]);
    assert!(
        both.lines.contains("src is a path and a commit: reviewing the path"),
        "{}",
        both.lines
    );
    let outside = tempfile::tempdir().unwrap();
    let mut command = desk.command("", &["HEAD"]);
    command.current_dir(outside.path());
    let line = String::from_utf8(command.output().unwrap().stderr).unwrap();
    assert!(
        line.contains("HEAD does not exist, and cannot be a commit, as there is no repository here"),
        "{line}"
    );
}

#[test]
fn settings_that_differ_from_the_bases_are_named_and_do_not_count() {
    let repository = Repository::new().unwrap();
    repository.write(".holdfast.yml", "exclude: [\"old/**\"]\n").unwrap();
    repository.write("a.rs", "fn a() {}\n").unwrap();
    repository.commit("Begin").unwrap();
    repository.write(".holdfast.yml", "exclude: [\"**\"]\n").unwrap();
    repository.write("old/b.rs", "fn b() {}\n").unwrap();
    let desk = Desk::of(repository.path());
    let reviewed = desk.review(&[]);
    let line = ".holdfast.yml differs between the base and the reviewed files: the settings of the base count";
    assert_eq!(reviewed.lines.matches(line).count(), 1, "{}", reviewed.lines);
    let outcome = |path: &str| crate::support::coverage(&reviewed.document, path)["outcome"].clone();
    assert_eq!(
        (outcome("old/b.rs"), outcome(".holdfast.yml")),
        ("skipped".into(), "scanned".into())
    );
}

#[test]
fn every_special_repository_is_reviewed_or_refused_with_its_remedy() {
    // No commit.
    let unborn = Repository::new().unwrap();
    let desk = Desk::of(unborn.path());
    assert!(desk.refused(&[]).contains("no commit yet"));
    unborn.write("a.rs", "fn a() {}\n").unwrap();
    desk.review(&[]).check(
        &["a.rs"],
        "against the empty tree, as there is no commit yet: 1 untracked file",
    );
    unborn.git(&["add", "a.rs"]).unwrap();
    unborn.write("b.rs", "fn b() {}\n").unwrap();
    desk.review(&["--staged"])
        .check(&["a.rs"], "reviewing 1 staged file against the empty tree");
    desk.review(&[]).check(&["a.rs", "b.rs"], "1 staged, 1 untracked files");
    // One commit, on the only branch, and no remote.
    unborn.commit("First").unwrap();
    desk.review(&[]).check(
        &["a.rs", "b.rs"],
        "reviewing 1 commit since 4b825dc642cb (the empty tree",
    );
    unborn.write("b.rs", "fn b() { 1; }\n").unwrap();
    desk.review(&[]).check(
        &["b.rs"],
        "the head, so only uncommitted work is reviewed: no other branch",
    );
    // A detached head.
    unborn.git(&["checkout", "--quiet", "--detach"]).unwrap();
    desk.review(&[]).check(&["b.rs"], "1 modified file");
    // No repository.
    let folder = tempfile::tempdir().unwrap();
    let line = Desk::of(folder.path()).refused(&[]);
    assert!(line.contains("is not a git repository"), "{line}");
    // Bare.
    let repository = dirty();
    let bare = clone(&repository, &["--bare"]);
    let desk = Desk::of(bare.path());
    desk.review(&[])
        .check(&["e.rs", "src/d.rs"], "reviewing 2 commits since ");
    assert!(
        desk.refused(&["--uncommitted"])
            .contains("is a bare repository, which has no uncommitted work: --committed")
    );
    // Shallow and partial clones: uncommitted work needs no history.
    for options in [&["--depth", "1"][..], &["--filter=blob:none"], &["--filter=tree:0"]] {
        let clone = clone(&repository, options);
        std::fs::write(clone.path().join("e.rs"), "fn e() { 1; }\n").unwrap();
        std::fs::write(clone.path().join("new.rs"), "fn new() {}\n").unwrap();
        let desk = Desk::of(clone.path());
        desk.review(&["--uncommitted"])
            .check(&["e.rs", "new.rs"], "1 modified, 1 untracked files");
    }
    // A linked work tree.
    let linked = tempfile::tempdir().unwrap();
    let place = linked.path().join("linked");
    repository
        .git(&["worktree", "add", "--quiet", "-b", "linked", place.to_str().unwrap()])
        .unwrap();
    std::fs::write(place.join("linked.rs"), "fn linked() {}\n").unwrap();
    Desk::of(&place)
        .review(&["--uncommitted"])
        .check(&["linked.rs"], "1 untracked file");
}

#[test]
fn a_data_directory_in_the_work_tree_is_not_part_of_it() {
    let repository = dirty();
    let output = holdfast(&["review", "--uncommitted", "--format", "json", "--data", "own-data"])
        .current_dir(repository.path())
        .output()
        .unwrap();
    let reviewed = reviewed(&output);
    reviewed.check(
        &["a.rs", "src/b.rs", "src/new/f.rs"],
        "1 staged, 1 modified, 1 untracked files",
    );
}

#[test]
fn a_patch_on_stdin_is_applied_to_the_head() {
    let repository = dirty();
    let desk = Desk::of(repository.path());
    repository.git(&["mv", "src/c.rs", "src/moved.rs"]).unwrap();
    repository.delete("e.rs").unwrap();
    repository.git(&["add", "--all"]).unwrap();
    let patch = repository.git(&["diff", "--find-renames", "HEAD"]).unwrap() + "\n";
    repository.git(&["reset", "--quiet", "--hard"]).unwrap();
    let output = desk.review_patch(&patch);
    let paths = ["a.rs", "e.rs", "src/b.rs", "src/moved.rs", "src/new/f.rs"];
    reviewed(&output).check(
        &paths,
        "reviewing the patch on stdin, 6 changed files, applied to HEAD ",
    );
    let line = |output: Output| {
        assert_eq!(output.status.code(), Some(2));
        String::from_utf8(output.stderr).unwrap()
    };
    repository.write("src/b.rs", "fn other() {}\n").unwrap();
    repository.commit("Move on").unwrap();
    let error = line(desk.review_patch(&patch));
    assert!(
        error.contains("the patch does not apply to HEAD: patch line ")
            && error.contains("line 1 of \"src/b.rs\" differs in HEAD"),
        "{error}"
    );
    let colours = repository.git(&["show", "--color=always"]).unwrap();
    for (patch, part) in [
        ("", "the patch on stdin, line 1: it is empty: git diff HEAD"),
        ("hello\n", "it has no changed file"),
        (
            &colours,
            "it has escapes for colours, which are no part of the change: git diff --no-color HEAD",
        ),
    ] {
        let error = line(desk.review_patch(patch));
        assert!(error.contains(part), "{part}: {error}");
    }
}

#[test]
fn a_killed_review_of_uncommitted_work_resumes_and_an_edit_starts_another() {
    let repository = many_files(6);
    for number in 0..6 {
        let path = format!("src/file_{number:04}.rs");
        repository
            .write(&path, format!("pub fn changed_{number}() {{}}\n"))
            .unwrap();
    }
    let scene = Scene::with_model(repository, ModelServer::start(Script::slow(300)).unwrap())
        .set("HOLDFAST_MAX_CONCURRENCY", "1");
    let arguments = ["review", scene.path(), "--uncommitted", "--format", "json"];
    let mut child = scene
        .command(&arguments)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    while scene.server().journal().calls().len() < 3 {
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    let runs = || -> Vec<String> {
        let runs: Value = serde_json::from_slice(&scene.run(&["runs", "--format", "json"]).stdout).unwrap();
        let runs = runs["runs"].as_array().unwrap().clone();
        runs.iter().map(|run| run["run"].as_str().unwrap().to_owned()).collect()
    };
    let open = runs();
    let finished = reviewed(&scene.run(&arguments));
    assert_eq!(finished.status, 0, "{}", finished.lines);
    assert_eq!(runs(), open, "the same run");
    // Six units and the summary; only the call in flight is made again.
    assert!(scene.server().journal().calls().len() <= 8);
    scene
        .repository
        .write("src/file_0000.rs", "pub fn edited() {}\n")
        .unwrap();
    let edited = reviewed(&scene.run(&arguments));
    assert_ne!(
        edited.document["run"], finished.document["run"],
        "the edit is another review"
    );
    let replayed = scene.run(&["replay", finished.document["run"].as_str().unwrap()]);
    let said = String::from_utf8_lossy(&replayed.stdout);
    assert_eq!(
        replayed.status.code(),
        Some(0),
        "the older snapshot is still there: {said}"
    );
}

#[test]
fn a_bare_file_name_several_limits_and_git_s_own_folder_are_read_as_they_are_meant() {
    let repository = dirty();
    let desk = Desk::of(repository.path());
    desk.review(&["a.rs", "--uncommitted"])
        .check(&["a.rs"], "limited to a.rs");
    let both = desk.review(&["src", "--files", "a.rs"]);
    let has = |path: &str| both.paths().contains(&path);
    assert!(has("a.rs") && has("src/b.rs"), "{:?}", both.paths());
    for arguments in [&[".git"][..], &["--files", ".git/config"]] {
        assert!(desk.refused(arguments).contains("git's own folder"), "{arguments:?}");
    }
    let inside = desk.run(".git", &[]);
    assert_eq!(inside.status.code(), Some(2), "{inside:?}");
    // In a bare repository HEAD is a file too.
    let copies = tempfile::tempdir().unwrap();
    let bare = copies.path().join("bare.git");
    git(
        repository.path(),
        &["clone", "--quiet", "--bare", ".", bare.to_str().unwrap()],
    );
    let reviewed = Desk::of(&bare).review(&["HEAD"]);
    assert!(reviewed.lines.contains("reviewing commit "), "{}", reviewed.lines);
}

#[test]
fn commits_are_reviewed_where_the_settings_name_another_work_tree() {
    let repository = dirty();
    let elsewhere = tempfile::tempdir().unwrap();
    let path = elsewhere.path().to_str().unwrap();
    repository.git(&["config", "core.worktree", path]).unwrap();
    let desk = Desk::of(repository.path());
    assert!(desk.refused(&[]).contains("core.worktree"));
    let reviewed = desk.review(&["--committed"]);
    assert_eq!(reviewed.status, 0, "{}", reviewed.lines);
    assert!(!reviewed.paths().is_empty());
}

/// Commits with a pre-commit hook that reviews the index; returns the reviewed paths and the lines on stderr.
fn reviewed_by_hook(tree: &Path, arguments: &[&str]) -> (Vec<String>, String) {
    let folder = tempfile::tempdir().unwrap();
    let place = |name: &str| folder.path().join(name).display().to_string();
    let hooks = folder.path().join("hooks");
    std::fs::create_dir(&hooks).unwrap();
    let hook = hooks.join("pre-commit");
    let script = format!(
        "#!/bin/sh\nexec {PROGRAM} review --staged --fail-on none --format json --data {} > {} 2> {}\n",
        place("data"),
        place("out"),
        place("lines")
    );
    std::fs::write(&hook, script).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    let hooks = format!("core.hooksPath={}", hooks.display());
    git(
        tree,
        &[&["-c", &hooks, "commit", "--quiet", "--message", "x"], arguments].concat(),
    );
    let document: Value = serde_json::from_slice(&std::fs::read(place("out")).unwrap()).unwrap();
    let entries = document["coverage"].as_array().unwrap();
    let paths = entries.iter().map(|entry| entry["path"].as_str().unwrap().to_owned());
    (paths.collect(), std::fs::read_to_string(place("lines")).unwrap())
}

#[test]
fn a_pre_commit_hook_reviews_what_is_being_committed() {
    let repository = dirty();
    let linked = tempfile::tempdir().unwrap();
    let linked = linked.path().join("linked");
    repository
        .git(&["worktree", "add", "--quiet", "-b", "linked", linked.to_str().unwrap()])
        .unwrap();
    for path in ["a.rs", "src/b.rs", "src/c.rs"] {
        std::fs::write(linked.join(path), "fn linked() {}\n").unwrap();
    }
    git(&linked, &["add", "a.rs"]);
    for tree in [repository.path(), &linked] {
        // A commit of one file and of everything: git prepares it in a second index.
        for (arguments, expected) in [(&["src/b.rs"][..], "src/b.rs"), (&[], "a.rs"), (&["--all"], "src/c.rs")] {
            std::fs::write(tree.join("src/c.rs"), "fn last() {}\n").unwrap();
            let (paths, lines) = reviewed_by_hook(tree, arguments);
            assert_eq!(paths, [expected], "{arguments:?}: {lines}");
            assert!(
                lines.contains("reviewing 1 staged file") && !lines.contains("GIT_"),
                "{lines}"
            );
        }
    }
}

#[test]
fn variables_that_name_another_repository_are_named_and_not_used() {
    let (repository, other) = (dirty(), dirty());
    other.write("e.rs", "fn other() {}\n").unwrap();
    other.git(&["add", "--all"]).unwrap();
    let desk = Desk::of(repository.path());
    let git_dir = other.path().join(".git");
    let mut command = desk.command("", &["--staged"]);
    command
        .env("GIT_DIR", &git_dir)
        .env("GIT_WORK_TREE", other.path())
        .env("GIT_INDEX_FILE", git_dir.join("index"));
    let found = reviewed(&command.output().unwrap());
    found.check(&["a.rs"], "reviewing 1 staged file against HEAD");
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"] {
        assert!(found.lines.contains(&format!("{name} names ")), "{}", found.lines);
    }
    let outside = tempfile::tempdir().unwrap();
    let mut command = Desk::of(outside.path()).command("", &[]);
    let output = command.env("GIT_DIR", &git_dir).output().unwrap();
    let line = String::from_utf8(output.stderr).unwrap();
    assert!(line.contains("GIT_DIR is set and not used: give the path"), "{line}");
}
