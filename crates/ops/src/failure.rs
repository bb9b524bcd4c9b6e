//! How an operation fails: whose fault it is, and one clear line.

use holdfast_engine::EngineError;

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The caller's: a usage or configuration error. Fix it and rerun.
    Usage,
    /// Anything else that kept the operation from completing.
    Incomplete,
}

/// An operation failed: what, where and the remedy, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// Whose fault it is.
    pub kind: FailureKind,
    /// For people.
    pub message: String,
}

impl Failure {
    /// A usage or configuration error.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Self {
            kind: FailureKind::Usage,
            message: message.to_string(),
        }
    }

    /// The operation couldn't be completed.
    pub fn incomplete(message: impl std::fmt::Display) -> Self {
        Self {
            kind: FailureKind::Incomplete,
            message: message.to_string(),
        }
    }

    /// A data directory that the engine can't use; names the option that chooses another, where that helps.
    pub fn of_engine(error: EngineError) -> Self {
        match error.is_about_directory() {
            true => Self::usage(format!("{error}, or choose another directory with --data")),
            false => Self::usage(error),
        }
    }

    /// Names the stack that the operation was for, unless the message does.
    #[must_use]
    pub fn of_stack(self, name: &str) -> Self {
        let is_named = self.message.contains(&format!("stack {name}"));
        Self {
            message: match is_named {
                true => self.message,
                false => format!("stack {name}: {}", self.message),
            },
            ..self
        }
    }
}
