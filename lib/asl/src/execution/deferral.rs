//! Templates that can cost anything are evaluated elsewhere, if whoever runs the execution wants that. The step that needs
//! a value stops without an event, and is taken again from its beginning once the value is there. Nothing of this is
//! recorded: after a restart the step asks for the same values again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Execution;
use super::advance::Advance;
use crate::event::{BranchId, HistoryEvent};
use crate::expression::{Answers, Evaluated, Evaluation};
use crate::stimulus::{Moment, StimulusRejected};

/// Names an evaluation that an execution needs. Never used again, and worth nothing after a restart.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvaluationKey(u64);

/// What is being evaluated elsewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Deferral {
    on: bool,
    /// The branch whose step is being taken.
    pub stepping: Option<BranchId>,
    asked: u64,
    branches: BTreeMap<BranchId, Asked>,
}

/// What one step has asked for.
#[derive(Clone, Debug, Default)]
struct Asked {
    answers: Answers,
    open: Option<(EvaluationKey, Arc<Evaluation>)>,
}

impl Deferral {
    /// The answers for the step that is being taken; none where everything is evaluated at once.
    pub fn answers(&self) -> Option<Answers> {
        let branch = self.stepping.filter(|_| self.on)?;
        let asked = self.branches.get(&branch);
        Some(asked.map(|asked| asked.answers.clone()).unwrap_or_default())
    }

    /// Whether a branch waits for a value.
    pub fn holds(&self, branch: BranchId) -> bool {
        self.branches.get(&branch).is_some_and(|asked| asked.open.is_some())
    }

    /// Has a step of a branch wait for a value.
    pub fn ask(&mut self, branch: BranchId, evaluation: Evaluation) {
        self.asked += 1;
        let asked = self.branches.entry(branch).or_default();
        asked.open = Some((EvaluationKey(self.asked), Arc::new(evaluation)));
    }

    /// Something happened to a branch: what its step had asked for counts no more.
    pub fn forget(&mut self, branch: BranchId) {
        self.branches.remove(&branch);
    }
}

impl Execution {
    /// Has templates that can cost anything evaluated by whoever runs the execution: see [`Execution::evaluations`].
    /// Without this, they are evaluated where they stand.
    pub fn defer_evaluations(&mut self) {
        self.deferral.on = true;
    }

    /// The evaluations that the execution waits for, to be answered with [`Execution::answer`].
    pub fn evaluations(&self) -> impl Iterator<Item = (EvaluationKey, &Arc<Evaluation>)> {
        let open = self.deferral.branches.values().filter_map(|asked| asked.open.as_ref());
        open.map(|(key, evaluation)| (*key, evaluation))
    }

    /// Whether the execution waits for an evaluation.
    pub fn is_evaluating(&self) -> bool {
        self.evaluations().next().is_some()
    }

    /// Continues with the value of an evaluation; returns the events that follow, as [`Execution::advance`] does.
    ///
    /// # Errors
    /// The execution does not wait for it any more; nothing has changed.
    pub fn answer(
        &mut self,
        key: EvaluationKey,
        answer: Evaluated,
        moment: &mut Moment<'_>,
    ) -> Result<Vec<HistoryEvent>, StimulusRejected> {
        let mut branches = self.deferral.branches.values_mut();
        let asked = branches.find(|asked| asked.open.as_ref().is_some_and(|(open, _)| *open == key));
        let asked = asked.ok_or(StimulusRejected::NotOutstanding(0))?;
        asked.open = None;
        asked.answers.push_back(Arc::new(answer));
        let mut advance = Advance::new(moment);
        self.run(&mut advance);
        Ok(advance.events)
    }

    /// Forgets what branches that are over had asked for.
    pub(super) fn prune_evaluations(&mut self) {
        let branches = &self.branches;
        self.deferral.branches.retain(|id, _| branches.contains_key(id));
    }
}
