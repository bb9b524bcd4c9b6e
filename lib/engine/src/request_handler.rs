//! The handling of each request in the loop.

use std::sync::Arc;

use holdfast_asl::{ErrorName, StateMachine, Status, Stimulus, StimulusRejected};
use serde_json::Value;

use super::archive::ExecutionStatus;
use super::error::EngineError;
use super::live::{ExecutionParts, LiveExecution};
use super::naming::OtherMachine;
use super::read::{self, RootState};
use super::request::{Answer, Outcome, Reply, Request, Started, TokenAnswer, Waiter};
use super::run_loop::Runner;
use super::turn::Turn;
use super::write::{NewExecution, Write};

impl Runner {
    /// Serves one request. Answers that depend on new writes are sent once those are stored.
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
            Request::UpdateMapRun { arn, limits, reply } => self.update_map_run(turn, arn, limits, reply).await,
            Request::PendingTokens { name, reply } => match self.find_open(&name).await {
                Ok(Some(id)) => turn.token_requests.push((id, reply)),
                Ok(None) => reply.send(Ok(Vec::new())),
                Err(error) => reply.send(Err(error)),
            },
            // The loop handles shutdowns itself.
            Request::Shutdown { .. } => {}
        }
    }

    /// Finds an execution of that name. Fails if it has another input.
    async fn find_started(&mut self, name: &str, input: &Value) -> Result<Option<Started>, EngineError> {
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
        match self.root_state(name).await? {
            Some(root_state) if root_state.status.is_final() || self.open.just_ended.contains(&root_state.id) => {
                same(&root_state.input, Started::AlreadyFinished)
            }
            Some(root_state) => same(&root_state.input, Started::AlreadyRunning),
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
        let live = LiveExecution::new(ExecutionParts {
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
        self.begin_or_fail(turn, id);
    }

    /// Begins an execution. One that cannot begin fails, so that it isn't left open without a way to advance.
    pub(super) fn begin_or_fail(&mut self, turn: &mut Turn, id: i64) {
        let Err(reason) = self.try_advance(turn, id, Stimulus::Start) else {
            return;
        };
        let error = match reason {
            StimulusRejected::InputTooLarge => ErrorName::DataLimitExceeded,
            _ => ErrorName::Runtime,
        };
        let status = Status::Failed {
            error: Some(error.as_str().to_owned()),
            cause: Some(format!("The execution cannot begin: {reason}")),
        };
        self.end_as(turn, id, status);
    }

    async fn wait(&mut self, turn: &mut Turn, name: String, reply: Waiter) {
        if let Some(id) = self.open.names.get(&name) {
            turn.roots.insert(*id);
            turn.waiters.push((*id, reply));
            return;
        }
        let outcome = match self.root_state(&name).await {
            // It only waits, or it ends with this turn.
            Ok(Some(root_state)) if !root_state.status.is_final() => {
                turn.roots.insert(root_state.id);
                turn.waiters.push((root_state.id, reply));
                return;
            }
            Ok(Some(root_state)) => Ok(Outcome::Finished {
                status: status(root_state),
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
                if !good || !self.load(turn, id).await? {
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
                .load_to_stop(turn, &name, id)
                .await
                .map(|awake| awake && self.stop_or_abort(turn, id, error.clone(), cause.clone())),
            Ok(None) => Ok(false),
            Err(error) => Err(error),
        };
        // An execution that cannot be read cannot resume, but it can be stopped.
        let stopped = match stopped {
            Ok(false) | Err(EngineError::ExecutionUnreadable { .. }) if self.open.unreadable.contains_key(&name) => {
                self.abort_unreadable(turn, &name, error, cause).await
            }
            stopped => stopped,
        };
        match stopped {
            Ok(true) => turn.replies.push(Reply::after(reply, ())),
            Ok(false) => reply.send(Err(EngineError::ExecutionEnded { name })),
            Err(error) => reply.send(Err(error)),
        }
    }

    /// Stops an execution in memory, with or without a history. Returns false when it has ended.
    fn stop_or_abort(&mut self, turn: &mut Turn, id: i64, error: Option<String>, cause: Option<String>) -> bool {
        let stop = Stimulus::Stop {
            error: error.clone(),
            cause: cause.clone(),
        };
        match self.try_advance(turn, id, stop) {
            Ok(()) => true,
            Err(StimulusRejected::Ended) => false,
            Err(_) => {
                self.end_as(turn, id, Status::Aborted { error, cause });
                true
            }
        }
    }

    async fn abort_unreadable(
        &mut self,
        turn: &mut Turn,
        name: &str,
        error: Option<String>,
        cause: Option<String>,
    ) -> Result<bool, EngineError> {
        let wanted = name.to_owned();
        let Some(execution) = self.store.run(move |db| read::running(db, &wanted)).await? else {
            return Ok(false);
        };
        self.open.unreadable.remove(name);
        self.open.just_ended.insert(execution);
        let status = Status::Aborted { error, cause };
        turn.writes.push(Write::Ended {
            execution,
            status: status.clone(),
            stopped_ms: self.time.of(execution, turn.now).0,
        });
        turn.ended.push((execution, status));
        Ok(true)
    }

    async fn load_to_stop(&mut self, turn: &mut Turn, name: &str, id: i64) -> Result<bool, EngineError> {
        if !self.open.live.contains_key(&id) {
            self.load_outside_scope(name).await?;
        }
        self.load(turn, id).await
    }

    /// Returns the open execution of a name, or `None` when it has ended. Fails when no execution has the name.
    async fn find_open(&mut self, name: &str) -> Result<Option<i64>, EngineError> {
        if let Some(id) = self.open.names.get(name) {
            return Ok(Some(*id));
        }
        match self.root_state(name).await? {
            Some(root_state) => {
                let open = !root_state.status.is_final() && !self.open.just_ended.contains(&root_state.id);
                Ok(open.then_some(root_state.id))
            }
            None => Err(EngineError::ExecutionUnknown { name: name.to_owned() }),
        }
    }

    /// Reads the state of an execution that isn't in memory.
    pub(super) async fn root_state(&mut self, name: &str) -> Result<Option<RootState>, EngineError> {
        if let Some(reason) = self.open.unreadable.get(name) {
            return Err(EngineError::ExecutionUnreadable {
                name: name.to_owned(),
                reason: reason.clone(),
            });
        }
        let wanted = name.to_owned();
        let found = self
            .store
            .run(move |connection| read::root_state(connection, &wanted))
            .await?;
        found.transpose().map_err(|reason| {
            let name = name.to_owned();
            self.open.unreadable.insert(name.clone(), reason.clone());
            EngineError::ExecutionUnreadable { name, reason }
        })
    }
}

fn status(root_state: RootState) -> Status {
    let RootState {
        status,
        output,
        error,
        cause,
        ..
    } = root_state;
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
