//! The reports of the team's own tools that a review reads.

use serde::{Deserialize, Serialize};

use crate::model::installed_tool::InstalledTool;

/// The sources of reports by the team's own tools.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EvidencePolicy {
    /// Read the open alerts of GitHub's code scanning for the reviewed head of a pull request. Needs the permission
    /// "Code scanning alerts: read".
    pub code_scanning: bool,
    /// Run these tools on the changed files, where they are installed beside `holdfast review` or `holdfast serve`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<InstalledTool>,
}

impl EvidencePolicy {
    /// Returns whether it names no source.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
