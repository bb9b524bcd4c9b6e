//! The quality of a model's answers: what is measured, and a drop of it.

/// What is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// First answers that pass all checks.
    Validity,
    /// Findings that were fixed, of those that were fixed or dismissed.
    Acceptance,
}

impl Measure {
    /// Returns its name in keys and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Validity => "validity",
            Self::Acceptance => "acceptance",
        }
    }
}

/// A drop that wasn't reported yet: shares in percent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drop {
    /// Of the last outcomes.
    pub recent: u64,
    /// Of those before them.
    pub history: u64,
}
