//! The port to a provider's batches: a call that is handed over, answered within a day, and costs half.

use std::fmt;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use super::{ModelError, ModelRequest};
use crate::model::model_id::ModelId;
use crate::model::run::RecordedAnswer;

/// Maximum length of an id, in bytes.
const MAX_ID_BYTES: usize = 128;

/// The provider's id of a batch, or of a file: letters, digits, `-` and `_`, so that it is safe in a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BatchId(String);

/// A text that isn't the id of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid id of a batch: expected at most {MAX_ID_BYTES} letters, digits, - and _")]
pub struct InvalidBatchId;

impl BatchId {
    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BatchId {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(&self.0)
    }
}

impl TryFrom<String> for BatchId {
    type Error = InvalidBatchId;

    fn try_from(text: String) -> Result<Self, InvalidBatchId> {
        let is_safe = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        let is_id = (1..=MAX_ID_BYTES).contains(&text.len()) && text.bytes().all(is_safe);
        if is_id { Ok(Self(text)) } else { Err(InvalidBatchId) }
    }
}

impl From<BatchId> for String {
    fn from(id: BatchId) -> Self {
        id.0
    }
}

/// The outcome of handing a call over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// The provider has the call as this batch.
    Batch(BatchId),
    /// The model's server offers no batches.
    NotOffered,
}

/// What has become of a batch.
#[derive(Debug)]
pub enum BatchState {
    /// The provider hasn't answered yet.
    Pending,
    /// The answer, with its cost in a batch.
    Answered(RecordedAnswer),
    /// The provider won't answer: the batch expired or was cancelled, or its request failed. It costs nothing.
    Failed(ModelError),
}

/// Hands calls over in batches of one, and fetches their answers.
#[async_trait]
pub trait BatchModel: Send + Sync {
    /// Hands a call over. `name` identifies it in its batch: at most 64 letters and digits.
    ///
    /// # Errors
    ///
    /// See [`ModelError`]. After a time-out or a broken connection the provider may have taken the call.
    async fn submit(&self, request: &ModelRequest, name: &str) -> Result<Submitted, ModelError>;
    /// Returns what has become of a batch of this model. Changes nothing, so an answer can be fetched again.
    ///
    /// # Errors
    ///
    /// The provider can't be reached, refuses, doesn't know the batch, or answers with something else.
    async fn fetch(&self, model: &ModelId, batch: &BatchId, name: &str) -> Result<BatchState, ModelError>;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_safe_in_a_path() {
        for (text, is_id) in [
            ("msgbatch_013Zva2CMHLNnXjNJJKqJ2EF", true),
            ("batch-1", true),
            ("", false),
            ("../models", false),
            ("a/b", false),
            ("a?b", false),
            ("a b", false),
            ("é", false),
            (&"a".repeat(128), true),
            (&"a".repeat(129), false),
        ] {
            assert_eq!(BatchId::try_from(text.to_owned()).is_ok(), is_id, "{text}");
        }
    }
}
