//! Tools that behave, fail or attack: scripts with the names of tools.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use std::os::unix::fs::PermissionsExt;

use holdfast_testkit::port::FixedChange;

use super::*;

const REPORT: &str =
    r#"printf '{"comments":[{"file":"./a.sh","line":1,"endLine":1,"level":"error","code":1,"message":"%s"}]}' "$text""#;

/// Runs a script as shellcheck on `a.sh`.
async fn run(script: &str, limits: Limits) -> ToolRuns {
    let bin = tempfile::tempdir().unwrap();
    let program = bin.path().join("shellcheck");
    std::fs::write(&program, format!("#!/bin/sh\n{script}\n")).unwrap();
    std::fs::set_permissions(&program, PermissionsExt::from_mode(0o700)).unwrap();
    let path = format!("{}:/usr/bin:/bin", bin.path().display());
    let mut tools = Tools::on(path.into());
    tools.limits = limits;
    assert!(
        !tools.wrapper().await.arguments_are_missing(),
        "prlimit is missing: apt install util-linux"
    );
    ask(&tools, InstalledTool::Shellcheck, &["a.sh"]).await
}

async fn ask(tools: &Tools, tool: InstalledTool, files: &[&str]) -> ToolRuns {
    let target = Target::WorkTree {
        path: "/nowhere".to_owned(),
        base: sha("a"),
        head: sha("b"),
        only: Vec::new(),
    };
    let read = FixedChange {
        files: BTreeMap::from([("a.sh".to_owned(), b"echo $1\n".to_vec())]),
        ..FixedChange::default()
    };
    let request = ToolRequest {
        head: sha("b"),
        settings: sha("a"),
        jobs: vec![ToolJob {
            tool,
            files: files.iter().map(|file| (*file).to_owned()).collect(),
        }],
    };
    tools.run(&target, &request, &read).await.unwrap()
}

fn sha(digit: &str) -> CommitSha {
    CommitSha::parse(&digit.repeat(40)).unwrap()
}

fn message(runs: &ToolRuns) -> &str {
    assert_eq!(runs.notes, Vec::<String>::new());
    &runs.reports["a.sh"][0].message
}

const SHORT: Limits = Limits {
    time: Duration::from_secs(2),
    ..LIMITS
};
const LITTLE: Limits = Limits {
    output_bytes: 1024 * 1024,
    ..LIMITS
};

#[tokio::test]
async fn a_tool_gets_its_files_and_no_environment() {
    let runs = run(
        &format!("text=\"$* $(env | cut -d= -f1 | sort | tr '\\n' ' ')\"\n{REPORT}"),
        LIMITS,
    )
    .await;
    let text = message(&runs);
    assert!(
        text.starts_with("--format=json1 --color=never -- ./a.sh HOME LANG PATH"),
        "{text}"
    );
    assert!(!text.contains("CARGO") && !text.contains("USER"), "{text}");
    assert_eq!(runs.tools[0].name, "shellcheck");
    let look = "text=\"[$(ls -A \"$HOME\")] $(echo $(ls -A)) [$(head -c 1)] $(cat a.sh)\"";
    let runs = run(&format!("{look}\n{REPORT}"), LIMITS).await;
    assert_eq!(message(&runs), "[] .shellcheckrc a.sh [] echo $1");
}

#[tokio::test]
async fn an_isolated_tool_has_no_network() {
    let tools = Tools::default();
    if tools.is_isolated().await {
        let runs = run(
            &format!("text=\"$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' \\n')\"\n{REPORT}"),
            LIMITS,
        )
        .await;
        assert_eq!(message(&runs), "lo");
    }
}

#[tokio::test]
async fn a_tool_that_never_ends_is_killed_with_its_children() {
    // A number that no other process has in its arguments.
    let seconds = format!("8{}", std::process::id());
    let started = std::time::Instant::now();
    let runs = run(
        &format!("sleep {seconds} & (sleep {seconds} &) & sleep {seconds}"),
        SHORT,
    )
    .await;
    assert_eq!(runs.notes, ["shellcheck failed: it took longer than 2 s"]);
    assert!(started.elapsed() < Duration::from_secs(30));
    let is_alive = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let mut lines = processes.filter_map(|process| std::fs::read(process.path().join("cmdline")).ok());
        lines.any(|line| line.starts_with(b"sleep") && String::from_utf8_lossy(&line).contains(&seconds))
    };
    for _ in 0..100 {
        if !is_alive() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert!(!is_alive(), "a process of the tool still runs");
}

#[tokio::test]
async fn a_tool_that_floods_its_outputs_is_stopped() {
    for to in ["", " >&2"] {
        let runs = run(&format!("yes flood{to}"), LITTLE).await;
        assert_eq!(runs.notes, ["shellcheck failed: it printed more than 1 MiB"], "{to}");
    }
}

#[tokio::test]
async fn a_tool_writes_nothing() {
    let outside = tempfile::tempdir().unwrap();
    let (new, old) = (outside.path().join("new"), outside.path().join("old"));
    std::fs::write(&old, "content").unwrap();
    for file in [&new, &old] {
        run(&format!("echo text >> {}", file.display()), LIMITS).await;
    }
    assert_eq!(std::fs::read(&new).unwrap_or_default(), b"");
    assert_eq!(std::fs::read(&old).unwrap(), b"content");
}

#[tokio::test]
async fn a_tool_that_fails_is_a_note() {
    for (script, expected) in [
        ("exit 3", "shellcheck failed: it ended with exit code 3"),
        ("kill -9 $$", "shellcheck failed: "),
        (
            "echo no JSON",
            "shellcheck failed: its output has another form than expected",
        ),
    ] {
        let runs = run(script, LIMITS).await;
        assert!(
            runs.notes[0].starts_with(expected) && runs.tools.is_empty(),
            "{script}: {:?}",
            runs.notes
        );
    }
}

#[tokio::test]
async fn a_missing_program_and_too_many_files_are_notes() {
    let tools = Tools::on("/usr/bin:/bin".into());
    let runs = ask(&tools, InstalledTool::Zizmor, &["action.yml"]).await;
    assert_eq!(
        runs.notes,
        ["zizmor did not run: it isn't installed beside Holdfast (pip install zizmor)"]
    );
    let request = ToolRequest {
        head: sha("b"),
        settings: sha("a"),
        jobs: vec![ToolJob {
            tool: InstalledTool::Ruff,
            files: vec!["a.py".to_owned()],
        }],
    };
    let notes = refused(&request).notes;
    assert!(
        notes[0].starts_with("ruff did not run: this machine can't"),
        "{notes:?}"
    );
}

#[test]
fn a_version_is_the_first_word_with_a_number() {
    for (output, version) in [
        ("ruff 0.14.3 (153ce9f 2026-10-30)\n", Some("0.14.3")),
        (
            "ShellCheck - shell script analysis tool\nversion: 0.11.0\n",
            Some("0.11.0"),
        ),
        ("v8.30.1\n", Some("8.30.1")),
        ("1.7.12\ninstalled by downloading\n", Some("1.7.12")),
        ("Haskell Dockerfile Linter 2.14.0\n", Some("2.14.0")),
        ("", None),
    ] {
        assert_eq!(version_of(output.as_bytes()).as_deref(), version, "{output}");
    }
}
