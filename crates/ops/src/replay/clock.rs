//! A replay's clock. It jumps over waits and back-offs. At a person's wait of days it stops until the replay lets that
//! time pass.

use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};

use async_trait::async_trait;
use holdfast_asl::Timestamp;
use tokio::sync::Notify;

use holdfast_engine::Clock;

/// The longest wait that the clock jumps over by itself, in ms: waits for a service take little more than an hour at
/// most, longer ones are a person's.
const MAX_JUMP_MS: i64 = 4_000_000;

/// A clock on which no wait takes real time.
#[derive(Debug)]
pub struct ReplayClock {
    now_ms: AtomicI64,
    long_jumps: AtomicU32,
    allowed: Notify,
}

impl ReplayClock {
    /// Creates a clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            now_ms: AtomicI64::new(start.0),
            long_jumps: AtomicU32::new(0),
            allowed: Notify::new(),
        }
    }

    /// Lets the time of one approval question pass.
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
            // Work is in flight, and its end wakes the engine.
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
