//! The errors of the API: AWS's name of the error, and a message.

use axum::http::StatusCode;

use holdfast_engine::EngineError;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// AWS's name of the error.
    pub name: &'static str,
    /// The problem.
    pub message: String,
    /// 400, or 5xx if the server is at fault.
    pub status: StatusCode,
}

impl ApiError {
    /// Makes an error that the caller caused.
    pub fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
            status: StatusCode::BAD_REQUEST,
        }
    }

    /// Makes the error of an invalid value.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// Makes the error of a missing field.
    pub fn missing(field: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
        ))
    }

    /// Makes the error of an invalid ARN, or of one of another kind.
    pub fn invalid_arn(arn: &str) -> Self {
        Self::new("InvalidArn", format!("Invalid Arn: '{arn}'"))
    }

    /// Makes the error of a name whose characters or length aren't allowed.
    pub fn invalid_name(name: &str) -> Self {
        let allowed = "1 to 80 letters, digits, '-', '_' or '.' are allowed";
        Self::new("InvalidName", format!("Invalid Name: '{name}': {allowed}"))
    }

    /// Makes the error of an unknown execution.
    pub fn no_execution(arn: &str) -> Self {
        Self::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
    }

    /// Makes the error of an unknown state machine.
    pub fn no_machine(arn: &str) -> Self {
        Self::new(
            "StateMachineDoesNotExist",
            format!("State Machine Does Not Exist: '{arn}'"),
        )
    }

    /// Makes the error of an unknown version, alias, map run or tagged resource.
    pub fn no_resource(arn: &str) -> Self {
        Self::new("ResourceNotFound", format!("Resource not found: '{arn}'"))
    }

    /// Makes the error of a page token that was issued for another request.
    pub fn page_token() -> Self {
        Self::new(
            "InvalidToken",
            "Invalid Token: 'nextToken' was issued for another request",
        )
    }

    /// Makes the error of a server that cannot answer now; the request can be repeated.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            name: "ServiceUnavailable",
            message: message.into(),
            status: StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// Makes the error of a fault of the server.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            name: "InternalFailure",
            message: message.into(),
            status: StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// Converts an error of the engine about the resource with this ARN.
    pub fn of_engine(error: &EngineError, arn: &str) -> Self {
        match error {
            EngineError::ExecutionUnknown { .. } | EngineError::NoData { .. } => Self::no_execution(arn),
            EngineError::NameInvalid { name } => Self::invalid_name(name),
            EngineError::InputTooLarge { .. } | EngineError::InputTooDeep { .. } => {
                Self::new("InvalidExecutionInput", error.to_string())
            }
            EngineError::ExecutionAlreadyExists { .. } => Self::already_exists(arn),
            EngineError::NotRedrivable { .. } => Self::new("ExecutionNotRedrivable", error.to_string()),
            EngineError::Definition(problems) => Self::new(
                "InvalidDefinition",
                format!("Invalid State Machine Definition: {problems}"),
            ),
            EngineError::TokenUnknown => Self::new("TaskDoesNotExist", format!("Task Does Not Exist: {error}")),
            EngineError::TokenClosed => Self::new("TaskTimedOut", format!("Task Timed Out: {error}")),
            EngineError::Stopped => Self::unavailable(error.to_string()),
            error if error.is_storage() => Self::unavailable(error.to_string()),
            error => Self::internal(error.to_string()),
        }
    }

    /// Makes the error of a name that another execution, or one that has ended, already has.
    pub fn already_exists(arn: &str) -> Self {
        Self::new("ExecutionAlreadyExists", format!("Execution Already Exists: '{arn}'"))
    }
}
