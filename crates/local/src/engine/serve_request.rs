//! What the loop does for each request of a handle.

use std::sync::Arc;

use holdfast_asl::{StateMachine, Status, Stimulus, StimulusRejected};
use serde_json::Value;

use super::archive::ExecutionStatus;
use super::error::EngineError;
use super::live::{Birth, Live};
use super::naming::OtherMachine;
use super::read::{self, Standing};
use super::request::{Answer, Outcome, Reply, Request, Started, TokenAnswer, Waiter};
use super::run_loop::Runner;
use super::turn::Turn;
use super::write::{NewExecution, Write};

impl Runner {
    /// Serves one request. Answers that rest on something new are sent once it is stored.
    pub(super) async fn serve(&mut self, turn: &mut Turn, request: Request) {
        match request {
            Request::Start {
                name,
                of,
                definition,
                sha256,
                machine,
                input,
                reply,
            } => match self.find_started(&name, &input).await {
                Ok(Some(started)) => turn.replies.push(Reply::after(reply, started)),
                Ok(None) => {
                    self.start(turn, (name, of), (&definition, sha256), machine, input);
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
            Request::Redrive { name, reply } => self.redrive(turn, name, reply).await,
            Request::PendingTokens { name, reply } => match self.find_open(&name).await {
                Ok(Some(id)) => turn.token_questions.push((id, reply)),
                Ok(None) => reply.send(Ok(Vec::new())),
                Err(error) => reply.send(Err(error)),
            },
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
            Some(standing) if standing.status.is_final() || self.open.gone.contains(&standing.id) => {
                same(&standing.input, Started::AlreadyFinished)
            }
            Some(standing) => same(&standing.input, Started::AlreadyRunning),
            None => Ok(None),
        }
    }

    fn start(
        &mut self,
        turn: &mut Turn,
        (name, of): (String, Option<(OtherMachine, String)>),
        (definition, sha256): (&Arc<str>, String),
        machine: Arc<StateMachine>,
        input: Value,
    ) {
        let (own, naming) = (&self.naming.state_machine, &self.naming);
        let (machine_arn, role_arn, arn) = match of {
            None => (
                naming.machine_arn(own),
                naming.role_arn(),
                naming.execution_arn(own, &name),
            ),
            Some((other, named)) => (
                naming.machine_arn(&other.name),
                other.role_arn,
                naming.execution_arn(&other.name, &named),
            ),
        };
        let id = self.open.next_execution();
        let live = Live::new(Birth {
            id,
            arn,
            name,
            machine_arn,
            role_arn,
            definition: sha256.clone(),
            machine,
            started: turn.now,
            input,
            root: None,
            child_of: None,
            item: None,
            items: 1,
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
            items: 1,
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
            // It only waits, or it ends with this turn.
            Ok(Some(standing)) if !standing.status.is_final() => {
                turn.roots.insert(standing.id);
                turn.waiters.push((standing.id, reply));
                return;
            }
            Ok(Some(standing)) => Ok(Outcome::Finished {
                status: status(standing),
            }),
            Ok(None) => Err(EngineError::ExecutionUnknown { name }),
            Err(error) => Err(error),
        };
        reply.send(outcome);
    }

    async fn answer_token(&mut self, turn: &mut Turn, token: String, answer: TokenAnswer) -> Result<(), EngineError> {
        let id = match self.open.tokens.get(&token).copied() {
            Some(id) => id,
            None => {
                let wanted = token.clone();
                let owner = self.store.run(move |db| read::token_owner(db, &wanted)).await?;
                let (id, good) = owner.ok_or(EngineError::TokenUnknown)?;
                if !good || !self.wake(turn, id).await? {
                    return Err(EngineError::TokenClosed);
                }
                id
            }
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
        let stopped = match self.find_open(&name).await {
            Ok(Some(id)) => self
                .wake_to_stop(turn, &name, id)
                .await
                .map(|awake| awake && self.advance(turn, id, Stimulus::Stop { error, cause })),
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        match stopped {
            Ok(true) => turn.replies.push(Reply::after(reply, ())),
            Ok(false) => reply.send(Err(EngineError::ExecutionEnded { name })),
            Err(error) => reply.send(Err(error)),
        }
    }

    async fn wake_to_stop(&mut self, turn: &mut Turn, name: &str, id: i64) -> Result<bool, EngineError> {
        if !self.open.live.contains_key(&id) {
            self.admit(name).await?;
        }
        self.wake(turn, id).await
    }

    /// The open execution of a name; none when it has ended. Fails when there never was one.
    async fn find_open(&self, name: &str) -> Result<Option<i64>, EngineError> {
        if let Some(id) = self.open.names.get(name) {
            return Ok(Some(*id));
        }
        match self.standing(name).await? {
            Some(standing) => {
                let open = !standing.status.is_final() && !self.open.gone.contains(&standing.id);
                Ok(open.then_some(standing.id))
            }
            None => Err(EngineError::ExecutionUnknown { name: name.to_owned() }),
        }
    }

    /// How an execution stands that is not in memory.
    pub(super) async fn standing(&self, name: &str) -> Result<Option<Standing>, EngineError> {
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
