//! The point where the replay switches from recorded results to this program's code: the number of visits to each state
//! before the chosen one.

use std::collections::HashMap;

use holdfast_core::stage::state;

use super::history::{Histories, Visit};

/// Number of recorded visits that aren't run again, by state.
type Counts = HashMap<String, usize>;

/// The visits that aren't run again; by default none.
#[derive(Debug, Default)]
pub struct Cutoff {
    root: Counts,
    units: HashMap<String, Counts>,
}

impl Cutoff {
    /// Returns the cutoff before the first visit of `state`, in the run's own execution or in those of its units.
    /// `None` where the run never reached the state.
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

    /// Returns whether the n-th visit of a state, counted from 0, returns the recorded result.
    pub fn holds(&self, unit: Option<&str>, state: &str, n: usize) -> bool {
        let counts = match unit {
            None => Some(&self.root),
            Some(unit) => self.units.get(unit),
        };
        counts
            .and_then(|counts| counts.get(state))
            .is_some_and(|held| n < *held)
    }

    /// Returns whether the cutoff lies after the run's opening, so that the claim isn't taken again by the stage.
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
