//! Clocks and randomness: the system's, and a virtual clock that jumps from timer to timer.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use holdfast_asl::{Entropy, Timestamp};
use sha2::{Digest, Sha256};
use tokio::sync::Notify;

use super::error::EngineError;
use super::port::Clock;

/// Maximum sleep before the wall clock is checked again: it may have been set, or the machine may have slept.
const MAX_SLEEP_MS: u64 = 10_000;

/// The system's wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

#[async_trait]
impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Timestamp(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }

    fn steady_ms(&self) -> i64 {
        static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
        i64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(i64::MAX)
    }

    async fn sleep_until(&self, at: Timestamp) {
        let left_ms = u64::try_from(at.0.saturating_sub(self.now().0)).unwrap_or(0);
        tokio::time::sleep(Duration::from_millis(left_ms.min(MAX_SLEEP_MS))).await;
    }
}

/// A clock that stands still until a test moves it. When only time can cause the next event, it jumps to that event.
#[derive(Debug)]
pub struct VirtualClock {
    now_ms: AtomicI64,
    /// Difference between the wall clock and the time that has passed.
    set_by_ms: AtomicI64,
    moved: Notify,
}

impl VirtualClock {
    /// Returns a clock that shows `start`.
    pub fn new(start: Timestamp) -> Self {
        Self {
            now_ms: AtomicI64::new(start.0),
            set_by_ms: AtomicI64::new(0),
            moved: Notify::new(),
        }
    }

    /// Lets time pass.
    pub fn advance_ms(&self, milliseconds: i64) {
        self.now_ms.fetch_add(milliseconds, Ordering::SeqCst);
        self.wake();
    }

    /// Sets the wall clock forward or back while no time passes.
    pub fn jump_wall_ms(&self, milliseconds: i64) {
        self.set_by_ms.fetch_add(milliseconds, Ordering::SeqCst);
        self.wake();
    }

    fn wake(&self) {
        self.moved.notify_waiters();
        self.moved.notify_one();
    }
}

#[async_trait]
impl Clock for VirtualClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.now_ms.load(Ordering::SeqCst)).after_ms(self.set_by_ms.load(Ordering::SeqCst))
    }

    fn steady_ms(&self) -> i64 {
        self.now_ms.load(Ordering::SeqCst)
    }

    async fn sleep_until(&self, at: Timestamp) {
        if self.now() < at {
            self.moved.notified().await;
        }
    }

    async fn sleep_idle_until(&self, at: Timestamp) {
        let passed = at.after_ms(-self.set_by_ms.load(Ordering::SeqCst));
        self.now_ms.fetch_max(passed.0, Ordering::SeqCst);
    }
}

/// Randomness from the operating system.
#[derive(Debug)]
pub struct SystemEntropy {
    /// The seed that is used if the system no longer gives random bytes.
    reserve: [u8; 32],
}

impl SystemEntropy {
    /// Reads random bytes from the system once, so that later calls always have a seed.
    ///
    /// # Errors
    /// The system gives no random bytes.
    pub fn new() -> Result<Self, EngineError> {
        let mut reserve = [0; 32];
        getrandom::fill(&mut reserve).map_err(|error| EngineError::EntropyUnavailable {
            detail: error.to_string(),
        })?;
        Ok(Self { reserve })
    }
}

impl Entropy for SystemEntropy {
    fn fill(&mut self, bytes: &mut [u8]) {
        if getrandom::fill(bytes).is_ok() {
            return;
        }
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::new()
                .chain_update(b"block")
                .chain_update(self.reserve)
                .finalize();
            self.reserve = Sha256::new()
                .chain_update(b"next")
                .chain_update(self.reserve)
                .finalize()
                .into();
            chunk.copy_from_slice(&block[..chunk.len()]);
        }
    }
}
