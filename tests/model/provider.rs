//! A provider's budget and circuit breaker over one log: two callers whose process may die, an append whose answer is
//! lost, folds that come late, a lowered limit, and clocks that jump within the documented bounds.
//!
//! The code is the real one (`holdfast_core::logs` and `holdfast_core::provider`); only the log is in memory. A fold is
//! a step of its own, so that other callers append before it, or fold first.

use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::sync::Mutex;

use async_trait::async_trait;
use futures::FutureExt;
use holdfast_core::logs::{self, State as LogState};
use holdfast_core::model::provider_limits::Limits;
use holdfast_core::port::row_form::failed;
use holdfast_core::port::{KeepLogs, Log, RowError};
use holdfast_core::provider::{
    Answer, Breaker, BreakerAnswer, BreakerEntry, Budget, BudgetEntry, MAX_SKEW_MS, Settled,
};
use serde_json::Value;
use stateright::{Model, Property};

use crate::story::Story;

const KEY: &str = "provider/model";
const START_MS: u64 = 1_000_000_000;
/// The time limit of a call. Its hold exceeds it by the bound on clocks.
const CALL_MS: u64 = 30_000;
const HOLD_MS: u64 = CALL_MS + MAX_SKEW_MS;
/// A step of the time.
const TICK_MS: u64 = 30_000;

/// The log, and the fold that a caller has prepared but not yet sent.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shared {
    log: Log,
    folds: Vec<(u64, usize, Value)>,
}

impl Hash for Shared {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.log.folded, format!("{:?} {:?}", self.log, self.folds)).hash(state);
    }
}

/// One call's view of the log.
struct Port {
    shared: Mutex<Shared>,
    is_lost: bool,
}

#[async_trait]
impl KeepLogs for Port {
    async fn read(&self, _: &str) -> Result<Log, RowError> {
        Ok(self.shared.lock().unwrap().log.clone())
    }

    async fn append(&self, key: &str, entry: &Value) -> Result<Log, RowError> {
        let mut shared = self.shared.lock().unwrap();
        shared.log.entries.push(entry.clone());
        match self.is_lost {
            true => Err(failed(key, "the answer was lost")),
            false => Ok(shared.log.clone()),
        }
    }

    async fn fold(&self, _: &str, folded: u64, count: usize, base: &Value) -> Result<bool, RowError> {
        let mut shared = self.shared.lock().unwrap();
        // At most one fold is on its way; it is sent later.
        if shared.folds.is_empty() {
            shared.folds.push((folded, count, base.clone()));
        }
        Ok(false)
    }
}

impl Shared {
    /// Appends an entry through the real code; none if the answer is lost.
    fn append<S: LogState>(&mut self, entry: &S::Entry, is_lost: bool) -> Option<S::Answer> {
        let port = Port {
            shared: Mutex::new(std::mem::take(self)),
            is_lost,
        };
        let answer = logs::append_folding::<S>(&port, KEY, entry, 2, 2)
            .now_or_never()
            .unwrap();
        *self = port.shared.into_inner().unwrap();
        answer.ok().map(|(_, answer)| answer)
    }

    /// Sends the prepared fold.
    fn fold(&mut self) {
        let Some((folded, count, base)) = self.folds.pop() else {
            return;
        };
        if self.log.folded == folded && self.log.entries.len() >= count {
            self.log.entries.drain(..count);
            self.log.folded += count as u64;
            self.log.base = Some(base);
        }
    }
}

/// The place of a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// It has to reserve, or ask, at this time or later.
    Wants(u64),
    /// Its call is in flight until this time at most.
    Calls(u64),
    /// Its call has ended. The outcome isn't recorded.
    Ends,
    /// It is finished.
    Done,
    /// Its process died.
    Died,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// A caller appends its next entry, by a clock that is behind by the milliseconds.
    Append {
        at: usize,
        behind_ms: u64,
    },
    /// The same, and the answer is lost.
    Lose {
        at: usize,
    },
    Crash {
        at: usize,
    },
    /// A prepared fold is sent.
    Fold,
    Tick,
    /// The limit is lowered to one call.
    Lower,
}

#[derive(Clone, Debug, PartialEq, Hash)]
pub struct State {
    shared: Shared,
    callers: Vec<At>,
    now_ms: u64,
    faults: u8,
    ticks: u8,
    concurrent: u32,
    /// True after a grant beyond the limit, or a second probe.
    is_broken: bool,
    /// A call was granted after the death of another one.
    was_granted_after_death: bool,
}

/// The part of the protocol that a check examines.
pub trait Protocol: Clone + std::fmt::Debug + Send + Sync + 'static {
    type State: LogState;
    /// Returns the entry that a caller appends.
    fn entry(at: usize, place: At, now_ms: u64, concurrent: u32) -> <Self::State as LogState>::Entry;
    /// Returns true if the answer allows the call, otherwise the wait.
    fn read(answer: <Self::State as LogState>::Answer) -> Result<(), Option<u64>>;
    /// Prepares the log.
    fn prepare(shared: &mut Shared);
}

#[derive(Clone, Debug)]
pub struct OfBudget;

impl Protocol for OfBudget {
    type State = Budget;

    fn entry(at: usize, place: At, now_ms: u64, concurrent: u32) -> BudgetEntry {
        let call = at.to_string();
        match place {
            At::Ends => BudgetEntry::Settle {
                call,
                now_ms,
                outcome: Settled::Failed,
            },
            _ => BudgetEntry::Reserve {
                tenant: call.clone(),
                shares: 1,
                run: call.clone(),
                call,
                urgent: false,
                tokens: 1,
                now_ms,
                hold_ms: HOLD_MS,
                limits: Limits {
                    requests_per_minute: Some(2),
                    input_tokens_per_minute: None,
                    concurrent,
                },
            },
        }
    }

    fn read(answer: Answer) -> Result<(), Option<u64>> {
        match answer {
            Answer::Granted => Ok(()),
            Answer::Wait { ms, .. } => Err(Some(ms)),
            Answer::Settled => Err(None),
        }
    }

    fn prepare(_: &mut Shared) {}
}

#[derive(Clone, Debug)]
pub struct OfBreaker;

impl Protocol for OfBreaker {
    type State = Breaker;

    fn entry(at: usize, place: At, now_ms: u64, _: u32) -> BreakerEntry {
        let call = at.to_string();
        match place {
            At::Ends => BreakerEntry::Failed { call, now_ms },
            _ => BreakerEntry::Ask {
                call,
                now_ms,
                hold_ms: HOLD_MS,
            },
        }
    }

    fn read(answer: BreakerAnswer) -> Result<(), Option<u64>> {
        match answer {
            BreakerAnswer::Probe => Ok(()),
            BreakerAnswer::Open { wait_ms, .. } => Err(Some(wait_ms)),
            // The outage lasts: nothing closes the breaker here.
            BreakerAnswer::Closed => panic!("an outage closes the breaker"),
            BreakerAnswer::Noted { .. } => Err(None),
        }
    }

    fn prepare(shared: &mut Shared) {
        let failed = BreakerEntry::Failed {
            call: "first".to_owned(),
            now_ms: START_MS,
        };
        shared.append::<Breaker>(&failed, false);
    }
}

/// The bounds of a check.
#[derive(Clone, Debug)]
pub struct Bounds {
    pub callers: usize,
    pub faults: u8,
    pub ticks: u8,
    pub concurrent: u32,
    /// True if a lowered limit is an event.
    pub lowers: bool,
    /// True if holds are shorter than calls: a check must then find a violated invariant.
    pub is_hold_short: bool,
}

#[derive(Clone)]
pub struct Providers<P> {
    bounds: Bounds,
    protocol: PhantomData<P>,
}

impl<P: Protocol> Providers<P> {
    pub fn new(bounds: Bounds) -> Self {
        Self {
            bounds,
            protocol: PhantomData,
        }
    }

    fn append(&self, state: &mut State, at: usize, behind_ms: u64, is_lost: bool) {
        let place = state.callers[at];
        let entry = P::entry(at, place, state.now_ms - behind_ms, state.concurrent);
        let Some(answer) = state.shared.append::<P::State>(&entry, is_lost) else {
            return;
        };
        state.callers[at] = match P::read(answer) {
            Ok(()) => {
                let others = state
                    .callers
                    .iter()
                    .filter(|other| matches!(other, At::Calls(_)))
                    .count();
                state.is_broken |= others >= state.concurrent as usize;
                state.was_granted_after_death |= state.callers.contains(&At::Died);
                let limit_ms = if self.bounds.is_hold_short {
                    2 * HOLD_MS
                } else {
                    CALL_MS
                };
                At::Calls(state.now_ms + limit_ms)
            }
            Err(Some(ms)) => At::Wants(state.now_ms + ms),
            Err(None) => At::Done,
        };
    }
}

type Invariant<P> = Property<Providers<P>>;

impl<P: Protocol> Model for Providers<P> {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        let mut shared = Shared::default();
        P::prepare(&mut shared);
        vec![State {
            shared,
            callers: vec![At::Wants(START_MS); self.bounds.callers],
            now_ms: START_MS + MAX_SKEW_MS,
            faults: self.bounds.faults,
            ticks: self.bounds.ticks,
            concurrent: self.bounds.concurrent,
            is_broken: false,
            was_granted_after_death: false,
        }]
    }

    fn actions(&self, state: &State, actions: &mut Vec<Action>) {
        for (at, place) in state.callers.iter().enumerate() {
            let appends = match place {
                At::Wants(from_ms) => *from_ms <= state.now_ms,
                At::Ends => true,
                At::Calls(_) | At::Done | At::Died => false,
            };
            if appends {
                actions.push(Action::Append { at, behind_ms: 0 });
            }
            if state.faults > 0 && !matches!(place, At::Done | At::Died) {
                actions.push(Action::Crash { at });
                if appends {
                    let behind_ms = MAX_SKEW_MS;
                    actions.extend([Action::Lose { at }, Action::Append { at, behind_ms }]);
                }
            }
        }
        if !state.shared.folds.is_empty() {
            actions.push(Action::Fold);
        }
        if state.ticks > 0 {
            actions.push(Action::Tick);
        }
        if self.bounds.lowers && state.concurrent > 1 {
            actions.push(Action::Lower);
        }
    }

    fn next_state(&self, last: &State, action: Action) -> Option<State> {
        let mut state = last.clone();
        match action {
            Action::Append { at, behind_ms } => {
                state.faults -= u8::from(behind_ms > 0);
                self.append(&mut state, at, behind_ms, false);
            }
            Action::Lose { at } => {
                state.faults -= 1;
                self.append(&mut state, at, 0, true);
            }
            Action::Crash { at } => {
                state.faults -= 1;
                state.callers[at] = At::Died;
            }
            Action::Fold => state.shared.fold(),
            Action::Tick => {
                state.ticks -= 1;
                state.now_ms += TICK_MS;
                // A call ends at its time limit, and its process settles it.
                for place in &mut state.callers {
                    if matches!(place, At::Calls(until_ms) if *until_ms <= state.now_ms) {
                        *place = At::Ends;
                    }
                }
            }
            Action::Lower => state.concurrent = 1,
        }
        Some(state)
    }

    fn properties(&self) -> Vec<Invariant<P>> {
        let mut properties = vec![
            Invariant::<P>::always("no more calls than allowed", |_, state: &State| !state.is_broken),
            Invariant::<P>::sometimes("another call appends before a fold", |_, state: &State| {
                let log = &state.shared.log;
                state.shared.folds.iter().any(|fold| fold.1 < log.entries.len())
            }),
        ];
        if self.bounds.faults > 0 {
            let name = "another call gets the place of a dead one";
            properties.push(Invariant::<P>::sometimes(name, |_, state: &State| {
                state.was_granted_after_death
            }));
        }
        properties
    }
}

impl<P: Protocol> Story for Providers<P> {
    fn describe(&self, state: &State, action: &Action) -> String {
        format!(
            "{action:?} at {} s: {:?}",
            (state.now_ms - START_MS) / 1000,
            state.callers
        )
    }
}
