//! The entries of the budget's log, and their answers.

use crate::model::provider_limits::{Limits, ObservedLimits};
use serde::{Deserialize, Serialize};

/// A change of the budget.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BudgetEntry {
    /// A call is about to start. Each return after a wait, and each retry, is another entry for the same call.
    Reserve {
        /// The call's identity: the same in each retry.
        call: String,
        /// The tenant: the installation.
        tenant: String,
        /// The tenant's shares, at least 1.
        shares: u8,
        /// The run.
        run: String,
        /// True if the call precedes others of its run.
        urgent: bool,
        /// Estimated input tokens.
        tokens: u64,
        /// The caller's time.
        now_ms: u64,
        /// Milliseconds after the grant, or after the end of a wait, in which the call settles or reserves again.
        /// Otherwise its run has died. At least the call's time limit and [`MAX_SKEW_MS`](super::MAX_SKEW_MS).
        hold_ms: u64,
        /// The limits in force from now on.
        limits: Limits,
    },
    /// A call has ended, or isn't needed any more.
    Settle {
        /// The call's identity.
        call: String,
        /// The caller's time.
        now_ms: u64,
        /// The outcome.
        outcome: Settled,
    },
}

/// The outcome of a call.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Settled {
    /// The provider answered.
    Answered {
        /// Input tokens that the provider counted.
        input_tokens: u64,
        /// True if answers take much longer than usual.
        slower: bool,
        /// The limits in the answer's headers.
        observed: Option<ObservedLimits>,
    },
    /// The provider refused the call because of a limit or an overload.
    Refused {
        /// The wait that the provider named.
        retry_after_ms: Option<u64>,
        /// The limits in the answer's headers.
        observed: Option<ObservedLimits>,
    },
    /// The call failed otherwise. It may have been counted.
    Failed,
    /// The call wasn't sent.
    NotSent,
}

/// The answer to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Answer {
    /// The call may be sent now.
    Granted,
    /// The call has to come back after a wait.
    Wait {
        /// Milliseconds until its turn, from now.
        ms: u64,
        /// The reason.
        why: WaitReason,
    },
    /// The outcome is recorded.
    Settled,
}

/// The limit that a call waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WaitReason {
    /// Requests per minute.
    Requests,
    /// Input tokens per minute.
    Tokens,
    /// Concurrent calls.
    Concurrency,
    /// The provider refused a call, and nobody may call before the time that it named.
    Refused,
}
