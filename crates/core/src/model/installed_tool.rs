//! The tools that reviews run where the settings name them.

use serde::{Deserialize, Serialize};

/// A tool that Holdfast can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "lowercase")]
pub enum InstalledTool {
    /// Workflows of GitHub Actions.
    Actionlint,
    /// Secrets.
    Gitleaks,
    /// Dockerfiles.
    Hadolint,
    /// Python.
    Ruff,
    /// Shell scripts.
    Shellcheck,
    /// Security of GitHub Actions.
    Zizmor,
}

impl InstalledTool {
    /// Every tool, in the order of their names.
    pub const ALL: [Self; 6] = [
        Self::Actionlint,
        Self::Gitleaks,
        Self::Hadolint,
        Self::Ruff,
        Self::Shellcheck,
        Self::Zizmor,
    ];

    /// Returns the name in settings, in findings and on `PATH`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Actionlint => "actionlint",
            Self::Gitleaks => "gitleaks",
            Self::Hadolint => "hadolint",
            Self::Ruff => "ruff",
            Self::Shellcheck => "shellcheck",
            Self::Zizmor => "zizmor",
        }
    }
}

impl std::fmt::Display for InstalledTool {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.pad(self.name())
    }
}
