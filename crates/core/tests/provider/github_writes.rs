//! The turns of writes to GitHub: over hours, while callers come back late, after a refusal, and over a shared table.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures::FutureExt;
use holdfast_core::logs::State;
use holdfast_core::port::{KeepLogs, Pace, PaceWrites, WriteTurn};
use holdfast_core::provider::PacedWrites;
use holdfast_core::provider::github_writes::{GithubWrites, GithubWritesAnswer, GithubWritesEntry, WriteLimits};
use holdfast_testkit::logs::{LogFault, MemoryLogs};

use super::budget::START_MS;

const REST_MS: u64 = 30_000;

fn reserve(write: u64, now_ms: u64, per_minute: u32) -> GithubWritesEntry {
    GithubWritesEntry::Reserve {
        write,
        now_ms,
        rest_ms: REST_MS,
        limits: WriteLimits::of(per_minute),
    }
}

/// Sends `writes` that begin within the first minute, from processes that come back up to `late_ms` too late. Returns
/// when each was sent, and how often it came back.
fn send(writes: u64, per_minute: u32, late_ms: u64) -> (Vec<u64>, Vec<u32>) {
    let mut state = GithubWrites::default();
    let mut waits = vec![0; usize::try_from(writes).unwrap()];
    let mut due: BinaryHeap<_> = (0..writes)
        .map(|write| Reverse((START_MS + write * 7_919 % 60_000, write)))
        .collect();
    let mut sent = Vec::new();
    while let Some(Reverse((now_ms, write))) = due.pop() {
        match state.apply(&reserve(write, now_ms, per_minute)) {
            GithubWritesAnswer::After(ms) => {
                assert!(ms <= REST_MS, "{ms}");
                sent.push(now_ms + ms);
            }
            GithubWritesAnswer::Later(ms) => {
                waits[usize::try_from(write).unwrap()] += 1;
                let late = (write * 104_729 + now_ms) % (late_ms + 1);
                due.push(Reverse((now_ms + ms + late, write)));
            }
            GithubWritesAnswer::Noted => panic!("nothing was refused"),
        }
    }
    sent.sort_unstable();
    (sent, waits)
}

/// Returns the most writes in any window of this length.
fn most_in(sent: &[u64], window_ms: u64) -> usize {
    let in_window =
        |(index, from): (usize, &u64)| sent[index..].iter().take_while(|at| **at - from < window_ms).count();
    sent.iter().enumerate().map(in_window).max().unwrap_or(0)
}

#[test]
fn no_minute_and_no_hour_has_more_writes_than_github_allows() {
    println!("| a minute | writes | late up to | most in a minute | most in an hour | hours | waits of a write |");
    for (per_minute, writes, late_ms) in [(60, 900, 0), (60, 900, 30_000), (80, 900, 30_000), (10, 200, 30_000)] {
        let (sent, waits) = send(writes, per_minute, late_ms);
        assert_eq!(sent.len() as u64, writes, "none is lost");
        let (minute, hour) = (most_in(&sent, 60_000), most_in(&sent, 3_600_000));
        let hours = (sent[sent.len() - 1] - START_MS) as f64 / 3_600_000.0;
        let mean = f64::from(waits.iter().sum::<u32>()) / writes as f64;
        println!("| {per_minute} | {writes} | {late_ms} ms | {minute} | {hour} | {hours:.2} | {mean:.2} |");
        assert!(minute <= 80 && hour <= 500, "{minute} {hour}");
        assert!(minute <= per_minute as usize + 10, "{minute}");
        let ideal = (writes as f64 - 50.0) / 450.0;
        assert!(
            hours < ideal.max(writes as f64 / f64::from(per_minute) / 60.0) * 1.1 + 0.05,
            "{hours}"
        );
        assert!(mean < 1.5, "a write waits once: {mean}");
        assert!(
            waits.iter().max().unwrap() <= &6,
            "none is starved: {:?}",
            waits.iter().max()
        );
    }
}

#[test]
fn a_write_keeps_its_turn_while_others_come() {
    let mut state = GithubWrites::default();
    let mut write = 0;
    let first_wait = loop {
        write += 1;
        if let GithubWritesAnswer::Later(ms) = state.apply(&reserve(write, START_MS, 60)) {
            break ms;
        }
    };
    assert!((30_001..33_000).contains(&first_wait), "{first_wait}");
    for second in 1..60 {
        let now_ms = START_MS + second * 1_000;
        if second == 50 {
            let own = state.apply(&reserve(write, now_ms, 60));
            assert!(matches!(own, GithubWritesAnswer::After(ms) if ms < 5_000), "{own:?}");
        }
        for other in 0..2 {
            let other = state.apply(&reserve(1_000 + second * 10 + other, now_ms, 60));
            assert!(matches!(
                other,
                GithubWritesAnswer::After(_) | GithubWritesAnswer::Later(_)
            ));
        }
    }
}

#[test]
fn a_clock_that_was_ahead_stops_nobody() {
    let mut state = GithubWrites::default();
    let day_ms = 86_400_000;
    state.apply(&GithubWritesEntry::Refused {
        now_ms: START_MS + day_ms,
        until_ms: START_MS + 2 * day_ms,
    });
    let ahead = state.apply(&reserve(1, START_MS + day_ms, 60));
    assert_eq!(ahead, GithubWritesAnswer::Later(3_600_000), "an hour at most");
    let behind = state.apply(&reserve(2, START_MS, 60));
    assert!(
        matches!(behind, GithubWritesAnswer::Later(ms) if ms <= 3_601_000),
        "{behind:?}"
    );
}

/// A clock that tests set.
#[derive(Default)]
struct Clock(AtomicU64);

#[async_trait::async_trait]
impl Pace for Clock {
    fn now_ms(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn longest_rest_ms(&self) -> u64 {
        300_000
    }

    async fn rest(&self, _call: u64, _ms: u64) {}

    fn wake(&self, _calls: &[u64]) {}
}

/// Ports in memory never wait.
fn now<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}

#[test]
fn two_processes_share_the_turns_and_a_refusal() {
    let (logs, clock) = (MemoryLogs::default(), Arc::new(Clock(AtomicU64::new(START_MS))));
    let process = || PacedWrites::new(Arc::new(logs.clone()), Arc::clone(&clock) as _, 60);
    let (one, other) = (process(), process());
    let take = |of: &PacedWrites, write: u32| now(of.turn("app 1 octo", &write.to_string())).unwrap();
    let at_once = (0..20).filter(|write| {
        let of = if write % 2 == 0 { &one } else { &other };
        take(of, *write) == WriteTurn::After(Duration::ZERO)
    });
    assert_eq!(at_once.count(), 10, "the burst is that of both");
    let elsewhere = now(other.turn("app 1 hexa", "1")).unwrap();
    assert_eq!(elsewhere, WriteTurn::After(Duration::ZERO), "another installation");

    clock.0.fetch_add(3_600_000, Ordering::SeqCst);
    now(one.refused("app 1 octo", Some(540))).unwrap();
    let (mine, theirs) = (take(&one, 30), take(&other, 31));
    assert_eq!(mine, WriteTurn::Later(Duration::from_secs(540)));
    assert_eq!(theirs, WriteTurn::Later(Duration::from_secs(540)));
    clock.0.fetch_add(540_000, Ordering::SeqCst);
    assert_eq!(take(&other, 31), WriteTurn::After(Duration::ZERO));
    now(one.refused("app 1 octo", None)).unwrap();
    assert_eq!(take(&other, 32), WriteTurn::Later(Duration::from_secs(60)));

    logs.fail_next([Some(LogFault::NotDone), None]);
    assert!(now(one.turn("app 1 octo", "33")).is_err());
    let secret = now(one.turn("https://x token ghp_secret", "33"));
    assert!(secret.is_ok());
    let row = now(logs.read("turn/0")).unwrap();
    assert!(row.entries.is_empty());
}
