//! The requests that handles send to the engine's loop, and the channels of their answers.

use std::fmt::Debug;
use std::sync::Arc;

use holdfast_asl::{StateMachine, Status, TaskFailure};
use serde_json::Value;
use tokio::sync::oneshot;

use super::error::EngineError;
use super::live::OpenState;
use super::map_limits::MapRunLimits;
use super::naming::OtherMachine;

/// The result of a start.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum Started {
    /// The execution was started now.
    New,
    /// The execution was started before with the same input, and is open.
    AlreadyRunning,
    /// The execution was started before with the same input, and has ended.
    AlreadyFinished,
}

/// The result of waiting for an execution.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It ended.
    Finished {
        /// Its final status.
        status: Status,
    },
    /// Only an answer from outside can advance it.
    WaitingForToken {
        /// The first of the states that wait.
        state: String,
        /// All tokens that the execution and its children wait for.
        pending: Vec<PendingToken>,
    },
}

/// A task that waits for its token.
#[derive(Clone, PartialEq, Eq)]
pub struct PendingToken {
    /// The execution's own name; a map's child has one of its own.
    pub execution: String,
    /// The Task state.
    pub state: String,
    /// The token. A credential: `Debug` leaves it out.
    pub token: String,
}

impl Debug for PendingToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PendingToken")
            .field("execution", &self.execution)
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

/// The answer to a task token.
pub(super) enum TokenAnswer {
    Success(Value),
    Failure(TaskFailure),
    Heartbeat,
}

/// A request to the loop.
pub(super) enum Request {
    Start {
        /// The engine's name for the execution.
        name: String,
        /// The other state machine and the execution's name there; `None` for the engine's own machine.
        of: Option<(OtherMachine, String)>,
        definition: Arc<str>,
        /// The hash of the definition's text.
        sha256: String,
        machine: Arc<StateMachine>,
        input: Value,
        reply: Answer<Started>,
    },
    Wait {
        name: String,
        reply: Waiter,
    },
    Token {
        token: String,
        answer: TokenAnswer,
        reply: Answer<()>,
    },
    Stop {
        name: String,
        error: Option<String>,
        cause: Option<String>,
        reply: Answer<()>,
    },
    Redrive {
        name: String,
        reply: Answer<u64>,
    },
    UpdateMapRun {
        arn: String,
        limits: MapRunLimits,
        reply: Answer<()>,
    },
    PendingTokens {
        name: String,
        reply: Answer<Vec<PendingToken>>,
    },
    Shutdown {
        reply: oneshot::Sender<()>,
    },
}

/// The channel of an answer.
pub(super) struct Answer<T>(oneshot::Sender<Result<T, EngineError>>);

/// The channel of a caller that waits for an execution.
pub(super) type Waiter = Answer<Outcome>;

impl<T> Answer<T> {
    pub(super) fn new() -> (Self, oneshot::Receiver<Result<T, EngineError>>) {
        let (sender, receiver) = oneshot::channel();
        (Self(sender), receiver)
    }

    /// Sends the answer. The caller may have gone away.
    pub(super) fn send(self, answer: Result<T, EngineError>) {
        drop(self.0.send(answer));
    }

    /// Returns true if the caller no longer waits for the answer.
    pub(super) fn is_closed(&self) -> bool {
        self.0.is_closed()
    }
}

/// An answer that is sent once the turn is on the disk or has failed.
pub(super) struct Reply<T>(Box<dyn FnOnce(Result<T, EngineError>) + Send>);

impl Reply<()> {
    /// Answers with `value` once the turn is stored.
    pub(super) fn after<T: Send + 'static>(answer: Answer<T>, value: T) -> Self {
        Self(Box::new(move |result| answer.send(result.map(|()| value))))
    }

    pub(super) fn send(self, result: Result<(), EngineError>) {
        (self.0)(result);
    }
}

impl Request {
    /// Returns true if the request concerns something that isn't in memory and needs a database query.
    pub(super) fn needs_database(&self, open: &OpenState) -> bool {
        match self {
            Self::Start { name, .. }
            | Self::Wait { name, .. }
            | Self::Stop { name, .. }
            | Self::Redrive { name, .. }
            | Self::PendingTokens { name, .. } => !open.names.contains_key(name),
            Self::Token { token, .. } => !open.tokens.contains_key(token),
            Self::UpdateMapRun { .. } => true,
            Self::Shutdown { .. } => false,
        }
    }

    /// Refuses the request. A shutdown isn't refused: its reply channel is returned.
    pub(super) fn refuse(self, error: EngineError) -> Option<oneshot::Sender<()>> {
        match self {
            Self::Start { reply, .. } => reply.send(Err(error)),
            Self::Wait { reply, .. } => reply.send(Err(error)),
            Self::Token { reply, .. } | Self::Stop { reply, .. } | Self::UpdateMapRun { reply, .. } => {
                reply.send(Err(error));
            }
            Self::Redrive { reply, .. } => reply.send(Err(error)),
            Self::PendingTokens { reply, .. } => reply.send(Err(error)),
            Self::Shutdown { reply } => return Some(reply),
        }
        None
    }
}
