//! The circuit breaker of a provider. An outage opens it. After a growing time exactly one call probes the provider, and
//! its answer closes the breaker. Then work resumes gradually.

use serde::{Deserialize, Serialize};

use super::clock::{advance, move_back};
use super::digest;
use crate::logs::State;

/// Milliseconds until the first probe. Each failed probe doubles them.
const FIRST_GAP_MS: u64 = 1000;

/// Maximum milliseconds between two probes.
const MAX_GAP_MS: u64 = 300_000;

/// Milliseconds after which a waiting call looks for the outcome of another one's probe.
const PROBE_MS: u64 = 10_000;

/// Maximum milliseconds between two probes of a provider that has never answered.
const MAX_FIRST_GAP_MS: u64 = 4_000;

/// Seconds of answers and failures that decide if a failure is an outage.
const WINDOW_S: u64 = 10;

/// Milliseconds over which waiting calls come back.
const SPREAD_MS: u64 = 2000;

/// The number of concurrent calls from which resumption is over.
const RESUMED: u32 = 256;

/// Maximum number of failing calls that are remembered; the oldest is forgotten first.
const MAX_FAILING: usize = 256;

/// A change of the breaker.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum BreakerEntry {
    /// A call is about to start.
    Ask {
        /// The call's identity: the same in each retry.
        call: String,
        /// The caller's time.
        now_ms: u64,
        /// Milliseconds after which a probe without an outcome has died.
        hold_ms: u64,
    },
    /// The provider did not answer the call, or answered with a failure of its own.
    Failed {
        /// The call's identity.
        call: String,
        /// The caller's time.
        now_ms: u64,
    },
    /// The provider answered the call.
    Answered {
        /// The call's identity.
        call: String,
        /// The caller's time.
        now_ms: u64,
    },
    /// The call was not sent: another one may probe.
    Released {
        /// The call's identity.
        call: String,
        /// The caller's time.
        now_ms: u64,
    },
}

/// The answer to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BreakerAnswer {
    /// The call may be sent, within [`Breaker::allowed`].
    Closed,
    /// The call may be sent. It is the only one.
    Probe,
    /// The provider is down.
    Open {
        /// Milliseconds after which the call may ask again.
        wait_ms: u64,
        /// The time at which the outage began.
        since_ms: u64,
    },
    /// The outcome is recorded.
    Noted {
        /// After a failure: true if other calls were answered since this call's previous failure. Then the call fails
        /// for a reason of its own. Otherwise false.
        others_answered: bool,
    },
}

/// The answers and failures of one second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Second {
    at_s: u64,
    answers: u32,
    failures: u32,
}

/// The last failure of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Failure {
    call: u64,
    /// The caller's time.
    at_ms: u64,
    /// The number of answers so far.
    answered: u64,
    others_answered: bool,
}

/// An outage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
struct Outage {
    since_ms: u64,
    probe_ms: u64,
    /// The call that probes, with the end of its hold.
    probe: Option<(u64, u64)>,
    /// The call whose probe failed last. It comes back after the others.
    failed_probe: Option<u64>,
    /// The number of waits so far.
    waits: u32,
}

/// The breaker, as the base of its log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Breaker {
    now_ms: u64,
    outage: Option<Outage>,
    /// The time between probes; 0 after a complete resumption.
    gap_ms: u64,
    allowed: Option<u32>,
    answered: u64,
    seconds: Vec<Second>,
    failing: Vec<Failure>,
}

impl State for Breaker {
    type Entry = BreakerEntry;
    type Answer = BreakerAnswer;

    fn apply(&mut self, entry: &BreakerEntry) -> BreakerAnswer {
        Self::apply(self, entry)
    }
}

impl Breaker {
    /// Changes the breaker, and returns the answer for the caller of this entry.
    pub fn apply(&mut self, entry: &BreakerEntry) -> BreakerAnswer {
        let (BreakerEntry::Ask { call, now_ms, .. }
        | BreakerEntry::Failed { call, now_ms }
        | BreakerEntry::Answered { call, now_ms }
        | BreakerEntry::Released { call, now_ms }) = entry;
        self.advance(*now_ms);
        let call = digest(call);
        let others_answered = match entry {
            BreakerEntry::Ask { hold_ms, .. } => return self.ask(call, *hold_ms),
            BreakerEntry::Failed { now_ms, .. } => self.fail(call, *now_ms),
            BreakerEntry::Answered { .. } => self.answer(call),
            BreakerEntry::Released { .. } => self.release(call),
        };
        BreakerAnswer::Noted { others_answered }
    }

    /// Returns the number of concurrent calls that are allowed: none if there is no limit. It is 1 during an outage,
    /// and doubles with each answer after it.
    pub fn allowed(&self) -> Option<u32> {
        match self.outage {
            Some(_) => Some(1),
            None => self.allowed,
        }
    }

    /// Returns the time between the last tries, in milliseconds.
    pub const fn gap_ms(&self) -> u64 {
        self.gap_ms
    }

    /// Returns the time at which the present outage began.
    pub fn open_since_ms(&self) -> Option<u64> {
        self.outage.map(|outage| outage.since_ms)
    }

    fn advance(&mut self, seen_ms: u64) {
        if let Some(by_ms) = advance(&mut self.now_ms, seen_ms) {
            if let Some(outage) = &mut self.outage {
                move_back(&mut outage.since_ms, by_ms);
                move_back(&mut outage.probe_ms, by_ms);
                if let Some((_, until_ms)) = &mut outage.probe {
                    move_back(until_ms, by_ms);
                }
            }
            self.seconds.clear();
        }
        let oldest_s = (self.now_ms / 1000).saturating_sub(WINDOW_S - 1);
        self.seconds.retain(|second| second.at_s >= oldest_s);
    }

    fn ask(&mut self, call: u64, hold_ms: u64) -> BreakerAnswer {
        let now_ms = self.now_ms;
        let next_gap_ms = next_gap(self.gap_ms, self.answered);
        let Some(outage) = &mut self.outage else {
            return BreakerAnswer::Closed;
        };
        let other = outage
            .probe
            .filter(|(probe, until_ms)| *probe != call && *until_ms > now_ms);
        if now_ms >= outage.probe_ms && other.is_none() {
            outage.probe = Some((call, now_ms.saturating_add(hold_ms)));
            return BreakerAnswer::Probe;
        }
        // While another call probes: the time after its answer, its failure, or the end of its hold.
        let next_ms = match other {
            Some((_, until_ms)) => until_ms.min(now_ms.saturating_add(next_gap_ms.min(PROBE_MS))),
            None => outage.probe_ms,
        };
        let spread_ms = match outage.failed_probe {
            Some(failed) if failed == call => SPREAD_MS,
            _ => {
                outage.waits = outage.waits.wrapping_add(1);
                spread(outage.waits - 1)
            }
        };
        BreakerAnswer::Open {
            wait_ms: next_ms.saturating_sub(now_ms).saturating_add(spread_ms).max(1),
            since_ms: outage.since_ms,
        }
    }

    /// Returns true if others were answered since this call's previous failure.
    fn fail(&mut self, call: u64, at_ms: u64) -> bool {
        let last = self.failing.iter().position(|failure| failure.call == call);
        let last = last.map(|at| self.failing.remove(at));
        if let Some(last) = last.filter(|last| last.at_ms == at_ms) {
            // The same entry again: its first answer was lost.
            self.failing.push(last);
            return last.others_answered;
        }
        let others_answered = last.is_some_and(|last| last.answered < self.answered);
        if self.failing.len() >= MAX_FAILING {
            self.failing.remove(0);
        }
        self.failing.push(Failure {
            call,
            at_ms,
            answered: self.answered,
            others_answered,
        });
        self.second().failures += 1;
        if let Some(outage) = &mut self.outage {
            if outage.probe.is_some_and(|(probe, _)| probe == call) {
                self.gap_ms = next_gap(self.gap_ms, self.answered);
                outage.probe = None;
                outage.probe_ms = self.now_ms.saturating_add(self.gap_ms);
                outage.failed_probe = Some(call);
                outage.waits = 0;
            }
        } else if !others_answered && (self.allowed.is_some() || self.is_outage()) {
            self.open();
        }
        others_answered
    }

    fn open(&mut self) {
        self.gap_ms = next_gap(self.gap_ms, self.answered);
        self.allowed = None;
        self.outage = Some(Outage {
            since_ms: self.now_ms,
            probe_ms: self.now_ms.saturating_add(self.gap_ms),
            probe: None,
            failed_probe: None,
            waits: 0,
        });
    }

    /// Returns true if more calls failed than a tenth of those that were answered.
    fn is_outage(&self) -> bool {
        let (mut answers, mut failures) = (0_u64, 0_u64);
        for second in &self.seconds {
            answers += u64::from(second.answers);
            failures += u64::from(second.failures);
        }
        failures > answers / 10
    }

    fn answer(&mut self, call: u64) -> bool {
        self.answered = self.answered.saturating_add(1);
        self.failing.retain(|failure| failure.call != call);
        self.second().answers += 1;
        let is_probe = |outage: Outage| outage.probe.is_some_and(|(probe, _)| probe == call);
        if self.outage.is_some_and(is_probe) {
            self.outage = None;
            self.allowed = Some(1);
        } else if self.outage.is_none() {
            self.allowed = self
                .allowed
                .map(|allowed| allowed.saturating_mul(2))
                .filter(|allowed| *allowed < RESUMED);
            if self.allowed.is_none() {
                self.gap_ms = 0;
            }
        }
        false
    }

    fn release(&mut self, call: u64) -> bool {
        if let Some(outage) = &mut self.outage
            && outage.probe.is_some_and(|(probe, _)| probe == call)
        {
            outage.probe = None;
        }
        false
    }

    fn second(&mut self) -> &mut Second {
        let at_s = self.now_ms / 1000;
        if self.seconds.last().is_none_or(|last| last.at_s != at_s) {
            self.seconds.push(Second {
                at_s,
                answers: 0,
                failures: 0,
            });
        }
        let last = self.seconds.len() - 1;
        &mut self.seconds[last]
    }
}

fn next_gap(gap_ms: u64, answered: u64) -> u64 {
    let most_ms = if answered == 0 { MAX_FIRST_GAP_MS } else { MAX_GAP_MS };
    gap_ms.saturating_mul(2).clamp(FIRST_GAP_MS, most_ms)
}

/// Returns the offset of the wait number `wait`: the multiples of the golden ratio divide the time evenly, however many
/// there are.
fn spread(wait: u32) -> u64 {
    // 2^32 divided by the golden ratio.
    let turn = u64::from(wait.wrapping_mul(2_654_435_769));
    (turn * SPREAD_MS) >> 32
}
