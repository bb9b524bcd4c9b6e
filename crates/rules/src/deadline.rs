//! When a file's syntax is given up. One limit for parser, searches and walks together, on the thread that made it. It counts
//! that thread's time on a processor: how busy the machine is does not change what a review finds.

use std::ops::ControlFlow;
use std::time::Duration;

use rustix::time::{ClockId, clock_gettime};

/// A time of this thread's clock; looked at often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Duration);

impl Deadline {
    /// So much work from now.
    pub fn after(limit: Duration) -> Self {
        Self(spent() + limit)
    }

    /// Whether it has come.
    pub fn is_over(self) -> bool {
        spent() >= self.0
    }

    /// In the form that tree-sitter's callbacks return.
    pub fn check(self) -> ControlFlow<()> {
        if self.is_over() {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    }
}

/// What this thread has spent on a processor.
fn spent() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
