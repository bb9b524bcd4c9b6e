//! Recovery after a restart: open executions are folded from their stored events, except those that only wait.

use std::collections::HashMap;

use holdfast_asl::Stimulus;

use super::dispatch::JobResult;
use super::error::EngineError;
use super::live::{MapRun, OpenState};
use super::read::{self, Batch, OpenMapRun};
use super::read_due;
use super::run_loop::Runner;
use super::turn::Turn;

/// The open executions that were found when the engine was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Number of open executions, children included.
    pub executions: u64,
    /// Number of those that only wait: they are read when a timer is due or an answer arrives.
    pub waiting: u64,
    /// Number of stored events that were read for the others.
    pub events: u64,
    /// Number of open executions outside the engine's scope: they stay as they are stored.
    pub outside_scope: u64,
    /// The names of open executions that cannot run with this version, with the reasons.
    pub unreadable: Vec<(String, String)>,
    /// The number of ms that the wall clock is behind the stored time, if it was set back. The time of existing
    /// executions continues from where it was; new executions have the clock's.
    pub clock_set_back_ms: Option<i64>,
}

impl Runner {
    /// Replaces the state in memory by the stored one, and settles everything open in the turn. Jobs in flight, and
    /// those whose results are `kept`, aren't started again.
    pub(super) async fn recover(&mut self, turn: &mut Turn, kept: &[JobResult]) -> Result<Recovered, EngineError> {
        let mut work = self.store.run(|db| read::open_work(db)).await?;
        let outside_scope = self.keep_in_scope(&mut work).await?;
        self.open = OpenState {
            last_execution: work.last_execution,
            last_map_run: work.last_map_run,
            ..OpenState::default()
        };
        let mut recovered = Recovered {
            executions: work.waiting,
            waiting: work.waiting,
            outside_scope,
            clock_set_back_ms: self.time.begin_at(work.clock, work.last_execution),
            ..Recovered::default()
        };
        turn.now = self.now();
        let segments = self.time.segments();
        self.open.next_due = self
            .store
            .run(move |db| read_due::next_due(db, &segments, None))
            .await?;
        self.fold_all(work.batch, work.map_runs, &mut recovered);
        let kept = kept.iter().map(|result| (result.execution, result.key));
        for (execution, key) in self.jobs.origins().chain(kept) {
            if let Some(live) = self.open.live.get_mut(&execution) {
                live.inflight.insert(key);
            }
        }
        let ids: Vec<i64> = self.open.live.keys().copied().collect();
        for id in ids {
            if self.fail_without_history(turn, id) {
                continue;
            }
            self.advance(turn, id, Stimulus::Resume);
            turn.touched.insert(id);
        }
        let runs: Vec<i64> = self.open.map_runs.keys().copied().collect();
        for run in runs {
            self.open.fillable.insert(run);
            self.judge_map_run(turn, run);
        }
        Ok(recovered)
    }

    pub(super) fn fold_all(&mut self, batch: Batch, map_runs: Vec<OpenMapRun>, recovered: &mut Recovered) {
        let mut runs: HashMap<i64, OpenMapRun> = map_runs.into_iter().map(|run| (run.id, run)).collect();
        for reading in batch.executions {
            // Parents come first, so the map run of a child is already there.
            if let Ok(stored) = &reading
                && let Some((run, _)) = stored.child_of
                && let Some(run) = runs.remove(&run)
            {
                self.reopen_map_run(run);
            }
            let (events, id) = self.take_reading(reading, &batch.definitions);
            recovered.executions += u64::from(id.is_some());
            recovered.events += events;
        }
        for run in runs.into_values() {
            self.reopen_map_run(run);
        }
        let unreadable = self.open.unreadable.iter();
        recovered.unreadable = unreadable.map(|(name, why)| (name.clone(), why.clone())).collect();
        recovered.unreadable.sort();
    }

    pub(super) fn reopen_map_run(&mut self, run: OpenMapRun) {
        let Some(parent) = self.open.live.get_mut(&run.parent) else {
            return;
        };
        let Some(plan) = parent.map_plan(run.key) else {
            tracing::warn!(
                execution = parent.name,
                state = run.state,
                "a stored map run is no longer running"
            );
            return;
        };
        parent.map_runs.insert(run.key, run.id);
        let root = parent.family_top();
        let reopened = MapRun {
            arn: run.arn,
            parent: run.parent,
            root,
            key: run.key,
            limits: plan.limits.changed_by(run.limits),
            plan,
            items: run.items,
            pending: run.pending,
            running: run.running.into_iter().collect(),
            failed: run.failed,
            next_index: 0,
            failure: None,
            gathering: false,
            outcome: None,
        };
        self.open.map_runs.insert(run.id, reopened);
    }
}
