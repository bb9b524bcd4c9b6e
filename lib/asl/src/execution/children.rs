//! The children of an inline Map or a Parallel: their start and their results.

use super::Execution;
use super::advance::Advance;
use super::branch::{Branch, Children, Phase};
use super::scope::{AddedFields, exceeds_limit};
use crate::event::{BranchId, EventId, EventKind};

/// The next step of a parent.
enum Step {
    /// A child of a Map has ended.
    Gather { index: u64, last: EventId },
    /// A Map may begin another child.
    Begin,
    /// All children have ended.
    Complete,
}

impl Execution {
    /// Returns true if a parent has a next step.
    pub(super) fn children_ready(&self, id: BranchId) -> bool {
        self.next_step(id).is_some()
    }

    /// Does a parent's next step.
    pub(super) fn tend_children(&mut self, advance: &mut Advance<'_>, id: BranchId) {
        let Some(branch) = self.branches.get(&id) else { return };
        let name = branch.state.clone();
        match self.next_step(id) {
            None => {}
            Some(Step::Gather { index, last }) => {
                let kind = EventKind::MapIterationSucceeded { name, index };
                self.push_after(advance, id, last, kind);
            }
            Some(Step::Begin) => self.begin_child(advance, id),
            Some(Step::Complete) if self.map_state(&name).is_some() => {
                self.push(advance, id, EventKind::MapStateSucceeded);
            }
            Some(Step::Complete) => {
                let last = self
                    .children_of(id)
                    .map(|(_, child)| child.last)
                    .max()
                    .unwrap_or(branch.last);
                self.push_after(advance, id, last, EventKind::ParallelStateSucceeded);
            }
        }
    }

    fn next_step(&self, id: BranchId) -> Option<Step> {
        let branch = self.branches.get(&id)?;
        let Phase::Children(children) = &branch.phase else {
            return None;
        };
        let finished = |child: &Branch| matches!(child.phase, Phase::Finished { .. });
        if self.map_state(&branch.state).is_none() {
            let all = self.children_of(id).all(|(_, child)| finished(child));
            return all.then_some(Step::Complete);
        }
        if let Some((_, child)) = self.children_of(id).find(|(_, child)| finished(child)) {
            return Some(Step::Gather {
                index: child.index,
                last: child.last,
            });
        }
        let active = self.children_of(id).count() as u64;
        if children.begun < children.items.len() && active < children.max_active {
            return Some(Step::Begin);
        }
        children.results.iter().all(Option::is_some).then_some(Step::Complete)
    }

    fn children_of(&self, id: BranchId) -> impl Iterator<Item = (&BranchId, &Branch)> {
        self.branches
            .iter()
            .filter(move |(_, branch)| branch.parent == Some(id))
    }

    fn begin_child(&mut self, advance: &mut Advance<'_>, id: BranchId) {
        let Some(branch) = self.branches.get(&id) else { return };
        let Phase::Children(Children { begun, items, .. }) = &branch.phase else {
            return;
        };
        let (index, Some(item)) = (*begun as u64, items.get(*begun)) else {
            return;
        };
        let selector = self.map_state(&branch.state).and_then(|map| map.selector.as_ref());
        let input = match selector {
            None => Ok(item.clone()),
            Some(selector) => {
                let mut session = self.session(branch, AddedFields::default(), advance.now, || advance.random());
                session.set_item(index, item);
                session.evaluate(selector, "ItemSelector")
            }
        };
        match input {
            Ok(input) if exceeds_limit(&input) => {
                let failure = self.too_large(id);
                self.state_failed(advance, id, failure);
            }
            Ok(input) => {
                let kind = EventKind::MapIterationStarted {
                    name: branch.state.clone(),
                    index,
                    input,
                };
                self.push(advance, id, kind);
            }
            Err(fault) => self.evaluation_failed(advance, id, fault),
        }
    }
}
