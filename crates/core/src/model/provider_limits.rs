//! The limits of a model provider, as they are configured and as the provider states them.

use serde::{Deserialize, Serialize};

/// The configured limits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Limits {
    /// Requests per minute; learned if none.
    pub requests_per_minute: Option<u32>,
    /// Input tokens per minute; learned if none.
    pub input_tokens_per_minute: Option<u64>,
    /// Calls in flight; at least one is allowed.
    pub concurrent: u32,
}

/// The limits in the headers of a provider's answer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ObservedLimits {
    /// Requests per minute.
    pub requests_per_minute: Option<u32>,
    /// Input tokens per minute.
    pub input_tokens_per_minute: Option<u64>,
    /// Requests left until the reset.
    pub requests_left: Option<u32>,
    /// Input tokens left until the reset.
    pub tokens_left: Option<u64>,
    /// Milliseconds until the reset.
    pub resets_in_ms: Option<u64>,
}
