//! The time that a stage may still use. The shell knows the limit and has the clock; core has none.

use std::time::Duration;

/// The deadline of one call of a stage. The shell keeps a margin for the answer, so a stage that stops at zero still
/// answers before it is killed.
pub trait Deadline: Send + Sync {
    /// Returns how long the stage may still work; zero once it must stop.
    fn time_left(&self) -> Duration;

    /// Returns whether the stage must stop.
    fn is_over(&self) -> bool {
        self.time_left().is_zero()
    }
}

/// Returns the same time at every call, for callers that no clock limits.
impl Deadline for Duration {
    fn time_left(&self) -> Duration {
        *self
    }
}
