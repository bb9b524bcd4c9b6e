//! Redrive: an execution that ended without success resumes, together with the unsuccessful children of its map runs.
//! `holdfast-asl` decides what a redrive means for one execution.

use holdfast_asl::{Command, EventId, Moment};

use super::error::EngineError;
use super::read::{self, Batch, PendingChild};
use super::request::{Answer, Reply};
use super::run_loop::Runner;
use super::turn::Turn;
use super::waiting::fold;
use super::write::Write;

impl Runner {
    /// Serves a redrive, and answers with the number of redrives.
    pub(super) async fn redrive(&mut self, turn: &mut Turn, name: String, reply: Answer<u64>) {
        match self.try_redrive(turn, name).await {
            Ok(count) => turn.replies.push(Reply::after(reply, count)),
            Err(error) => reply.send(Err(error)),
        }
    }

    async fn try_redrive(&mut self, turn: &mut Turn, name: String) -> Result<u64, EngineError> {
        let refused = |name: &str, reason: String| EngineError::NotRedrivable {
            name: name.to_owned(),
            reason,
        };
        if self.open.names.contains_key(&name) {
            return Err(refused(&name, "it has not ended".to_owned()));
        }
        let Some(root_state) = self.root_state(&name).await? else {
            return Err(EngineError::ExecutionUnknown { name });
        };
        if !root_state.status.is_final() {
            return Err(refused(&name, "it has not ended, or is ending just now".to_owned()));
        }
        let batch = self.store.run(move |db| read::any_execution(db, root_state.id)).await?;
        self.redrive_batch(turn, batch)
            .await?
            .map_err(|reason| refused(&name, reason))
    }

    /// Redrives the one execution of a batch. The inner error is the reason why that is impossible.
    async fn redrive_batch(&mut self, turn: &mut Turn, batch: Batch) -> Result<Result<u64, String>, EngineError> {
        let Batch {
            executions,
            definitions,
        } = batch;
        let Some(Ok(stored)) = executions.into_iter().next() else {
            return Ok(Err("its history cannot be read with this version".to_owned()));
        };
        let inherited = match self.inherited(&stored, &definitions) {
            Ok(inherited) => inherited,
            Err(reason) => return Ok(Err(reason)),
        };
        let mut live = fold(*stored, inherited);
        let id = live.id;
        let redriven = live.execution.redrive(&mut Moment {
            now: self.time.of(id, turn.now),
            entropy: self.entropy.as_mut(),
        });
        let events = match redriven {
            Ok(events) => events,
            Err(reason) => return Ok(Err(reason.to_string())),
        };
        let count = live.execution.redrive_count();
        turn.writes.push(Write::Redriven {
            execution: id,
            now_ms: self.time.of(id, turn.now).0,
        });
        self.open.just_ended.remove(&id);
        self.open.insert(live);
        self.record(turn, id, events);
        self.redrive_map_runs(turn, id).await?;
        Ok(Ok(count))
    }

    /// Makes the unsuccessful children of an execution's open map runs pending again.
    async fn redrive_map_runs(&mut self, turn: &mut Turn, id: i64) -> Result<(), EngineError> {
        let Some(live) = self.open.live.get(&id) else {
            return Ok(());
        };
        let started = live
            .execution
            .commands()
            .into_iter()
            .filter_map(|command| match command {
                Command::StartMapRun {
                    key,
                    map_run_arn: Some(_),
                    ..
                } => Some(key),
                _ => None,
            });
        let keys: Vec<EventId> = started.collect();
        for key in keys {
            let found = self
                .store
                .run(move |db| read::map_runs(db, "parent = ?1 AND key = ?2", (id, key.cast_signed())))
                .await?;
            // Without a map run, the items could not be read: they are read again.
            let Some(mut run) = found.into_iter().next() else {
                continue;
            };
            turn.writes.push(Write::MapRunRedriven { map_run: run.id });
            run.pending += run.unsuccessful;
            run.failed = 0;
            let map_run = run.id;
            self.reopen_map_run(run);
            turn.map_runs.push(map_run);
            self.judge_map_run(turn, map_run);
        }
        Ok(())
    }

    /// Redrives a child that is pending again.
    pub(super) async fn redrive_child(
        &mut self,
        turn: &mut Turn,
        map_run: i64,
        child: PendingChild,
    ) -> Result<(), EngineError> {
        let PendingChild { id: child, items, .. } = child;
        let batch = self.store.run(move |db| read::any_execution(db, child)).await?;
        // Boxed, since a child may have map runs of its own, whose children also get here.
        let redriven = Box::pin(self.redrive_batch(turn, batch)).await?;
        if let Err(reason) = redriven {
            turn.writes.push(Write::ChildNotRedriven {
                execution: child,
                reason,
                stopped_ms: self.time.of(child, turn.now).0,
            });
            self.child_ended(turn, map_run, child, items);
        }
        Ok(())
    }
}
