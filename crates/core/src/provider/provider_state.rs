//! The shared state of a provider: its health, and a budget for each of its models. One log for each provider, so that
//! one write asks both.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::breaker::{Breaker, BreakerAnswer, BreakerEntry};
use super::budget::Budget;
use super::entry::{Answer, BudgetEntry, Settled, WaitReason};
use super::speed::Speed;
use crate::logs::State;
use crate::model::error_name::ErrorName;
use crate::model::provider_limits::{Limits, ObservedLimits};
use crate::port::WaitFor;

/// The time after a refusal for which other calls get the same refusal without a call, in milliseconds.
const REFUSAL_MS: u64 = 10_000;
/// The time after an alarm for which the same refusal is no news, in milliseconds: a day. An answer ends it.
const ALARM_MS: u64 = 86_400_000;
/// Number of a model's answers whose durations are stored, and from which they count.
const MAX_DURATIONS: usize = 64;
const MIN_DURATIONS: usize = 20;
/// The usual time of a call that tries the provider, in milliseconds.
const TRY_MS: u64 = 10_000;
/// Maximum length of a stored message, in characters.
const MESSAGE_CHARS: usize = 300;

/// The health and the budgets of one provider.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ProviderState {
    breaker: Breaker,
    /// By the model's name.
    budgets: BTreeMap<String, Budget>,
    /// The last refusal that a wait doesn't cure.
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<Refusal>,
    /// The refusals that the operators know, since which the model has not answered.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    known: Vec<KnownRefusal>,
    /// The message of the last failure since the last answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
    /// The time of the last failure, and its call.
    failed_ms: u64,
    failed_call: String,
    /// The number of answers so far.
    answers: u64,
    /// The durations of each model's last answers in milliseconds, oldest first.
    durations: BTreeMap<String, VecDeque<u32>>,
    /// The speed of each model's last answers.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    speeds: BTreeMap<String, Speed>,
}

/// A refusal that a wait doesn't cure: the key, the account's money, the model's name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    at_ms: u64,
    model: String,
    #[serde(default)]
    is_first: bool,
    #[serde(default)]
    is_news: bool,
    /// The error's name.
    pub error: ErrorName,
    /// One line for the operator.
    pub message: String,
}

/// A refusal of which the operators got an alarm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct KnownRefusal {
    at_ms: u64,
    model: String,
    error: ErrorName,
}

impl KnownRefusal {
    /// Returns whether it is about this model only: a key and an account are those of all the provider's models.
    fn is_of_model(&self) -> bool {
        self.error == ErrorName::ModelNotFound
    }
}

/// A change of a provider's state, by one call.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ProviderEntry {
    /// The model's name.
    pub model: String,
    /// The call.
    pub call: String,
    /// The caller's clock, in milliseconds since 1970.
    pub now_ms: u64,
    /// The change.
    pub step: Step,
}

/// The kind of a change.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// Before the call.
    Reserve {
        /// The account that owns the repository.
        tenant: String,
        /// Its shares, at least 1.
        #[serde(default = "one", skip_serializing_if = "is_one")]
        shares: u8,
        /// The run.
        run: String,
        /// Whether a person waits for it.
        urgent: bool,
        /// The estimated input tokens.
        tokens: u64,
        /// The life of the reservation, in milliseconds.
        hold_ms: u64,
        /// The configured limits.
        limits: Limits,
    },
    /// The model has answered.
    Answered {
        /// The input tokens that the provider counted.
        input_tokens: u64,
        /// The output tokens that the provider counted.
        #[serde(default)]
        output_tokens: u64,
        /// The limits that the provider stated.
        observed: Option<ObservedLimits>,
        /// The time from the call to the answer, in milliseconds.
        took_ms: u32,
    },
    /// A rate limit.
    Limited {
        /// The wait that the provider stated, in milliseconds.
        retry_after_ms: Option<u64>,
        /// The limits that the provider stated.
        observed: Option<ObservedLimits>,
    },
    /// No answer: an outage, a broken connection, a time-out.
    Failed {
        /// One line for the operator.
        message: String,
    },
    /// A refusal that a wait doesn't cure.
    Refused {
        /// The error's name.
        error: ErrorName,
        /// One line for the operator.
        message: String,
    },
    /// A refusal of this request only.
    Rejected,
    /// No call was made after all.
    NotSent,
}

/// The answer to a change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProviderAnswer {
    /// Make the call now.
    Call,
    /// Make no call yet.
    Wait {
        /// The time until the next try.
        ms: u64,
        /// The subject.
        subject: WaitFor,
        /// True if it waits for another call's end, which may come earlier.
        is_turn: bool,
        /// True if the limit is one of the deployment's settings, false if it is the provider's.
        is_own: bool,
    },
    /// No call can succeed: a call a moment ago was refused.
    Refused(Refusal),
    /// A call's end is noted.
    Noted {
        /// After a failure: whether the provider has answered other calls since this call's previous failure.
        others_answered: bool,
    },
}

impl ProviderState {
    /// Returns whether the provider has ever answered a call of this deployment.
    pub const fn has_answered(&self) -> bool {
        self.answers > 0
    }

    /// Returns the number of answers so far.
    pub const fn answers(&self) -> u64 {
        self.answers
    }

    /// Returns whether the last failure was this call's.
    pub fn failed_last(&self, call: &str) -> bool {
        self.failed_call == call
    }

    /// Returns whether the provider is known to be down at this time: it has just failed, or its next try is due.
    pub const fn is_down(&self, now_ms: u64) -> bool {
        let quiet_ms = now_ms.saturating_sub(self.failed_ms);
        quiet_ms <= self.breaker.gap_ms().saturating_mul(2).saturating_add(TRY_MS)
    }

    /// Returns whether the provider has been down for this time.
    pub fn is_down_for(&self, ms: u64, now_ms: u64) -> bool {
        let since_ms = self.breaker.open_since_ms();
        since_ms.is_some_and(|since_ms| now_ms.saturating_sub(since_ms) >= ms)
    }

    /// Returns whether an outage was noted that no answer has ended.
    pub fn is_failing(&self) -> bool {
        self.failing_since_ms().is_some()
    }

    /// Returns the begin of the present outage, in milliseconds since 1970.
    pub fn failing_since_ms(&self) -> Option<u64> {
        self.breaker.open_since_ms()
    }

    /// Returns the budget of a model, if it was ever asked.
    pub fn budget(&self, model: &str) -> Option<&Budget> {
        self.budgets.get(model)
    }

    /// Returns the refusal that a model's calls meet now: the last one, since which no call was answered.
    pub fn refusal(&self, model: &str) -> Option<&Refusal> {
        self.refused.as_ref().filter(|refusal| refusal.model == model)
    }

    /// Returns whether the last refusal is news for the operators: none like it was met since an answer, or for a day.
    pub fn is_refusal_news(&self) -> bool {
        self.refused.as_ref().is_some_and(|refusal| refusal.is_news)
    }

    /// Returns whether the last refusal is the first one for a while.
    pub fn is_first_refusal(&self) -> bool {
        self.refused.as_ref().is_some_and(|refusal| refusal.is_first)
    }

    /// Returns whether this failure has opened the breaker.
    pub fn has_just_failed(&self) -> bool {
        self.breaker
            .open_since_ms()
            .is_some_and(|since_ms| since_ms == self.failed_ms)
    }

    /// Returns the message of the last failure since the last answer.
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }

    /// Returns the duration that 95 of 100 recent answers of a model stayed within, in milliseconds; none before there
    /// are enough answers.
    pub fn usual_ms(&self, model: &str) -> Option<u64> {
        let known = self.durations.get(model).filter(|known| known.len() >= MIN_DURATIONS)?;
        let mut sorted: Vec<u32> = known.iter().copied().collect();
        sorted.sort_unstable();
        sorted.get(sorted.len() * 95 / 100).copied().map(u64::from)
    }

    /// Returns the calls whose turn it is now, of one model.
    pub fn next_calls(&self, model: &str) -> Vec<u64> {
        self.budgets.get(model).map(Budget::next_calls).unwrap_or_default()
    }

    fn settle(&mut self, entry: &ProviderEntry, outcome: Settled) {
        let settle = BudgetEntry::Settle {
            call: entry.call.clone(),
            now_ms: entry.now_ms,
            outcome,
        };
        self.budgets.entry(entry.model.clone()).or_default().apply(&settle);
    }

    /// Returns whether the operators don't know a refusal yet, and notes that they do.
    fn is_news(&mut self, entry: &ProviderEntry, error: ErrorName) -> bool {
        self.known
            .retain(|known| entry.now_ms.saturating_sub(known.at_ms) < ALARM_MS);
        let is_known =
            |known: &KnownRefusal| known.error == error && (known.model == entry.model || !known.is_of_model());
        if self.known.iter().any(is_known) {
            return false;
        }
        self.known.push(KnownRefusal {
            at_ms: entry.now_ms,
            model: entry.model.clone(),
            error,
        });
        true
    }

    /// Notes that the provider reacts.
    fn note_answer(&mut self, entry: &ProviderEntry) {
        self.breaker.apply(&BreakerEntry::Answered {
            call: entry.call.clone(),
            now_ms: entry.now_ms,
        });
        self.answers = self.answers.saturating_add(1);
        self.failure = None;
    }
}

impl State for ProviderState {
    type Entry = ProviderEntry;
    type Answer = ProviderAnswer;

    fn apply(&mut self, entry: &ProviderEntry) -> ProviderAnswer {
        let noted = ProviderAnswer::Noted { others_answered: true };
        match &entry.step {
            Step::Reserve {
                tenant,
                shares,
                run,
                urgent,
                tokens,
                hold_ms,
                limits,
            } => {
                if let Some(refusal) = &self.refused
                    && refusal.model == entry.model
                    && entry.now_ms.saturating_sub(refusal.at_ms) < REFUSAL_MS
                {
                    return ProviderAnswer::Refused(refusal.clone());
                }
                let (call, now_ms, hold_ms) = (entry.call.clone(), entry.now_ms, *hold_ms);
                let ask = BreakerEntry::Ask { call, now_ms, hold_ms };
                if let BreakerAnswer::Open { wait_ms, .. } = self.breaker.apply(&ask) {
                    return ProviderAnswer::Wait {
                        ms: wait_ms,
                        subject: WaitFor::Outage,
                        is_turn: false,
                        is_own: false,
                    };
                }
                let concurrent = self
                    .breaker
                    .allowed()
                    .map_or(limits.concurrent, |most| most.min(limits.concurrent));
                let reserve = BudgetEntry::Reserve {
                    call: entry.call.clone(),
                    tenant: tenant.clone(),
                    shares: *shares,
                    run: run.clone(),
                    urgent: *urgent,
                    tokens: *tokens,
                    now_ms,
                    hold_ms,
                    limits: Limits { concurrent, ..*limits },
                };
                let budget = self.budgets.entry(entry.model.clone()).or_default();
                match budget.apply(&reserve) {
                    Answer::Wait { ms, why } => {
                        let is_own = budget.learned.is_configured(&budget.limits, why);
                        // A probe that has to wait lets another one through.
                        let call = entry.call.clone();
                        self.breaker.apply(&BreakerEntry::Released { call, now_ms });
                        ProviderAnswer::Wait {
                            ms,
                            subject: WaitFor::Limit,
                            is_turn: why == WaitReason::Concurrency,
                            is_own,
                        }
                    }
                    Answer::Granted | Answer::Settled => ProviderAnswer::Call,
                }
            }
            Step::Answered {
                input_tokens,
                output_tokens,
                observed,
                took_ms,
            } => {
                self.refused = None;
                self.known
                    .retain(|known| known.is_of_model() && known.model != entry.model);
                let durations = self.durations.entry(entry.model.clone()).or_default();
                durations.push_back(*took_ms);
                if durations.len() > MAX_DURATIONS {
                    durations.pop_front();
                }
                let speed = self.speeds.entry(entry.model.clone()).or_default();
                let slower = speed.note(*took_ms, *output_tokens);
                self.note_answer(entry);
                let answered = Settled::Answered {
                    input_tokens: *input_tokens,
                    slower,
                    observed: *observed,
                };
                self.settle(entry, answered);
                noted
            }
            Step::Limited {
                retry_after_ms,
                observed,
            } => {
                self.note_answer(entry);
                let (retry_after_ms, observed) = (*retry_after_ms, *observed);
                self.settle(
                    entry,
                    Settled::Refused {
                        retry_after_ms,
                        observed,
                    },
                );
                noted
            }
            Step::Failed { message } => {
                self.settle(entry, Settled::Failed);
                self.failure = Some(message.chars().take(MESSAGE_CHARS).collect());
                self.failed_ms = entry.now_ms;
                self.failed_call.clone_from(&entry.call);
                let failed = BreakerEntry::Failed {
                    call: entry.call.clone(),
                    now_ms: entry.now_ms,
                };
                let others_answered = match self.breaker.apply(&failed) {
                    BreakerAnswer::Noted { others_answered } => others_answered,
                    _ => false,
                };
                ProviderAnswer::Noted { others_answered }
            }
            Step::Refused { error, message } => {
                self.note_answer(entry);
                self.settle(entry, Settled::NotSent);
                let earlier = self.refused.take();
                self.refused = Some(Refusal {
                    is_first: earlier.is_none_or(|earlier| entry.now_ms.saturating_sub(earlier.at_ms) >= REFUSAL_MS),
                    is_news: self.is_news(entry, *error),
                    at_ms: entry.now_ms,
                    model: entry.model.clone(),
                    error: *error,
                    message: message.chars().take(MESSAGE_CHARS).collect(),
                });
                noted
            }
            Step::NotSent => {
                let (call, now_ms) = (entry.call.clone(), entry.now_ms);
                self.breaker.apply(&BreakerEntry::Released { call, now_ms });
                self.settle(entry, Settled::NotSent);
                noted
            }
            Step::Rejected => {
                self.note_answer(entry);
                self.settle(entry, Settled::Failed);
                noted
            }
        }
    }
}

const fn one() -> u8 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
const fn is_one(shares: &u8) -> bool {
    *shares == 1
}
