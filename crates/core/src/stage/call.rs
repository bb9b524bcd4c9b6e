//! Calls a stage with JSON and answers with JSON, for every engine.

use std::future::Future;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::model::error_name::ErrorName;

use super::StageError;

/// Reads the payload, runs the stage, and returns its answer.
///
/// # Errors
/// The payload has another shape; the stage fails.
pub async fn call<I, O, R>(payload: Value, stage: impl FnOnce(I) -> R) -> Result<Value, StageError>
where
    I: DeserializeOwned,
    O: Serialize,
    R: Future<Output = Result<O, StageError>>,
{
    let invalid = |what: &str, error: serde_json::Error| {
        StageError::new(ErrorName::PayloadInvalid, format!("{what} has another shape: {error}"))
    };
    let input = serde_json::from_value(payload).map_err(|error| invalid("the payload", error))?;
    let output = stage(input).await?;
    serde_json::to_value(output).map_err(|error| invalid("the answer", error))
}
