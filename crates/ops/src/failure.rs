//! The error type of operations: its kind, which decides the exit status, and one line for people.

use holdfast_core::model::run_name::RunName;

use holdfast_engine::EngineError;

/// The kind of a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// A usage or configuration error: fix it and rerun.
    Usage,
    /// Anything else that kept the operation from completing.
    Incomplete,
}

/// A failed operation: the thing, its place and the remedy, in one line.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Failure {
    /// The kind, which decides the exit status.
    pub kind: FailureKind,
    /// The line for people.
    pub message: String,
    /// Whether the message names the stack that the operation was for.
    names_stack: bool,
}

impl Failure {
    /// Creates a usage or configuration error.
    pub fn usage(message: impl std::fmt::Display) -> Self {
        Self {
            kind: FailureKind::Usage,
            message: message.to_string(),
            names_stack: false,
        }
    }

    /// Creates a failure of an operation that couldn't be completed.
    pub fn incomplete(message: impl std::fmt::Display) -> Self {
        Self {
            kind: FailureKind::Incomplete,
            message: message.to_string(),
            names_stack: false,
        }
    }

    /// Converts an error of the engine. Names `--data` where another directory would help.
    pub fn of_engine(error: EngineError) -> Self {
        Self::of_engine_about(error, None)
    }

    /// Converts an error of the engine like [`of_engine`](Self::of_engine). Where a server has the data directory, the
    /// message names the page of `run` in its console, if the operation is about a run.
    pub fn of_engine_about(error: EngineError, run: Option<&RunName>) -> Self {
        if let EngineError::DirectoryInUse {
            directory,
            holder,
            note: Some(console),
        } = &error
        {
            let instead = match run {
                Some(run) => format!("open {console}reviews/{run} in a browser, which does the same"),
                None => format!("its console at {console} shows the runs and their actions"),
            };
            return Self::usage(format!(
                "the data directory {} is in use by {holder}, holdfast serve: {instead}. Or stop the server, or choose \
                 another directory with --data",
                directory.display()
            ));
        }
        match error.is_about_directory() {
            true => Self::usage(format!("{error}, or choose another directory with --data")),
            false => Self::usage(error),
        }
    }

    /// Notes that the message names the stack, if the operation was for one.
    #[must_use]
    pub fn naming_stack(self) -> Self {
        Self {
            names_stack: true,
            ..self
        }
    }

    /// Adds the operation's stack to the message, unless the message names it already.
    #[must_use]
    pub fn of_stack(self, name: &str) -> Self {
        Self {
            message: match self.names_stack {
                true => self.message,
                false => format!("stack {name}: {}", self.message),
            },
            names_stack: true,
            ..self
        }
    }
}
