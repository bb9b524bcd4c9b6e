//! The path of a run through its machine, read from histories.

use std::collections::{BTreeMap, BTreeSet};

use crate::event::{BranchId, EventId, EventKind, HistoryEvent};

/// The states and transitions of a run. Histories of a map's children add to their parent's.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RunPath {
    /// States that were entered and left.
    pub taken: BTreeSet<String>,
    /// States in which a run ended without success.
    pub failed: BTreeSet<String>,
    /// The current states of a run.
    pub current: BTreeSet<String>,
    /// Transitions, from one state to the next.
    pub transitions: BTreeSet<(String, String)>,
}

impl RunPath {
    /// Reads the path of one execution.
    pub fn of(history: &[HistoryEvent]) -> Self {
        let mut path = Self::default();
        path.add(history);
        path
    }

    /// Adds the path of another execution, such as a map's child.
    pub fn add(&mut self, history: &[HistoryEvent]) {
        let mut left: BTreeMap<EventId, &str> = BTreeMap::new();
        let mut open: BTreeMap<BranchId, Vec<&str>> = BTreeMap::new();
        let mut ended = false;
        for event in history {
            let states = open.entry(event.branch).or_default();
            match &event.kind {
                EventKind::StateEntered { name, .. } => {
                    if let Some(before) = left.get(&event.previous) {
                        self.transitions.insert(((*before).to_owned(), name.clone()));
                    }
                    states.push(name);
                }
                EventKind::StateExited { name, .. } => {
                    left.insert(event.id, name);
                    states.retain(|state| state != name);
                    self.taken.insert(name.clone());
                }
                kind if kind.is_end() => ended = true,
                _ => {}
            }
        }
        for name in open.into_values().flatten() {
            let states = if ended { &mut self.failed } else { &mut self.current };
            states.insert(name.to_owned());
        }
    }
}
