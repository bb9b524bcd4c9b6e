//! The budget of a provider's model: requests and input tokens per minute, and concurrent calls. A caller reserves before
//! a call and settles after it. A call that has to wait gets the exact time of its own slot in the rates. If all
//! concurrent calls are taken then, it keeps its place in a fair order and gets an estimated time.

use serde::{Deserialize, Serialize};

use super::clock::advance;
use super::digest;
use super::entry::{Answer, BudgetEntry, Settled, WaitReason};
use super::learned::{Effective, Learned};
use super::rate::{Cost, Rates, cost_us};
use super::reservation::{Reservation, Resumption};
use super::share::{Rivals, Shares, Waiting, is_passed};
use crate::logs::State;
use crate::model::provider_limits::{Limits, ObservedLimits};

/// Maximum number of reservations. A call beyond them waits without one.
pub const MAX_RESERVATIONS: usize = 2000;

/// Milliseconds after the end of its wait in which a call still keeps a free place from the calls behind it.
const PRESENT_MS: u64 = 2000;

/// A free place isn't kept for a call that comes back later than this, in milliseconds.
const SOON_MS: u64 = 500;

/// Bounds of the estimated wait for a concurrent call.
const MIN_ESTIMATE_MS: u64 = 100;
const MAX_ESTIMATE_MS: u64 = 120_000;

/// Assumed duration of a call before the first answer.
const FIRST_DURATION_MS: u64 = 10_000;

/// Bounds of the learned ratio between counted and estimated tokens, in thousandths.
const MIN_COUNTED_MILLI: u64 = 200;
const MAX_COUNTED_MILLI: u64 = 5000;

/// Longest wait that a provider may name: a day. Its answers are a stranger's input.
const MAX_RETRY_AFTER_MS: u64 = 86_400_000;

/// Maximum number of waiting calls that are compared for a free place.
const MAX_WOKEN: usize = 64;

/// Calls come back after a refusal in steps: in each of these at most a fifth of the waiting ones.
const STEP_MS: u64 = 100;

/// The budget, as the base of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Budget {
    now_ms: u64,
    pub(super) limits: Limits,
    pub(super) learned: Learned,
    /// The grants so far. The slots of waiting calls follow from them and from the order of arrival.
    sent: Rates,
    resumption: Resumption,
    /// Counted tokens for each thousand estimated ones; 0 before the first answer.
    counted_milli: u64,
    /// The observed duration of a call; 0 before the first.
    duration_ms: u64,
    shares: Shares,
    /// In the order of arrival, which is the order of slots.
    reservations: Vec<Reservation>,
}

impl State for Budget {
    type Entry = BudgetEntry;
    type Answer = Answer;

    fn apply(&mut self, entry: &BudgetEntry) -> Answer {
        Self::apply(self, entry)
    }
}

impl Budget {
    /// Changes the budget, and returns the answer for the caller of this entry.
    pub fn apply(&mut self, entry: &BudgetEntry) -> Answer {
        match entry {
            BudgetEntry::Reserve {
                call,
                tenant,
                shares,
                run,
                urgent,
                tokens,
                now_ms,
                hold_ms,
                limits,
            } => {
                self.advance(*now_ms);
                self.reservations.retain(|held| !held.is_expired(self.now_ms));
                self.set_limits(*limits);
                let wanted = Reservation {
                    call: digest(call),
                    tenant: short(tenant),
                    shares: (*shares).max(1),
                    run: short(run),
                    tokens: *tokens,
                    charged: 0,
                    slot_ms: 0,
                    since_ms: 0,
                    hold_ms: *hold_ms,
                    passed: 0,
                    urgent: *urgent,
                    granted: false,
                    ticket: false,
                };
                self.reserve(wanted)
            }
            BudgetEntry::Settle { call, now_ms, outcome } => {
                self.advance(*now_ms);
                let call = digest(call);
                let at = self.reservations.iter().position(|held| held.call == call);
                let settled = at.map(|at| self.reservations.remove(at));
                self.settle(settled, outcome, call);
                self.reservations.retain(|held| !held.is_expired(self.now_ms));
                Answer::Settled
            }
        }
    }

    /// Returns the number of calls in flight.
    pub fn in_flight(&self) -> usize {
        self.reservations.iter().filter(|held| held.granted).count()
    }

    /// Returns the number of waiting calls.
    pub fn waiting(&self) -> usize {
        self.reservations.len() - self.in_flight()
    }

    /// Returns the identities of the waiting calls whose turn it is: one for each free concurrent call.
    pub fn next_calls(&self) -> Vec<u64> {
        let free = (self.effective().concurrent as usize).saturating_sub(self.in_flight());
        let all = self.reservations.iter().enumerate();
        let ready: Vec<Waiting> = all
            .filter(|(_, held)| !held.granted && held.slot_ms <= self.now_ms)
            .map(|(at, held)| held.waiting(at))
            .take(MAX_WOKEN)
            .collect();
        let is_next = |call: &&Waiting| self.shares.rank(&ready, call.at, Rivals::Present) < free;
        ready
            .iter()
            .filter(is_next)
            .map(|call| self.reservations[call.at].call)
            .collect()
    }

    /// Returns the number of concurrent calls that are allowed now.
    pub fn concurrent(&self) -> u32 {
        self.effective().concurrent
    }

    fn effective(&self) -> Effective {
        self.learned.effective(&self.limits)
    }

    fn advance(&mut self, seen_ms: u64) {
        let Some(by_ms) = advance(&mut self.now_ms, seen_ms) else {
            return;
        };
        self.sent.move_back(by_ms);
        self.learned.move_back(by_ms);
        self.resumption.move_back(by_ms);
        for held in &mut self.reservations {
            held.move_back(by_ms);
        }
    }

    /// A lowered rate moves the slots of waiting calls.
    fn set_limits(&mut self, limits: Limits) {
        let before = self.effective();
        self.limits = limits;
        if self.effective().is_slower_than(&before) {
            self.plan();
        }
    }

    /// Returns the tokens to charge for an estimate.
    fn expected(&self, estimated: u64) -> u64 {
        match self.counted_milli {
            0 => estimated,
            counted_milli => estimated.saturating_mul(counted_milli).div_ceil(1000),
        }
    }

    /// Returns the cost of a call with this estimate.
    fn cost(&self, estimated: u64) -> Cost {
        Cost {
            requests_us: cost_us(1, self.effective().requests),
            ..self.token_cost(self.expected(estimated))
        }
    }

    fn token_cost(&self, tokens: u64) -> Cost {
        Cost {
            tokens_us: cost_us(tokens, self.effective().tokens),
            requests_us: 0,
        }
    }

    /// Moves the slots of waiting calls later where they no longer conform. Their order stays.
    fn plan(&mut self) {
        let now_ms = self.now_ms;
        if self.resumption.next_ms > now_ms {
            self.resumption.next_ms = self.resumption.from_ms.max(now_ms + 1);
        }
        let (mut rates, mut last_ms) = (self.sent, now_ms);
        for at in 0..self.reservations.len() {
            let held = self.reservations[at];
            if held.granted {
                continue;
            }
            let cost = self.cost(held.tokens);
            let slot_ms = rates.earliest_ms(cost, held.slot_ms.max(last_ms));
            last_ms = self.resumption.slot(slot_ms, now_ms);
            rates.charge(cost, last_ms);
            self.reservations[at].slot_ms = last_ms;
        }
    }

    /// Returns the slot of a new call: after all that wait.
    fn new_slot(&mut self, tokens: u64) -> u64 {
        let (mut rates, mut last_ms) = (self.sent, self.now_ms);
        for held in self.reservations.iter().filter(|held| !held.granted) {
            rates.charge(self.cost(held.tokens), held.slot_ms);
            last_ms = last_ms.max(held.slot_ms);
        }
        let slot_ms = rates.earliest_ms(self.cost(tokens), last_ms);
        self.resumption.slot(slot_ms, self.now_ms)
    }

    fn reserve(&mut self, wanted: Reservation) -> Answer {
        let found = self.reservations.iter().position(|held| held.call == wanted.call);
        let at = match found {
            Some(at) => {
                let held = &mut self.reservations[at];
                held.hold_ms = wanted.hold_ms;
                if held.granted {
                    // A retry holds from now on; the time of its grant stays.
                    let elapsed_ms = self.now_ms.saturating_sub(held.since_ms);
                    held.hold_ms = wanted.hold_ms.saturating_add(elapsed_ms);
                    return Answer::Granted;
                }
                at
            }
            None if self.reservations.len() >= MAX_RESERVATIONS => return self.overflow(),
            None => {
                let slot_ms = self.new_slot(wanted.tokens);
                self.reservations.push(Reservation { slot_ms, ..wanted });
                self.reservations.len() - 1
            }
        };
        self.answer(at)
    }

    /// Returns the answer to a call without a reservation.
    fn overflow(&self) -> Answer {
        let last_ms = self.reservations.iter().map(|held| held.slot_ms).max();
        let rates_ms = last_ms.unwrap_or(0).saturating_sub(self.now_ms);
        Answer::Wait {
            ms: rates_ms.max(self.estimate_ms(self.waiting(), &[])).max(1000),
            why: WaitReason::Concurrency,
        }
    }

    /// Grants the waiting call at `at`, or returns its wait.
    fn answer(&mut self, at: usize) -> Answer {
        if self.reservations[at].slot_ms > self.now_ms {
            return self.wait_for_slot(at);
        }
        let concurrent = self.effective().concurrent as usize;
        let free = concurrent.saturating_sub(self.in_flight());
        // A newcomer, or a caller that is early, comes after all before it; a ticket only after those that are back soon.
        let held = &self.reservations[at];
        let soon_ms = match held.ticket && held.since_ms <= self.now_ms {
            true => self.now_ms.saturating_add(SOON_MS),
            false => u64::MAX,
        };
        if self.shares.rank(&self.ready(at, soon_ms), at, Rivals::Present) >= free {
            let ready = self.ready(at, u64::MAX);
            let rank = self.shares.rank(&ready, at, Rivals::Lasting);
            let ms = self.estimate_ms(rank, &ready);
            let held = &mut self.reservations[at];
            (held.since_ms, held.ticket) = (self.now_ms.saturating_add(ms), true);
            return Answer::Wait {
                ms,
                why: WaitReason::Concurrency,
            };
        }
        let cost = self.cost(self.reservations[at].tokens);
        if self.sent.earliest_ms(cost, self.now_ms) > self.now_ms {
            // Calls that came back late used the rate of this slot.
            self.plan();
            return self.wait_for_slot(at);
        }
        self.grant(at, cost);
        Answer::Granted
    }

    fn wait_for_slot(&mut self, at: usize) -> Answer {
        let slot_ms = self.reservations[at].slot_ms;
        self.reservations[at].since_ms = slot_ms;
        let now_us = self.now_ms.saturating_mul(1000);
        let why = if self.resumption.from_ms > self.now_ms || self.sent.requests_us.max(self.sent.tokens_us) <= now_us {
            WaitReason::Refused
        } else if self.sent.tokens_us > self.sent.requests_us {
            WaitReason::Tokens
        } else {
            WaitReason::Requests
        };
        Answer::Wait {
            ms: slot_ms.saturating_sub(self.now_ms),
            why,
        }
    }

    /// Returns the calls that compete for a concurrent call with the one at `at`: those whose slot has come and that
    /// come back until `soon_ms`, except those that should have come back and did not.
    fn ready(&self, at: usize, soon_ms: u64) -> Vec<Waiting> {
        let is_ready = |(other, held): &(usize, &Reservation)| {
            let due_ms = held.due_ms();
            let is_present = due_ms <= soon_ms && due_ms.saturating_add(PRESENT_MS) >= self.now_ms;
            *other == at || (!held.granted && held.slot_ms <= self.now_ms && is_present)
        };
        let all = self.reservations.iter().enumerate();
        all.filter(is_ready).map(|(other, held)| held.waiting(other)).collect()
    }

    fn grant(&mut self, at: usize, cost: Cost) {
        self.sent.charge(cost, self.now_ms);
        self.learned.count(self.now_ms);
        let charged = self.expected(self.reservations[at].tokens);
        let held = &mut self.reservations[at];
        (held.granted, held.since_ms, held.charged) = (true, self.now_ms, charged);
        let granted = held.waiting(at);
        self.shares.grant(&granted);
        for (other, held) in self
            .reservations
            .iter_mut()
            .enumerate()
            .filter(|(_, held)| !held.granted)
        {
            if is_passed(&granted, &held.waiting(other)) {
                held.passed = held.passed.saturating_add(1);
            }
        }
        let reservations = &self.reservations;
        self.shares
            .forget(|tenant, run| reservations.iter().any(|held| (held.tenant, held.run) == (tenant, run)));
    }

    /// Returns the estimated wait of a call with `rank` others before it: until the call in flight ends whose place it
    /// gets.
    fn estimate_ms(&self, rank: usize, ready: &[Waiting]) -> u64 {
        let duration_ms = match self.duration_ms {
            0 => FIRST_DURATION_MS,
            known => known,
        };
        let concurrent = self.effective().concurrent as usize;
        let mut ends: Vec<u64> = self
            .reservations
            .iter()
            .filter(|held| held.granted)
            .map(|held| {
                let elapsed_ms = self.now_ms.saturating_sub(held.since_ms);
                // A call that takes longer than usual is expected to take a quarter longer still.
                let least_ms = (duration_ms / 8).max(elapsed_ms / 4).max(MIN_ESTIMATE_MS);
                duration_ms.saturating_sub(elapsed_ms).max(least_ms)
            })
            .collect();
        let free = concurrent.saturating_sub(ends.len());
        let starting = ready.iter().take(free).map(|call| {
            let due_ms = self.reservations[call.at].due_ms();
            due_ms.saturating_sub(self.now_ms).saturating_add(duration_ms)
        });
        ends.extend(starting);
        ends.sort_unstable();
        // Calls beyond a lowered limit have to end first.
        let over = ends.len().saturating_sub(concurrent);
        let behind = rank.saturating_sub(free).saturating_add(over);
        let rounds = (behind / ends.len().max(1)) as u64;
        let end_ms = ends.get(behind % ends.len().max(1)).copied().unwrap_or(duration_ms);
        let end_ms = end_ms.saturating_add(rounds.saturating_mul(duration_ms));
        end_ms.clamp(MIN_ESTIMATE_MS, MAX_ESTIMATE_MS)
    }

    fn settle(&mut self, settled: Option<Reservation>, outcome: &Settled, call: u64) {
        let granted = settled.filter(|held| held.granted);
        match outcome {
            Settled::Answered {
                input_tokens,
                slower,
                observed,
            } => {
                if let Some(held) = granted {
                    self.correct(held, *input_tokens);
                    self.duration_ms = average(self.duration_ms, self.now_ms.saturating_sub(held.since_ms));
                    self.learned.raise(&self.limits, *input_tokens, *slower);
                    if *slower {
                        let flying = self.in_flight() as u64 + 1;
                        let answered = (held.since_ms, flying);
                        self.learned.slow_down(&self.limits, answered, self.now_ms);
                    }
                }
                self.observe(observed.as_ref(), call);
            }
            Settled::Refused {
                retry_after_ms,
                observed,
            } => {
                if let Some(held) = granted {
                    let flying = self.in_flight() as u64 + 1;
                    let refused = (held.since_ms, flying, *retry_after_ms);
                    self.learned.lower(&self.limits, refused, self.now_ms);
                }
                self.observe(observed.as_ref(), call);
                self.hold_back(retry_after_ms.unwrap_or_else(|| self.learned.backoff_ms()), call);
            }
            Settled::NotSent => {
                if let Some(held) = granted {
                    let cost = Cost {
                        requests_us: self.cost(0).requests_us,
                        ..self.token_cost(held.charged)
                    };
                    self.sent.give_back(cost, self.now_ms);
                }
            }
            Settled::Failed => {}
        }
    }

    /// Replaces the charged tokens of a call by the counted ones, and learns from the difference to the estimate.
    fn correct(&mut self, held: Reservation, counted: u64) {
        let difference = self.token_cost(held.charged.abs_diff(counted));
        if counted > held.charged {
            self.sent.charge(difference, self.now_ms);
        } else {
            self.sent.give_back(difference, self.now_ms);
        }
        let milli = counted.saturating_mul(1000) / held.tokens.max(1);
        let known = if self.counted_milli == 0 {
            1000
        } else {
            self.counted_milli
        };
        self.counted_milli = average(known, milli.clamp(MIN_COUNTED_MILLI, MAX_COUNTED_MILLI));
    }

    /// Adopts the limits of an answer. If nothing is left, calls wait for the reset.
    fn observe(&mut self, observed: Option<&ObservedLimits>, call: u64) {
        let Some(observed) = observed else { return };
        let before = self.effective();
        self.learned.observe(observed);
        let is_used_up = observed.requests_left == Some(0) || observed.tokens_left == Some(0);
        match observed.resets_in_ms {
            Some(resets_in_ms) if is_used_up => self.hold_back(resets_in_ms, call),
            _ if self.effective().is_slower_than(&before) => self.plan(),
            _ => {}
        }
    }

    /// Moves the whole bucket: nobody is granted for `ms`, and then a fifth of the calls in each step.
    fn hold_back(&mut self, ms: u64, call: u64) {
        let ms = ms.clamp(1, MAX_RETRY_AFTER_MS);
        let calls = self.reservations.len() as u64 + 1;
        // The spread of the first call, by its identity.
        let spread_ms = 1 + call % STEP_MS;
        let from_ms = self.now_ms.saturating_add(ms).saturating_add(spread_ms);
        let resumption = &mut self.resumption;
        resumption.gap_ms = STEP_MS.div_ceil((calls / 5).max(1));
        resumption.from_ms = resumption.from_ms.max(from_ms);
        resumption.next_ms = resumption.from_ms;
        self.plan();
    }
}

/// Returns the moving average with another value; the value itself if it is the first.
fn average(known: u64, value: u64) -> u64 {
    match known {
        0 => value,
        known => known - known / 8 + value / 8,
    }
}

/// Returns a short identity for a tenant or a run. Two that share it share their part of the budget.
fn short(name: &str) -> u32 {
    u32::try_from(digest(name) >> 32).unwrap_or(u32::MAX)
}
