//! Random orders of entries: the promises hold in each, with duplicates, skewed clocks and folds at any point.

use std::collections::BTreeMap;

use holdfast_core::model::provider_limits::Limits;
use holdfast_core::provider::{Answer, Breaker, BreakerAnswer, BreakerEntry, Budget, BudgetEntry, Settled};
use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::budget::{HOLD_MS, START_MS};

const CALLS: u8 = 12;
const REQUESTS: u32 = 60;
const TOKENS: u64 = 6000;
const CONCURRENT: u32 = 4;

#[derive(Clone, Copy, Debug)]
enum Act {
    Reserve { tokens: u64 },
    Answer,
    Refuse,
    Fail,
}

#[derive(Clone, Copy, Debug)]
struct Event {
    call: u8,
    act: Act,
    /// Milliseconds since the event before.
    after_ms: u64,
    /// Milliseconds by which the caller's clock is behind.
    behind_ms: u64,
    twice: bool,
    fold: bool,
}

fn event() -> impl Strategy<Value = Event> {
    let act = prop_oneof![
        8 => (1_u64..1500).prop_map(|tokens| Act::Reserve { tokens }),
        4 => Just(Act::Answer),
        1 => Just(Act::Refuse),
        1 => Just(Act::Fail),
    ];
    let after = prop_oneof![4 => 0_u64..500, 2 => 500_u64..5000, 1 => 5000_u64..30_000];
    (0..CALLS, act, after, 0_u64..60_000, any::<(bool, bool)>()).prop_map(|(call, act, after_ms, behind_ms, flags)| {
        Event {
            call,
            act,
            after_ms,
            behind_ms,
            twice: flags.0,
            fold: flags.1,
        }
    })
}

fn entry(event: &Event, now_ms: u64, tokens: u64) -> BudgetEntry {
    let call = event.call.to_string();
    let settle = |outcome| BudgetEntry::Settle {
        call: event.call.to_string(),
        now_ms,
        outcome,
    };
    match event.act {
        Act::Reserve { tokens } => BudgetEntry::Reserve {
            call,
            tenant: (event.call % 3).to_string(),
            shares: 1,
            run: (event.call % 5).to_string(),
            urgent: event.call.is_multiple_of(4),
            tokens,
            now_ms,
            hold_ms: HOLD_MS,
            limits: Limits {
                requests_per_minute: Some(REQUESTS),
                input_tokens_per_minute: Some(TOKENS),
                concurrent: CONCURRENT,
            },
        },
        Act::Answer => settle(Settled::Answered {
            input_tokens: tokens,
            slower: event.call.is_multiple_of(7),
            observed: None,
        }),
        Act::Refuse => settle(Settled::Refused {
            retry_after_ms: Some(2000),
            observed: None,
        }),
        Act::Fail => settle(Settled::Failed),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn limits_hold_in_every_order(events in prop::collection::vec(event(), 1..300)) {
        let mut budget = Budget::default();
        let mut now_ms = START_MS;
        // The end of the hold and the tokens of each call in flight, and all grants.
        let mut flying: BTreeMap<u8, (u64, u64)> = BTreeMap::new();
        let mut grants: Vec<(u64, u64)> = Vec::new();
        let mut refused_until_ms = 0;
        for event in &events {
            now_ms += event.after_ms;
            flying.retain(|_, (end_ms, _)| *end_ms > now_ms);
            let tokens = flying.get(&event.call).map_or(0, |(_, tokens)| *tokens);
            // The first entry sets the clock of the budget; the others may be behind it.
            let seen_ms = if grants.is_empty() { now_ms } else { now_ms - event.behind_ms.min(now_ms - START_MS) };
            budget.apply(&BudgetEntry::Settle { call: "clock".to_owned(), now_ms, outcome: Settled::NotSent });
            let entry = entry(event, seen_ms, tokens);
            let answer = budget.apply(&entry);
            if event.fold {
                budget = Budget::deserialize(&json!(budget)).unwrap();
            }
            if event.twice {
                let in_flight = budget.in_flight();
                let again = budget.apply(&entry);
                let is_granted = |answer| answer == Answer::Granted;
                prop_assert_eq!(is_granted(again), is_granted(answer), "{:?}", entry);
                prop_assert_eq!(budget.in_flight(), in_flight);
            }
            match event.act {
                Act::Reserve { tokens } if answer == Answer::Granted => {
                    let reserved = flying.get(&event.call).map(|held| held.1);
                    if reserved.is_none() {
                        prop_assert!(now_ms >= refused_until_ms, "granted before the provider allows it");
                        grants.push((now_ms, tokens));
                    }
                    flying.insert(event.call, (now_ms + HOLD_MS, reserved.unwrap_or(tokens)));
                }
                Act::Reserve { .. } => {}
                Act::Refuse => {
                    refused_until_ms = refused_until_ms.max(now_ms + 2000);
                    flying.remove(&event.call);
                }
                Act::Answer | Act::Fail => {
                    flying.remove(&event.call);
                }
            }
            prop_assert_eq!(budget.in_flight(), flying.len());
            prop_assert!(flying.len() <= CONCURRENT as usize);
        }
        for (at, first) in grants.iter().enumerate() {
            let window: Vec<_> = grants[at..].iter().take_while(|grant| grant.0 < first.0 + 60_000).collect();
            prop_assert!(window.len() <= (REQUESTS + REQUESTS / 10) as usize, "{} requests", window.len());
            let tokens: u64 = window.iter().map(|grant| grant.1).sum();
            let largest = window.iter().map(|grant| grant.1).max().unwrap_or(0);
            prop_assert!(tokens <= TOKENS + largest.max(TOKENS / 10), "{} tokens", tokens);
        }
        // The longest wait here is below two hours.
        let now_ms = now_ms + 7_200_000 + HOLD_MS;
        budget.apply(&BudgetEntry::Settle { call: "clock".to_owned(), now_ms, outcome: Settled::NotSent });
        prop_assert_eq!(budget.in_flight() + budget.waiting(), 0, "nothing outlives its hold");
    }

    #[test]
    fn one_call_probes_in_every_order(
        events in prop::collection::vec((0..6_u8, 0..4_u8, 0_u64..4000, any::<(bool, bool)>()), 1..200),
    ) {
        let mut breaker = Breaker::default();
        let mut now_ms = START_MS;
        let mut probe: Option<(u8, u64)> = None;
        for (who, act, after_ms, (twice, fold)) in events {
            now_ms += after_ms;
            let call = who.to_string();
            let entry = match act {
                0 => BreakerEntry::Failed { call, now_ms },
                1 => BreakerEntry::Answered { call, now_ms },
                2 => BreakerEntry::Released { call, now_ms },
                _ => BreakerEntry::Ask { call, now_ms, hold_ms: 10_000 },
            };
            let was_open = breaker.open_since_ms().is_some();
            let answer = breaker.apply(&entry);
            if fold {
                breaker = Breaker::deserialize(&json!(breaker)).unwrap();
            }
            if twice {
                let again = breaker.apply(&entry);
                let differs = matches!((answer, again), (BreakerAnswer::Open { .. }, BreakerAnswer::Open { .. }));
                prop_assert!(again == answer || differs, "{:?}: {:?}, then {:?}", entry, answer, again);
            }
            let holder = probe.filter(|(_, end_ms)| *end_ms > now_ms);
            match answer {
                BreakerAnswer::Probe => {
                    prop_assert!(holder.is_none_or(|(holder, _)| holder == who), "two probes");
                    probe = Some((who, now_ms + 10_000));
                }
                BreakerAnswer::Open { wait_ms, .. } => {
                    prop_assert!(was_open && wait_ms <= 302_000);
                }
                BreakerAnswer::Closed => prop_assert!(!was_open),
                BreakerAnswer::Noted { .. } => probe = probe.filter(|(holder, _)| *holder != who),
            }
        }
    }
}
