//! The budget entry by entry.

use holdfast_core::model::provider_limits::{Limits, ObservedLimits};
use holdfast_core::provider::{Answer, Budget, BudgetEntry, Settled, WaitReason};
use serde::Deserialize;
use serde_json::json;

pub const HOLD_MS: u64 = 100_000;
pub const START_MS: u64 = 1_700_000_000_000;

/// A budget with its callers' usual entry. Times are milliseconds since the start.
struct Story {
    budget: Budget,
    limits: Limits,
    tokens: u64,
    urgent: bool,
    hold_ms: u64,
}

impl Story {
    fn new(limits: Limits) -> Self {
        Self {
            budget: Budget::default(),
            limits,
            tokens: 100,
            urgent: false,
            hold_ms: HOLD_MS,
        }
    }

    /// Reserves for a call of the run that its name begins with.
    fn reserve(&mut self, call: &str, at_ms: u64) -> Answer {
        self.budget.apply(&BudgetEntry::Reserve {
            call: call.to_owned(),
            tenant: "tenant".to_owned(),
            shares: 1,
            run: call.split('/').next().unwrap().to_owned(),
            urgent: self.urgent,
            tokens: self.tokens,
            now_ms: START_MS + at_ms,
            hold_ms: self.hold_ms,
            limits: self.limits,
        })
    }

    fn settle(&mut self, call: &str, at_ms: u64, outcome: Settled) {
        let (call, now_ms) = (call.to_owned(), START_MS + at_ms);
        let answer = self.budget.apply(&BudgetEntry::Settle { call, now_ms, outcome });
        assert_eq!(answer, Answer::Settled);
    }

    fn grant(&mut self, calls: &[&str], at_ms: u64) {
        for call in calls {
            assert_eq!(self.reserve(call, at_ms), Answer::Granted, "{call}");
        }
    }

    /// Reserves for a call that has to wait, and returns its wait.
    fn wait(&mut self, call: &str, at_ms: u64, expected: WaitReason) -> u64 {
        match self.reserve(call, at_ms) {
            Answer::Wait { ms, why } if why == expected => ms,
            other => panic!("{call}: {other:?}"),
        }
    }
}

fn limits(requests: Option<u32>, tokens: Option<u64>, concurrent: u32) -> Limits {
    Limits {
        requests_per_minute: requests,
        input_tokens_per_minute: tokens,
        concurrent,
    }
}

fn answered(input_tokens: u64) -> Settled {
    Settled::Answered {
        input_tokens,
        slower: false,
        observed: None,
    }
}

fn refused(retry_after_ms: Option<u64>) -> Settled {
    Settled::Refused {
        retry_after_ms,
        observed: None,
    }
}

#[test]
fn each_waiting_call_has_its_own_slot() {
    let mut story = Story::new(limits(Some(60), None, 100));
    story.grant(&["0", "1", "2", "3", "4", "5"], 0);
    for (call, slot_ms) in [("6", 1000), ("7", 2000), ("8", 3000)] {
        assert_eq!(story.wait(call, 0, WaitReason::Requests), slot_ms);
    }
    assert_eq!(
        story.wait("7", 400, WaitReason::Requests),
        1600,
        "an early return waits for the rest"
    );
    assert_eq!(
        story.wait("9", 1000, WaitReason::Requests),
        3000,
        "a newcomer comes after all of them"
    );
    story.grant(&["6"], 1000);
    story.grant(&["8", "7"], 3500);
    assert_eq!(story.budget.in_flight(), 9);
    story.grant(&["7", "7"], 3600);
    assert_eq!(story.budget.in_flight(), 9, "a retry doesn't reserve twice");
    assert_eq!(
        story.wait("new", 3600, WaitReason::Requests),
        1400,
        "nor is it charged twice"
    );
}

#[test]
fn calls_that_come_back_late_together_are_spread_again() {
    let mut story = Story::new(limits(Some(60), None, 100));
    let names: Vec<String> = (0..40).map(|call| call.to_string()).collect();
    for name in &names {
        story.reserve(name, 0);
    }
    // Six calls started; the others come back together after all slots have passed.
    let granted = names
        .iter()
        .filter(|name| story.reserve(name, 60_000) == Answer::Granted)
        .count();
    assert_eq!(granted, 12, "six retries, and the burst");
    let mut waits: Vec<u64> = Vec::new();
    for name in &names {
        if let Answer::Wait { ms, .. } = story.reserve(name, 60_000) {
            waits.push(ms);
        }
    }
    assert_eq!(waits, (1..=28).map(|wait| wait * 1000).collect::<Vec<u64>>());
}

#[test]
fn tokens_have_a_rate_too() {
    let mut story = Story::new(limits(None, Some(60_000), 100));
    story.tokens = 3000;
    story.grant(&["0", "1"], 0);
    assert_eq!(story.wait("2", 0, WaitReason::Tokens), 3000);
    story.tokens = 30_000;
    assert_eq!(
        story.wait("large", 0, WaitReason::Tokens),
        9000,
        "it goes alone, after all before it"
    );
    story.grant(&["2"], 3000);
    story.grant(&["large"], 9000);
    story.tokens = 3000;
    assert_eq!(story.wait("3", 9000, WaitReason::Tokens), 27_000);
}

#[test]
fn an_outcome_corrects_the_charge() {
    // One call of 1,000 tokens fills the burst.
    let cases = [
        (Settled::NotSent, 0),
        (Settled::Failed, 6000),
        (answered(1000), 6000),
        (answered(500), 3000),
        // The ratio is learned, too: the next call is expected to use an eighth of the difference more.
        (answered(2000), 12_750),
    ];
    for (outcome, expected) in cases {
        let mut story = Story::new(limits(None, Some(10_000), 100));
        story.tokens = 1000;
        story.grant(&["0"], 0);
        story.settle("0", 0, outcome.clone());
        let wait = match story.reserve("1", 0) {
            Answer::Granted => 0,
            Answer::Wait { ms, .. } => ms,
            Answer::Settled => unreachable!(),
        };
        // After a lower count the next call is expected to use less.
        assert!(wait.abs_diff(expected) <= 800, "{outcome:?}: {wait}");
        story.settle("0", 0, outcome);
        assert_eq!(
            story.budget.waiting() + story.budget.in_flight(),
            1,
            "a repeated outcome changes nothing"
        );
    }
}

#[test]
fn concurrent_calls_are_limited_and_a_lowered_limit_counts_at_once() {
    let mut story = Story::new(limits(None, None, 3));
    story.grant(&["0", "1", "2"], 0);
    let wait = story.wait("3", 0, WaitReason::Concurrency);
    assert_eq!(wait, 10_000, "without an observed duration");
    assert_eq!(story.wait("4", 0, WaitReason::Concurrency), wait);
    story.settle("0", 2000, answered(100));
    // Another one is expected after two seconds, like the first; "3" comes back before "4".
    assert_eq!(story.wait("5", 2000, WaitReason::Concurrency), 500);
    story.grant(&["3"], 10_000);
    story.limits.concurrent = 1;
    story.settle("1", 10_100, answered(100));
    story.wait("4", 10_100, WaitReason::Concurrency);
    story.settle("2", 10_200, answered(100));
    story.wait("4", 10_200, WaitReason::Concurrency);
    story.settle("3", 10_300, answered(100));
    story.grant(&["4"], 10_300);
    assert_eq!(story.budget.in_flight(), 1);
}

#[test]
fn a_reservation_ends_with_its_hold() {
    let mut story = Story::new(limits(Some(10), None, 1));
    story.hold_ms = 5000;
    story.grant(&["died"], 0);
    assert_eq!(story.wait("waits", 0, WaitReason::Requests), 6000);
    assert_eq!(story.budget.in_flight(), 1);
    // Its retry extends the hold of a granted call.
    story.grant(&["died"], 3000);
    story.wait("waits", 7999, WaitReason::Concurrency);
    story.grant(&["waits"], 8000);
    assert_eq!((story.budget.in_flight(), story.budget.waiting()), (1, 0));
    // A waiting call that doesn't come back frees its slot.
    assert_eq!(story.wait("gone", 8000, WaitReason::Requests), 6000);
    assert_eq!(story.wait("next", 8001, WaitReason::Requests), 11_999);
    story.reserve("waits", 12_000);
    assert_eq!(story.budget.waiting(), 2);
    story.reserve("waits", 16_000);
    assert_eq!(story.budget.waiting(), 2, "its hold begins at the end of its wait");
    story.reserve("waits", 19_000);
    assert_eq!(story.budget.waiting(), 1);
}

#[test]
fn an_urgent_call_passes_three_times() {
    let mut story = Story::new(limits(None, None, 1));
    story.grant(&["run/first"], 0);
    story.wait("run/normal", 0, WaitReason::Concurrency);
    story.urgent = true;
    let mut last = "run/first".to_owned();
    for (round, is_passed) in (1..).zip([true, true, true, false]) {
        let (urgent, at_ms) = (format!("run/urgent {round}"), round * 10_000);
        story.wait(&urgent, at_ms - 9000, WaitReason::Concurrency);
        story.settle(&last, at_ms, answered(100));
        // Both come back when a call ends.
        story.urgent = false;
        let normal = story.reserve("run/normal", at_ms);
        story.urgent = true;
        assert_eq!(normal != Answer::Granted, is_passed, "round {round}: {normal:?}");
        if is_passed {
            story.grant(&[&urgent], at_ms);
            last = urgent;
        }
    }
}

#[test]
fn one_burst_of_refusals_halves_once_and_answers_raise_again() {
    let mut story = Story::new(limits(Some(600), None, 16));
    let calls: Vec<String> = (0..10).map(|call| call.to_string()).collect();
    for call in &calls {
        story.grant(&[call], 0);
    }
    for call in &calls {
        story.settle(call, 1000, refused(Some(30_000)));
    }
    assert_eq!(story.budget.concurrent(), 5, "half of those in flight");
    let wait = story.wait("0", 1000, WaitReason::Refused);
    assert!(
        (30_000..30_400).contains(&wait),
        "at least the time that the provider named: {wait}"
    );
    assert!(story.wait("0", 30_000, WaitReason::Refused) >= 1000, "nobody earlier");
    story.grant(&["0"], 1000 + wait);
    story.settle("0", 33_000, refused(None));
    assert_eq!(story.budget.concurrent(), 1, "a second burst");
    let mut at_ms = 100_000;
    for call in 0..200 {
        at_ms += 2000;
        story.grant(&[&format!("later {call}")], at_ms);
        story.settle(&format!("later {call}"), at_ms, answered(100));
    }
    assert_eq!(story.budget.concurrent(), 16, "up to the configured limit");
}

#[test]
fn a_refusal_without_a_time_waits_longer_each_time() {
    let mut story = Story::new(limits(None, None, 4));
    let mut at_ms = 0;
    for expected in [1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000] {
        story.grant(&["call"], at_ms);
        story.settle("call", at_ms + 1, refused(None));
        let wait = story.wait("call", at_ms + 1, WaitReason::Refused);
        assert!((expected + 1..=expected + 200).contains(&wait), "{expected}: {wait}");
        at_ms += 200_000;
    }
}

#[test]
fn limits_are_learned_from_headers() {
    let observed = |requests_per_minute, requests_left, resets_in_ms| {
        Some(ObservedLimits {
            requests_per_minute,
            requests_left,
            resets_in_ms,
            ..ObservedLimits::default()
        })
    };
    for (configured, seen, expected) in [
        (None, 60, 1000),
        (Some(30), 60, 2000),
        (Some(60), 30, 2000),
        (Some(60), 0, 1000),
    ] {
        let mut story = Story::new(limits(configured, None, 100));
        story.grant(&["0"], 0);
        let outcome = Settled::Answered {
            input_tokens: 100,
            slower: false,
            observed: observed(Some(seen), Some(5), None),
        };
        story.settle("0", 0, outcome);
        let waits: Vec<u64> = (1..12)
            .filter_map(|call| match story.reserve(&call.to_string(), 0) {
                Answer::Wait { ms, .. } => Some(ms),
                _ => None,
            })
            .collect();
        assert_eq!(waits[1] - waits[0], expected, "{configured:?}, {seen}");
    }
    let mut story = Story::new(limits(None, None, 100));
    story.grant(&["0"], 0);
    let outcome = Settled::Answered {
        input_tokens: 100,
        slower: false,
        observed: observed(None, Some(0), Some(20_000)),
    };
    story.settle("0", 0, outcome);
    assert!(
        story.wait("1", 0, WaitReason::Refused) >= 20_000,
        "nothing is left until the reset"
    );
}

#[test]
fn clocks_may_differ_by_a_minute() {
    let mut story = Story::new(limits(Some(10), None, 100));
    story.grant(&["0"], 100_000);
    assert_eq!(story.wait("1", 100_000, WaitReason::Requests), 6000);
    // A clock that is behind: the wait is that of the latest clock.
    assert_eq!(story.wait("1", 40_000, WaitReason::Requests), 6000);
    assert_eq!(story.wait("2", 40_000, WaitReason::Requests), 12_000);
    // Further behind: the clock before was ahead. What is left to wait stays.
    assert_eq!(story.wait("1", 39_999, WaitReason::Requests), 6000);
    story.grant(&["1"], 45_999);
    assert_eq!(story.budget.in_flight(), 2);
}

#[test]
fn a_row_holds_2000_reservations() {
    let mut story = Story::new(limits(Some(60), Some(1_000_000), 4));
    story.tokens = 123_456;
    for call in 0..2000 {
        story.reserve(&format!("run-{call}/unit"), 0);
    }
    let overflow = story.reserve("another/one", 0);
    assert!(matches!(overflow, Answer::Wait { ms, .. } if ms > 1000), "{overflow:?}");
    assert_eq!(story.budget.in_flight() + story.budget.waiting(), 2000);
    let stored = json!(story.budget);
    assert!(stored.to_string().len() < 200 * 1024, "{}", stored.to_string().len());
    assert_eq!(Budget::deserialize(&stored).unwrap(), story.budget);
}

#[test]
fn a_run_that_a_person_waits_for_gets_four_shares_of_its_tenants() {
    let mut story = Story::new(limits(None, None, 1));
    story.grant(&["run/first"], 0);
    let waiting: Vec<(bool, String)> = (0..10)
        .flat_map(|call| [(false, format!("bulk/{call}")), (true, format!("person/{call}"))])
        .collect();
    for (urgent, name) in &waiting {
        story.urgent = *urgent;
        story.wait(name, 0, WaitReason::Concurrency);
    }
    let (mut last, mut order) = ("run/first".to_owned(), Vec::new());
    for round in 1..=15 {
        story.settle(&last, round * 1_000, answered(100));
        let next = waiting
            .iter()
            .filter(|(_, name)| !order.contains(name))
            .find(|(urgent, name)| {
                story.urgent = *urgent;
                story.reserve(name, round * 1_000) == Answer::Granted
            });
        last = next.unwrap().1.clone();
        order.push(last.clone());
    }
    let of_person = |calls: &[String]| calls.iter().filter(|name| name.starts_with("person/")).count();
    assert_eq!(of_person(&order[..10]), 8, "{order:?}");
    assert_eq!(of_person(&order), 10, "and the bulk isn't starved: {order:?}");
}
