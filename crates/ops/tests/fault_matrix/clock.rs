//! Virtual time: it jumps over waits and back-offs as soon as nothing else is in flight, and stops at a person's wait
//! of days.

use std::sync::atomic::{AtomicI64, Ordering};

use async_trait::async_trait;
use holdfast_asl::Timestamp;
use holdfast_core::port::Pace;
use holdfast_engine::Clock;
use tokio::sync::Notify;

/// The longest wait that the clock jumps over: longer ones are a person's.
const MAX_JUMP_MS: i64 = 4_000_000;

#[derive(Debug)]
pub struct MatrixClock {
    now_ms: AtomicI64,
    moved: Notify,
}

impl MatrixClock {
    pub fn new() -> Self {
        Self {
            now_ms: AtomicI64::new(1_700_000_000_000),
            moved: Notify::new(),
        }
    }

    pub fn advance_ms(&self, milliseconds: i64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
        self.moved.notify_waiters();
        self.moved.notify_one();
    }
}

#[async_trait]
impl Clock for MatrixClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.load(Ordering::SeqCst))
    }

    async fn sleep_until(&self, at: Timestamp) {
        while self.now() < at {
            self.moved.notified().await;
        }
    }

    async fn sleep_idle_until(&self, at: Timestamp) {
        if at.0.saturating_sub(self.now().0) <= MAX_JUMP_MS {
            self.now_ms.fetch_max(at.0, Ordering::SeqCst);
        } else {
            self.sleep_until(at).await;
        }
    }
}

/// The time of model calls: they never rest, so that every wait is a state.
#[async_trait]
impl Pace for MatrixClock {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.now().0).unwrap_or(0)
    }

    fn longest_rest_ms(&self) -> u64 {
        0
    }

    async fn rest(&self, _call: u64, _ms: u64) {}

    fn wake(&self, _calls: &[u64]) {}
}
