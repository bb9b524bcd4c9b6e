//! The parties that a model call counts for.

use serde::{Deserialize, Serialize};

/// The parties that a call counts for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    /// The account that owns the repository; tenants share a provider fairly.
    pub tenant: String,
    /// The repository's key, which survives a rename.
    pub repository: String,
    /// The repository as people know it.
    #[serde(default)]
    pub repository_name: String,
    /// The author of the change, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Whether a person waits for the review.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub urgent: bool,
    /// Whether the repository's reviews aren't urgent: `batch: true` in its settings.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub batch: bool,
    /// The limits of money that the repository sets for itself.
    #[serde(default, skip_serializing_if = "SpendCaps::is_empty")]
    pub spend: SpendCaps,
}

/// Limits of money that a repository sets for itself, in billionths of a US dollar.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpendCaps {
    /// A review with all its redrives.
    pub per_run: Option<u64>,
    /// The repository in a calendar month.
    pub per_repository_month: Option<u64>,
    /// An author in a calendar month.
    pub per_author_month: Option<u64>,
}

impl SpendCaps {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
