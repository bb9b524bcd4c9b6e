//! The circuit breaker entry by entry.

use holdfast_core::provider::{Breaker, BreakerAnswer, BreakerEntry};
use serde::Deserialize;
use serde_json::json;

const START_MS: u64 = 1_700_000_000_000;
const HOLD_MS: u64 = 60_000;

#[derive(Default)]
struct Story(Breaker);

impl Story {
    fn ask(&mut self, call: &str, at_ms: u64) -> BreakerAnswer {
        let (call, now_ms) = (call.to_owned(), START_MS + at_ms);
        let hold_ms = HOLD_MS;
        self.0.apply(&BreakerEntry::Ask { call, now_ms, hold_ms })
    }

    /// Asks during an outage, and returns the wait.
    fn wait(&mut self, call: &str, at_ms: u64) -> u64 {
        match self.ask(call, at_ms) {
            BreakerAnswer::Open { wait_ms, .. } => wait_ms,
            other => panic!("{call}: {other:?}"),
        }
    }

    fn fail(&mut self, call: &str, at_ms: u64) -> bool {
        let (call, now_ms) = (call.to_owned(), START_MS + at_ms);
        match self.0.apply(&BreakerEntry::Failed { call, now_ms }) {
            BreakerAnswer::Noted { others_answered } => others_answered,
            other => panic!("{other:?}"),
        }
    }

    fn answer(&mut self, call: &str, at_ms: u64) {
        let (call, now_ms) = (call.to_owned(), START_MS + at_ms);
        self.0.apply(&BreakerEntry::Answered { call, now_ms });
    }

    fn is_open(&self) -> bool {
        self.0.open_since_ms().is_some()
    }
}

#[test]
fn exactly_one_call_probes_and_its_answer_closes() {
    let mut story = Story::default();
    assert_eq!(story.ask("a", 0), BreakerAnswer::Closed);
    assert_eq!(story.0.allowed(), None);
    assert!(!story.fail("a", 0));
    assert_eq!(story.wait("a", 0), 1000);
    story.wait("b", 999);
    assert_eq!(story.ask("b", 1000), BreakerAnswer::Probe);
    assert_eq!(story.ask("b", 1001), BreakerAnswer::Probe, "a retry of the same call");
    for call in ["a", "c"] {
        let since_ms = START_MS;
        assert!(matches!(story.ask(call, 2000), BreakerAnswer::Open { since_ms: since, .. } if since == since_ms));
    }
    story.answer("late", 2000);
    assert!(story.is_open(), "only the probe's answer counts");
    story.answer("b", 2500);
    assert!(!story.is_open());
    let allowed: Vec<Option<u32>> = (0..9)
        .map(|answer| {
            let allowed = story.0.allowed();
            story.answer(&format!("{answer}"), 3000);
            allowed
        })
        .collect();
    assert_eq!(
        allowed,
        [1, 2, 4, 8, 16, 32, 64, 128, 0].map(|allowed| (allowed > 0).then_some(allowed))
    );
    assert_eq!(story.ask("a", 3000), BreakerAnswer::Closed);
}

#[test]
fn the_time_between_probes_doubles_up_to_five_minutes() {
    // A server that has never answered is probably being started, or has a wrong address: it is tried often.
    let answered_before: (bool, &[u64]) = (true, &[1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
    for (has_answered, gaps_s) in [answered_before, (false, &[1, 2, 4, 4, 4])] {
        let mut story = Story::default();
        if has_answered {
            story.answer("early", 0);
        }
        story.fail("a", 0);
        let mut at_ms = 0;
        for gap_ms in gaps_s.iter().map(|gap_s| gap_s * 1000) {
            story.wait("b", at_ms + gap_ms - 1);
            at_ms += gap_ms;
            assert_eq!(story.ask("b", at_ms), BreakerAnswer::Probe, "{gap_ms}");
            story.fail("other", at_ms + 1);
            at_ms += 10;
            story.fail("b", at_ms);
            story.fail("b", at_ms);
        }
        assert_eq!(story.0.open_since_ms(), Some(START_MS));
    }
}

#[test]
fn a_probe_that_died_or_was_not_sent_is_replaced() {
    let mut story = Story::default();
    story.fail("a", 0);
    assert_eq!(story.ask("a", 1000), BreakerAnswer::Probe);
    assert!(story.wait("b", 1000) <= 2000 + 2000, "after the next probe");
    let (call, now_ms) = ("a".to_owned(), START_MS + 1500);
    story.0.apply(&BreakerEntry::Released { call, now_ms });
    assert_eq!(story.ask("b", 1500), BreakerAnswer::Probe);
    story.wait("c", 1500 + HOLD_MS - 1);
    assert_eq!(story.ask("c", 1500 + HOLD_MS), BreakerAnswer::Probe);
    story.fail("b", 1500 + HOLD_MS);
    story.wait("d", 1500 + HOLD_MS);
    story.answer("c", 1600 + HOLD_MS);
    assert!(!story.is_open());
}

#[test]
fn a_rare_failure_of_a_busy_provider_is_tolerated() {
    for (answers, failures, opens) in [
        (0, 1, true),
        (9, 1, true),
        (10, 1, false),
        (10, 2, true),
        (50, 5, false),
        (50, 6, true),
    ] {
        let mut story = Story::default();
        for answer in 0..answers {
            story.answer(&format!("answer {answer}"), answer * 100);
        }
        for failure in 0..failures {
            assert!(!story.is_open());
            story.fail(&format!("failure {failure}"), 9000);
        }
        assert_eq!(story.is_open(), opens, "{answers} answers, {failures} failures");
    }
    let mut story = Story::default();
    for answer in 0..50 {
        story.answer(&format!("{answer}"), 0);
    }
    story.fail("a", 10_000);
    assert!(story.is_open(), "answers count for ten seconds");
}

#[test]
fn a_call_that_alone_keeps_failing_is_no_outage() {
    let mut story = Story::default();
    assert!(!story.fail("bad", 0));
    assert!(!story.fail("bad", 0), "a repeated entry");
    assert_eq!(story.ask("good", 1000), BreakerAnswer::Probe);
    story.answer("good", 1100);
    assert!(story.fail("bad", 2000));
    assert!(story.fail("bad", 2000), "a repeated entry");
    assert!(!story.is_open());
    assert!(!story.fail("bad", 3000), "nobody was answered meanwhile");
    assert!(story.is_open());
}

#[test]
fn a_failure_during_resumption_opens_for_longer() {
    let mut story = Story::default();
    story.fail("a", 0);
    assert_eq!(story.ask("a", 1000), BreakerAnswer::Probe);
    for answer in 0..5 {
        story.answer(if answer == 0 { "a" } else { "x" }, 1000);
    }
    assert_eq!(story.0.allowed(), Some(16));
    story.fail("b", 1000);
    assert_eq!(story.wait("b", 1000), 2000);
    assert_eq!(story.0.allowed(), Some(1));
}

#[test]
fn waiting_calls_come_back_spread() {
    for waiting in [6, 7, 10, 50, 300] {
        let mut story = Story::default();
        story.fail("a", 0);
        let mut waits: Vec<u64> = (0..waiting).map(|call| story.wait(&format!("{call}"), 0)).collect();
        waits.sort_unstable();
        assert_eq!(waits[0], 1000);
        for at in 0..waits.len() {
            let together = waits[at..].iter().take_while(|wait| **wait < waits[at] + 100).count();
            assert!(together * 5 <= waiting, "{together} of {waiting} in 100 ms");
        }
    }
}

#[test]
fn the_state_is_stored_as_it_is() {
    let mut story = Story::default();
    for call in 0..300 {
        story.fail(&format!("{call}"), call * 50);
    }
    story.ask("probe", 20_000);
    let stored = json!(story.0);
    assert!(stored.to_string().len() < 40_000, "{}", stored.to_string().len());
    assert_eq!(Breaker::deserialize(&stored).unwrap(), story.0);
}
