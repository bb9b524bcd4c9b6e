//! The time limit that Lambda sets for one event, as the stages' deadline.

use std::time::{Duration, SystemTime};

use holdfast_core::port::Deadline;
use lambda_runtime::Context;

/// Part of an event's time that is reserved for the stage's answer.
const MARGIN: Duration = Duration::from_secs(10);

/// The deadlines of a function's events.
pub struct EventDeadlines;

impl EventDeadlines {
    /// Returns the deadline of an event, minus the margin.
    pub fn of(&self, context: &Context) -> EventDeadline {
        EventDeadline(context.deadline() - MARGIN)
    }
}

/// The deadline of one event. Lambda kills the process after the function's `Timeout`.
pub struct EventDeadline(SystemTime);

impl Deadline for EventDeadline {
    fn time_left(&self) -> Duration {
        self.0.duration_since(SystemTime::now()).unwrap_or_default()
    }
}
