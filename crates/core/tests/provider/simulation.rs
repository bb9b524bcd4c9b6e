//! A deterministic simulation of callers that share one budget: each reserves, waits as long as it was told, calls, and
//! settles. Checks the promises about rates, fairness, waits and returns after a refusal.

use std::collections::BTreeSet;

use holdfast_core::model::provider_limits::Limits;
use holdfast_core::provider::{Answer, Budget, BudgetEntry, Settled, WaitReason};

const HOLD_MS: u64 = 120_000;
const START_MS: u64 = 1_000_000_000;

/// A caller: one unit of a run, which makes calls without a pause.
#[derive(Clone, Debug)]
struct Caller {
    tenant: String,
    run: String,
    urgent: bool,
    tokens: u64,
    /// The time of its first call, since the start.
    from_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    /// A call ends.
    End,
    /// A caller comes for a new call, or comes back.
    Come,
}

/// The duration of a call: a number of it, and of the time.
type Duration = fn(u64) -> u64;

#[derive(Default, Debug)]
struct Outcome {
    /// Times of grants, with their callers, since the start.
    grants: Vec<(u64, usize)>,
    /// Waits of the granted calls.
    waits: u64,
    /// The most calls in flight.
    flying: usize,
}

impl Outcome {
    /// Returns the most grants in a window.
    fn most_in(&self, window_ms: u64) -> usize {
        let times: Vec<u64> = self.grants.iter().map(|grant| grant.0).collect();
        let within = |at: usize| {
            times[at..]
                .iter()
                .take_while(|time| **time < times[at] + window_ms)
                .count()
        };
        (0..times.len()).map(within).max().unwrap_or(0)
    }

    fn waits_per_call(&self) -> f64 {
        self.waits as f64 / self.grants.len() as f64
    }

    /// Returns the part of the places that were in use, for calls of five seconds.
    fn busy(&self, places: u32, until_ms: u64) -> f64 {
        self.grants.len() as f64 * 5000.0 / until_ms as f64 / f64::from(places)
    }

    /// Returns Jain's index over the grants of each tenant between two times.
    fn jain(&self, callers: &[Caller], from_ms: u64, until_ms: u64) -> f64 {
        let tenants: BTreeSet<&str> = callers.iter().map(|caller| caller.tenant.as_str()).collect();
        let counts: Vec<f64> = tenants
            .iter()
            .map(|tenant| {
                let own = |grant: &&(u64, usize)| {
                    (from_ms..until_ms).contains(&grant.0) && callers[grant.1].tenant == *tenant
                };
                self.grants.iter().filter(own).count() as f64
            })
            .collect();
        let sum: f64 = counts.iter().sum();
        let squares: f64 = counts.iter().map(|count| count * count).sum();
        sum * sum / (counts.len() as f64 * squares)
    }
}

/// Runs all callers for some time.
fn simulate(limits: Limits, callers: &[Caller], until_ms: u64, duration: Duration) -> (Budget, Outcome) {
    let counted = |caller: &Caller| caller.tokens;
    simulate_counted(limits, callers, until_ms, duration, counted)
}

/// Runs all callers for some time. The provider counts other tokens than the estimate.
fn simulate_counted(
    limits: Limits,
    callers: &[Caller],
    until_ms: u64,
    duration: Duration,
    counted: impl Fn(&Caller) -> u64,
) -> (Budget, Outcome) {
    let (mut budget, mut outcome) = (Budget::default(), Outcome::default());
    let mut steps: BTreeSet<(u64, Step, usize)> = callers
        .iter()
        .enumerate()
        .map(|(at, caller)| (caller.from_ms, Step::Come, at))
        .collect();
    let mut calls = vec![0_u64; callers.len()];
    let mut waits = vec![0_u64; callers.len()];
    let mut number = 0;
    while let Some((at_ms, step, at)) = steps.pop_first() {
        if at_ms >= until_ms {
            break;
        }
        let caller = &callers[at];
        let call = format!("{at}/{}", calls[at]);
        let now_ms = START_MS + at_ms;
        if step == Step::End {
            let outcome = Settled::Answered {
                input_tokens: counted(caller),
                slower: false,
                observed: None,
            };
            budget.apply(&BudgetEntry::Settle { call, now_ms, outcome });
            calls[at] += 1;
            steps.insert((at_ms, Step::Come, at));
            continue;
        }
        match budget.apply(&BudgetEntry::Reserve {
            call,
            tenant: caller.tenant.clone(),
            shares: 1,
            run: caller.run.clone(),
            urgent: caller.urgent,
            tokens: caller.tokens,
            now_ms,
            hold_ms: HOLD_MS,
            limits,
        }) {
            Answer::Granted => {
                number += 1;
                outcome.grants.push((at_ms, at));
                outcome.waits += std::mem::take(&mut waits[at]);
                outcome.flying = outcome.flying.max(budget.in_flight());
                steps.insert((at_ms + duration(number), Step::End, at));
            }
            Answer::Wait { ms, .. } => {
                assert!(ms > 0, "a wait takes time");
                waits[at] += 1;
                steps.insert((at_ms + ms, Step::Come, at));
            }
            Answer::Settled => unreachable!("it reserved"),
        }
    }
    (budget, outcome)
}

fn callers(tenant: usize, run: usize, count: usize) -> Vec<Caller> {
    let caller = Caller {
        tenant: format!("tenant {tenant}"),
        run: format!("run {run}"),
        urgent: false,
        tokens: 1000,
        from_ms: 0,
    };
    vec![caller; count]
}

const STEADY: Duration = |_| 5000;
/// Between 4.5 and 5.5 seconds.
const SIMILAR: Duration = |number| 4500 + number * 7919 % 1000;
/// Between 2 and 8 seconds.
const VARIED: Duration = |number| 2000 + number * 7919 % 6000;

fn concurrent(concurrent: u32) -> Limits {
    Limits {
        concurrent,
        ..Limits::default()
    }
}

#[test]
fn concurrent_calls_are_shared_fairly() {
    for (tenants, duration) in [(1, SIMILAR), (4, VARIED), (16, VARIED)] {
        // The first tenant has ten times as many callers as the others.
        let all: Vec<Caller> = (0..tenants)
            .flat_map(|tenant| callers(tenant, tenant, if tenant == 0 { 100 } else { 10 }))
            .collect();
        let (_, outcome) = simulate(concurrent(10), &all, 600_000, duration);
        let jain = outcome.jain(&all, 120_000, 600_000);
        let (waits, busy) = (outcome.waits_per_call(), outcome.busy(10, 600_000));
        println!("{tenants} tenants: Jain's index {jain:.3}, {waits:.2} waits for each call, {busy:.2} busy");
        assert!(jain >= 0.95, "{tenants} tenants: {jain}");
        assert!(waits <= 2.5, "{tenants} tenants: {waits}");
        assert!(busy >= 0.85, "{tenants} tenants: {busy}");
        assert_eq!(outcome.flying, 10);
    }
}

#[test]
fn a_call_waits_at_most_twice_for_a_concurrent_one() {
    for duration in [STEADY, SIMILAR, VARIED] {
        let (_, outcome) = simulate(concurrent(10), &callers(0, 0, 20), 600_000, duration);
        let (waits, busy) = (outcome.waits_per_call(), outcome.busy(10, 600_000));
        println!("twice as many callers as places: {waits:.2} waits for each call, {busy:.2} busy");
        assert!(waits <= 2.0, "{waits}");
        assert!(busy >= 0.85, "{busy}");
    }
}

#[test]
fn runs_of_a_tenant_share_fairly() {
    // A run with 50 callers, and one that comes later with a single call.
    let mut all = callers(0, 0, 50);
    all.extend(callers(0, 1, 1).into_iter().map(|caller| Caller {
        from_ms: 61_000,
        ..caller
    }));
    let (_, outcome) = simulate(concurrent(5), &all, 120_000, STEADY);
    let first = outcome.grants.iter().find(|grant| grant.1 == 50).unwrap().0;
    assert!(first <= 61_000 + 5200, "it starts with the next free call: {first}");
}

#[test]
fn rates_are_used_and_never_exceeded() {
    for (per_minute, burst) in [(20, 2), (60, 6), (600, 60)] {
        let limits = Limits {
            requests_per_minute: Some(per_minute),
            ..concurrent(100)
        };
        let all: Vec<Caller> = (0..4).flat_map(|tenant| callers(tenant, tenant, 15)).collect();
        let (_, outcome) = simulate(limits, &all, 1_800_000, |_| 3000);
        let most = outcome.most_in(60_000);
        let goodput = outcome.grants.len() as f64 / (30.0 * f64::from(per_minute));
        let waits = outcome.waits_per_call();
        println!("{per_minute} a minute: at most {most}, goodput {goodput:.3}, {waits:.2} waits for each call");
        assert!(most <= per_minute as usize + burst, "{per_minute}: {most}");
        assert!(goodput >= 0.95, "{per_minute}: {goodput}");
        assert!(waits <= 1.0, "a call waits once: {waits}");
        assert!(outcome.jain(&all, 60_000, 1_800_000) >= 0.95);
    }
}

#[test]
fn tokens_are_used_and_never_exceeded() {
    let limits = Limits {
        input_tokens_per_minute: Some(30_000),
        ..concurrent(100)
    };
    // The last caller's calls exceed the burst of 3,000 tokens.
    let mut all = callers(0, 0, 10);
    all.extend(callers(1, 1, 1).into_iter().map(|caller| Caller {
        tokens: 10_000,
        ..caller
    }));
    let (_, outcome) = simulate(limits, &all, 1_800_000, STEADY);
    let tokens = |grants: &[(u64, usize)]| grants.iter().map(|grant| all[grant.1].tokens).sum::<u64>();
    for at in 0..outcome.grants.len() {
        let rest = &outcome.grants[at..];
        let window = rest.iter().take_while(|grant| grant.0 < rest[0].0 + 60_000).count();
        assert!(tokens(&rest[..window]) <= 30_000 + 10_000, "at {}", rest[0].0);
    }
    let goodput = tokens(&outcome.grants) as f64 / (30.0 * 30_000.0);
    assert!(goodput >= 0.95, "{goodput}");
    assert!(
        outcome.grants.iter().any(|grant| grant.1 == 10),
        "the large call had its turn"
    );
}

#[test]
fn returned_tokens_are_used() {
    // Estimates of 2,000 tokens for calls of 1,000, which take five seconds.
    let limits = Limits {
        input_tokens_per_minute: Some(30_000),
        ..concurrent(100)
    };
    let all: Vec<Caller> = callers(0, 0, 40)
        .into_iter()
        .map(|caller| Caller { tokens: 2000, ..caller })
        .collect();
    let (_, outcome) = simulate_counted(limits, &all, 1_800_000, STEADY, |_| 1000);
    let goodput = outcome.grants.len() as f64 * 1000.0 / (30.0 * 30_000.0);
    println!("estimates of twice the tokens: goodput {goodput:.3}");
    assert!(goodput >= 0.95, "{goodput}");
    assert!(outcome.most_in(60_000) <= 30 + 3 + 3, "{}", outcome.most_in(60_000));
}

#[test]
fn calls_come_back_spread_after_a_refusal() {
    for waiting in [6, 10, 40, 300] {
        let mut budget = Budget::default();
        let limits = concurrent(waiting);
        let reserve = |budget: &mut Budget, call: u32, now_ms: u64| {
            budget.apply(&BudgetEntry::Reserve {
                call: format!("call {call}"),
                tenant: "a".to_owned(),
                shares: 1,
                run: "a".to_owned(),
                urgent: false,
                tokens: 1000,
                now_ms,
                hold_ms: HOLD_MS,
                limits,
            })
        };
        for call in 0..waiting {
            assert_eq!(reserve(&mut budget, call, START_MS), Answer::Granted);
        }
        // All are refused within some milliseconds, and come back at once.
        for call in 0..waiting {
            let outcome = Settled::Refused {
                retry_after_ms: Some(5000),
                observed: None,
            };
            let (call, now_ms) = (format!("call {call}"), START_MS + 100 + u64::from(call));
            budget.apply(&BudgetEntry::Settle { call, now_ms, outcome });
        }
        assert_eq!(budget.concurrent(), waiting / 2, "one burst halves once");
        let mut times = Vec::new();
        for call in 0..waiting {
            match reserve(&mut budget, call, START_MS + 500) {
                Answer::Wait {
                    ms,
                    why: WaitReason::Refused,
                } => times.push(ms),
                other => panic!("{other:?}"),
            }
        }
        times.sort_unstable();
        let last_refused_ms = 100 + u64::from(waiting) - 1;
        assert!(times[0] + 500 >= last_refused_ms + 5000, "{} is too early", times[0]);
        for at in 0..times.len() {
            let together = times[at..].iter().take_while(|time| **time < times[at] + 100).count();
            assert!(together * 5 <= waiting as usize, "{together} of {waiting} in 100 ms");
        }
    }
}
