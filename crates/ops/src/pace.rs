//! The time of this process: its clock, and rests of calls to models that end early when it is a call's turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::port::Pace;
use holdfast_engine::{Clock, SystemClock};
use tokio::sync::Notify;

/// The longest rest, in milliseconds.
const LONGEST_REST_MS: u64 = 300_000;

/// Rests in this process.
#[derive(Debug, Default)]
pub struct LocalPace {
    resting: Mutex<HashMap<u64, Arc<Notify>>>,
}

impl LocalPace {
    fn resting(&self) -> std::sync::MutexGuard<'_, HashMap<u64, Arc<Notify>>> {
        self.resting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Pace for LocalPace {
    fn now_ms(&self) -> u64 {
        u64::try_from(SystemClock.now().0).unwrap_or_default()
    }

    fn longest_rest_ms(&self) -> u64 {
        LONGEST_REST_MS
    }

    async fn rest(&self, call: u64, ms: u64) {
        let woken = Arc::clone(self.resting().entry(call).or_default());
        let time = Duration::from_millis(ms.min(LONGEST_REST_MS));
        let _woken_or_over = tokio::time::timeout(time, woken.notified()).await;
        self.resting().remove(&call);
    }

    fn wake(&self, calls: &[u64]) {
        let resting = self.resting();
        for call in calls {
            if let Some(call) = resting.get(call) {
                call.notify_one();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn a_rest_ends_when_it_is_over_or_when_it_is_the_calls_turn() {
        let pace = Arc::new(LocalPace::default());
        pace.rest(1, 1).await;
        let (resting, begun) = (Arc::clone(&pace), Instant::now());
        let rest = tokio::spawn(async move { resting.rest(1, 60_000).await });
        while pace.resting().is_empty() {
            tokio::task::yield_now().await;
        }
        pace.wake(&[2]);
        tokio::task::yield_now().await;
        assert!(!rest.is_finished(), "another call's turn");
        pace.wake(&[1]);
        assert!(rest.await.is_ok());
        assert!(begun.elapsed() < Duration::from_millis(60_000));
        assert!(pace.resting().is_empty());
    }
}
