//! The handling of a stimulus: checks that it fits something outstanding, and records its event.

use serde_json::Value;

use super::advance::Advance;
use super::branch::{Phase, TaskRun};
use super::scope::exceeds_limit;
use super::{Execution, Status};
use crate::command::{TimerKey, TimerPurpose};
use crate::error_name::ErrorName;
use crate::event::{BranchId, EventId, EventKind, Failure, InRecord, Timestamp};
use crate::stimulus::{Stimulus, StimulusRejected, TaskFailure};

impl Execution {
    /// Records a stimulus, or rejects it and changes nothing.
    pub(super) fn accept(&mut self, stimulus: Stimulus, advance: &mut Advance<'_>) -> Result<(), StimulusRejected> {
        if matches!(stimulus, Stimulus::Start) && !self.started {
            if exceeds_limit(&self.identity.input) {
                return Err(StimulusRejected::InputTooLarge);
            }
            self.start(advance);
            return Ok(());
        }
        if !self.started {
            return Err(StimulusRejected::NotStarted);
        }
        if matches!(stimulus, Stimulus::Resume) {
            for branch in self.branches.values_mut() {
                if let Phase::Task(task) = &mut branch.phase {
                    task.begin_again(advance.now);
                }
            }
            return Ok(());
        }
        if matches!(stimulus, Stimulus::Start) {
            return Err(StimulusRejected::AlreadyStarted);
        }
        if self.status != Status::Running {
            return Err(StimulusRejected::Ended);
        }
        match stimulus {
            Stimulus::Start | Stimulus::Resume => {}
            Stimulus::TaskStarted { key } => {
                let (branch, task) = self.invoked(key)?;
                if !task.started {
                    let kind = self.task_started(branch);
                    self.push(advance, branch, kind);
                }
            }
            Stimulus::TaskSucceeded { key, output } => {
                let (branch, task) = self.invoked(key)?;
                let submits = task.token.is_some();
                self.task_answered(advance, branch, output, submits);
            }
            Stimulus::TaskFailed { key, failure } => {
                let (branch, _) = self.invoked(key)?;
                self.task_failed(advance, branch, failure);
            }
            Stimulus::TimerFired { key } => self.timer_fired(advance, key)?,
            Stimulus::TokenSucceeded { token, output } => {
                let branch = self.token_branch(&token)?;
                self.task_succeeded(advance, branch, output);
            }
            Stimulus::TokenFailed { token, failure } => {
                let branch = self.token_branch(&token)?;
                self.task_failed(advance, branch, failure);
            }
            Stimulus::TokenHeartbeat { token } => {
                let branch = self.token_branch(&token)?;
                self.heartbeat(advance, branch);
            }
            Stimulus::MapRunStarted { key, map_run_arn } => {
                let branch = self.map_branch(key)?;
                self.push(advance, branch, EventKind::MapRunStarted { map_run_arn });
            }
            Stimulus::MapRunFinished { key, result } => {
                let branch = self.map_branch(key)?;
                self.map_run_finished(advance, branch, result);
            }
            Stimulus::Stop { error, cause } => {
                self.push(advance, 0, EventKind::ExecutionAborted { error, cause });
            }
        }
        Ok(())
    }

    fn start(&mut self, advance: &mut Advance<'_>) {
        let kind = EventKind::ExecutionStarted {
            input: self.identity.input.clone(),
            role_arn: self.identity.role_arn.clone(),
            timeout_at: self.machine.timeout_seconds.map(|seconds| later(advance.now, seconds)),
        };
        self.push(advance, 0, kind);
    }

    /// Returns the task whose function has not answered yet.
    fn invoked(&self, key: EventId) -> Result<(BranchId, &TaskRun), StimulusRejected> {
        self.tasks()
            .find(|(_, task)| task.key == key && !task.submitted)
            .ok_or(StimulusRejected::NotOutstanding(key))
    }

    fn tasks(&self) -> impl Iterator<Item = (BranchId, &TaskRun)> {
        self.branches.iter().filter_map(|(id, branch)| match &branch.phase {
            Phase::Task(task) => Some((*id, task)),
            _ => None,
        })
    }

    fn token_branch(&self, token: &str) -> Result<BranchId, StimulusRejected> {
        let open = self.tasks().find(|(_, task)| task.token.as_deref() == Some(token));
        match open {
            Some((branch, _)) => Ok(branch),
            None if self.closed_tokens.contains(token) => Err(StimulusRejected::TokenClosed),
            None => Err(StimulusRejected::TokenUnknown),
        }
    }

    fn map_branch(&self, key: EventId) -> Result<BranchId, StimulusRejected> {
        self.branches
            .iter()
            .find(|(_, branch)| matches!(&branch.phase, Phase::MapRun(run) if run.key == key))
            .map(|(id, _)| *id)
            .ok_or(StimulusRejected::NotOutstanding(key))
    }

    fn timer_fired(&mut self, advance: &mut Advance<'_>, key: TimerKey) -> Result<(), StimulusRejected> {
        let (branch, at) = self.timer(key).ok_or(StimulusRejected::NotOutstanding(key.event))?;
        if advance.now < at {
            return Err(StimulusRejected::NotDue { key, at });
        }
        match key.purpose {
            // `run` recognises it by the state's phase.
            TimerPurpose::Wait | TimerPurpose::Backoff => {}
            TimerPurpose::Timeout => self.task_timed_out(advance, branch, None),
            TimerPurpose::Heartbeat => self.task_timed_out(advance, branch, Some(ErrorName::HeartbeatTimeout)),
            TimerPurpose::ExecutionTimeout => {
                let error = Some(ErrorName::Timeout.as_str().to_owned());
                self.push(advance, 0, EventKind::ExecutionTimedOut { error, cause: None });
            }
        }
        Ok(())
    }

    /// Returns the branch of a timer, and its time.
    fn timer(&self, key: TimerKey) -> Option<(BranchId, Timestamp)> {
        if key.purpose == TimerPurpose::ExecutionTimeout {
            return (key.event == 1).then_some(0).zip(self.deadline);
        }
        self.branches.iter().find_map(|(id, branch)| {
            let at = match (&branch.phase, key.purpose) {
                (Phase::Waiting { key: event, at }, TimerPurpose::Wait)
                | (Phase::BackingOff { key: event, at }, TimerPurpose::Backoff) => (*event == key.event).then_some(*at),
                (Phase::Task(task), TimerPurpose::Timeout) if task.key == key.event => task.timeout_at,
                (Phase::Task(task), TimerPurpose::Heartbeat) if task.key == key.event => task.heartbeat_at,
                _ => None,
            };
            at.map(|at| (*id, at))
        })
    }

    fn map_run_finished(&mut self, advance: &mut Advance<'_>, branch: BranchId, result: Result<Value, TaskFailure>) {
        let result = match result {
            Ok(result) if exceeds_limit(&result) => Err(self.too_large(branch)),
            Ok(result) => Ok(result),
            Err(failure) => {
                let failure = failure.cut();
                Err(Failure::of(&failure.error, failure.cause))
            }
        };
        match result {
            Ok(result) => {
                self.push(advance, branch, EventKind::MapRunSucceeded(InRecord(result)));
            }
            Err(failure) => {
                let kind = EventKind::MapRunFailed {
                    retrial: self.retrial(advance, branch, &failure),
                    error: failure.error.unwrap_or_default(),
                    cause: failure.cause,
                };
                self.push(advance, branch, kind);
            }
        }
    }
}

/// Returns the time some seconds later.
pub(super) fn later(now: Timestamp, seconds: u64) -> Timestamp {
    now.after_ms(i64::try_from(seconds).unwrap_or(i64::MAX).saturating_mul(1000))
}
