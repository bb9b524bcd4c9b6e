//! Going on after a restart: every open execution is folded from its stored events.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use holdfast_asl::{StateMachine, Stimulus, Timestamp};

use super::dispatch::JobResult;
use super::error::EngineError;
use super::live::{Birth, Live, MapRun, OpenState};
use super::read::{self, OpenExecution, OpenMapRun, OpenWork};
use super::run_loop::Runner;
use super::turn::Turn;

/// What was found when the engine was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Recovered {
    /// Open executions that go on, children included.
    pub executions: u64,
    /// Events that they were folded from.
    pub events: u64,
    /// Open executions that cannot go on with this version, and why.
    pub unreadable: Vec<(String, String)>,
}

impl Runner {
    /// Puts what is stored in the place of what is in memory; everything open is looked at in the turn. Jobs under
    /// way, and those whose results are `kept`, are not begun again.
    pub(super) async fn recover(&mut self, turn: &mut Turn, kept: &[JobResult]) -> Result<Recovered, EngineError> {
        let (work, definitions) = self
            .store
            .run(|connection| {
                let work = read::open_work(connection)?;
                let mut definitions = HashMap::new();
                for execution in work.executions.iter().filter(|execution| execution.child_of.is_none()) {
                    if !definitions.contains_key(&execution.definition) {
                        let text = read::definition(connection, &execution.definition)?;
                        definitions.insert(execution.definition.clone(), text);
                    }
                }
                Ok((work, definitions))
            })
            .await?;
        let machines = definitions
            .into_iter()
            .map(|(sha256, text)| {
                let machine = StateMachine::parse(&text)
                    .map(Arc::new)
                    .map_err(|errors| errors.to_string());
                (sha256, machine)
            })
            .collect();
        self.open = OpenState {
            last_execution: work.last_execution,
            last_map_run: work.last_map_run,
            ..OpenState::default()
        };
        let mut recovered = Recovered::default();
        self.fold_all(work, &machines, &mut recovered);
        let kept = kept.iter().map(|result| (result.execution, result.key));
        for (execution, key) in self.jobs.origins().chain(kept) {
            if let Some(live) = self.open.live.get_mut(&execution) {
                live.inflight.insert(key);
            }
        }
        let ids: Vec<i64> = self.open.live.keys().copied().collect();
        for id in ids {
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

    fn fold_all(
        &mut self,
        work: OpenWork,
        machines: &HashMap<String, Result<Arc<StateMachine>, String>>,
        recovered: &mut Recovered,
    ) {
        let mut runs: HashMap<i64, OpenMapRun> = work.map_runs.into_iter().map(|run| (run.id, run)).collect();
        for stored in work.executions {
            let name = stored.name.clone();
            let events = stored.events.len() as u64;
            // Parents come first: a child's map run is ready when its turn comes.
            if let Some((run, _)) = stored.child_of
                && let Some(run) = runs.remove(&run)
            {
                self.reopen_map_run(run);
            }
            match self.reopen(stored, machines) {
                Ok(()) => {
                    recovered.executions += 1;
                    recovered.events += events;
                }
                Err(reason) => {
                    recovered.unreadable.push((name.clone(), reason.clone()));
                    self.open.unreadable.insert(name, reason);
                }
            }
        }
        for run in runs.into_values() {
            self.reopen_map_run(run);
        }
        for (token, execution, state) in work.tokens {
            if let Some(live) = self.open.live.get_mut(&execution) {
                live.tokens.push((state, token.clone()));
                self.open.tokens.insert(token, execution);
            }
        }
    }

    fn reopen(
        &mut self,
        stored: OpenExecution,
        machines: &HashMap<String, Result<Arc<StateMachine>, String>>,
    ) -> Result<(), String> {
        let (machine, root) = match stored.child_of {
            None => {
                let machine = machines.get(&stored.definition).cloned();
                (
                    machine.unwrap_or_else(|| Err("its definition is not stored".to_owned()))?,
                    None,
                )
            }
            Some((run, _)) => {
                let run = self
                    .open
                    .map_runs
                    .get(&run)
                    .ok_or("the map that started it cannot go on")?;
                let parent = self
                    .open
                    .live
                    .get(&run.parent)
                    .ok_or("the execution that started it cannot go on")?;
                (Arc::clone(&run.plan.machine), Some(parent.family_top()))
            }
        };
        let mut live = Live::new(Birth {
            id: stored.id,
            name: stored.name,
            arn: stored.arn,
            machine_arn: stored.machine_arn,
            role_arn: stored.role_arn,
            definition: stored.definition,
            machine,
            started: Timestamp(stored.started_ms),
            input: stored.input,
            root,
            child_of: stored.child_of,
            item: stored.item,
        });
        for event in &stored.events {
            live.execution.apply(event);
        }
        if let Some(run) = live.child_of.and_then(|(run, _)| self.open.map_runs.get_mut(&run)) {
            run.running.insert(live.id);
        }
        self.open.insert(live);
        Ok(())
    }

    fn reopen_map_run(&mut self, run: OpenMapRun) {
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
        let reopened = MapRun {
            arn: run.arn,
            parent: run.parent,
            key: run.key,
            plan,
            total: run.total,
            pending: run.pending,
            running: BTreeSet::new(),
            failed: run.failed,
            next_index: 0,
            failure: None,
            gathering: false,
            outcome: None,
        };
        self.open.map_runs.insert(run.id, reopened);
    }
}
