//! A model provider as all reviews share it: its [budget] of requests, tokens and concurrent calls, and its circuit
//! [breaker]; and the [writes](github_writes) to GitHub. All are states of a log ([`crate::logs`]), so callers on many machines change them without conflicts.
//!
//! Times are milliseconds since 1970 by the caller's clock. Callers' clocks may differ by up to [`MAX_SKEW_MS`].
//! `clock` joins them, `rate` spreads calls over time, `share` orders waiting calls fairly, `learned` adapts limits, `speed`
//! notices a slow provider. [`PacedModel`] makes the calls; while a provider is down, [`FallbackModel`] asks another
//! model; [`BatchedModel`] hands calls that nobody waits for over in batches. [`PacedWrites`] gives writes to GitHub their
//! turns.

mod batched_model;
pub mod breaker;
pub mod budget;
mod clock;
mod entry;
mod fallback_model;
pub mod github_writes;
mod learned;
mod paced_model;
mod paced_writes;
mod provider_state;
mod purse;
mod rate;
mod reservation;
mod share;
mod speed;
mod spend;
mod terms;

pub use batched_model::{BatchPorts, BatchedModel};
pub use breaker::{Breaker, BreakerAnswer, BreakerEntry};
pub use budget::Budget;
pub use clock::MAX_SKEW_MS;
pub use entry::{Answer, BudgetEntry, Settled, WaitReason};
pub use fallback_model::FallbackModel;
pub use paced_model::PacedModel;
pub use paced_writes::PacedWrites;
pub use provider_state::{ProviderAnswer, ProviderEntry, ProviderState, Refusal, Step};
pub use purse::{SpendLimits, month_of};
pub use spend::{Spend, SpendAnswer, SpendEntry};
pub use terms::Terms;

use sha2::{Digest, Sha256};

/// Returns a short identity of a name: two names of one row never share it, in practice.
fn digest(name: &str) -> u64 {
    Sha256::digest(name)
        .iter()
        .take(8)
        .fold(0, |sum, byte| (sum << 8) | u64::from(*byte))
}
