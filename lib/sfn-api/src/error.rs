//! What a request is refused with: AWS's name of the error, and a message.

use axum::http::StatusCode;

use holdfast_engine::EngineError;

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// AWS's name of the error.
    pub name: &'static str,
    /// What is wrong.
    pub message: String,
    /// 400, unless this side is at fault.
    pub status: StatusCode,
}

impl ApiError {
    /// The caller's error.
    pub fn new(name: &'static str, message: impl Into<String>) -> Self {
        Self {
            name,
            message: message.into(),
            status: StatusCode::BAD_REQUEST,
        }
    }

    /// A value that no request of this kind may have.
    pub fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationException", message)
    }

    /// A field that has to be there.
    pub fn missing(field: &str) -> Self {
        Self::validation(format!(
            "1 validation error detected: Value null at '{field}' failed to satisfy constraint: Member must not be null"
        ))
    }

    /// Something that is no ARN of the kind.
    pub fn invalid_arn(arn: &str) -> Self {
        Self::new("InvalidArn", format!("Invalid Arn: '{arn}'"))
    }

    /// A name with other letters, or of another length, than allowed.
    pub fn invalid_name(name: &str) -> Self {
        let allowed = "1 to 80 letters, digits, '-', '_' or '.' are allowed";
        Self::new("InvalidName", format!("Invalid Name: '{name}': {allowed}"))
    }

    /// No execution of that ARN.
    pub fn no_execution(arn: &str) -> Self {
        Self::new("ExecutionDoesNotExist", format!("Execution Does Not Exist: '{arn}'"))
    }

    /// No state machine of that ARN.
    pub fn no_machine(arn: &str) -> Self {
        Self::new(
            "StateMachineDoesNotExist",
            format!("State Machine Does Not Exist: '{arn}'"),
        )
    }

    /// No version, alias or map run of that ARN.
    pub fn no_resource(arn: &str) -> Self {
        Self::new("ResourceNotFound", format!("Resource not found: '{arn}'"))
    }

    /// A page's token that was not given out for this request.
    pub fn page_token() -> Self {
        Self::new(
            "InvalidToken",
            "Invalid Token: 'nextToken' is not one of this request's",
        )
    }

    /// This side cannot answer now; the request may be repeated.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self {
            name: "ServiceUnavailable",
            message: message.into(),
            status: StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// This side is at fault.
    pub fn internal(message: impl Into<String>) -> Self {
        Self {
            name: "InternalFailure",
            message: message.into(),
            status: StatusCode::INTERNAL_SERVER_ERROR,
        }
    }

    /// What the engine said about something that has this ARN.
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

    /// Another execution, or one that has ended, has the name.
    pub fn already_exists(arn: &str) -> Self {
        Self::new("ExecutionAlreadyExists", format!("Execution Already Exists: '{arn}'"))
    }
}
