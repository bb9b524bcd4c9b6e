//! The moment at which a file's syntax is given up. One for parser, searches and walks: together they have one limit.

use std::ops::ControlFlow;
use std::time::{Duration, Instant};

/// A moment; looked at often.
#[derive(Clone, Copy, Debug)]
pub(super) struct Deadline(Option<Instant>);

impl Deadline {
    /// So long from now.
    pub fn after(limit: Duration) -> Self {
        Self(Instant::now().checked_add(limit))
    }

    /// Whether it has come.
    pub fn is_over(self) -> bool {
        self.0.is_some_and(|end| Instant::now() >= end)
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
