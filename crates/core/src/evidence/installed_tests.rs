//! The table of installed tools, and which files each reads.
#![expect(clippy::unwrap_used, reason = "a failed step fails the test")]

use super::*;

#[test]
fn the_table_has_each_tool_once_with_globs_that_compile() {
    let names: BTreeSet<&str> = InstalledTool::ALL.map(InstalledTool::name).into();
    assert_eq!(names.len(), InstalledTool::ALL.len());
    for tool in InstalledTool::ALL {
        let command = tool.command();
        assert_eq!(tool.globs().len(), command.patterns.len(), "{tool}");
        assert_eq!(serde_json::to_value(tool).unwrap(), tool.name());
        assert!(!command.exit_codes.is_empty(), "{tool}");
        for (path, _) in command.settings.paths {
            assert!(is_plain(path) && tool.is_settings(path), "{tool} {path}");
        }
    }
}

#[test]
fn each_tool_gets_the_files_that_it_reads() {
    use InstalledTool::{Actionlint, Gitleaks, Hadolint, Ruff, Shellcheck, Zizmor};
    let paths = [
        ".github/workflows/ci.yml",
        ".github/workflows/deep/ci.yml",
        ".gitleaks.toml",
        "Dockerfile",
        "build/action.yml",
        "build/web.Dockerfile",
        "src/-rf.py",
        "src/run.sh",
        "../x.py",
        "/etc/a.py",
        ".git/hooks/a.sh",
        "a/./b.py",
        "a//b.py",
        "caf\\351.py",
        "line\nbreak.py",
    ];
    let plain = || paths.iter().take(8).copied();
    for (tool, expected) in [
        (Actionlint, vec![".github/workflows/ci.yml"]),
        (Hadolint, vec!["Dockerfile", "build/web.Dockerfile"]),
        (Ruff, vec!["src/-rf.py"]),
        (Shellcheck, vec!["src/run.sh"]),
        (Zizmor, vec![".github/workflows/ci.yml", "build/action.yml"]),
        (Gitleaks, plain().filter(|path| *path != ".gitleaks.toml").collect()),
    ] {
        let jobs = jobs(&[tool, tool], paths);
        assert_eq!(jobs.len(), 1, "{tool}");
        assert_eq!(jobs[0].files, expected, "{tool}");
    }
    assert_eq!(jobs(&[Ruff], ["a.rs"]), []);
}
