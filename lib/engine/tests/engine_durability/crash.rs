//! A crash after any stored event, and at any byte of the write-ahead log: resuming gives the same outcome.

use std::path::Path;
use std::sync::atomic::Ordering;

use holdfast_asl::HistoryEvent;
use holdfast_engine::{Archive, Started};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use serde_json::{Value, json};

use crate::support::{World, distributed, items, journal_events, machine, open_virtual, output, task};

const LOG: &str = "engine.sqlite-wal";
const LOG_HEADER_BYTES: usize = 32;
const FRAME_HEADER_BYTES: usize = 24;

/// Returns a Parallel of a chain with a retry, an inline map and a distributed one.
fn everything() -> String {
    let retry =
        json!([{ "ErrorEquals": ["Busy"], "IntervalSeconds": 1, "JitterStrategy": "FULL", "MaxDelaySeconds": 2 }]);
    let inline = json!({
        "Type": "Map", "Items": "{% $states.input.items %}", "MaxConcurrency": 2, "End": true,
        "ItemProcessor": { "StartAt": "Add", "States": { "Add": task("add-one", json!({ "End": true })) } },
    });
    let branch = |name: &str, states: Value| json!({ "StartAt": name, "States": states });
    machine(
        "All",
        json!({
            "All": { "Type": "Parallel", "Next": "Last", "Branches": [
                branch("Chain", json!({
                    "Chain": task("busy-once", json!({ "Retry": retry, "Next": "Pause" })),
                    "Pause": { "Type": "Wait", "Seconds": 1, "Next": "Count" },
                    "Count": { "Type": "Pass", "Output": "{% $count($states.input.items) %}", "End": true },
                })),
                branch("Inline", json!({ "Inline": inline })),
                branch("Distributed", json!({ "Distributed": distributed("add-one", json!({ "MaxConcurrency": 2, "End": true })) })),
            ] },
            "Last": task("echo", json!({ "End": true })),
        }),
    )
}

fn expected() -> Value {
    let added = json!([{ "n": 1 }, { "n": 2 }, { "n": 3 }]);
    json!([3, added, added])
}

/// Runs everything once. Returns the directory before the engine's end, and the bytes of its log.
async fn recorded() -> (tempfile::TempDir, Vec<u8>) {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open_virtual(directory.path(), &world).await;
    engine.start("e", &everything(), items(3)).await.unwrap();
    assert_eq!(output(&engine, "e").await, expected());
    let kept = tempfile::tempdir().unwrap();
    std::fs::copy(
        directory.path().join("engine.sqlite"),
        kept.path().join("engine.sqlite"),
    )
    .unwrap();
    let mut log = std::fs::read(directory.path().join(LOG)).unwrap();
    engine.shutdown().await;
    assert!(
        log.len() > 4_000_000,
        "{}: it has its length from the beginning",
        log.len()
    );
    log.truncate(*commits(&log).last().unwrap());
    (kept, log)
}

/// Returns the end of each transaction in the log. <https://www.sqlite.org/fileformat2.html#the_write_ahead_log>
fn commits(log: &[u8]) -> Vec<usize> {
    let number = |at: usize| u32::from_be_bytes(log[at..at + 4].try_into().unwrap()) as usize;
    let frame = FRAME_HEADER_BYTES + number(8);
    let ends = (LOG_HEADER_BYTES..log.len()).step_by(frame);
    ends.filter(|at| at + frame <= log.len() && log[at + 8..at + 16] == log[16..24] && number(at + 4) != 0)
        .map(|at| at + frame)
        .collect()
}

/// Makes a data directory like a crash leaves it.
fn crashed(kept: &Path, log: &[u8]) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    std::fs::copy(kept.join("engine.sqlite"), directory.path().join("engine.sqlite")).unwrap();
    std::fs::write(directory.path().join(LOG), log).unwrap();
    directory
}

/// Resumes from a part of the log. Returns the outcome, or `None` when the execution was not stored yet.
async fn resume(kept: &Path, log: &[u8]) -> Option<Value> {
    let (directory, world) = (crashed(kept, log), World::taking_ms(0));
    // Read on a copy, since closing a database moves its log into it.
    let beside = crashed(kept, log);
    let stored = stored_answers(beside.path());
    let (engine, _) = open_virtual(directory.path(), &world).await;
    if engine.start("e", &everything(), items(3)).await.unwrap() == Started::New {
        return None;
    }
    let found = output(&engine, "e").await;
    // A function whose answer was stored isn't called again.
    for key in world.answered.lock().unwrap().keys() {
        assert!(!stored.contains(&(key.0.clone(), key.2)), "{key:?} was called again");
    }
    assert!(world.most_running.load(Ordering::SeqCst) <= 6);
    Some(found)
}

/// Returns the invocations whose answers are in the log, by execution and key.
fn stored_answers(directory: &Path) -> Vec<(String, u64)> {
    let database = rusqlite::Connection::open(directory.join("engine.sqlite")).unwrap();
    let events = journal_events(&database);
    let scheduled_by = |name: &str, answer: &HistoryEvent| {
        let same = |(of, event): &&(String, HistoryEvent)| of == name && event.id == answer.previous;
        events.iter().find(same).unwrap().1.previous
    };
    events
        .iter()
        .filter(|(_, event)| event.kind.aws_type() == "TaskSucceeded")
        .map(|(name, event)| (name.clone(), scheduled_by(name, event)))
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn crash_after_any_transaction_gives_the_same_outcome() {
    let (kept, log) = recorded().await;
    let commits = commits(&log);
    // The number of events in a transaction depends on the machine's speed. But these events cannot share one: the
    // retry needs the failure stored before it, the pause the retry's answer, the end of the chain the pause, and the
    // last task all three branches.
    assert!(commits.len() > 5, "{commits:?}");
    let mut went_on = 0;
    for end in commits {
        if let Some(found) = resume(kept.path(), &log[..end]).await {
            assert_eq!(found, expected(), "after {end} bytes of the log");
            went_on += 1;
        }
    }
    assert!(went_on > 4, "{went_on}");
}

#[test]
fn crash_at_any_byte_of_the_log_gives_the_same_outcome() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let (kept, log) = runtime.block_on(recorded());
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(24)
    });
    let strategy = (LOG_HEADER_BYTES..=log.len(), any::<Option<u8>>(), any::<bool>());
    runner
        .run(&strategy, |(end, torn, lengthened)| {
            let mut part = log[..end].to_vec();
            // The last write may have reached the disk only in part.
            if let (Some(byte), Some(last)) = (torn, part.last_mut()) {
                *last = byte;
            }
            if lengthened {
                part.resize(log.len() + 100_000, 0);
            }
            let found = runtime.block_on(resume(kept.path(), &part));
            prop_assert!(found.is_none_or(|found| found == expected()));
            Ok(())
        })
        .unwrap();
}

#[test]
fn history_cut_after_any_event_gives_the_same_outcome() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut text: Value = serde_json::from_str(&everything()).unwrap();
    // Only one execution: its children's histories would have to be cut at the same moment.
    text["States"]["All"]["Branches"].as_array_mut().unwrap().pop();
    let (text, wanted) = (text.to_string(), json!([3, expected()[1]]));
    let (whole, length) = runtime.block_on(async {
        let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
        let (engine, _) = open_virtual(directory.path(), &world).await;
        engine.start("e", &text, items(3)).await.unwrap();
        assert_eq!(output(&engine, "e").await, wanted);
        engine.shutdown().await;
        let archive = Archive::open(directory.path()).unwrap();
        let length = archive.history(archive.execution("e").unwrap().id).unwrap().len();
        (directory, length)
    });
    for last in 1..u64::try_from(length).unwrap() {
        let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
        let file = directory.path().join("engine.sqlite");
        std::fs::copy(whole.path().join("engine.sqlite"), &file).unwrap();
        let database = rusqlite::Connection::open(&file).unwrap();
        let events: Vec<HistoryEvent> = journal_events(&database)
            .into_iter()
            .map(|(_, event)| event)
            .filter(|event| event.id <= last)
            .collect();
        let lines: Vec<String> = events
            .iter()
            .map(|event| serde_json::to_string(event).unwrap())
            .collect();
        database
            .execute("DELETE FROM journal WHERE id > (SELECT min(id) FROM journal)", [])
            .unwrap();
        database.execute("DELETE FROM journal_list", []).unwrap();
        database
            .execute("UPDATE meta SET value = 0 WHERE key = 'journal_listed'", [])
            .unwrap();
        database
            .execute("UPDATE journal SET events = ?1", [lines.join("\n")])
            .unwrap();
        let reopen = "UPDATE executions SET status = 'RUNNING', output = NULL, waits = 0";
        database.execute(reopen, []).unwrap();
        drop(database);
        let found = runtime.block_on(async {
            let (engine, _) = open_virtual(directory.path(), &world).await;
            output(&engine, "e").await
        });
        assert_eq!(found, wanted, "after event {last} of {length}");
    }
}
