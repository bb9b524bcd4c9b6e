//! The port to a model. One call, no retry: the workflow retries.

use std::time::Duration;

use async_trait::async_trait;

use crate::model::error_name::ErrorName;
use crate::model::model_id::ModelId;
use crate::model::provider_limits::ObservedLimits;
use crate::model::run::{Prompt, RecordedAnswer};

/// One call.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    /// The model.
    pub model: ModelId,
    /// Instructions and turns.
    pub prompt: Prompt,
    /// JSON Schema of the answer, sent as structured output where the provider supports it.
    pub schema: serde_json::Value,
    /// Output limit in tokens, at least 1.
    pub max_output_tokens: u32,
    /// Limits of the call's time; none are the adapter's own.
    pub time_limit: Option<TimeLimit>,
}

/// The limits of a call's time. An answer that arrives in parts may take longer than one that comes as a whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeLimit {
    /// The longest time without any part of the answer.
    pub quiet: Duration,
    /// The longest time of the whole call.
    pub whole: Duration,
}

/// The reason why a call gave no answer.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// A rate limit: retry later.
    #[error("the model's server limits requests (429)")]
    RateLimited {
        /// When to retry, in seconds from now, where the server names a time.
        retry_after_s: Option<u64>,
        /// The limits that it states.
        observed: Option<ObservedLimits>,
    },
    /// A spending limit (429 or 402).
    #[error("{0}")]
    SpendingLimit(String),
    /// No complete answer within the time limit of one call.
    #[error("{0}")]
    TimedOut(String),
    /// No connection, or it broke off before an answer.
    #[error("{0}")]
    Unavailable(String),
    /// The answer began, and broke off: it may be paid for.
    #[error("{0}")]
    BrokenOff(String),
    /// An answer that means an outage: 408, 409, 425, 5xx, also overloaded (529).
    #[error("{0}")]
    Outage(String),
    /// The server answers with something other than the provider's document.
    #[error("{0}")]
    Unreadable(String),
    /// 401 or 403.
    #[error("{0}")]
    Unauthorized(String),
    /// 404: the server has no such model, or nothing at this address.
    #[error("{0}")]
    NotFound(String),
    /// 400, 413, 422: the server will never accept the request.
    #[error("{0}")]
    Rejected(String),
    /// The provider limited requests for longer than the deployment waits.
    #[error("{0}")]
    LimitedTooLong(String),
    /// The call could exceed a spending limit of the deployment.
    #[error("{0}")]
    SpendLimit(String),
    /// The row of the provider's limits can't be reached: no call is made without it.
    #[error("{0}")]
    LimitsUnavailable(String),
}

impl ModelError {
    /// Returns the workflow's name for it. A rate limit normally becomes a wait, not an error.
    pub const fn name(&self) -> ErrorName {
        match self {
            Self::RateLimited { .. }
            | Self::Unavailable(_)
            | Self::BrokenOff(_)
            | Self::Outage(_)
            | Self::Unreadable(_) => ErrorName::ModelUnavailable,
            Self::TimedOut(_) => ErrorName::ModelTimedOut,
            Self::SpendingLimit(_) => ErrorName::ModelSpendingLimitReached,
            Self::Unauthorized(_) => ErrorName::ModelUnauthorized,
            Self::NotFound(_) => ErrorName::ModelNotFound,
            Self::Rejected(_) => ErrorName::ModelRequestRejected,
            Self::LimitedTooLong(_) => ErrorName::ModelRateLimited,
            Self::SpendLimit(_) => ErrorName::SpendLimitReached,
            Self::LimitsUnavailable(_) => ErrorName::ArtifactUnavailable,
        }
    }
}

/// Calls a model.
#[async_trait]
pub trait AskModel: Send + Sync {
    /// Makes one call.
    ///
    /// # Errors
    ///
    /// See [`ModelError`].
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError>;
}
