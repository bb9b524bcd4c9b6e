//! The diagnostics of ValidateStateMachineDefinition, with AWS's codes and locations.

use holdfast_asl::{Problem, ProblemCode, StateMachine};
use serde_json::{Value, json};

use super::error::ApiError;
use super::without_nulls;

/// Maximum number of diagnostics in an answer.
const MAX_DIAGNOSTICS: usize = 100;

/// Returns the answer for a definition. `max_results` limits the diagnostics; 0 means the default.
pub fn report(definition: &str, max_results: Option<i64>) -> Result<Value, ApiError> {
    let limit = match max_results {
        None | Some(0) => MAX_DIAGNOSTICS,
        Some(limit) => usize::try_from(limit)
            .ok()
            .filter(|limit| *limit <= MAX_DIAGNOSTICS)
            .ok_or_else(|| {
                ApiError::validation(format!(
                    "1 validation error detected: Value '{limit}' at 'maxResults' failed to satisfy constraint: Member must \
                     have value from 0 to {MAX_DIAGNOSTICS}"
                ))
            })?,
    };
    let problems = StateMachine::parse(definition).err().map(|report| report.problems);
    let problems = problems.unwrap_or_default();
    let diagnostics: Vec<Value> = problems.iter().take(limit).map(diagnostic).collect();
    Ok(json!({
        "result": if problems.is_empty() { "OK" } else { "FAIL" },
        "diagnostics": diagnostics,
        "truncated": problems.len() > limit,
    }))
}

fn diagnostic(problem: &Problem) -> Value {
    let code = match problem.code {
        ProblemCode::Json => "INVALID_JSON_DESCRIPTION",
        ProblemCode::Target => "MISSING_TRANSITION_TARGET",
        ProblemCode::Name => "DUPLICATE_STATE_NAME",
        ProblemCode::Schema => "SCHEMA_VALIDATION_FAILED",
    };
    without_nulls(json!({
        "severity": "ERROR",
        "code": code,
        "message": problem.to_string(),
        "location": problem.location,
    }))
}
