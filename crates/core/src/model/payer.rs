//! The parties that a model call counts for.

use serde::{Deserialize, Serialize};

/// The parties that a call counts for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payer {
    /// The account that owns the repository; tenants share a provider fairly.
    pub tenant: String,
    /// The repository.
    pub repository: String,
    /// The author of the change, where known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
}
