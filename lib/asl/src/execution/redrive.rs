//! Redrive: an execution that failed, timed out or was stopped resumes at the failed states, with the same input.
//! Results of finished branches, iterations and children of a map run are kept.
//! <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>

use thiserror::Error;

use super::accept::later;
use super::advance::Advance;
use super::branch::{Branch, Children, MapRun, Phase};
use super::{Execution, Status};
use crate::HISTORY_LIMIT_EVENTS;
use crate::definition::StateBody;
use crate::event::{BranchId, EventKind, HistoryEvent, Timestamp};
use crate::stimulus::Moment;

/// AWS's maximum number of redrives of one execution.
const MAX_REDRIVES: u64 = 1_000;

/// The reason why an execution cannot be redriven.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum NotRedrivable {
    /// It has not ended.
    #[error("it has not ended")]
    Running,
    /// Nothing failed.
    #[error("it succeeded")]
    Succeeded,
    /// It has reached AWS's limit.
    #[error("it was redriven 1000 times, which is the limit")]
    RedrivenTooOften,
    /// Its history is full.
    #[error("its history has {0} events, and 25000 are the limit")]
    HistoryFull(u64),
}

/// The work of a Map or Parallel state at the time of its failure.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum SetAside {
    Run(Box<MapRun>),
    Children {
        children: Children,
        /// The threads of control below it, all the way down.
        branches: Vec<(BranchId, Branch)>,
    },
}

impl Execution {
    /// Resumes an execution that ended without success. Tasks that were in flight are scheduled again with new tokens.
    /// The count of retries and the time limit start again.
    ///
    /// # Errors
    /// It has not ended, it succeeded, or a limit is reached; nothing has changed.
    pub fn redrive(&mut self, moment: &mut Moment<'_>) -> Result<Vec<HistoryEvent>, NotRedrivable> {
        match self.status {
            Status::Running => return Err(NotRedrivable::Running),
            Status::Succeeded { .. } => return Err(NotRedrivable::Succeeded),
            Status::Failed { .. } | Status::TimedOut { .. } | Status::Aborted { .. } => {}
        }
        if self.redrives >= MAX_REDRIVES {
            return Err(NotRedrivable::RedrivenTooOften);
        }
        let events = self.aws_id(self.last);
        if events + 1 >= HISTORY_LIMIT_EVENTS {
            return Err(NotRedrivable::HistoryFull(events));
        }
        let mut advance = Advance::new(moment);
        self.status = Status::Running;
        let kind = EventKind::ExecutionRedriven {
            redrive_count: self.redrives + 1,
            timeout_at: self.machine.timeout_seconds.map(|seconds| later(advance.now, seconds)),
        };
        self.push_after(&mut advance, 0, self.last, kind);
        self.run(&mut advance);
        Ok(advance.events)
    }

    /// Returns the number of redrives.
    pub fn redrive_count(&self) -> u64 {
        self.redrives
    }

    /// Folds `ExecutionRedriven`.
    pub(super) fn fold_redriven(&mut self, event: &HistoryEvent, redrive_count: u64, timeout_at: Option<Timestamp>) {
        self.status = Status::Running;
        self.redrives = redrive_count;
        self.redriven_at = Some(event.at);
        self.deadline = timeout_at;
        self.resume(0, event);
    }

    /// Keeps the work of a branch's state for a redrive if the event made the state fail. Otherwise drops the work that
    /// was kept earlier.
    pub(super) fn set_aside(&mut self, id: BranchId, before: Option<Phase>) {
        let failing = self
            .branches
            .get(&id)
            .is_some_and(|branch| matches!(branch.phase, Phase::Failing { .. }));
        match before {
            _ if !failing => {
                self.set_aside.remove(&id);
            }
            Some(Phase::MapRun(run)) => {
                self.set_aside.insert(id, SetAside::Run(Box::new(run)));
            }
            Some(Phase::Children(children)) => {
                let mut branches = Vec::new();
                self.take_below(id, &mut branches);
                self.set_aside.insert(id, SetAside::Children { children, branches });
            }
            _ => {}
        }
    }

    fn take_below(&mut self, parent: BranchId, into: &mut Vec<(BranchId, Branch)>) {
        for id in self.below(parent) {
            self.take_below(id, into);
            if let Some(branch) = self.branches.remove(&id) {
                self.closed_tokens.extend(branch.token().map(str::to_owned));
                into.push((id, branch));
            }
        }
    }

    fn below(&self, parent: BranchId) -> Vec<BranchId> {
        self.branches
            .iter()
            .filter(|(_, branch)| branch.parent == Some(parent))
            .map(|(id, _)| *id)
            .collect()
    }

    /// Resumes a branch, and all branches below it.
    fn resume(&mut self, id: BranchId, event: &HistoryEvent) {
        let aside = self.set_aside.remove(&id);
        let Some(branch) = self.branches.get_mut(&id) else {
            return;
        };
        match (&mut branch.phase, aside) {
            (Phase::Failing { .. }, Some(SetAside::Run(run))) => {
                branch.last = event.id;
                branch.phase = Phase::MapRun(run.redriven());
            }
            (Phase::Failing { .. }, Some(SetAside::Children { children, branches })) => {
                branch.last = event.id;
                branch.phase = Phase::Children(children);
                self.branches.extend(branches);
            }
            (Phase::MapRun(run), _) => *run = run.clone().redriven(),
            (
                Phase::Failing { .. }
                | Phase::CannotRun(_)
                | Phase::Entered
                | Phase::BackingOff { .. }
                | Phase::Task(_),
                _,
            ) => {
                self.closed_tokens.extend(branch.token().map(str::to_owned));
                branch.last = event.id;
                branch.retry_count = 0;
                branch.retries.clear();
                let state = self.machine.state(&branch.state);
                branch.phase = match state.map(|state| &state.body) {
                    // The end of a Wait is evaluated on its entry.
                    Some(StateBody::Wait(_)) => Phase::Leaving {
                        next: branch.state.clone(),
                        input: branch.input.clone(),
                    },
                    _ => Phase::Entered,
                };
            }
            // A waiting branch keeps waiting, and one with a result continues with it.
            _ => {}
        }
        for child in self.below(id) {
            self.resume(child, event);
        }
    }
}

impl MapRun {
    /// Returns the map run, set to run its unsuccessful children again if it had begun.
    fn redriven(self) -> Self {
        Self {
            to_announce: self.map_run_arn.is_some(),
            ..self
        }
    }
}
