//! The time limit of reading a file's syntax: one limit for parser, searches and walks, on the thread that sets it. It
//! counts that thread's processor time, so that a busy machine doesn't change a review's findings.

use std::ops::ControlFlow;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A time on this thread's processor clock.
#[derive(Clone, Copy, Debug)]
pub(super) struct TimeLimit(Duration);

impl TimeLimit {
    /// Returns the time limit that ends after `limit` of work from now.
    pub fn after(limit: Duration) -> Self {
        Self(spent() + limit)
    }

    /// Returns true once the time is up.
    pub fn is_over(self) -> bool {
        spent() >= self.0
    }

    /// Returns whether to continue, in the form that tree-sitter's callbacks return.
    pub fn check(self) -> ControlFlow<()> {
        if self.is_over() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// Returns this thread's processor time.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
