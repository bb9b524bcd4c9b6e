//! The fold: the effect of each event on the execution and its threads of control. The effect on one of them is in
//! `fold_branch`. Nothing is evaluated or decided here.

use serde_json::Value;

use super::branch::{Branch, Children, Phase};
use super::{Execution, MapItem, Status};
use crate::definition::{State, StateBody};
use crate::event::{BranchId, EventId, EventKind, HistoryEvent, InRecord};

impl Execution {
    pub(super) fn fold(&mut self, event: &HistoryEvent) {
        self.last = event.id;
        if !event.kind.is_numbered() {
            self.unnumbered.push(event.id);
        }
        match &event.kind {
            EventKind::ExecutionStarted { input, timeout_at, .. } => {
                self.started = true;
                self.deadline = *timeout_at;
                let root = Branch::new(&self.machine.flow.start_at, input.clone());
                self.branches.insert(0, root);
                self.next_branch = 1;
            }
            EventKind::ExecutionSucceeded { output } => {
                self.end(Status::Succeeded { output: output.clone() });
            }
            EventKind::ExecutionFailed { error, cause } => {
                self.end(Status::Failed {
                    error: error.clone(),
                    cause: cause.clone(),
                });
            }
            EventKind::ExecutionTimedOut { error, cause } => {
                self.end(Status::TimedOut {
                    error: error.clone(),
                    cause: cause.clone(),
                });
            }
            EventKind::ExecutionAborted { error, cause } => {
                self.end(Status::Aborted {
                    error: error.clone(),
                    cause: cause.clone(),
                });
            }
            EventKind::ExecutionRedriven {
                redrive_count,
                timeout_at,
            } => self.fold_redriven(event, *redrive_count, *timeout_at),
            EventKind::MapIterationStarted { index, input, .. } => self.begin_iteration(event, *index, input),
            EventKind::MapIterationSucceeded { index, .. } => self.end_iteration(event, *index),
            EventKind::ParallelStateStarted(InRecord(input)) => self.begin_branches(event, input),
            EventKind::ParallelStateSucceeded => self.end_branches(event.branch, event.id),
            _ => self.fold_branch(event),
        }
    }

    fn end(&mut self, status: Status) {
        // The branches stay as they are: a redrive continues them.
        self.status = status;
        self.deadline = None;
    }

    /// Folds an event that concerns only one branch.
    fn fold_branch(&mut self, event: &HistoryEvent) {
        let Some(branch) = self.branches.get_mut(&event.branch) else {
            return;
        };
        let state = self.machine.state(&branch.state);
        let before = branch.token().map(str::to_owned);
        let compound = matches!(branch.phase, Phase::Children(_) | Phase::MapRun(_)).then(|| branch.phase.clone());
        branch.fold(event, state);
        let orphans = matches!(compound, Some(Phase::Children(_))) && !matches!(branch.phase, Phase::Children(_));
        // An event that removes a token closes it.
        if let Some(token) = before
            && branch.token() != Some(&token)
        {
            self.closed_tokens.insert(token);
        }
        self.set_aside(event.branch, compound);
        if orphans {
            self.drop_children(event.branch);
        }
    }

    fn begin_iteration(&mut self, event: &HistoryEvent, index: u64, input: &Value) {
        let Some(parent) = self.branches.get_mut(&event.branch) else {
            return;
        };
        let Some(flow) = self.machine.state(&parent.state).and_then(State::inline) else {
            return;
        };
        let Phase::Children(children) = &mut parent.phase else {
            return;
        };
        children.begun += 1;
        let value = usize::try_from(index)
            .ok()
            .and_then(|index| children.items.get(index).cloned());
        let child = Branch {
            parent: Some(event.branch),
            index,
            item: value.map(|value| MapItem { index, value }),
            last: event.id,
            ..Branch::new(&flow.start_at, input.clone())
        };
        self.branches.insert(self.next_branch, child);
        self.next_branch += 1;
    }

    fn end_iteration(&mut self, event: &HistoryEvent, index: u64) {
        let parent_id = event.branch;
        let found = self
            .branches
            .iter()
            .find(|(_, branch)| branch.parent == Some(parent_id) && branch.index == index)
            .map(|(id, _)| *id);
        let Some(child) = found.and_then(|id| self.branches.remove(&id)) else {
            return;
        };
        let Some(parent) = self.branches.get_mut(&parent_id) else {
            return;
        };
        parent.last = child.last;
        if let (Phase::Children(children), Phase::Finished { output }) = (&mut parent.phase, child.phase) {
            if let Some(slot) = usize::try_from(index)
                .ok()
                .and_then(|index| children.results.get_mut(index))
            {
                *slot = Some(output);
            }
            if children.results.iter().all(Option::is_some) {
                parent.last = event.id;
            }
        }
    }

    fn begin_branches(&mut self, event: &HistoryEvent, input: &Value) {
        let Some(parent) = self.branches.get_mut(&event.branch) else {
            return;
        };
        let Some(StateBody::Parallel { branches, .. }) = self.machine.state(&parent.state).map(|state| &state.body)
        else {
            return;
        };
        parent.last = event.id;
        parent.phase = Phase::Children(Children {
            items: Vec::new(),
            max_active: branches.len() as u64,
            begun: branches.len(),
            results: vec![None; branches.len()],
        });
        for (index, flow) in (0..).zip(branches) {
            let child = Branch {
                parent: Some(event.branch),
                index,
                last: event.id,
                ..Branch::new(&flow.start_at, input.clone())
            };
            self.branches.insert(self.next_branch, child);
            self.next_branch += 1;
        }
    }

    fn end_branches(&mut self, parent_id: BranchId, event: EventId) {
        let mut outputs = Vec::new();
        let mut last = 0;
        for branch in self.branches.values().filter(|branch| branch.parent == Some(parent_id)) {
            if let Phase::Finished { output } = &branch.phase {
                outputs.push(output.clone());
            }
            last = last.max(branch.last);
        }
        self.drop_children(parent_id);
        if let Some(parent) = self.branches.get_mut(&parent_id) {
            parent.last = if last == 0 { event } else { last };
            parent.phase = Phase::Resulted {
                result: Value::Array(outputs),
            };
        }
    }

    fn drop_children(&mut self, parent: BranchId) {
        let children: Vec<BranchId> = self
            .branches
            .iter()
            .filter(|(_, branch)| branch.parent == Some(parent))
            .map(|(id, _)| *id)
            .collect();
        for id in children {
            self.drop_children(id);
            if let Some(branch) = self.branches.remove(&id) {
                self.closed_tokens.extend(branch.token().map(str::to_owned));
            }
        }
    }
}
