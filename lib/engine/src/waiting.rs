//! Executions that only wait: they leave memory, and are read again when a timer is due or an answer arrives. A hundred
//! thousand of them cost a row each and an entry in two indexes, no memory and no CPU.

use std::collections::HashMap;

use holdfast_asl::{ErrorName, Status, Stimulus, TimerKey, TimerPurpose, Timestamp};

use super::error::EngineError;
use super::live::{ExecutionParts, Inherited, LiveExecution};
use super::read::{self, Batch, Reading, StoredExecution, WaitTimers};
use super::read_due;
use super::request::Outcome;
use super::run_loop::Runner;
use super::turn::{ChildStop, Turn};
use super::write::Write;

/// An execution that waits no longer than this stays in memory: reading it again would cost more.
const MAX_LOADED_WAIT_MS: i64 = 5_000;
/// Maximum number of due executions that are read in one turn.
const MAX_DUE_PER_TURN: u32 = 1_024;

impl WaitTimers {
    /// Returns the wait of an execution with these timers.
    pub(super) fn of(timers: &HashMap<TimerKey, Timestamp>) -> Self {
        let brings_further = |key: &TimerKey| matches!(key.purpose, TimerPurpose::Wait | TimerPurpose::Backoff);
        Self {
            due_ms: timers.values().map(|at| at.0).min(),
            resume_ms: timers
                .iter()
                .filter(|(key, _)| brings_further(key))
                .map(|(_, at)| at.0)
                .min(),
        }
    }

    /// Returns true if the wait is so long that the execution can leave memory.
    pub(super) fn is_long(self, now: Timestamp) -> bool {
        self.due_ms.is_none_or(|due| due > now.after_ms(MAX_LOADED_WAIT_MS).0)
    }
}

impl Runner {
    /// Loads an open execution into memory. Returns false when there is none, or it cannot be read.
    pub(super) async fn load(&mut self, turn: &mut Turn, id: i64) -> Result<bool, EngineError> {
        if self.open.live.contains_key(&id) {
            return Ok(true);
        }
        // It ended in this turn: its row on the disk is out of date.
        if self.open.just_ended.contains(&id) {
            return Ok(false);
        }
        let batch = self.store.run(move |db| read::open_execution(db, id)).await?;
        self.take_batch(turn, batch);
        Ok(self.open.live.contains_key(&id))
    }

    /// Reads executions with a due timer. Their timers fire together with those of the others.
    pub(super) async fn load_due(&mut self, turn: &mut Turn) -> Result<(), EngineError> {
        let now = turn.now;
        if self.open.next_due.is_none_or(|due| due > now) {
            return Ok(());
        }
        // Executions outside the scope stay due and would fill each limited batch again.
        let limit = if self.scope.is_all() {
            MAX_DUE_PER_TURN
        } else {
            u32::MAX
        };
        let segments = self.time.segments();
        let of_due = segments.clone();
        let due = self.store.run(move |db| read_due::due(db, &of_due, now, limit)).await?;
        let all = due.len() < limit as usize;
        let asleep: Vec<i64> = self
            .resumable(due)
            .await?
            .into_iter()
            .filter(|id| !self.open.live.contains_key(id) && !self.open.just_ended.contains(id))
            .collect();
        let (batches, next) = self
            .store
            .run(move |db| {
                let batches = asleep
                    .into_iter()
                    .map(|id| read::open_execution(db, id))
                    .collect::<rusqlite::Result<Vec<_>>>()?;
                Ok((batches, read_due::next_due(db, &segments, Some(now))?))
            })
            .await?;
        for batch in batches {
            self.take_batch(turn, batch);
        }
        // This turn updates the rows of the executions that were read. A full batch means that there may be more.
        self.open.next_due = if all { next } else { Some(now) };
        Ok(())
    }

    fn take_batch(&mut self, turn: &mut Turn, batch: Batch) {
        let Batch {
            executions,
            definitions,
        } = batch;
        for reading in executions {
            if let Some(id) = self.take_reading(reading, &definitions).1
                && !self.fail_without_history(turn, id)
            {
                self.arm(id);
                turn.touched.insert(id);
            }
        }
    }

    /// Ends an execution that was read and has no history: it never began, or lost its history. Beginning it now could
    /// run its functions twice.
    pub(super) fn fail_without_history(&mut self, turn: &mut Turn, id: i64) -> bool {
        if self
            .open
            .live
            .get(&id)
            .is_none_or(|live| live.execution.last_event_id() > 0)
        {
            return false;
        }
        let status = Status::Failed {
            error: Some(ErrorName::Runtime.as_str().to_owned()),
            cause: Some("The execution has no history: it never began, or its history was lost.".to_owned()),
        };
        self.end_as(turn, id, status);
        true
    }

    /// Folds an execution that was read into memory. Returns the number of its events, and its id if it can run.
    pub(super) fn take_reading(
        &mut self,
        reading: Reading,
        definitions: &HashMap<String, String>,
    ) -> (u64, Option<i64>) {
        let (name, result) = match reading {
            Ok(stored) => {
                let events = stored.events.len() as u64;
                let (id, name) = (stored.id, stored.name.clone());
                match self
                    .inherited(&stored, definitions)
                    .map(|inherited| fold(*stored, inherited))
                {
                    Ok(live) => {
                        if let Some(run) = live.child_of.and_then(|(run, _)| self.open.map_runs.get_mut(&run)) {
                            run.running.insert(id);
                        }
                        self.open.insert(live);
                        return (events, Some(id));
                    }
                    Err(reason) => (name, reason),
                }
            }
            Err(unreadable) => unreadable,
        };
        tracing::error!(
            execution = name,
            reason = result,
            "an execution cannot run with this version"
        );
        self.open.unreadable.insert(name, result);
        (0, None)
    }

    /// Returns the parts that a stored execution inherits.
    pub(super) fn inherited(
        &self,
        stored: &StoredExecution,
        definitions: &HashMap<String, String>,
    ) -> Result<Inherited, String> {
        let Some((run, _)) = stored.child_of else {
            let text = definitions
                .get(&stored.definition)
                .ok_or("its definition is not stored")?;
            let machine = self.machines.parse_stored(text).map_err(|errors| errors.to_string())?;
            return Ok(Inherited { machine, root: None });
        };
        let run = self.open.map_runs.get(&run);
        Ok(run.ok_or("the map that started it cannot run")?.inherited())
    }

    /// Stops a child, in memory or not.
    pub(super) async fn stop_child(&mut self, turn: &mut Turn, stop: ChildStop) -> Result<(), EngineError> {
        let ChildStop { child, why, inherited } = stop;
        if !self.open.live.contains_key(&child) && !self.open.just_ended.contains(&child) {
            let batch = self.store.run(move |db| read::open_execution(db, child)).await?;
            for stored in batch.executions.into_iter().flatten() {
                self.open.insert(fold(*stored, inherited.clone()));
            }
        }
        let cause = Some(why.to_owned());
        self.advance(turn, child, Stimulus::Stop { error: None, cause });
        Ok(())
    }

    /// Records whether an execution only waits, and for which of its timers. Returns true if the timers stay in memory.
    pub(super) fn record_wait(&mut self, turn: &mut Turn, id: i64, timers: &HashMap<TimerKey, Timestamp>) -> bool {
        let Some(live) = self.open.live.get_mut(&id) else {
            return false;
        };
        let only_waits = live.inflight.is_empty() && live.map_runs.is_empty() && !live.execution.is_evaluating();
        let wait = only_waits.then(|| WaitTimers::of(timers));
        if live.wait_timers != wait {
            live.wait_timers = wait;
            turn.writes.push(Write::WaitChanged {
                execution: id,
                timers: wait,
            });
        }
        let leaves = wait.is_some_and(|wait| wait.is_long(self.time.of(id, turn.now)));
        if leaves {
            turn.leaving.insert(id);
        } else {
            turn.leaving.remove(&id);
        }
        !leaves
    }

    /// Removes an execution from memory, now that the database holds all of it.
    pub(super) fn unload(&mut self, id: i64) {
        let due = self.open.live.get(&id).and_then(|live| live.wait_timers?.due_ms);
        self.open.remove(id);
        let due = due.map(|at| self.time.engine_time(id, Timestamp(at)));
        self.open.next_due = self.open.next_due.into_iter().chain(due).min();
    }

    /// Answers the callers that wait for an execution, if only an answer from outside can advance it.
    pub(super) async fn answer_waiters(&mut self, root: i64, now: Timestamp) {
        let Some(waiters) = self.waiters.get_mut(&root) else {
            return;
        };
        waiters.retain(|waiter| !waiter.is_closed());
        if waiters.is_empty() {
            self.waiters.remove(&root);
            return;
        }
        let bound = now.after_ms(self.max_timer_wait_ms);
        if self.advances_by(root, bound) {
            return;
        }
        let bound = self.time.of(root, bound);
        let looked = self
            .store
            .run(move |db| {
                if read::resumes_by(db, root, bound)? {
                    return Ok(Vec::new());
                }
                read::pending_tokens(db, root)
            })
            .await;
        let outcome = match looked {
            Ok(pending) => match pending.first() {
                Some(first) => Ok(Outcome::WaitingForToken {
                    state: first.state.clone(),
                    pending,
                }),
                None => return,
            },
            Err(error) => Err(error),
        };
        for waiter in self.waiters.remove(&root).into_iter().flatten() {
            waiter.send(outcome.clone());
        }
    }

    fn advances_by(&self, root: i64, bound: Timestamp) -> bool {
        self.open.family(root).into_iter().any(|live| {
            let has_room = |run: &i64| self.open.fillable.contains(run);
            !live.inflight.is_empty()
                || live.execution.is_evaluating()
                || live.armed.advances_by(bound)
                || live.map_runs.values().any(has_room)
        })
    }
}

/// Folds a stored execution from its events.
pub(super) fn fold(stored: StoredExecution, inherited: Inherited) -> LiveExecution {
    let mut live = LiveExecution::new(ExecutionParts {
        id: stored.id,
        name: stored.name,
        arn: stored.arn,
        machine_arn: stored.machine_arn,
        role_arn: stored.role_arn,
        definition: stored.definition,
        machine: inherited.machine,
        started: Timestamp(stored.started_ms),
        input: stored.input,
        root: inherited.root,
        child_of: stored.child_of,
        item: stored.item,
        items: stored.items,
    });
    live.wait_timers = stored.wait_timers;
    live.tokens = stored.tokens;
    for event in &stored.events {
        live.execution.apply(event);
    }
    live
}
