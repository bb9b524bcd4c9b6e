//! What the loop does for each request of a handle.

use std::sync::Arc;

use holdfast_asl::{StateMachine, Status, Stimulus, StimulusRejected};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::archive::ExecutionStatus;
use super::error::EngineError;
use super::live::{Birth, Live};
use super::read::{self, Standing};
use super::request::{Answer, Outcome, PendingToken, Reply, Request, Started, TokenAnswer, Waiter};
use super::run_loop::Runner;
use super::turn::Turn;
use super::write::{NewExecution, Write};

impl Runner {
    /// Serves one request. Answers that rest on something new are sent once it is stored.
    pub(super) async fn serve(&mut self, turn: &mut Turn, request: Request) {
        match request {
            Request::Start {
                name,
                definition,
                machine,
                input,
                reply,
            } => match self.find_started(&name, &input).await {
                Ok(Some(started)) => turn.replies.push(Reply::after(reply, started)),
                Ok(None) => {
                    self.start(turn, name, &definition, machine, input);
                    turn.replies.push(Reply::after(reply, Started::New));
                }
                Err(error) => reply.send(Err(error)),
            },
            Request::Wait { name, reply } => self.wait(turn, name, reply).await,
            Request::Token { token, answer, reply } => match self.answer_token(turn, token, answer).await {
                Ok(()) => turn.replies.push(Reply::after(reply, ())),
                Err(error) => reply.send(Err(error)),
            },
            Request::Stop {
                name,
                error,
                cause,
                reply,
            } => self.stop(turn, name, error, cause, reply).await,
            Request::PendingTokens { name, reply } => reply.send(self.tokens_of(&name).await),
            // The loop has taken it out.
            Request::Shutdown { .. } => {}
        }
    }

    /// How an execution of that name was started before, if it was.
    async fn find_started(&self, name: &str, input: &Value) -> Result<Option<Started>, EngineError> {
        let same = |other: &Value, started| {
            if other == input {
                Ok(Some(started))
            } else {
                Err(EngineError::ExecutionAlreadyExists { name: name.to_owned() })
            }
        };
        if let Some(live) = self.open.names.get(name).and_then(|id| self.open.live.get(id)) {
            return same(&live.input, Started::AlreadyRunning);
        }
        match self.standing(name).await? {
            Some(standing) => same(&standing.input, Started::AlreadyFinished),
            None => Ok(None),
        }
    }

    fn start(
        &mut self,
        turn: &mut Turn,
        name: String,
        definition: &Arc<str>,
        machine: Arc<StateMachine>,
        input: Value,
    ) {
        let id = self.open.next_execution();
        let sha256 = hex::encode(Sha256::digest(definition.as_bytes()));
        let live = Live::new(Birth {
            id,
            arn: self.naming.execution_arn(&name),
            name,
            machine_arn: self.naming.machine_arn(),
            role_arn: self.naming.role_arn(),
            definition: sha256.clone(),
            machine,
            started: turn.now,
            input,
            root: None,
            child_of: None,
            item: None,
        });
        turn.writes.push(Write::Definition {
            sha256: sha256.clone(),
            text: definition.to_string(),
        });
        turn.writes.push(Write::Execution(Box::new(NewExecution {
            id,
            arn: live.arn.clone(),
            name: live.name.clone(),
            machine_arn: live.machine_arn.clone(),
            role_arn: live.role_arn.clone(),
            definition: sha256,
            input: live.input.to_string(),
            status: ExecutionStatus::Running,
            started_ms: turn.now.0,
            child_of: None,
            item: None,
        })));
        self.open.insert(live);
        self.advance(turn, id, Stimulus::Start);
    }

    async fn wait(&mut self, turn: &mut Turn, name: String, reply: Waiter) {
        if let Some(id) = self.open.names.get(&name) {
            turn.roots.insert(*id);
            turn.waiters.push((*id, reply));
            return;
        }
        let outcome = match self.standing(&name).await {
            Ok(Some(standing)) => Ok(Outcome::Finished {
                status: status(standing),
            }),
            Ok(None) => Err(EngineError::ExecutionUnknown { name }),
            Err(error) => Err(error),
        };
        reply.send(outcome);
    }

    async fn answer_token(&mut self, turn: &mut Turn, token: String, answer: TokenAnswer) -> Result<(), EngineError> {
        let Some(id) = self.open.tokens.get(&token).copied() else {
            let known = self
                .store
                .run(move |connection| read::token_exists(connection, &token))
                .await?;
            return Err(if known {
                EngineError::TokenClosed
            } else {
                EngineError::TokenUnknown
            });
        };
        let stimulus = match answer {
            TokenAnswer::Success(output) => Stimulus::TokenSucceeded { token, output },
            TokenAnswer::Failure(failure) => Stimulus::TokenFailed { token, failure },
            TokenAnswer::Heartbeat => Stimulus::TokenHeartbeat { token },
        };
        match self.try_advance(turn, id, stimulus) {
            Ok(()) => Ok(()),
            Err(StimulusRejected::TokenUnknown) => Err(EngineError::TokenUnknown),
            Err(_) => Err(EngineError::TokenClosed),
        }
    }

    async fn stop(
        &mut self,
        turn: &mut Turn,
        name: String,
        error: Option<String>,
        cause: Option<String>,
        reply: Answer<()>,
    ) {
        if let Some(id) = self.open.names.get(&name).copied()
            && self.advance(turn, id, Stimulus::Stop { error, cause })
        {
            turn.replies.push(Reply::after(reply, ()));
            return;
        }
        reply.send(Err(match self.standing(&name).await {
            Ok(Some(_)) => EngineError::ExecutionEnded { name },
            Ok(None) => EngineError::ExecutionUnknown { name },
            Err(error) => error,
        }));
    }

    async fn tokens_of(&self, name: &str) -> Result<Vec<PendingToken>, EngineError> {
        if let Some(id) = self.open.names.get(name) {
            return Ok(self.pending_tokens(*id));
        }
        match self.standing(name).await? {
            Some(_) => Ok(Vec::new()),
            None => Err(EngineError::ExecutionUnknown { name: name.to_owned() }),
        }
    }

    /// How an execution stands that is not in memory.
    async fn standing(&self, name: &str) -> Result<Option<Standing>, EngineError> {
        if let Some(reason) = self.open.unreadable.get(name) {
            return Err(EngineError::ExecutionUnreadable {
                name: name.to_owned(),
                reason: reason.clone(),
            });
        }
        let name = name.to_owned();
        self.store
            .run(move |connection| read::standing(connection, &name))
            .await
    }
}

fn status(standing: Standing) -> Status {
    let Standing {
        status,
        output,
        error,
        cause,
        ..
    } = standing;
    match status {
        ExecutionStatus::Pending | ExecutionStatus::Running => Status::Running,
        ExecutionStatus::Succeeded => Status::Succeeded {
            output: output.unwrap_or(Value::Null),
        },
        ExecutionStatus::Failed => Status::Failed { error, cause },
        ExecutionStatus::TimedOut => Status::TimedOut { error, cause },
        ExecutionStatus::Aborted => Status::Aborted { error, cause },
    }
}
