//! A budget over a log: one write for each entry, folds, lost answers, a full log.

use futures::FutureExt;
use futures::future::join_all;
use holdfast_core::error::StageError;
use holdfast_core::logs::{self, FOLD_AFTER};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::model::provider_limits::Limits;
use holdfast_core::port::KeepLogs;
use holdfast_core::provider::{Answer, Breaker, BreakerAnswer, BreakerEntry, Budget, BudgetEntry, Settled};
use holdfast_testkit::logs::{LogFault, MemoryLogs};
use serde_json::json;

use super::budget::{HOLD_MS, START_MS};

const KEY: &str = "provider/anthropic/model";

fn entry(call: usize) -> BudgetEntry {
    BudgetEntry::Reserve {
        call: call.to_string(),
        tenant: (call % 3).to_string(),
        shares: 1,
        run: (call % 7).to_string(),
        urgent: false,
        tokens: 100,
        now_ms: START_MS + call as u64 * 10,
        hold_ms: HOLD_MS,
        limits: Limits {
            requests_per_minute: Some(60),
            input_tokens_per_minute: None,
            concurrent: 4,
        },
    }
}

/// Appends an entry to the budget's log.
async fn append(logs: &MemoryLogs, entry: BudgetEntry) -> Result<Answer, StageError> {
    Ok(logs::append::<Budget>(logs, KEY, &entry).await?.1)
}

/// Appends an entry to the breaker's log; returns the answer with the number of concurrent calls that are allowed.
async fn append_to_breaker(logs: &MemoryLogs, entry: BreakerEntry) -> Result<(BreakerAnswer, Option<u32>), StageError> {
    let (breaker, answer) = logs::append::<Breaker>(logs, KEY, &entry).await?;
    Ok((answer, breaker.allowed()))
}

/// Ports in memory never wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

#[test]
fn an_entry_is_one_write_and_the_log_stays_short() {
    let (logs, mut direct) = (MemoryLogs::default(), Budget::default());
    for call in 0..500 {
        let answer = now(append(&logs, entry(call))).unwrap();
        assert_eq!(answer, direct.apply(&entry(call)), "the answer doesn't depend on folds");
        let log = now(logs.read(KEY)).unwrap();
        assert!(log.entries.len() <= FOLD_AFTER + 8, "{}", log.entries.len());
        assert_eq!(log.folded + log.entries.len() as u64, call as u64 + 1);
        let calls = logs.take_calls() - 1;
        assert!(calls == 1 || (calls == 2 && log.entries.is_empty()), "{calls} calls");
    }
    assert_eq!(now(logs::read::<Budget>(&logs, KEY)).unwrap(), direct);
}

#[test]
fn two_hundred_callers_get_different_slots() {
    let logs = MemoryLogs::default();
    let answers = now(join_all((0..200).map(|call| append(&logs, entry(call)))));
    let mut slots: Vec<u64> = Vec::new();
    for (call, answer) in answers.into_iter().enumerate() {
        if let Answer::Wait { ms, .. } = answer.unwrap() {
            slots.push(call as u64 * 10 + ms);
        }
    }
    let waiting = slots.len();
    slots.sort_unstable();
    slots.dedup();
    assert!(
        waiting > 190 && slots.len() >= waiting - 2,
        "{waiting} wait for {} slots",
        slots.len()
    );
}

#[test]
fn a_lost_answer_reserves_once() {
    for fault in [LogFault::NotDone, LogFault::AnswerLost] {
        let logs = MemoryLogs::default();
        logs.fail_next([Some(fault)]);
        let error = now(append(&logs, entry(0))).unwrap_err();
        assert_eq!(error.name, ErrorName::ArtifactUnavailable);
        assert!(error.message.contains(KEY), "{error}");
        assert_eq!(now(append(&logs, entry(0))).unwrap(), Answer::Granted);
        assert_eq!(now(logs::read::<Budget>(&logs, KEY)).unwrap().in_flight(), 1);
        let settled = BudgetEntry::Settle {
            call: "0".to_owned(),
            now_ms: START_MS,
            outcome: Settled::Failed,
        };
        logs.fail_next([Some(fault)]);
        now(append(&logs, settled.clone())).unwrap_err();
        now(append(&logs, settled)).unwrap();
        assert_eq!(now(logs::read::<Budget>(&logs, KEY)).unwrap().in_flight(), 0);
    }
}

#[test]
fn a_failed_fold_costs_nothing_and_a_full_log_gets_room() {
    let logs = MemoryLogs::default();
    let text = "x".repeat(3500);
    let large = |call: usize| BudgetEntry::Settle {
        call: format!("{call} {text}"),
        now_ms: START_MS,
        outcome: Settled::NotSent,
    };
    let mut written = 0;
    // Each fold fails; the append before it doesn't.
    let error = loop {
        let fault = if written % 2 == 0 {
            LogFault::Stale
        } else {
            LogFault::NotDone
        };
        logs.fail_next([None, Some(fault), Some(LogFault::NotDone)]);
        match now(append(&logs, large(written))) {
            Ok(_) => written += 1,
            Err(error) => break error,
        }
    };
    assert!(error.message.contains("full"), "{error}");
    assert!(written > 80, "{written}");
    logs.fail_next([]);
    now(append(&logs, large(written))).unwrap_err();
    now(append(&logs, large(written))).unwrap();
    assert!(now(logs.read(KEY)).unwrap().entries.len() < 10);
}

#[test]
fn a_log_of_another_shape_is_named() {
    let logs = MemoryLogs::default();
    now(logs.append(KEY, &json!({ "Other": { "token": "SECRET" } }))).unwrap();
    let error = now(append(&logs, entry(0))).unwrap_err();
    assert_eq!(error.name, ErrorName::PayloadInvalid);
    assert!(
        error.message.contains(KEY) && !error.message.contains("SECRET"),
        "{error}"
    );
}

#[test]
fn a_breaker_over_a_log_returns_the_allowed_calls() {
    let logs = MemoryLogs::default();
    let call = || "a".to_owned();
    let entry = |now_ms| BreakerEntry::Ask {
        call: call(),
        now_ms,
        hold_ms: HOLD_MS,
    };
    assert_eq!(
        now(append_to_breaker(&logs, entry(START_MS))).unwrap(),
        (BreakerAnswer::Closed, None)
    );
    let noted = BreakerAnswer::Noted { others_answered: false };
    let now_ms = START_MS;
    assert_eq!(
        now(append_to_breaker(&logs, BreakerEntry::Failed { call: call(), now_ms }))
            .unwrap()
            .0,
        noted
    );
    let now_ms = START_MS + 1000;
    assert_eq!(
        now(append_to_breaker(&logs, entry(now_ms))).unwrap(),
        (BreakerAnswer::Probe, Some(1))
    );
    now(append_to_breaker(
        &logs,
        BreakerEntry::Answered { call: call(), now_ms },
    ))
    .unwrap();
    assert_eq!(
        now(append_to_breaker(&logs, entry(now_ms))).unwrap(),
        (BreakerAnswer::Closed, Some(1))
    );
    assert_eq!(now(logs::read::<Breaker>(&logs, KEY)).unwrap().open_since_ms(), None);
}
