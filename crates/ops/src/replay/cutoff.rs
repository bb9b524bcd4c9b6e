//! Where today's code begins: how many visits of each state come before a chosen one, and so give what was recorded.

use std::collections::HashMap;

use holdfast_core::stage::state;

use super::history::{Histories, Visit};

/// Recorded visits that are not run again, by state.
type Counts = HashMap<String, usize>;

/// What is not run again; by default nothing.
#[derive(Debug, Default)]
pub struct Cutoff {
    root: Counts,
    units: HashMap<String, Counts>,
}

impl Cutoff {
    /// Everything before the first visit of `state`, in the run's own execution or in each of its units'. `None` where
    /// the run did not come to it.
    pub fn before(state: &str, histories: &Histories) -> Option<Self> {
        let first = |visits: &[Visit], name: &str| visits.iter().position(|visit| visit.state == name);
        let map_at = histories
            .map_state
            .as_deref()
            .and_then(|name| first(&histories.root, name))
            .unwrap_or(histories.root.len());
        if let Some(at) = first(&histories.root, state) {
            let units = histories.units.iter().filter(|_| map_at < at);
            return Some(Self {
                root: count(&histories.root[..at]),
                units: units.map(|unit| (unit.unit.clone(), count(&unit.visits))).collect(),
            });
        }
        let is_visited = histories.units.iter().any(|unit| first(&unit.visits, state).is_some());
        is_visited.then(|| Self {
            root: count(&histories.root[..map_at]),
            units: histories
                .units
                .iter()
                .map(|unit| {
                    let at = first(&unit.visits, state).unwrap_or(unit.visits.len());
                    (unit.unit.clone(), count(&unit.visits[..at]))
                })
                .collect(),
        })
    }

    /// Whether the n-th visit of a state, from 0, gives what was recorded.
    pub fn holds(&self, unit: Option<&str>, state: &str, n: usize) -> bool {
        let counts = match unit {
            None => Some(&self.root),
            Some(unit) => self.units.get(unit),
        };
        counts
            .and_then(|counts| counts.get(state))
            .is_some_and(|held| n < *held)
    }

    /// Whether the run's opening, which takes the claim, is not run again.
    pub fn is_beyond_opening(&self) -> bool {
        self.holds(None, state::OPEN_REVIEW, 0)
    }
}

fn count(visits: &[Visit]) -> Counts {
    let mut counts = Counts::new();
    for visit in visits {
        *counts.entry(visit.state.clone()).or_default() += 1;
    }
    counts
}
