//! The limits of a provider: configured, observed in its answers, and lowered after its refusals. A refusal halves the
//! limits once for each burst; answers raise them again, by a tenth in a minute. Slow answers lower the calls in flight. A refusal doesn't state which limit it
//! means: without a known rate, the calls in flight are halved first, and only a refusal that names a longer wait, or that
//! they don't explain, shows a rate.

use serde::{Deserialize, Serialize};

use super::clock::move_back;
use super::entry::WaitReason;
use crate::model::provider_limits::{Limits, ObservedLimits};

/// The limits in force. Rates are thousandths per minute; none is no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effective {
    pub requests: Option<u64>,
    pub tokens: Option<u64>,
    pub concurrent: u32,
}

impl Effective {
    /// Returns true if a rate is lower than in `before`.
    pub fn is_slower_than(&self, before: &Self) -> bool {
        let speed = |rate: Option<u64>| rate.unwrap_or(u64::MAX);
        speed(self.requests) < speed(before.requests) || speed(self.tokens) < speed(before.tokens)
    }
}

/// Milliseconds of the window that counts grants.
const WINDOW_MS: u64 = 60_000;

/// Maximum wait after a refusal that names no time.
const MAX_BACKOFF_MS: u64 = 60_000;

/// A known rate is lowered to this part of it at most: a longer overload is the backoff's and the breaker's part.
const MAX_DECREASE: u64 = 16;

/// Answers in a minute from which a refusal shows that they exceed an unknown limit: a provider that has answered fewer is
/// overloaded. A rate that is learned so isn't lowered below it.
const MIN_EVIDENCE: u64 = 10;

/// Time of steady grants from which a refusal shows a limit of a minute, in milliseconds: a burst meets any limit.
const STEADY_MS: u64 = 15_000;

/// A wait that a refusal names, from which it means a limit of a minute, in milliseconds: a call in flight ends sooner.
const RATE_WAIT_MS: u64 = 2_000;

/// The thousandths of one.
const MILLI: u64 = 1000;

/// A limit below the known one, in thousandths.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Lowered {
    milli: u64,
    /// The limit that the provider refused.
    refused_milli: u64,
}

impl Lowered {
    /// Halves a refused limit, down to a part of the known one.
    fn half_of(refused_milli: u64, known_milli: Option<u64>) -> Self {
        let least_milli = known_milli.unwrap_or(0) / MAX_DECREASE;
        Self {
            milli: (refused_milli / 2).max(least_milli).max(MILLI),
            refused_milli,
        }
    }

    /// Grows with an answer that used `amount` of the limit. Returns none once it is lowered no longer.
    fn grown(self, amount: u64, known_milli: Option<u64>) -> Option<Self> {
        let step_milli = (self.refused_milli / 10).max(MILLI);
        let more = u128::from(step_milli) * u128::from(amount) * u128::from(MILLI) / u128::from(self.milli.max(1));
        let milli = self.milli.saturating_add(u64::try_from(more).unwrap_or(u64::MAX));
        // Without a known limit: twice the refused one without a refusal shows that it wasn't the limit.
        let end = known_milli.unwrap_or(self.refused_milli.saturating_mul(2));
        (milli < end).then_some(Self { milli, ..self })
    }
}

/// Limits that the provider's answers and refusals taught.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Learned {
    observed_requests: Option<u32>,
    observed_tokens: Option<u64>,
    requests: Option<Lowered>,
    tokens: Option<Lowered>,
    concurrent: Option<Lowered>,
    /// The time of the last decrease.
    decreased_ms: u64,
    /// Decreases since the last answer.
    strikes: u32,
    /// The first grant since the last idle minute.
    busy_since_ms: u64,
    window_ms: u64,
    granted: u32,
    granted_before: u32,
    answered: u32,
    answered_before: u32,
}

impl Learned {
    /// Returns the limits in force: the lowest of the configured, the observed and the lowered ones.
    pub fn effective(&self, limits: &Limits) -> Effective {
        let known = self.known(limits);
        let lowest = |known: Option<u64>, lowered: Option<Lowered>| {
            let lowered = lowered.map(|lowered| lowered.milli);
            known.into_iter().chain(lowered).min()
        };
        let concurrent = self.concurrent.map_or(u64::MAX, |lowered| lowered.milli / MILLI);
        Effective {
            requests: lowest(known.requests, self.requests),
            tokens: lowest(known.tokens, self.tokens),
            concurrent: known
                .concurrent
                .min(u32::try_from(concurrent).unwrap_or(u32::MAX))
                .max(1),
        }
    }

    /// Returns whether the limit of a wait is a configured one: nothing that the provider stated or refused is lower.
    pub fn is_configured(&self, limits: &Limits, why: WaitReason) -> bool {
        let effective = self.effective(limits);
        let is_rate = |configured: Option<u64>, effective: Option<u64>| {
            configured.is_some_and(|configured| effective == Some(configured.max(1).saturating_mul(MILLI)))
        };
        match why {
            WaitReason::Requests => is_rate(limits.requests_per_minute.map(u64::from), effective.requests),
            WaitReason::Tokens => is_rate(limits.input_tokens_per_minute, effective.tokens),
            WaitReason::Concurrency => effective.concurrent == limits.concurrent.max(1),
            WaitReason::Refused => false,
        }
    }

    fn known(&self, limits: &Limits) -> Effective {
        let milli = |limit: u64| limit.max(1).saturating_mul(MILLI);
        let requests = limits
            .requests_per_minute
            .into_iter()
            .chain(self.observed_requests)
            .min();
        let tokens = limits
            .input_tokens_per_minute
            .into_iter()
            .chain(self.observed_tokens)
            .min();
        Effective {
            requests: requests.map(|requests| milli(u64::from(requests))),
            tokens: tokens.map(milli),
            concurrent: limits.concurrent.max(1),
        }
    }

    /// Stores the limits of an answer's headers. A limit of 0 is no limit of a minute and is ignored.
    pub fn observe(&mut self, observed: &ObservedLimits) {
        let requests = observed.requests_per_minute.filter(|limit| *limit > 0);
        let tokens = observed.input_tokens_per_minute.filter(|limit| *limit > 0);
        self.observed_requests = requests.or(self.observed_requests);
        self.observed_tokens = tokens.or(self.observed_tokens);
    }

    /// Counts a grant.
    pub fn count(&mut self, now_ms: u64) {
        self.turn(now_ms);
        self.granted = self.granted.saturating_add(1);
        if self.busy_since_ms == 0 {
            self.busy_since_ms = now_ms;
        }
    }

    /// Raises lowered limits after an answer; the calls in flight only if answers don't take longer than usual.
    pub fn raise(&mut self, limits: &Limits, tokens: u64, slower: bool) {
        self.strikes = 0;
        self.answered = self.answered.saturating_add(1);
        let known = self.known(limits);
        let concurrent = u64::from(known.concurrent).saturating_mul(MILLI);
        self.requests = self.requests.and_then(|lowered| lowered.grown(1, known.requests));
        self.tokens = self.tokens.and_then(|lowered| lowered.grown(tokens, known.tokens));
        if !slower {
            self.concurrent = self.concurrent.and_then(|lowered| lowered.grown(1, Some(concurrent)));
        }
    }

    /// Halves the limits after the refusal of a call: the time of its grant, the calls in flight with it, and the wait that
    /// the provider named. The calls that were granted before the last decrease don't count again: they are of the same burst.
    pub fn lower(&mut self, limits: &Limits, refused: (u64, u64, Option<u64>), now_ms: u64) {
        let (granted_ms, flying, named_ms) = refused;
        if granted_ms <= self.decreased_ms {
            return;
        }
        self.decreased_ms = now_ms;
        self.strikes = self.strikes.saturating_add(1);
        let (known, effective) = (self.known(limits), self.effective(limits));
        self.turn(now_ms);
        // Without a limit, the rate at which calls were granted is the refused one.
        let rest_ms = WINDOW_MS.saturating_sub(now_ms - self.window_ms);
        let before = u64::from(self.granted_before) * rest_ms / WINDOW_MS;
        let answered_before = u64::from(self.answered_before) * rest_ms / WINDOW_MS;
        let answered = u64::from(self.answered).saturating_add(answered_before);
        // The provider has accepted as many in the last minute: no lower limit is needed.
        let accepted = answered.saturating_mul(MILLI) * 4 / 5;
        let recent = u64::from(self.granted)
            .saturating_add(before)
            .max(1)
            .saturating_mul(MILLI);
        let is_steady = self.concurrent.is_none() && now_ms.saturating_sub(self.busy_since_ms) >= STEADY_MS;
        let is_named = named_ms.is_some_and(|named_ms| named_ms >= RATE_WAIT_MS);
        let shows_rate = (is_named || is_steady || flying <= 1) && answered >= MIN_EVIDENCE;
        let refused = effective.requests.or(shows_rate.then_some(recent));
        // A provider that refuses everything since the last decrease is overloaded: its limits aren't lower.
        let is_overload = self.strikes > 1;
        if self.requests.is_none() || !is_overload {
            self.requests = refused.map(|refused| {
                let half = Lowered::half_of(refused, known.requests.or(Some(MIN_EVIDENCE * MILLI * MAX_DECREASE)));
                Lowered {
                    milli: half.milli.max(accepted.min(refused)),
                    ..half
                }
            });
        }
        if self.tokens.is_none() || !is_overload {
            self.tokens = effective.tokens.map(|refused| Lowered::half_of(refused, known.tokens));
        }
        let flying = u64::from(effective.concurrent).min(flying.max(1));
        self.concurrent = Some(Lowered::half_of(flying.saturating_mul(MILLI), None));
    }

    /// Lowers the calls in flight by a quarter while answers take longer than usual, down to half of the configured
    /// ones: fewer calls may be answered as fast as before, but the cause may also be another one. `answered` is the time
    /// of the answered call's grant, and the calls in flight with it. The calls that were granted before the last decrease
    /// don't count again.
    pub fn slow_down(&mut self, limits: &Limits, answered: (u64, u64), now_ms: u64) {
        let (granted_ms, flying) = answered;
        let allowed = u64::from(self.effective(limits).concurrent);
        let is_used = flying.saturating_mul(2) > allowed;
        if granted_ms <= self.decreased_ms || !is_used {
            return;
        }
        self.decreased_ms = now_ms;
        let allowed_milli = allowed.saturating_mul(MILLI);
        let least_milli = u64::from(limits.concurrent.max(1)).saturating_mul(MILLI) / 2;
        let milli = (allowed_milli / 4 * 3).max(least_milli).max(MILLI);
        if milli < allowed_milli {
            self.concurrent = Some(Lowered {
                milli,
                refused_milli: allowed_milli,
            });
        }
    }

    /// Returns the wait after a refusal that names no time: longer with each one since the last answer.
    pub fn backoff_ms(&self) -> u64 {
        MAX_BACKOFF_MS.min(1000 << self.strikes.saturating_sub(1).min(6))
    }

    /// Moves all times back.
    pub fn move_back(&mut self, by_ms: u64) {
        move_back(&mut self.decreased_ms, by_ms);
        move_back(&mut self.window_ms, by_ms);
        move_back(&mut self.busy_since_ms, by_ms);
    }

    fn turn(&mut self, now_ms: u64) {
        let elapsed_ms = now_ms.saturating_sub(self.window_ms);
        if elapsed_ms >= WINDOW_MS {
            let was_last = elapsed_ms < 2 * WINDOW_MS;
            if !was_last {
                self.busy_since_ms = 0;
            }
            self.granted_before = if was_last { self.granted } else { 0 };
            self.answered_before = if was_last { self.answered } else { 0 };
            (self.granted, self.answered) = (0, 0);
            self.window_ms = now_ms - elapsed_ms % WINDOW_MS;
        }
    }
}
