//! How the program ends: exit statuses, and one clear line for each failure.

use holdfast_engine::EngineError;

/// Exit statuses. `Clean` and `Found` are reviews that went to their end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Reviewed, nothing at or above `--fail-on`.
    Clean = 0,
    /// A finding at or above it; or a replay that differs.
    Found = 1,
    /// Wrong usage or configuration: mend it and start again.
    Usage = 2,
    /// The review could not be completed.
    Incomplete = 3,
}

/// The program cannot go on: what, where and the remedy, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// `Usage` or `Incomplete`.
    pub exit: Exit,
    /// For people.
    pub message: String,
}

impl Failure {
    /// Wrong usage or configuration.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Self {
            exit: Exit::Usage,
            message: message.to_string(),
        }
    }

    /// A data directory that the engine cannot use: with the option that names another, where that helps.
    pub fn of_engine(error: EngineError) -> Self {
        match error.is_about_directory() {
            true => Self::usage(format!("{error}, or choose another directory with --data")),
            false => Self::usage(error),
        }
    }

    /// The same, told as a stack's.
    #[must_use]
    pub fn of_stack(self, name: &str) -> Self {
        let is_told = self.message.contains(&format!("stack {name}"));
        Self {
            message: match is_told {
                true => self.message,
                false => format!("stack {name}: {}", self.message),
            },
            ..self
        }
    }

    /// The review could not be completed.
    pub fn incomplete(message: impl std::fmt::Display) -> Self {
        Self {
            exit: Exit::Incomplete,
            message: message.to_string(),
        }
    }
}
