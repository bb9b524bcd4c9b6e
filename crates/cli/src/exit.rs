//! The program's exit statuses.

use holdfast_ops::failure::FailureKind;

/// Exit statuses. A completed review ends with `Clean` or `Found`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// Success; a review has no finding at or above `--fail-on`.
    Clean = 0,
    /// A review has a finding at or above `--fail-on`, or a replay differs.
    Found = 1,
    /// A usage or configuration error: fix it and rerun.
    Usage = 2,
    /// The command couldn't be completed.
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
