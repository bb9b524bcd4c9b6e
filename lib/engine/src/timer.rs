//! All timers in one heap: a waiting execution costs no task and no CPU.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use holdfast_asl::{TimerKey, TimerPurpose, Timestamp};

/// The due times of all executions. An entry counts only while its execution still has that timer for that moment.
#[derive(Default)]
pub(super) struct Timers {
    heap: BinaryHeap<Reverse<(Timestamp, i64, TimerKey)>>,
}

impl Timers {
    /// Returns when the next timer is due. It may be one that no longer counts.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.heap.peek().map(|Reverse((at, ..))| *at)
    }

    /// Takes the next timer that is due at `now`.
    pub(super) fn take_due(&mut self, now: Timestamp) -> Option<(Timestamp, i64, TimerKey)> {
        self.next_due().filter(|at| *at <= now)?;
        self.heap.pop().map(|Reverse(entry)| entry)
    }

    fn arm(&mut self, at: Timestamp, execution: i64, key: TimerKey) {
        self.heap.push(Reverse((at, execution, key)));
    }
}

/// The timers of one execution, from its commands.
#[derive(Default)]
pub(super) struct Armed(HashMap<TimerKey, Timestamp>);

impl Armed {
    /// Replaces the timers by those that the commands want now, by the engine's time.
    pub(super) fn replace(&mut self, wanted: HashMap<TimerKey, Timestamp>, execution: i64, timers: &mut Timers) {
        for (key, at) in &wanted {
            if self.0.get(key) != Some(at) {
                timers.arm(*at, execution, *key);
            }
        }
        self.0 = wanted;
    }

    /// Returns true if the execution has no timers.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Removes a timer that fired. Returns false when it was re-armed or dropped since.
    pub(super) fn fired(&mut self, key: TimerKey, at: Timestamp) -> bool {
        self.0.get(&key) == Some(&at) && self.0.remove(&key).is_some()
    }

    /// Returns true if a Wait state or a back-off ends by `bound`.
    pub(super) fn advances_by(&self, bound: Timestamp) -> bool {
        self.0
            .iter()
            .any(|(key, at)| matches!(key.purpose, TimerPurpose::Wait | TimerPurpose::Backoff) && *at <= bound)
    }
}
