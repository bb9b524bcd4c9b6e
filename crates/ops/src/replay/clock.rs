//! The time of a replay: it jumps over waits and back-offs, and stands still before the days that a person may take
//! until it is told that they passed.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use async_trait::async_trait;
use holdfast_asl::Timestamp;
use tokio::sync::Notify;

use holdfast_engine::Clock;

/// Longer waits than this are a person's; the longest of a model's is an hour.
const MAX_JUMP_MS: i64 = 3_600_000;

/// A clock that nothing has to be waited for on.
#[derive(Debug)]
pub struct ReplayClock {
    now_ms: AtomicI64,
    long_jumps: AtomicU32,
    allowed: Notify,
}

impl ReplayClock {
    /// A clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            now_ms: AtomicI64::new(start.0),
            long_jumps: AtomicU32::new(0),
            allowed: Notify::new(),
        }
    }

    /// Lets the time of one question pass.
    pub fn let_pass(&self) {
        self.long_jumps.fetch_add(1, Ordering::SeqCst);
        self.allowed.notify_one();
    }
}

#[async_trait]
impl Clock for ReplayClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, at: Timestamp) {
        if self.now() < at {
            // Work is under way, and its end wakes the engine.
            std::future::pending::<()>().await;
        }
    }

    async fn sleep_idle_until(&self, at: Timestamp) {
        let may_jump = |left_ms: i64| {
            left_ms <= MAX_JUMP_MS
                || self
                    .long_jumps
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(1))
                    .is_ok()
        };
        while !may_jump(at.0.saturating_sub(self.now().0)) {
            self.allowed.notified().await;
        }
        self.now_ms.fetch_max(at.0, Ordering::SeqCst);
    }
}
