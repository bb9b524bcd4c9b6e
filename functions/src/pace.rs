//! The time of a function: its clock, and short rests. Each event has a process of its own, so none wakes another.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use holdfast_core::port::Pace;

/// The longest rest, in milliseconds: a function is paid for while it rests, a state's wait is not.
const LONGEST_REST_MS: u64 = 2_000;

/// Rests in this function.
pub struct FunctionPace;

#[async_trait]
impl Pace for FunctionPace {
    fn now_ms(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
    }

    fn longest_rest_ms(&self) -> u64 {
        LONGEST_REST_MS
    }

    async fn rest(&self, _call: u64, ms: u64) {
        tokio::time::sleep(Duration::from_millis(ms.min(LONGEST_REST_MS))).await;
    }

    fn wake(&self, _calls: &[u64]) {}
}
