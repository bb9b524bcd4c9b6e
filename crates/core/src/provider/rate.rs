//! Rates by the generic cell rate algorithm. Each grant moves an arrival time forward by its cost, the time in which the
//! limit allows one more such grant. A grant may precede its turn by a tenth of a minute; a larger one goes alone.

use serde::{Deserialize, Serialize};

/// The burst: a tenth of a minute's quota, as the time in which the limit allows it.
pub(super) const BURST_US: u64 = 6_000_000;

/// Maximum cost of a call: a call above a day's quota waits for a day.
const MAX_COST_US: u64 = 86_400_000_000;

/// The cost of a call in both rates, in microseconds; 0 where there is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Cost {
    pub requests_us: u64,
    pub tokens_us: u64,
}

/// The theoretical arrival times of both rates, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct Rates {
    pub requests_us: u64,
    pub tokens_us: u64,
}

impl Rates {
    /// Returns the earliest time from `from_ms` on at which a call conforms to both rates.
    pub fn earliest_ms(&self, cost: Cost, from_ms: u64) -> u64 {
        let requests_us = earliest_us(self.requests_us, cost.requests_us, BURST_US);
        let tokens_us = earliest_us(self.tokens_us, cost.tokens_us, BURST_US);
        from_ms.max(requests_us.max(tokens_us).div_ceil(1000))
    }

    /// Charges a call that is granted at `at_ms`.
    pub fn charge(&mut self, cost: Cost, at_ms: u64) {
        let at_us = at_ms.saturating_mul(1000);
        for (arrival, cost) in [
            (&mut self.requests_us, cost.requests_us),
            (&mut self.tokens_us, cost.tokens_us),
        ] {
            if cost > 0 {
                *arrival = at_us.max(*arrival).saturating_add(cost);
            }
        }
    }

    /// Returns a charge that wasn't used. The burst never exceeds its limit by it.
    pub fn give_back(&mut self, cost: Cost, now_ms: u64) {
        let now_us = now_ms.saturating_mul(1000);
        for (arrival, cost) in [
            (&mut self.requests_us, cost.requests_us),
            (&mut self.tokens_us, cost.tokens_us),
        ] {
            *arrival = arrival.saturating_sub(cost).max(now_us.min(*arrival));
        }
    }

    /// Moves both arrival times back.
    pub fn move_back(&mut self, by_ms: u64) {
        let by_us = by_ms.saturating_mul(1000);
        self.requests_us = self.requests_us.saturating_sub(by_us);
        self.tokens_us = self.tokens_us.saturating_sub(by_us);
    }
}

/// Returns the earliest time of a grant of this cost, which may precede its turn by the burst.
pub(super) fn earliest_us(arrival_us: u64, cost_us: u64, burst_us: u64) -> u64 {
    match cost_us {
        0 => 0,
        _ => arrival_us.saturating_add(cost_us).saturating_sub(burst_us.max(cost_us)),
    }
}

/// Returns the cost of `amount` under a limit in thousandths per minute; 0 without a limit.
pub(super) fn cost_us(amount: u64, milli_per_minute: Option<u64>) -> u64 {
    let Some(rate) = milli_per_minute else { return 0 };
    let cost = u128::from(amount) * 60_000_000_000 / u128::from(rate.max(1));
    u64::try_from(cost).unwrap_or(u64::MAX).min(MAX_COST_US)
}
