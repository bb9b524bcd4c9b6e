//! What is outstanding: commands, derived from the state alone.

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::branch::{Branch, MapRun, Phase, TaskRun};
use super::scope::{Sight, exceeds_limit};
use super::{Execution, Status};
use crate::command::{Command, TimerKey, TimerPurpose};
use crate::definition::{MapState, StateBody};
use crate::error_name::ErrorName;
use crate::event::{EventId, Timestamp};
use crate::stimulus::TaskFailure;

impl Execution {
    /// Everything outstanding now, derived from the state alone: the same after a restart as before.
    pub fn commands(&self) -> Vec<Command> {
        let mut commands = Vec::new();
        if self.status != Status::Running {
            return commands;
        }
        timer(&mut commands, 1, TimerPurpose::ExecutionTimeout, self.deadline);
        for branch in self.branches.values() {
            match &branch.phase {
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

    /// The inputs of a map's children: `ItemSelector` over the items of an outstanding `StartMapRun`. The same
    /// items give the same inputs, also for `$random` and `$uuid`.
    ///
    /// # Errors
    /// The failure to answer `MapRunFinished` with: an expression failed, an input is too large, or nothing
    /// outstanding has this key.
    pub fn map_inputs(&self, key: EventId, items: Vec<Value>) -> Result<Vec<Value>, TaskFailure> {
        let runs = |branch: &&Branch| matches!(&branch.phase, Phase::MapRun(run) if run.key == key);
        let Some(branch) = self.branches.values().find(runs) else {
            return Err(TaskFailure {
                error: ErrorName::Runtime.as_str().to_owned(),
                cause: Some(format!("No map run was started by the event {key}.")),
            });
        };
        let selector = self.map_state(&branch.state).and_then(|map| map.selector.as_ref());
        let too_large = |index: usize| TaskFailure {
            error: ErrorName::DataLimitExceeded.as_str().to_owned(),
            cause: Some(format!(
                "The input of item {index} of the state '{}' exceeds the maximum number of bytes service limit.",
                branch.state
            )),
        };
        let seed = Sha256::new()
            .chain_update(self.identity.execution_arn.as_bytes())
            .chain_update(key.to_le_bytes())
            .finalize()
            .into();
        let mut session = self.session(branch, Sight::default(), branch.entered_at, seed);
        let mut inputs = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let input = match selector {
                None => item,
                Some(selector) => {
                    session.set_item(index as u64, &item);
                    session
                        .evaluate(selector, "ItemSelector")
                        .map_err(|fault| TaskFailure {
                            error: ErrorName::QueryEvaluationError.as_str().to_owned(),
                            cause: Some(self.explain(branch, &fault.detail)),
                        })?
                }
            };
            if exceeds_limit(&input) {
                return Err(too_large(index));
            }
            inputs.push(input);
        }
        Ok(inputs)
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
