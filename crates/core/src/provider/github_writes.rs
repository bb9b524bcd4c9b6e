//! The writes of an account on GitHub as all reviews share them: a rate for a minute and one for an hour, and the end of
//! the last refusal. The state of a log ([`crate::logs`]).

use serde::{Deserialize, Serialize};

use super::clock::{advance, move_back};
use super::rate::earliest_us;
use crate::logs::State;

/// Number of writes that may follow each other at once: at most under the rate of a minute, and under that of an hour.
const MAX_MINUTE_BURST: u32 = 10;
const HOUR_BURST: u64 = 50;
/// Maximum number of turns that are kept. A further write comes back without one.
const MAX_KEPT: usize = 1_000;
/// The time after its turn for which a write keeps it, in milliseconds: longer than a state waits beyond it.
const KEPT_MS: u64 = 600_000;
/// The longest refusal that is believed, in milliseconds.
const MAX_REFUSAL_MS: u64 = 3_600_000;

/// The limits of an account.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct WriteLimits {
    /// Writes a minute on average, at least one.
    pub per_minute: u32,
    /// Writes that may follow each other at once, at least one. Any minute has at most this many above the average.
    pub burst: u32,
    /// Writes in any hour, at least 100; none where the server has no such limit.
    pub per_hour: Option<u32>,
}

impl WriteLimits {
    /// GitHub's own limits.
    const PER_MINUTE: u32 = 80;
    const PER_HOUR: u32 = 500;

    /// Returns the limits of a deployment that sends `per_minute` writes on average. Up to 80, GitHub's own limits hold
    /// in any minute and in any hour; above, the server is one with other limits.
    pub fn of(per_minute: u32) -> Self {
        let is_github = per_minute <= Self::PER_MINUTE;
        let burst = match is_github {
            true => (Self::PER_MINUTE - per_minute).clamp(1, MAX_MINUTE_BURST),
            false => MAX_MINUTE_BURST,
        };
        Self {
            per_minute,
            burst,
            per_hour: is_github.then_some(Self::PER_HOUR),
        }
    }

    fn minute_cost_us(self) -> u64 {
        60_000_000 / u64::from(self.per_minute.max(1))
    }

    /// Returns the cost of a write in the hour's rate: with the burst, no hour has more than the limit.
    fn hour_cost_us(self) -> Option<u64> {
        let per_hour = u64::from(self.per_hour?).max(2 * HOUR_BURST);
        Some(3_600_000_000_u64.div_ceil(per_hour - HOUR_BURST))
    }
}

/// A change of the state.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum GithubWritesEntry {
    /// A write is about to be sent.
    Reserve {
        /// The write's identity: the same in each repetition.
        write: u64,
        /// The caller's time.
        now_ms: u64,
        /// The longest time that the caller waits within its call.
        rest_ms: u64,
        /// The limits in force from now on.
        limits: WriteLimits,
    },
    /// GitHub refused a request because of a limit.
    Refused {
        /// The caller's time.
        now_ms: u64,
        /// The end of the limit.
        until_ms: u64,
    },
}

/// The answer to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GithubWritesAnswer {
    /// The write may be sent after these milliseconds.
    After(u64),
    /// The write has to come back after these milliseconds.
    Later(u64),
    /// The refusal is recorded.
    Noted,
}

/// The theoretical arrival times of both rates, in microseconds since 1970.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Arrivals {
    minute_us: u64,
    hour_us: u64,
}

impl Arrivals {
    fn earliest_ms(self, limits: WriteLimits, from_ms: u64) -> u64 {
        let of = |arrival: u64, cost: u64, burst: u64| earliest_us(arrival, cost, burst.saturating_mul(cost));
        let minute = of(self.minute_us, limits.minute_cost_us(), limits.burst.into());
        let hour = (limits.hour_cost_us()).map_or(0, |cost| of(self.hour_us, cost, HOUR_BURST));
        from_ms.max(minute.max(hour).div_ceil(1_000))
    }

    fn charge(&mut self, limits: WriteLimits, at_ms: u64) {
        let at_us = at_ms.saturating_mul(1_000);
        self.minute_us = self.minute_us.max(at_us).saturating_add(limits.minute_cost_us());
        self.hour_us = (self.hour_us.max(at_us)).saturating_add(limits.hour_cost_us().unwrap_or(0));
    }
}

/// A write that comes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Kept {
    write: u64,
    at_ms: u64,
}

/// The writes of one account.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct GithubWrites {
    now_ms: u64,
    sent: Arrivals,
    refused_until_ms: u64,
    /// In the order of their turns.
    kept: Vec<Kept>,
}

impl State for GithubWrites {
    type Entry = GithubWritesEntry;
    type Answer = GithubWritesAnswer;

    fn apply(&mut self, entry: &GithubWritesEntry) -> GithubWritesAnswer {
        match *entry {
            GithubWritesEntry::Reserve {
                write,
                now_ms,
                rest_ms,
                limits,
            } => {
                self.advance(now_ms);
                self.reserve(write, rest_ms, limits)
            }
            GithubWritesEntry::Refused { now_ms, until_ms } => {
                self.advance(now_ms);
                let latest_ms = self.now_ms.saturating_add(MAX_REFUSAL_MS);
                self.refused_until_ms = self.refused_until_ms.max(until_ms.min(latest_ms));
                GithubWritesAnswer::Noted
            }
        }
    }
}

impl GithubWrites {
    /// Returns the time for which GitHub still refuses requests, in milliseconds; 0 if it doesn't.
    pub const fn refused_ms(&self, now_ms: u64) -> u64 {
        self.refused_until_ms.saturating_sub(now_ms)
    }

    fn advance(&mut self, seen_ms: u64) {
        if let Some(by_ms) = advance(&mut self.now_ms, seen_ms) {
            let by_us = by_ms.saturating_mul(1_000);
            self.sent.minute_us = self.sent.minute_us.saturating_sub(by_us);
            self.sent.hour_us = self.sent.hour_us.saturating_sub(by_us);
            move_back(&mut self.refused_until_ms, by_ms);
            self.kept.iter_mut().for_each(|kept| move_back(&mut kept.at_ms, by_ms));
        }
        let now_ms = self.now_ms;
        self.kept.retain(|kept| kept.at_ms.saturating_add(KEPT_MS) >= now_ms);
    }

    /// Gives a write its turn, behind those that are kept for writes before it. Only a write that may be sent is
    /// charged, at the time at which it is sent: writes that come back late together are spread again.
    fn reserve(&mut self, write: u64, rest_ms: u64, limits: WriteLimits) -> GithubWritesAnswer {
        let from_ms = self.now_ms.max(self.refused_until_ms);
        let own = self.kept.iter().position(|kept| kept.write == write);
        let before = own.unwrap_or(self.kept.len());
        let mut ahead = self.sent;
        for kept in self.kept.iter().take(before) {
            let at_ms = ahead.earliest_ms(limits, from_ms.max(kept.at_ms));
            ahead.charge(limits, at_ms);
        }
        let own_ms = own.and_then(|place| self.kept.get(place)).map_or(0, |kept| kept.at_ms);
        let at_ms = ahead.earliest_ms(limits, from_ms.max(own_ms));
        let wait_ms = at_ms.saturating_sub(self.now_ms);
        if wait_ms <= rest_ms {
            self.kept.retain(|kept| kept.write != write);
            self.sent.charge(limits, at_ms);
            return GithubWritesAnswer::After(wait_ms);
        }
        if let Some(kept) = own.and_then(|place| self.kept.get_mut(place)) {
            kept.at_ms = at_ms;
        } else if self.kept.len() < MAX_KEPT {
            self.kept.push(Kept { write, at_ms });
        }
        GithubWritesAnswer::Later(wait_ms)
    }
}
