//! Deferred evaluation: on request, the embedder evaluates templates of unbounded cost elsewhere. A step that needs
//! such a value stops without an event, and starts again from its beginning once it has the value. None of this is
//! recorded: after a restart the step requests the same values again.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Execution;
use super::advance::Advance;
use crate::event::{BranchId, HistoryEvent};
use crate::expression::{Answers, Evaluated, Evaluation};
use crate::stimulus::{Moment, StimulusRejected};

/// The key of an evaluation that an execution needs. It is never reused, and invalid after a restart.
#[derive(Copy, Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EvaluationKey(u64);

/// The evaluations that happen elsewhere.
#[derive(Clone, Debug, Default)]
pub(super) struct Deferral {
    /// True if templates of unbounded cost are deferred.
    on: bool,
    /// The branch of the current step.
    pub stepping: Option<BranchId>,
    /// Number of requests so far: the last key.
    requested: u64,
    branches: BTreeMap<BranchId, Requested>,
}

/// The values that one step requested.
#[derive(Clone, Debug, Default)]
struct Requested {
    /// The values that were answered, in the order of the requests.
    answers: Answers,
    /// The request that is not answered yet.
    open: Option<(EvaluationKey, Arc<Evaluation>)>,
}

impl Deferral {
    /// Returns the answers for the current step; none if everything is evaluated at once.
    pub fn answers(&self) -> Option<Answers> {
        let branch = self.stepping.filter(|_| self.on)?;
        let requested = self.branches.get(&branch);
        Some(requested.map(|requested| requested.answers.clone()).unwrap_or_default())
    }

    /// Returns true if a branch waits for a value.
    pub fn holds(&self, branch: BranchId) -> bool {
        self.branches
            .get(&branch)
            .is_some_and(|requested| requested.open.is_some())
    }

    /// Makes a branch's step wait for a value.
    pub fn request(&mut self, branch: BranchId, evaluation: Evaluation) {
        self.requested += 1;
        let requested = self.branches.entry(branch).or_default();
        requested.open = Some((EvaluationKey(self.requested), Arc::new(evaluation)));
    }

    /// Drops the requests of a branch's step after an event of the branch.
    pub fn forget(&mut self, branch: BranchId) {
        self.branches.remove(&branch);
    }
}

impl Execution {
    /// Defers templates of unbounded cost to the embedder: see [`Execution::evaluations`]. Without this call, `advance`
    /// evaluates them itself.
    pub fn defer_evaluations(&mut self) {
        self.deferral.on = true;
    }

    /// Returns the evaluations that the execution waits for. Answer them with [`Execution::answer`].
    pub fn evaluations(&self) -> impl Iterator<Item = (EvaluationKey, &Arc<Evaluation>)> {
        let open = self
            .deferral
            .branches
            .values()
            .filter_map(|requested| requested.open.as_ref());
        open.map(|(key, evaluation)| (*key, evaluation))
    }

    /// Returns true if the execution waits for an evaluation.
    pub fn is_evaluating(&self) -> bool {
        self.evaluations().next().is_some()
    }

    /// Continues with the value of an evaluation; returns the events that follow, as [`Execution::advance`] does.
    ///
    /// # Errors
    /// The execution no longer waits for it; nothing has changed.
    pub fn answer(
        &mut self,
        key: EvaluationKey,
        answer: Evaluated,
        moment: &mut Moment<'_>,
    ) -> Result<Vec<HistoryEvent>, StimulusRejected> {
        let mut branches = self.deferral.branches.values_mut();
        let requested = branches.find(|requested| requested.open.as_ref().is_some_and(|(open, _)| *open == key));
        let requested = requested.ok_or(StimulusRejected::NotOutstanding(0))?;
        requested.open = None;
        requested.answers.push_back(Arc::new(answer));
        let mut advance = Advance::new(moment);
        self.run(&mut advance);
        Ok(advance.events)
    }

    /// Drops the requests of branches that ended.
    pub(super) fn prune_evaluations(&mut self) {
        let branches = &self.branches;
        self.deferral.branches.retain(|id, _| branches.contains_key(id));
    }
}
