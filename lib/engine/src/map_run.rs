//! Distributed maps: children begin within the concurrency limit, are counted as they end, and are stopped with the
//! map.

use std::collections::BTreeSet;
use std::sync::Arc;

use holdfast_asl::{Command, EventId, MapChild, Stimulus, TaskFailure};

use super::archive::ExecutionStatus;
use super::dispatch::Job;
use super::error::EngineError;
use super::live::{ExecutionParts, LiveExecution, MapRun};
use super::map_result::Gathering;
use super::naming;
use super::read::{self, PendingChild, UnreadableChild};
use super::run_loop::Runner;
use super::turn::Turn;
use super::write::{NewExecution, Write};

/// Maximum number of children that begin in one turn.
const MAX_BEGUN_PER_TURN: u64 = 256;

impl Runner {
    /// Creates the map run with a row for each child, once the items are read.
    pub(super) fn create_map_run(
        &mut self,
        turn: &mut Turn,
        execution: i64,
        key: EventId,
        children: Result<Vec<MapChild>, TaskFailure>,
    ) {
        let Some(live) = self.open.live.get_mut(&execution) else {
            return;
        };
        live.inflight.remove(&key);
        let Some(plan) = live.map_plan(key) else { return };
        let arn = naming::map_run_arn(&live.machine_arn, &plan.label, &live.arn, key);
        // A redriven map whose items could not be read already has its start in the history.
        let recorded =
            live.execution.commands().iter().any(
                |command| matches!(command, Command::StartMapRun { key: of, map_run_arn: Some(_), .. } if *of == key),
            );
        let (machine_arn, role_arn, definition) =
            (live.machine_arn.clone(), live.role_arn.clone(), live.definition.clone());
        let root = live.family_top();
        let started = Stimulus::MapRunStarted {
            key,
            map_run_arn: arn.clone(),
        };
        if !recorded && !self.advance(turn, execution, started) {
            return;
        }
        let children = match children {
            Ok(children) => children,
            Err(failure) => {
                let result = Err(failure);
                self.advance(turn, execution, Stimulus::MapRunFinished { key, result });
                return;
            }
        };
        let id = self.open.next_map_run();
        let (total, started_ms) = (children.len() as u64, self.time.of(execution, turn.now).0);
        let all_items = children.iter().map(|child| child.items).sum();
        turn.writes.push(Write::MapRun {
            id,
            arn: arn.clone(),
            parent: execution,
            key,
            state: plan.state.clone(),
            total,
            started_ms,
            limits: plan.limits,
        });
        for (index, child) in (0..).zip(children) {
            let names = naming::child_names(&machine_arn, &plan.label, &arn, index);
            turn.writes.push(Write::Execution(Box::new(NewExecution {
                id: self.open.next_execution(),
                arn: names.arn,
                name: names.name,
                machine_arn: names.machine_arn,
                role_arn: role_arn.clone(),
                definition: definition.clone(),
                input: child.input.to_string(),
                status: ExecutionStatus::Pending,
                started_ms,
                child_of: Some((id, index)),
                item: child
                    .item
                    .filter(|item| *item != child.input)
                    .map(|item| item.to_string()),
                items: child.items,
            })));
        }
        let run = MapRun {
            arn,
            parent: execution,
            root,
            key,
            limits: plan.limits,
            plan,
            items: all_items,
            pending: total,
            running: BTreeSet::new(),
            failed: 0,
            next_index: 0,
            failure: None,
            gathering: false,
            outcome: None,
        };
        self.open.map_runs.insert(id, run);
        if let Some(live) = self.open.live.get_mut(&execution) {
            live.map_runs.insert(key, id);
        }
        turn.map_runs.push(id);
        self.judge_map_run(turn, id);
    }

    /// Starts pending children of all map runs that have room, within the turn's limit. Returns true if there were any.
    /// The next turn starts the rest: the map runs stay fillable.
    pub(super) async fn begin_children(&mut self, turn: &mut Turn) -> Result<bool, EngineError> {
        let before = turn.begun_children;
        while let Some(id) = self.open.fillable.first().copied() {
            if turn.begun_children >= MAX_BEGUN_PER_TURN {
                break;
            }
            let Some(run) = self.open.map_runs.get(&id) else {
                self.open.fillable.remove(&id);
                continue;
            };
            let limit = run.free_slots().min(MAX_BEGUN_PER_TURN - turn.begun_children);
            let from = run.next_index;
            let mut children = Vec::new();
            if limit > 0 {
                children = self
                    .store
                    .run(move |db| read::pending_children(db, id, from, limit))
                    .await?;
            }
            if children.is_empty() {
                self.open.fillable.remove(&id);
            }
            for child in children {
                turn.begun_children += 1;
                let child = match child {
                    Ok(child) => child,
                    Err(unreadable) => {
                        self.refuse_child(turn, id, unreadable);
                        continue;
                    }
                };
                if let Some(run) = self.open.map_runs.get_mut(&id) {
                    run.next_index = child.index + 1;
                    run.pending = run.pending.saturating_sub(1);
                    run.running.insert(child.id);
                }
                if child.has_history {
                    self.redrive_child(turn, id, child).await?;
                } else {
                    self.begin_child(turn, id, child);
                }
            }
        }
        Ok(turn.begun_children > before)
    }

    /// Fails a pending child that cannot be read, and nothing else.
    fn refuse_child(&mut self, turn: &mut Turn, map_run: i64, child: UnreadableChild) {
        let UnreadableChild {
            id,
            index,
            items,
            reason,
        } = child;
        if let Some(run) = self.open.map_runs.get_mut(&map_run) {
            run.next_index = index + 1;
            run.pending = run.pending.saturating_sub(1);
        }
        tracing::error!(child = id, reason, "a map's child cannot be read: it fails");
        turn.writes.push(Write::ChildNotRedriven {
            execution: id,
            reason,
            stopped_ms: self.time.of(id, turn.now).0,
        });
        self.child_ended(turn, map_run, id, items);
    }

    fn begin_child(&mut self, turn: &mut Turn, map_run: i64, child: PendingChild) {
        let Some(run) = self.open.map_runs.get(&map_run) else {
            return;
        };
        let root = run.root.clone();
        let started = self.time.of(child.id, turn.now);
        let parts = ExecutionParts {
            id: child.id,
            name: child.name,
            arn: child.arn,
            machine_arn: child.machine_arn,
            role_arn: child.role_arn,
            definition: child.definition,
            machine: Arc::clone(&run.plan.machine),
            started,
            input: child.input,
            root: Some(root),
            child_of: Some((map_run, child.index)),
            item: child.item,
            items: child.items,
        };
        self.open.insert(LiveExecution::new(parts));
        turn.writes.push(Write::ChildStarted {
            execution: child.id,
            started_ms: started.0,
        });
        self.begin_or_fail(turn, child.id);
    }

    /// Counts a child that ended with this number of failed items, and judges its map run.
    pub(super) fn child_ended(&mut self, turn: &mut Turn, map_run: i64, child: i64, failed_items: u64) {
        let Some(run) = self.open.map_runs.get_mut(&map_run) else {
            return;
        };
        run.running.remove(&child);
        run.failed += failed_items;
        self.open.fillable.insert(map_run);
        self.judge_map_run(turn, map_run);
    }

    /// Decides whether a map run has failed or is done.
    pub(super) fn judge_map_run(&mut self, turn: &mut Turn, map_run: i64) {
        let Some(run) = self.open.map_runs.get_mut(&map_run) else {
            return;
        };
        if run.gathering {
            return;
        }
        if run.failure.is_none() && run.limits.is_exceeded(run.failed, run.items) {
            run.failure = Some(TaskFailure {
                error: "States.ExceedToleratedFailureThreshold".to_owned(),
                cause: Some("The specified tolerated failure threshold was exceeded".to_owned()),
            });
            run.pending = 0;
            turn.writes.push(Write::PendingAborted {
                map_run,
                stopped_ms: self.time.of(run.parent, turn.now).0,
            });
            let why = "The map run failed";
            turn.stops.extend(run.stops(why));
        }
        if run.running.is_empty() && run.pending == 0 {
            run.gathering = true;
            if let Some(parent) = self.open.live.get_mut(&run.parent)
                && parent.inflight.insert(run.key)
            {
                let gathering = Gathering {
                    map_run,
                    arn: run.arn.clone(),
                    children_machine_arn: format!("{}/{}", parent.machine_arn, run.plan.label),
                    writer: run.plan.result_writer.clone(),
                    failure: run.failure.clone(),
                };
                turn.dispatch.push(Job::Gather {
                    execution: run.parent,
                    key: run.key,
                    gathering,
                });
            }
        }
    }

    /// Ends a map run when its Map state is over, and stops its remaining children.
    pub(super) fn end_map_run(&mut self, turn: &mut Turn, map_run: i64) {
        let Some(run) = self.open.map_runs.remove(&map_run) else {
            return;
        };
        self.open.fillable.remove(&map_run);
        let stopped_ms = self.time.of(run.parent, turn.now).0;
        let status = run.outcome.unwrap_or(ExecutionStatus::Aborted);
        turn.writes.push(Write::MapRunEnded {
            map_run,
            status,
            stopped_ms,
        });
        if run.outcome.is_none() {
            turn.writes.push(Write::PendingAborted { map_run, stopped_ms });
        }
        let why = "The map that started it has ended";
        turn.stops.extend(run.stops(why));
    }
}
