//! Going on after a restart: open executions are folded from their stored events, but for those that only wait.

use std::collections::HashMap;

use holdfast_asl::Stimulus;

use super::dispatch::JobResult;
use super::error::EngineError;
use super::live::{MapRun, OpenState};
use super::read::{self, Lot, OpenMapRun};
use super::read_due;
use super::run_loop::Runner;
use super::turn::Turn;

/// What was found when the engine was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Open executions, children included.
    pub executions: u64,
    /// Those of them that only wait: they are read when their time comes, or someone answers.
    pub waiting: u64,
    /// Events that the others were folded from.
    pub events: u64,
    /// Open executions outside the engine's scope: they stay as they are stored.
    pub left_alone: u64,
    /// Open executions that cannot go on with this version, and why.
    pub unreadable: Vec<(String, String)>,
    /// By how much the wall clock is behind the time that had been reached: it was set back. The time of the executions
    /// that there are goes on from where it was; what is started from now on has the clock's.
    pub clock_set_back_ms: Option<i64>,
}

impl Runner {
    /// Puts what is stored in the place of what is in memory; everything open is looked at in the turn. Jobs under
    /// way, and those whose results are `kept`, are not begun again.
    pub(super) async fn recover(&mut self, turn: &mut Turn, kept: &[JobResult]) -> Result<Recovered, EngineError> {
        let mut work = self.store.run(|db| read::open_work(db)).await?;
        let left_alone = self.keep_in_scope(&mut work).await?;
        self.open = OpenState {
            last_execution: work.last_execution,
            last_map_run: work.last_map_run,
            ..OpenState::default()
        };
        let mut recovered = Recovered {
            executions: work.waiting,
            waiting: work.waiting,
            left_alone,
            clock_set_back_ms: self.time.begin_at(work.clock, work.last_execution),
            ..Recovered::default()
        };
        turn.now = self.now();
        let segments = self.time.segments();
        self.open.next_due = self
            .store
            .run(move |db| read_due::next_due(db, &segments, None))
            .await?;
        self.fold_all(work.lot, work.map_runs, &mut recovered);
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

    pub(super) fn fold_all(&mut self, lot: Lot, map_runs: Vec<OpenMapRun>, recovered: &mut Recovered) {
        let mut runs: HashMap<i64, OpenMapRun> = map_runs.into_iter().map(|run| (run.id, run)).collect();
        for reading in lot.executions {
            // Parents come first: a child's map run is ready when its turn comes.
            if let Ok(stored) = &reading
                && let Some((run, _)) = stored.child_of
                && let Some(run) = runs.remove(&run)
            {
                self.reopen_map_run(run);
            }
            let (events, id) = self.take_reading(reading, &lot.definitions);
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
                "a stored map run is not under way any more"
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
