//! The outstanding commands, derived only from the execution's state.

use super::branch::{Branch, MapRun, Phase, TaskRun};
use super::{Execution, Status};
use crate::command::{Command, TimerKey, TimerPurpose};
use crate::definition::{MapState, StateBody};
use crate::event::{EventId, Timestamp};

impl Execution {
    /// Returns everything outstanding now. It is derived only from the state, and so the same after a restart.
    pub fn commands(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.status != Status::Running {
            return commands;
        }
        timer(&mut commands, 1, TimerPurpose::ExecutionTimeout, self.deadline);
        for (id, branch) in &self.branches {
            match &branch.phase {
                // The timer has fired; the next step waits for a value.
                Phase::Waiting { .. } | Phase::BackingOff { .. } if self.deferral.holds(*id) => {}
                Phase::Waiting { key, at } => timer(&mut commands, *key, TimerPurpose::Wait, Some(*at)),
                Phase::BackingOff { key, at } => {
                    timer(&mut commands, *key, TimerPurpose::Backoff, Some(*at));
                }
                Phase::Task(task) => task.commands(&branch.state, &mut commands),
                Phase::MapRun(run) => commands.extend(self.start_map_run(branch, run)),
                _ => {}
            }
        }
        commands
    }

    fn start_map_run(&self, branch: &Branch, run: &MapRun) -> Option<Command> {
        let map = self.map_state(&branch.state)?;
        Some(Command::StartMapRun {
            key: run.key,
            state: branch.state.clone(),
            items: run.plan.items.clone(),
            max_concurrency: run.plan.max_concurrency,
            tolerated_failure_count: run.plan.tolerated_failure_count,
            tolerated_failure_percentage: run.plan.tolerated_failure_percentage,
            label: map.label.clone(),
            result_writer: run.plan.result_writer.clone(),
            map_run_arn: run.map_run_arn.clone(),
        })
    }

    pub(super) fn map_state(&self, name: &str) -> Option<&MapState> {
        match &self.machine.state(name)?.body {
            StateBody::Map(map) => Some(map),
            _ => None,
        }
    }
}

impl TaskRun {
    fn commands(&self, state: &str, commands: &mut Vec<Command>) {
        if !self.submitted {
            commands.push(Command::InvokeFunction {
                key: self.key,
                state: state.to_owned(),
                function: self.function.clone(),
                payload: self.payload.clone(),
                token: self.token.clone(),
            });
        }
        timer(commands, self.key, TimerPurpose::Timeout, self.timeout_at);
        timer(commands, self.key, TimerPurpose::Heartbeat, self.heartbeat_at);
    }
}

fn timer(commands: &mut Vec<Command>, event: EventId, purpose: TimerPurpose, at: Option<Timestamp>) {
    if let Some(at) = at {
        commands.push(Command::FireAt {
            key: TimerKey { event, purpose },
            at,
        });
    }
}
