//! The engine's own time: the wall clock's, but the time of an execution never goes back or stops. The port is in
//! `port`, the clocks in `clock`.

use std::sync::Arc;
use std::time::Duration;

use holdfast_asl::Timestamp;

use super::ahead::{Ahead, Segment};
use super::port::Clock;

/// A wall clock that is behind by at most this time doesn't count as set back.
const MIN_SET_BACK_MS: i64 = 1_000;
/// Maximum age of the stored time when a turn is stored.
const SAVE_INTERVAL_MS: i64 = 10_000;

/// The time of all events and timers.
///
/// It is the wall clock's. When that is set back, existing executions keep their own time, which continues at its usual
/// pace ([`Ahead`]). A small difference doesn't count: time continues until the wall clock has caught up. The time is
/// stored now and then, so that the next start notices a clock that was set back meanwhile.
pub(super) struct Timekeeper {
    clock: Arc<dyn Clock>,
    now: Timestamp,
    steady_ms: i64,
    saved: Timestamp,
    ahead: Ahead,
    /// True once `begin_at` was called.
    has_begun: bool,
    /// True if timers have to be armed again because the time of an execution has changed.
    is_shifted: bool,
}

/// The last stored time.
#[derive(Clone, Debug, Default)]
pub(super) struct StoredTime {
    pub now: Option<Timestamp>,
    pub ahead: Ahead,
}

impl Timekeeper {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self {
            now: clock.now(),
            steady_ms: clock.steady_ms(),
            saved: Timestamp(i64::MIN),
            ahead: Ahead::default(),
            has_begun: false,
            is_shifted: false,
            clock,
        }
    }

    /// Continues from a stored time. Returns by how many ms the wall clock is behind it, if it was set back. Only the
    /// first call counts. `newest` is the newest execution.
    pub(super) fn begin_at(&mut self, stored: StoredTime, newest: i64) -> Option<i64> {
        if std::mem::replace(&mut self.has_begun, true) {
            return None;
        }
        self.ahead = stored.ahead;
        let stored = stored.now?;
        self.saved = stored;
        let wall = self.clock.now();
        let forward_ms = wall.0.saturating_sub(stored.0);
        self.now = self.now.max(stored);
        let set_back = self.follow(forward_ms, wall, newest);
        self.is_shifted = false;
        set_back
    }

    /// Returns the time now, while `newest` is the newest execution. It is earlier than before only if the clock was
    /// set back.
    pub(super) fn now(&mut self, newest: i64) -> Timestamp {
        let steady_ms = self.clock.steady_ms();
        let expected = self.now.after_ms(steady_ms.saturating_sub(self.steady_ms).max(0));
        self.steady_ms = steady_ms;
        let wall = self.clock.now();
        self.now = expected.max(wall);
        self.follow(wall.0.saturating_sub(expected.0), wall, newest);
        self.now
    }

    /// Follows a wall clock that is `forward_ms` ahead of the expected time. Returns by how many ms it was set back.
    fn follow(&mut self, forward_ms: i64, wall: Timestamp, newest: i64) -> Option<i64> {
        if forward_ms >= -MIN_SET_BACK_MS {
            if forward_ms > MIN_SET_BACK_MS {
                self.is_shifted |= self.ahead.set_forward(forward_ms);
            }
            return None;
        }
        let behind_ms = forward_ms.saturating_neg();
        self.now = wall;
        self.ahead.set_back(newest, behind_ms);
        self.is_shifted = true;
        // The next turn stores the earlier time.
        self.saved = Timestamp(i64::MIN);
        Some(behind_ms)
    }

    /// Returns the time of an execution when the engine's is `now`.
    pub(super) fn of(&self, execution: i64, now: Timestamp) -> Timestamp {
        now.after_ms(self.ahead.of(execution))
    }

    /// Returns the engine's time when the time of an execution is `at`.
    pub(super) fn engine_time(&self, execution: i64, at: Timestamp) -> Timestamp {
        at.after_ms(self.ahead.of(execution).saturating_neg())
    }

    /// Returns all executions, in segments that share one time.
    pub(super) fn segments(&self) -> Vec<Segment> {
        self.ahead.segments()
    }

    /// Returns true once after the time of executions has changed: timers have to be armed again.
    pub(super) fn take_shift(&mut self) -> bool {
        std::mem::take(&mut self.is_shifted)
    }

    /// Returns the time to store with a turn, if the stored one is too old.
    pub(super) fn save_due(&mut self) -> Option<StoredTime> {
        let old = self.now.0.saturating_sub(self.saved.0) >= SAVE_INTERVAL_MS;
        old.then(|| {
            self.saved = self.now;
            StoredTime {
                now: Some(self.now),
                ahead: self.ahead.clone(),
            }
        })
    }

    /// Sleeps until `due` or shorter; without a `due`, never returns.
    pub(super) async fn sleep_until(&self, due: Option<Timestamp>, idle: bool) {
        let Some(due) = due else {
            return std::future::pending().await;
        };
        let passed_ms = self.clock.steady_ms().saturating_sub(self.steady_ms).max(0);
        let now = self.now.after_ms(passed_ms).max(self.clock.now());
        let at = self.clock.now().after_ms(due.0.saturating_sub(now.0));
        if idle {
            self.clock.sleep_idle_until(at).await;
        } else {
            self.clock.sleep_until(at).await;
        }
    }
}

/// Returns the time from one moment to another; zero if the other isn't later.
pub(super) fn time_between(from: Timestamp, to: Timestamp) -> Duration {
    Duration::from_millis(u64::try_from(to.0.saturating_sub(from.0)).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::super::clock::VirtualClock;
    use super::*;

    const OLD: i64 = 1;
    const NEW: i64 = 2;

    fn begun(start: i64) -> (Arc<VirtualClock>, Timekeeper) {
        let clock = Arc::new(VirtualClock::new(Timestamp(start)));
        let time = Timekeeper::new(Arc::clone(&clock) as Arc<dyn Clock>);
        (clock, time)
    }

    #[test]
    fn old_executions_keep_their_time_and_new_ones_have_the_clocks() {
        let (clock, mut time) = begun(1_000_000);
        let cases = [
            // (elapsed ms, jump of the wall clock, time of an old execution afterwards)
            (1_000, 0, 1_001_000),
            (0, 3_600_000, 4_601_000),
            (5, -3_600_000, 4_601_005),
            (60_000, 0, 4_661_005),
            (0, -86_400_000, 4_661_005),
            (7, 0, 4_661_012),
            // A difference of up to a second is waited out for all.
            (0, -999, 4_661_012),
            (1_000, 0, 4_662_012),
        ];
        for (elapsed_ms, jump_ms, expected) in cases {
            clock.advance_ms(elapsed_ms);
            clock.jump_wall_ms(jump_ms);
            let now = time.now(OLD);
            assert_eq!(time.of(OLD, now), Timestamp(expected));
            assert!((time.of(NEW, now).0 - clock.now().0).abs() <= 1_000, "{jump_ms}");
            assert_eq!(time.engine_time(OLD, time.of(OLD, now)), now);
        }
        // The wall clock is right again: all follow it.
        clock.jump_wall_ms(100_000_000);
        let now = time.now(OLD);
        assert_eq!((now, time.of(OLD, now)), (clock.now(), clock.now()));
        // A sleep of the machine also passes for an execution that is ahead.
        clock.jump_wall_ms(-50_000_000);
        let before = time.now(OLD);
        let before = time.of(OLD, before);
        clock.jump_wall_ms(20_000_000);
        let after = time.now(OLD);
        assert_eq!(time.of(OLD, after), before.after_ms(20_000_000));
    }

    #[test]
    fn a_restart_continues_from_the_stored_time_for_old_executions_only() {
        let stored = |now: i64| StoredTime {
            now: Some(Timestamp(now)),
            ahead: Ahead::default(),
        };
        for (at, behind, old) in [
            (900_000, None, 1_000_000),
            (1_000_500, None, 1_000_500),
            (5_000_000, Some(4_000_000), 5_000_000),
        ] {
            let (_, mut time) = begun(1_000_000);
            assert_eq!(time.begin_at(stored(at), OLD), behind);
            let now = time.now(OLD);
            assert_eq!((time.of(OLD, now).0, time.of(NEW, now).0), (old, now.0));
            assert!(now.0 <= 1_000_500, "{at}");
        }
        // The time that was once ahead no longer affects the next start, and old executions keep their time.
        let (_, mut time) = begun(1_000_000);
        time.begin_at(stored(5_000_000), OLD);
        let saved = time.save_due().unwrap_or_default();
        assert_eq!(saved.now, Some(Timestamp(1_000_000)));
        let (_, mut next) = begun(1_600_000);
        assert_eq!(next.begin_at(saved, NEW), None);
        let now = next.now(NEW);
        assert_eq!((next.of(OLD, now).0, next.of(NEW, now).0), (5_600_000, 1_600_000));
    }
}
