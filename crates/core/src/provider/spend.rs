//! Money spent on model calls within a limit: of a run, or of a month of a deployment, a repository or an author. A call
//! reserves the most that it can cost and settles what it cost, so that the limit is never exceeded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::digest;
use crate::logs::State;

/// Shares of a limit, in percent, that operators are notified of once each.
const THRESHOLDS: [u8; 4] = [50, 75, 90, FULL];
/// The share, in percent, of a limit that leaves no room for a call.
pub(super) const FULL: u8 = 100;
/// Maximum number of limits whose shares are remembered; beyond, the lowest is forgotten.
const MAX_LIMITS: usize = 16;
/// Maximum number of reservations; beyond, the oldest counts as spent.
const MAX_RESERVATIONS: usize = 2_000;

/// The money within one limit, in billionths of a US dollar.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Spend {
    spent: u64,
    /// The calls in flight: identity, amount, end of its life in milliseconds.
    reserved: Vec<(u64, u64, u64)>,
    /// The highest share that was announced, in percent, of each limit: a limit may be raised, and a repository may have a
    /// lower one.
    announced: BTreeMap<u64, u8>,
}

/// A change of the spend, by one call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpendEntry {
    /// Before the call.
    Reserve {
        /// The call.
        call: String,
        /// The most that it can cost.
        amount: u64,
        /// The limit.
        limit: u64,
        /// The caller's clock, in milliseconds since 1970.
        now_ms: u64,
        /// The life of the reservation, in milliseconds. After it, the call counts with its whole amount.
        hold_ms: u64,
    },
    /// After the call.
    Settle {
        /// The call.
        call: String,
        /// What it cost; 0 if it wasn't answered.
        amount: u64,
        /// The limit.
        limit: u64,
    },
}

/// The answer to a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpendAnswer {
    /// The call may be made.
    Granted,
    /// The calls in flight have reserved what this call could cost; some of it comes back when they end.
    Busy,
    /// The call could exceed the limit.
    Over {
        /// What is spent.
        spent: u64,
        /// Whether it is the first such call.
        is_first: bool,
    },
    /// The cost is recorded.
    Settled {
        /// A share of the limit, in percent, that is reached for the first time.
        reached: Option<u8>,
    },
}

impl State for Spend {
    type Entry = SpendEntry;
    type Answer = SpendAnswer;

    fn apply(&mut self, entry: &SpendEntry) -> SpendAnswer {
        match entry {
            SpendEntry::Reserve {
                call,
                amount,
                limit,
                now_ms,
                hold_ms,
            } => {
                self.count_as_spent(|_, until_ms| until_ms <= *now_ms);
                let call = digest(call);
                // An earlier try whose end nobody recorded: its process died, and it may have been paid for.
                self.count_as_spent(|held, _| held == call);
                if self.spent.saturating_add(*amount) > *limit {
                    let is_first = self.announce(*limit, FULL);
                    return SpendAnswer::Over {
                        spent: self.spent,
                        is_first,
                    };
                }
                if self.committed().saturating_add(*amount) > *limit {
                    return SpendAnswer::Busy;
                }
                if self.reserved.len() >= MAX_RESERVATIONS {
                    let (_, oldest, _) = self.reserved.remove(0);
                    self.spent = self.spent.saturating_add(oldest);
                }
                self.reserved.push((call, *amount, now_ms.saturating_add(*hold_ms)));
                SpendAnswer::Granted
            }
            SpendEntry::Settle { call, amount, limit } => {
                let call = digest(call);
                let before = self.reserved.len();
                self.reserved.retain(|(held, _, _)| *held != call);
                // A repeated entry, or one after the reservation's life, is counted already.
                if self.reserved.len() < before {
                    self.spent = self.spent.saturating_add(*amount);
                }
                SpendAnswer::Settled {
                    reached: self.reach(*limit),
                }
            }
        }
    }
}

impl Spend {
    /// Returns what is spent.
    pub const fn spent(&self) -> u64 {
        self.spent
    }

    /// Returns what is spent or reserved.
    pub fn committed(&self) -> u64 {
        let reserved = self.reserved.iter().map(|(_, amount, _)| *amount);
        reserved.fold(self.spent, u64::saturating_add)
    }

    /// Counts the whole amounts of reservations whose calls nobody settles any more: they may have been paid for.
    fn count_as_spent(&mut self, is_lost: impl Fn(u64, u64) -> bool) {
        let spent = &mut self.spent;
        self.reserved.retain(|(call, amount, until_ms)| {
            let is_lost = is_lost(*call, *until_ms);
            if is_lost {
                *spent = spent.saturating_add(*amount);
            }
            !is_lost
        });
    }

    /// Returns the highest share that is reached for the first time.
    fn reach(&mut self, limit: u64) -> Option<u8> {
        let share = u128::from(self.spent) * 100 / u128::from(limit.max(1));
        let reached = THRESHOLDS
            .into_iter()
            .rfind(|threshold| u128::from(*threshold) <= share)?;
        self.announce(limit, reached).then_some(reached)
    }

    /// Notes a share of a limit; returns whether it is reached for the first time.
    fn announce(&mut self, limit: u64, percent: u8) -> bool {
        if self.announced.len() >= MAX_LIMITS && !self.announced.contains_key(&limit) {
            self.announced.pop_first();
        }
        let highest = self.announced.entry(limit).or_default();
        let is_new = percent > *highest;
        *highest = percent.max(*highest);
        is_new
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reserve(call: &str, amount: u64, now_ms: u64) -> SpendEntry {
        SpendEntry::Reserve {
            call: call.to_owned(),
            amount,
            limit: 100,
            now_ms,
            hold_ms: 10,
        }
    }

    fn settle(call: &str, amount: u64) -> SpendEntry {
        SpendEntry::Settle {
            call: call.to_owned(),
            amount,
            limit: 100,
        }
    }

    #[test]
    fn each_limit_is_announced_for_itself() {
        let mut spend = Spend::default();
        let mut settled = |call: &str, limit| {
            spend.apply(&reserve(call, 0, 0));
            spend.apply(&SpendEntry::Settle {
                call: call.to_owned(),
                amount: 10,
                limit,
            })
        };
        let reached = |reached| SpendAnswer::Settled { reached };
        // A repository's low limit, the deployment's, and the raised one.
        assert_eq!(settled("a", 10), reached(Some(100)));
        assert_eq!(settled("b", 40), reached(Some(50)));
        assert_eq!(settled("c", 40), reached(Some(75)));
        assert_eq!(settled("d", 80), reached(Some(50)));
        assert_eq!(settled("e", 80), reached(None));
    }

    #[test]
    fn a_limit_is_never_exceeded_and_each_share_is_announced_once() {
        let mut spend = Spend::default();
        let settled = |reached| SpendAnswer::Settled { reached };
        let over = |is_first| SpendAnswer::Over { spent: 100, is_first };
        for (entry, answer) in [
            (reserve("a", 60, 0), SpendAnswer::Granted),
            (reserve("b", 50, 0), SpendAnswer::Busy),
            (settle("a", 20), settled(None)),
            (settle("a", 20), settled(None)),
            (reserve("b", 80, 1), SpendAnswer::Granted),
            (settle("b", 35), settled(Some(50))),
            // The process of c dies, and its call is made again.
            (reserve("c", 10, 1), SpendAnswer::Granted),
            (reserve("c", 10, 2), SpendAnswer::Granted),
            (settle("c", 10), settled(Some(75))),
            (reserve("d", 25, 2), SpendAnswer::Granted),
            // The end of d is never recorded: it counts with its whole amount.
            (reserve("e", 1, 12), over(true)),
            (reserve("e", 1, 12), over(false)),
            (settle("d", 5), settled(None)),
        ] {
            assert_eq!(spend.apply(&entry), answer, "{entry:?}");
        }
        assert_eq!(spend.committed(), 100);
    }
}
