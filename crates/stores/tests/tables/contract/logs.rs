//! The contract of logs: the cases that each table has to pass.

use std::collections::BTreeSet;

use holdfast_core::port::{KeepLogs, Log};
use tokio::task::JoinSet;

use super::*;

/// Opens logs in a new table for each case.
#[async_trait]
pub trait LogWorld: Send + Sync {
    /// Returns another handle to the same table, like that of another process.
    async fn open_logs(&self) -> Arc<dyn KeepLogs>;
}

/// The callers of one log at the same time.
const CALLERS: u64 = 200;

fn log(folded: u64, base: Option<Value>, entries: &[u64]) -> Log {
    Log {
        folded,
        base,
        entries: entries.iter().copied().map(n).collect(),
    }
}

fn numbers(log: &Log) -> Vec<u64> {
    log.entries.iter().map(|entry| entry["n"].as_u64().unwrap()).collect()
}

pub async fn entries_are_appended_and_folded(world: &dyn LogWorld) {
    let (logs, key) = (world.open_logs().await, "provider/a/b");
    let base = json!({ "sum": 3, "text": "\0\"\n\u{1F600}" });
    assert_eq!(logs.read(key).await.unwrap(), Log::default());
    assert!(!logs.fold(key, 0, 1, &base).await.unwrap(), "nothing to fold");
    assert_eq!(
        logs.read(key).await.unwrap(),
        Log::default(),
        "a lost fold changes nothing"
    );
    assert_eq!(logs.append(key, &n(1)).await.unwrap(), log(0, None, &[1]));
    assert_eq!(logs.append(key, &n(2)).await.unwrap(), log(0, None, &[1, 2]));
    assert_eq!(
        logs.append(key, &n(2)).await.unwrap(),
        log(0, None, &[1, 2, 2]),
        "an equal entry is another one"
    );
    for (folded, count) in [(1, 1), (0, 4), (3, 1), (u64::MAX >> 1, 1)] {
        assert!(!logs.fold(key, folded, count, &n(0)).await.unwrap(), "{folded} {count}");
    }
    assert!(logs.fold(key, 0, 2, &base).await.unwrap());
    assert_eq!(logs.read(key).await.unwrap(), log(2, Some(base.clone()), &[2]));
    assert!(!logs.fold(key, 0, 1, &n(0)).await.unwrap(), "another caller folded");
    assert_eq!(logs.append(key, &n(4)).await.unwrap(), log(2, Some(base), &[2, 4]));
    assert!(logs.fold(key, 2, 2, &n(9)).await.unwrap());
    assert_eq!(logs.read(key).await.unwrap(), log(4, Some(n(9)), &[]));
    assert_eq!(logs.append(key, &n(5)).await.unwrap(), log(4, Some(n(9)), &[5]));
    assert_eq!(
        logs.read("provider/a/c").await.unwrap(),
        Log::default(),
        "each key has its own log"
    );
}

pub async fn a_fold_does_not_conflict_with_appends(world: &dyn LogWorld) {
    let (first, second) = (world.open_logs().await, world.open_logs().await);
    for index in 0..100 {
        let (writer, folder) = if index % 2 == 0 {
            (&first, &second)
        } else {
            (&second, &first)
        };
        let seen = writer.append("provider/a", &n(index)).await.unwrap();
        folder.append("provider/a", &n(1000 + index)).await.unwrap();
        assert!(
            folder
                .fold("provider/a", seen.folded, seen.entries.len(), &n(index))
                .await
                .unwrap()
        );
        let after = writer.read("provider/a").await.unwrap();
        assert_eq!(
            after,
            log(seen.folded + seen.entries.len() as u64, Some(n(index)), &[1000 + index])
        );
    }
}

pub async fn many_append_at_once(world: &dyn LogWorld) {
    let two = [world.open_logs().await, world.open_logs().await];
    let mut tasks = JoinSet::new();
    for caller in 0..CALLERS {
        let logs = Arc::clone(&two[usize::from(caller % 2 == 1)]);
        // One try: an append has no conflicts.
        tasks.spawn(async move { (caller, logs.append("provider/a", &n(caller)).await.unwrap()) });
    }
    let answers = tasks.join_all().await;
    let order = numbers(&world.open_logs().await.read("provider/a").await.unwrap());
    assert_eq!(order.iter().copied().collect::<BTreeSet<_>>(), (0..CALLERS).collect());
    assert_eq!(order.len() as u64, CALLERS, "each entry is there once");
    for (caller, seen) in answers {
        let seen = numbers(&seen);
        assert_eq!(seen.last(), Some(&caller), "the last entry is its own");
        assert_eq!(seen, order[..seen.len()], "all see the same order");
    }
}

pub async fn many_append_and_fold_at_once(world: &dyn LogWorld) {
    let two = [world.open_logs().await, world.open_logs().await];
    let mut tasks = JoinSet::new();
    for caller in 0..CALLERS {
        let logs = Arc::clone(&two[usize::from(caller % 2 == 1)]);
        tasks.spawn(async move {
            let seen = logs.append("provider/a", &n(caller)).await.unwrap();
            if seen.entries.len() > 32 {
                let before = seen.base.as_ref().map_or(0, |base| base["sum"].as_u64().unwrap());
                let sum = before + numbers(&seen).iter().take(32).sum::<u64>();
                let _lost_race = logs
                    .fold("provider/a", seen.folded, 32, &json!({ "sum": sum }))
                    .await
                    .unwrap();
            }
        });
    }
    tasks.join_all().await;
    let end = world.open_logs().await.read("provider/a").await.unwrap();
    assert_eq!(end.folded + end.entries.len() as u64, CALLERS);
    assert!(end.folded >= 32, "somebody folded");
    let sum = end.base.as_ref().unwrap()["sum"].as_u64().unwrap() + numbers(&end).iter().sum::<u64>();
    assert_eq!(sum, (0..CALLERS).sum::<u64>(), "no entry is lost or counted twice");
}

pub async fn a_log_has_bounds(world: &dyn LogWorld) {
    let (logs, key) = (world.open_logs().await, "provider/a");
    for key in ["", "g", "g/", "/n", "g/a\nb"] {
        for error in [
            logs.read(key).await.unwrap_err(),
            logs.append(key, &n(1)).await.unwrap_err(),
            logs.fold(key, 0, 1, &n(1)).await.unwrap_err(),
        ] {
            assert!(error.detail.contains("invalid row key"), "{key:?}: {error}");
        }
    }
    let sized = |bytes: usize| json!({ "text": "x".repeat(bytes - r#"{"text":""}"#.len()) });
    for (entry, part) in [(json!([]), "object"), (sized(4097), "4097 bytes")] {
        let error = logs.append(key, &entry).await.unwrap_err();
        assert!(error.detail.contains(part), "{error}");
    }
    for (count, base, part) in [
        (0, n(1), "not 0"),
        (101, n(1), "not 101"),
        (1, json!("text"), "object"),
        (1, sized(200 * 1024 + 1), "204801 bytes"),
    ] {
        let error = logs.fold(key, 0, count, &base).await.unwrap_err();
        assert!(error.detail.contains(part), "{error}");
    }
    assert_eq!(logs.read(key).await.unwrap(), Log::default());

    // 300 KiB: 75 of the largest entries; with the largest base 25 of them.
    let largest = sized(4096);
    for _ in 0..75 {
        logs.append(key, &largest).await.unwrap();
    }
    let full = logs.append(key, &n(1)).await.unwrap_err();
    assert!(
        full.key == key && full.detail.contains("full") && full.detail.contains("307200"),
        "{full}"
    );
    assert_eq!(logs.read(key).await.unwrap().entries.len(), 75);
    assert!(logs.fold(key, 0, 75, &sized(200 * 1024)).await.unwrap());
    for count in 1..=25 {
        assert_eq!(logs.append(key, &largest).await.unwrap().entries.len(), count);
    }
    logs.append(key, &n(1)).await.unwrap_err();
    assert!(logs.fold(key, 75, 25, &n(1)).await.unwrap());
    assert_eq!(logs.append(key, &n(2)).await.unwrap(), log(100, Some(n(1)), &[2]));
}
