//! The time of this process: its clock, and rests of calls to models that end early when it is a call's turn.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use holdfast_core::port::Pace;
use holdfast_engine::{Clock, SystemClock};
use tokio::sync::Notify;

/// The part of a state's time that a rest and a model call share, in seconds: below the state's `TimeoutSeconds`.
const STATE_S: u64 = 890;
/// The shortest limit of a rest, in seconds.
const SHORT_REST_S: u64 = 2;

/// Rests in this process.
#[derive(Debug)]
pub struct LocalPace {
    longest_rest_ms: u64,
    resting: Mutex<HashMap<u64, Arc<Notify>>>,
}

impl LocalPace {
    /// Makes a pace whose rests leave a state enough time for a model call of `call_s` seconds.
    pub fn beside_calls_of(call_s: u64) -> Self {
        Self {
            longest_rest_ms: STATE_S.saturating_sub(call_s).max(SHORT_REST_S) * 1_000,
            resting: Mutex::default(),
        }
    }

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
        self.longest_rest_ms
    }

    async fn rest(&self, call: u64, ms: u64) {
        let woken = Arc::clone(self.resting().entry(call).or_default());
        let time = Duration::from_millis(ms.min(self.longest_rest_ms));
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
        let pace = Arc::new(LocalPace::beside_calls_of(120));
        pace.rest(1, 1).await;
        assert_eq!(pace.longest_rest_ms(), 770_000);
        assert_eq!(LocalPace::beside_calls_of(900).longest_rest_ms(), 2_000);
        let (resting, begun) = (Arc::clone(&pace), Instant::now());
        let rest = tokio::spawn(async move { resting.rest(1, 60_000).await });
        while pace.resting().is_empty() {
            tokio::task::yield_now().await;
        }
        pace.wake(&[2]);
        tokio::task::yield_now().await;
        assert!(!rest.is_finished(), "another call's turn");
        pace.wake(&[1]);
        rest.await.unwrap();
        assert!(begun.elapsed() < Duration::from_millis(60_000));
        assert!(pace.resting().is_empty());
    }
}
