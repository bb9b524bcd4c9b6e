//! Many concurrent writers of one row, through two handles.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU32, Ordering};

use tokio::task::JoinSet;

use super::*;

/// The number of writers on each of the two handles.
const TASKS: u64 = 50;

/// Opens two handles, each for half of the writers.
async fn handles(world: &dyn World) -> Vec<(u64, Arc<dyn KeepRows>)> {
    let two = [world.open().await, world.open().await];
    (0..2 * TASKS)
        .map(|task| (task, Arc::clone(&two[usize::from(task % 2 == 1)])))
        .collect()
}

pub async fn one_of_many_claims(world: &dyn World) {
    let mut tasks = JoinSet::new();
    for (task, rows) in handles(world).await {
        tasks.spawn(async move { (task, rows.put("claim/1", &n(task), Precondition::Absent).await.unwrap()) });
    }
    let ended = tasks.join_all().await;
    let winners: Vec<u64> = ended.iter().filter(|end| end.1 == done(1)).map(|end| end.0).collect();
    assert_eq!(winners.len(), 1, "{winners:?}");
    for (task, written) in ended.into_iter().filter(|end| end.0 != winners[0]) {
        assert_eq!(written, conflict(1, &n(winners[0])), "task {task} learns who was first");
    }
    let kept = world.open().await.get("claim/1").await.unwrap();
    assert_eq!(kept, Some(row(1, &n(winners[0]))));
}

pub async fn no_increment_is_lost(world: &dyn World) {
    let mut tasks = JoinSet::new();
    // The work grows with the square of the number of writers: half of them are enough.
    for (_, rows) in handles(world).await.into_iter().take(TASKS as usize) {
        tasks.spawn(async move { increment(rows.as_ref(), "counter/1").await });
    }
    let won = tasks.join_all().await;
    assert_eq!(won.iter().copied().collect::<BTreeSet<u64>>(), (1..=TASKS).collect());
    assert_eq!(won.len() as u64, TASKS, "each version has one writer");
    let kept = world.open().await.get("counter/1").await.unwrap();
    assert_eq!(kept, Some(row(TASKS, &n(TASKS))));
}

pub async fn a_lease_has_one_holder(world: &dyn World) {
    let holders = Arc::new(AtomicU32::new(0));
    let mut tasks = JoinSet::new();
    for (task, rows) in handles(world).await.into_iter().take(20) {
        let holders = Arc::clone(&holders);
        tasks.spawn(async move {
            while rows.put("lease/1", &n(task), Precondition::Absent).await.unwrap() != done(1) {
                tokio::task::yield_now().await;
            }
            assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0, "nobody else holds it");
            tokio::task::yield_now().await;
            holders.fetch_sub(1, Ordering::SeqCst);
            assert_eq!(rows.delete("lease/1", 1).await.unwrap(), done(1));
        });
    }
    tasks.join_all().await;
    assert_eq!(world.open().await.get("lease/1").await.unwrap(), None);
}
