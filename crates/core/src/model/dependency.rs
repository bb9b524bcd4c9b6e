//! The dependencies that a change updates, read from its lock files.

use serde::{Deserialize, Serialize};

/// The updates of a change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DependencyUpdates {
    /// The first updates: those that a changed manifest names, then versions that changed, then added and removed
    /// dependencies.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub updates: Vec<DependencyUpdate>,
    /// Number of further updates.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub left_out: u64,
    /// Changed lock files whose updates couldn't be read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unread: Vec<String>,
}

/// One dependency in one lock file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct DependencyUpdate {
    /// The lock file.
    pub path: String,
    /// The dependency's name. Only characters of package names, without secrets.
    pub name: String,
    /// Its versions in the base that the head doesn't have; empty if it was added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub before: Vec<String>,
    /// Its versions in the head that the base doesn't have; empty if it was removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub after: Vec<String>,
}

impl DependencyUpdates {
    /// Returns whether there is nothing to show.
    pub const fn is_empty(&self) -> bool {
        self.updates.is_empty() && self.unread.is_empty()
    }

    /// Returns the number of updates, with those that are left out.
    pub fn total(&self) -> u64 {
        self.left_out + u64::try_from(self.updates.len()).unwrap_or(u64::MAX)
    }
}

impl std::fmt::Display for DependencyUpdate {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (before, after) = (self.before.join(", "), self.after.join(", "));
        match (before.is_empty(), after.is_empty()) {
            (true, _) => write!(out, "{} {after} added", self.name),
            (_, true) => write!(out, "{} {before} removed", self.name),
            _ => write!(out, "{} {before} → {after}", self.name),
        }
    }
}

const fn is_zero(number: &u64) -> bool {
    *number == 0
}
