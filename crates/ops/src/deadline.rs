//! Deadlines on this machine.

use std::time::{Duration, Instant};

use holdfast_core::port::Deadline;

/// A moment after which work stops.
pub(crate) struct Until(Option<Instant>);

impl Until {
    /// Returns the moment after `time` from now. A time too long for the clock means no deadline.
    pub(crate) fn after(time: Duration) -> Self {
        Self(Instant::now().checked_add(time))
    }
}

impl Deadline for Until {
    fn time_left(&self) -> Duration {
        self.0
            .map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()))
    }
}
