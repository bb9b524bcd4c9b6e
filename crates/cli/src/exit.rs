//! The program's exit statuses.

use holdfast_ops::failure::FailureKind;

/// Exit statuses. `Clean` and `Found` are reviews that were completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Reviewed, nothing at or above `--fail-on`.
    Clean = 0,
    /// A finding at or above it; or a replay that differs.
    Found = 1,
    /// A usage or configuration error: fix it and rerun.
    Usage = 2,
    /// The review couldn't be completed.
    Incomplete = 3,
}

impl From<FailureKind> for Exit {
    fn from(kind: FailureKind) -> Self {
        match kind {
            FailureKind::Usage => Self::Usage,
            FailureKind::Incomplete => Self::Incomplete,
        }
    }
}
