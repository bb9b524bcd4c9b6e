//! The engine's own time: the wall clock's, but it never goes back and never stands still. What a clock is stands in
//! `port`, the clocks themselves in `clock`.

use std::sync::Arc;

use holdfast_asl::Timestamp;

use super::port::Clock;

/// How far the wall clock may be behind before it counts as set back.
const SET_BACK_MS: i64 = 1_000;
/// How old the stored time may become while something is stored anyway.
const SAVED_EVERY_MS: i64 = 10_000;

/// The time of all events and timers.
///
/// A wall clock that was set forward is believed: a machine that slept must not oversleep. One that was set back is
/// not: time goes on at its usual pace from where it was, so that no timer waits longer than it was told to. The time
/// reached is stored now and then, and is where a restart begins at the earliest.
pub(super) struct Timekeeper {
    clock: Arc<dyn Clock>,
    now: Timestamp,
    steady_ms: i64,
    saved: Timestamp,
}

impl Timekeeper {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            now: clock.now(),
            steady_ms: clock.steady_ms(),
            saved: Timestamp(i64::MIN),
            clock,
        }
    }

    /// Goes on from a stored time; by how many ms the wall clock is behind it, where it was set back.
    pub(super) fn begin_at(&mut self, stored: Option<Timestamp>) -> Option<i64> {
        let stored = stored?;
        self.saved = stored;
        self.now = self.now.max(stored);
        let behind_ms = stored.0.saturating_sub(self.clock.now().0);
        (behind_ms > SET_BACK_MS).then_some(behind_ms)
    }

    /// The time now: never earlier than before.
    pub(super) fn now(&mut self) -> Timestamp {
        let steady_ms = self.clock.steady_ms();
        let passed_ms = steady_ms.saturating_sub(self.steady_ms).max(0);
        self.steady_ms = steady_ms;
        self.now = self.now.after_ms(passed_ms).max(self.clock.now());
        self.now
    }

    /// The time to be stored with a turn, when the one that is stored has become too old.
    pub(super) fn save_due(&mut self) -> Option<Timestamp> {
        let old = self.now.0.saturating_sub(self.saved.0) >= SAVED_EVERY_MS;
        old.then(|| {
            self.saved = self.now;
            self.now
        })
    }

    /// Sleeps until a time, or less long; for ever when there is none.
    pub(super) async fn sleep_until(&mut self, due: Option<Timestamp>, idle: bool) {
        let Some(due) = due else {
            return std::future::pending().await;
        };
        let left_ms = due.0.saturating_sub(self.now().0);
        let at = self.clock.now().after_ms(left_ms);
        if idle {
            self.clock.sleep_idle_until(at).await;
        } else {
            self.clock.sleep_until(at).await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::VirtualClock;
    use super::*;

    #[test]
    fn time_follows_jumps_forward_and_sits_out_jumps_back() {
        let clock = Arc::new(VirtualClock::new(Timestamp(1_000_000)));
        let mut time = Timekeeper::new(Arc::clone(&clock) as Arc<dyn Clock>);
        let cases = [
            // what happens to (elapsed, wall), and the time after it
            (1_000, 0, 1_001_000),
            (0, 3_600_000, 4_601_000),
            (5, -3_600_000, 4_601_005),
            (60_000, 0, 4_661_005),
            (0, -86_400_000, 4_661_005),
            (7, 0, 4_661_012),
        ];
        for (elapsed_ms, jump_ms, expected) in cases {
            clock.advance_ms(elapsed_ms);
            clock.jump_wall_ms(jump_ms);
            assert_eq!(time.now(), Timestamp(expected));
        }
        // The wall clock is right again: it leads.
        clock.jump_wall_ms(90_000_000);
        assert_eq!(time.now(), clock.now());
    }

    #[test]
    fn a_restart_begins_no_earlier_than_the_stored_time() {
        let clock = Arc::new(VirtualClock::new(Timestamp(1_000_000)));
        let mut time = Timekeeper::new(Arc::clone(&clock) as Arc<dyn Clock>);
        assert_eq!(time.begin_at(None), None);
        assert_eq!(time.begin_at(Some(Timestamp(900_000))), None);
        assert_eq!(time.now(), Timestamp(1_000_000));
        assert_eq!(time.begin_at(Some(Timestamp(5_000_000))), Some(4_000_000));
        clock.advance_ms(10);
        assert_eq!(time.now(), Timestamp(5_000_010));
    }
}
