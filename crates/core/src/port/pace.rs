//! The port to the time: what the clock shows, and short rests.

use async_trait::async_trait;

/// The clock, and rests within a call of a stage. A longer wait is a state of the workflow.
#[async_trait]
pub trait Pace: Send + Sync {
    /// Returns the time, in milliseconds since 1970.
    fn now_ms(&self) -> u64;
    /// Returns the longest time that a call may rest, in milliseconds.
    fn longest_rest_ms(&self) -> u64;
    /// Returns after `ms` milliseconds, or earlier when `wake` names this call.
    async fn rest(&self, call: u64, ms: u64);
    /// Ends the rests of these calls in this process. It is their turn.
    fn wake(&self, calls: &[u64]);
}
