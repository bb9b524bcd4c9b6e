//! How far the time of older executions is ahead of the engine's own.
//!
//! When the wall clock is set back, the engine follows it: the clock may have been ahead, and new executions get the
//! right time. Existing executions keep their own time, which continues at its usual pace: their histories never go
//! back, and none of their timers waits longer.

use serde::{Deserialize, Serialize};

/// Maximum number of steps; beyond it, the smallest one is dropped.
const MAX_STEPS: usize = 64;

/// The executions whose time is ahead, and by how much.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Ahead {
    /// In rising order of `up_to`, which is falling order of `by_ms`.
    steps: Vec<Step>,
}

/// The executions up to an id, and by how much their time is ahead.
#[derive(Copy, Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Step {
    up_to: i64,
    by_ms: i64,
}

/// The executions after one id and up to another, and by how much their time is ahead.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    pub after: i64,
    pub up_to: i64,
    pub by_ms: i64,
}

impl Ahead {
    /// Returns by how many ms the time of an execution is ahead.
    pub(super) fn of(&self, execution: i64) -> i64 {
        let step = self.steps.iter().find(|step| execution <= step.up_to);
        step.map_or(0, |step| step.by_ms)
    }

    /// Records that the clock was set back while `newest` was the newest execution.
    pub(super) fn set_back(&mut self, newest: i64, by_ms: i64) {
        for step in &mut self.steps {
            step.by_ms = step.by_ms.saturating_add(by_ms);
        }
        if self.steps.last().is_none_or(|last| last.up_to < newest) {
            self.steps.push(Step { up_to: newest, by_ms });
        }
        self.steps.truncate(MAX_STEPS);
    }

    /// Records a forward jump of the clock. An execution whose time was ahead by no more than that follows the clock
    /// again: the clock had been set back wrongly. The time of the others moves with the clock, like after a sleep of
    /// the machine. Returns true if anything changed.
    pub(super) fn set_forward(&mut self, by_ms: i64) -> bool {
        let before = self.steps.len();
        self.steps.retain(|step| step.by_ms > by_ms);
        self.steps.len() < before
    }

    /// Returns all executions, in segments that share one time.
    pub(super) fn segments(&self) -> Vec<Segment> {
        let mut segments = Vec::with_capacity(self.steps.len() + 1);
        let mut after = i64::MIN;
        let others = Step {
            up_to: i64::MAX,
            by_ms: 0,
        };
        for Step { up_to, by_ms } in self.steps.iter().copied().chain([others]) {
            segments.push(Segment { after, up_to, by_ms });
            after = up_to;
        }
        segments
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_executions_keep_their_time_and_new_ones_have_the_clocks() {
        let mut ahead = Ahead::default();
        ahead.set_back(7, 1_000);
        ahead.set_back(9, 50);
        ahead.set_back(9, 5);
        let of = |ahead: &Ahead| [1, 7, 8, 9, 10].map(|execution| ahead.of(execution));
        assert_eq!(of(&ahead), [1_055, 1_055, 55, 55, 0]);
        let segments = ahead.segments();
        assert_eq!(
            segments.iter().map(|segment| segment.by_ms).collect::<Vec<_>>(),
            [1_055, 55, 0]
        );
        assert_eq!((segments[0].after, segments[2].up_to), (i64::MIN, i64::MAX));
        // A small jump is a sleep of the machine, a large one corrects an earlier set-back.
        assert!(!ahead.set_forward(54));
        assert!(ahead.set_forward(55));
        assert_eq!(of(&ahead), [1_055, 1_055, 0, 0, 0]);
        assert!(ahead.set_forward(100_000));
        assert_eq!(ahead, Ahead::default());
    }

    #[test]
    fn steps_are_bounded() {
        let mut ahead = Ahead::default();
        for execution in 0..1_000 {
            ahead.set_back(execution, 2_000);
        }
        assert_eq!(ahead.steps.len(), MAX_STEPS);
        assert_eq!(ahead.of(0), 2_000_000);
    }
}
