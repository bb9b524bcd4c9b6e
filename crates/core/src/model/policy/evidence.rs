//! The reports of the team's own tools that a review of a pull request reads.

use serde::{Deserialize, Serialize};

/// The sources of reports by the team's own tools, for reviews of pull requests.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default)]
pub struct EvidencePolicy {
    /// Read the open alerts of GitHub's code scanning for the reviewed head. Needs the permission "Code scanning alerts:
    /// read".
    pub code_scanning: bool,
}

impl EvidencePolicy {
    /// Returns whether it names no source.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}
