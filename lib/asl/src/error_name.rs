//! The error names that the language reserves, and the matching of `ErrorEquals`.

/// A name that the States Language reserves.
#[derive(Copy, Clone, Debug, PartialEq, Eq)]
pub enum ErrorName {
    /// Matches every error but the two terminal ones.
    All,
    /// A payload was too large. Only its own name matches it.
    DataLimitExceeded,
    /// The machine itself is at fault. Only its own name matches it.
    Runtime,
    /// A task failed: matches every error but a time-out.
    TaskFailed,
    /// A task or the execution took too long.
    Timeout,
    /// A task's heartbeat did not come.
    HeartbeatTimeout,
    /// An expression failed or returned nothing.
    QueryEvaluationError,
    /// Reserved for a Choice without a match; AWS raises `States.Runtime` there, and so does this engine.
    NoChoiceMatched,
    /// A branch of a Parallel failed.
    BranchFailed,
    /// Too many items of a map failed.
    ExceedToleratedFailureThreshold,
    /// A map's items could not be read.
    ItemReaderFailed,
    /// A map's results could not be written.
    ResultWriterFailed,
    /// The role doesn't permit the action.
    Permissions,
}

impl ErrorName {
    /// Every reserved name.
    pub const ALL: [Self; 13] = [
        Self::All,
        Self::DataLimitExceeded,
        Self::Runtime,
        Self::TaskFailed,
        Self::Timeout,
        Self::HeartbeatTimeout,
        Self::QueryEvaluationError,
        Self::NoChoiceMatched,
        Self::BranchFailed,
        Self::ExceedToleratedFailureThreshold,
        Self::ItemReaderFailed,
        Self::ResultWriterFailed,
        Self::Permissions,
    ];

    /// Returns the name as definitions write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::All => "States.ALL",
            Self::DataLimitExceeded => "States.DataLimitExceeded",
            Self::Runtime => "States.Runtime",
            Self::TaskFailed => "States.TaskFailed",
            Self::Timeout => "States.Timeout",
            Self::HeartbeatTimeout => "States.HeartbeatTimeout",
            Self::QueryEvaluationError => "States.QueryEvaluationError",
            Self::NoChoiceMatched => "States.NoChoiceMatched",
            Self::BranchFailed => "States.BranchFailed",
            Self::ExceedToleratedFailureThreshold => "States.ExceedToleratedFailureThreshold",
            Self::ItemReaderFailed => "States.ItemReaderFailed",
            Self::ResultWriterFailed => "States.ResultWriterFailed",
            Self::Permissions => "States.Permissions",
        }
    }

    /// Returns true if an `ErrorEquals` entry matches an error's name.
    pub fn matches(pattern: &str, error: &str) -> bool {
        let terminal = error == Self::DataLimitExceeded.as_str() || error == Self::Runtime.as_str();
        if pattern == error {
            return true;
        }
        if pattern == Self::All.as_str() {
            return !terminal;
        }
        if pattern == Self::TaskFailed.as_str() {
            return !terminal && error != Self::Timeout.as_str();
        }
        pattern == Self::Timeout.as_str() && error == Self::HeartbeatTimeout.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::ErrorName;

    #[test]
    fn patterns_match_as_in_the_specification() {
        let table = [
            ("States.ALL", "Boom", true),
            ("States.ALL", "States.Timeout", true),
            ("States.ALL", "States.DataLimitExceeded", false),
            ("States.ALL", "States.Runtime", false),
            ("States.DataLimitExceeded", "States.DataLimitExceeded", true),
            ("States.Runtime", "States.Runtime", true),
            ("States.TaskFailed", "Boom", true),
            ("States.TaskFailed", "States.Timeout", false),
            ("States.TaskFailed", "States.Runtime", false),
            ("States.Timeout", "States.Timeout", true),
            ("States.Timeout", "States.HeartbeatTimeout", true),
            ("States.HeartbeatTimeout", "States.Timeout", false),
            ("Boom", "Boom", true),
            ("Boom", "Boom2", false),
        ];
        for (pattern, error, expected) in table {
            assert_eq!(ErrorName::matches(pattern, error), expected, "{pattern} on {error}");
        }
    }
}
