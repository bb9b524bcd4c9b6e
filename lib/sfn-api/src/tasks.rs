//! The actions on task tokens: success, failure, heartbeat.

use holdfast_asl::{PAYLOAD_LIMIT_BYTES, TaskFailure, parse_payload};
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::ApiError;
use super::{Api, required};

/// Maximum length of an error's name and of a cause, in characters.
const MAX_ERROR_CHARS: usize = 256;
const MAX_CAUSE_CHARS: usize = 32_768;
/// Maximum length of a token.
const MAX_TOKEN_CHARS: usize = 2_048;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Success {
    task_token: Option<String>,
    output: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct TokenFailure {
    task_token: Option<String>,
    error: Option<String>,
    cause: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Heartbeat {
    task_token: Option<String>,
}

impl Api {
    pub(super) fn task_success(&self, input: &Success) -> Result<Value, ApiError> {
        let token = token(input.task_token.as_ref())?;
        let text = required(input.output.as_ref(), "output")?;
        let invalid = |what: String| ApiError::new("InvalidOutput", format!("Invalid Output: {what}"));
        if text.len() > PAYLOAD_LIMIT_BYTES {
            return Err(invalid(format!("it has more than {PAYLOAD_LIMIT_BYTES} bytes")));
        }
        let output = parse_payload(text).map_err(|error| {
            invalid(format!(
                "it is not valid JSON (line {}, column {})",
                error.line(),
                error.column()
            ))
        })?;
        self.answered(self.wait(self.engine.send_task_success(token, output)))
    }

    pub(super) fn task_failure(&self, input: TokenFailure) -> Result<Value, ApiError> {
        let token = token(input.task_token.as_ref())?;
        check_failure(input.error.as_deref(), input.cause.as_deref())?;
        let failure = TaskFailure {
            error: input.error.unwrap_or_default(),
            cause: input.cause,
        };
        self.answered(self.wait(self.engine.send_task_failure(token, failure)))
    }

    pub(super) fn task_heartbeat(&self, input: &Heartbeat) -> Result<Value, ApiError> {
        let token = token(input.task_token.as_ref())?;
        self.answered(self.wait(self.engine.send_task_heartbeat(token)))
    }

    fn answered(&self, answer: Result<(), holdfast_engine::EngineError>) -> Result<Value, ApiError> {
        answer.map_err(|error| ApiError::of_engine(&error, ""))?;
        Ok(json!({}))
    }
}

/// Checks the lengths of an error and a cause.
pub fn check_failure(error: Option<&str>, cause: Option<&str>) -> Result<(), ApiError> {
    for (field, text, limit) in [("error", error, MAX_ERROR_CHARS), ("cause", cause, MAX_CAUSE_CHARS)] {
        if text.is_some_and(|text| text.chars().count() > limit) {
            return Err(ApiError::validation(format!(
                "1 validation error detected: Value at '{field}' failed to satisfy constraint: Member must have length less \
                 than or equal to {limit}"
            )));
        }
    }
    Ok(())
}

/// Checks the form of a token. A token is a credential: no message contains it.
fn token(given: Option<&String>) -> Result<&str, ApiError> {
    let token = required(given, "taskToken")?;
    let is_possible = (1..=MAX_TOKEN_CHARS).contains(&token.len()) && token.bytes().all(|byte| byte.is_ascii_graphic());
    if is_possible {
        Ok(token)
    } else {
        Err(ApiError::new(
            "InvalidToken",
            "Invalid Token: this engine did not issue it",
        ))
    }
}
