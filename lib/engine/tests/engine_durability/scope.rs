//! An engine that is opened for one execution: the others in the data directory cause nothing, and resume later.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_asl::Status;
use holdfast_engine::{Archive, Clock, Engine, ExecutionStatus, Scope, VirtualClock};
use serde_json::json;

use crate::support::{World, distributed, finished, items, machine, open_virtual, options, output, task};

/// Kills an engine with five open executions: two that hang (one in a map), one that waits an hour, and two with little
/// left to do.
async fn killed(directory: &std::path::Path) -> (Arc<World>, holdfast_asl::Timestamp) {
    let world = World::taking_ms(0);
    let (engine, clock) = open_virtual(directory, &world).await;
    let hang = machine("Hang", json!({ "Hang": task("hang", json!({ "End": true })) }));
    let map = machine(
        "Map",
        json!({ "Map": distributed("hang", json!({ "MaxConcurrency": 2, "End": true })) }),
    );
    let wait = machine(
        "Wait",
        json!({
            "Wait": { "Type": "Wait", "Seconds": 3_600, "Next": "Then" },
            "Then": task("echo", json!({ "End": true })),
        }),
    );
    engine.start("hangs", &hang, json!({})).await.unwrap();
    engine.start("maps", &map, items(4)).await.unwrap();
    engine.start("own-1", &wait, json!({ "n": 1 })).await.unwrap();
    engine.start("waits", &wait, json!({ "n": 2 })).await.unwrap();
    while world.calls.load(Ordering::SeqCst) < 3 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    let now = clock.now();
    drop(engine);
    (World::taking_ms(0), now)
}

async fn open_for(
    directory: &std::path::Path,
    world: &Arc<World>,
    at: holdfast_asl::Timestamp,
    name: &'static str,
) -> (Engine, Arc<VirtualClock>, u64) {
    let clock = Arc::new(VirtualClock::new(at));
    let mut options = options(directory, world);
    options.clock = Arc::clone(&clock) as Arc<_>;
    options.scope = Scope::only(move |found| found == name);
    let (engine, recovered) = Engine::open(options).await.unwrap();
    assert!(recovered.unreadable.is_empty(), "{:?}", recovered.unreadable);
    (engine, clock, recovered.outside_scope)
}

fn called(world: &World) -> BTreeSet<String> {
    world
        .answered
        .lock()
        .unwrap()
        .keys()
        .map(|(execution, ..)| execution.clone())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_execution_in_scope_resumes_even_when_others_are_due() {
    let directory = tempfile::tempdir().unwrap();
    let (world, at) = killed(directory.path()).await;
    let (engine, clock, outside_scope) = open_for(directory.path(), &world, at, "own-1").await;
    assert_eq!(outside_scope, 5, "hangs, maps, its two children under way, waits");
    clock.advance_ms(3_700_000);
    assert_eq!(output(&engine, "own-1").await, json!({ "n": 1 }));
    // A new execution beside it runs, too.
    let echo = machine("Echo", json!({ "Echo": task("echo", json!({ "End": true })) }));
    engine.start("new", &echo, json!({})).await.unwrap();
    output(&engine, "new").await;
    engine.shutdown().await;
    assert_eq!(called(&world), BTreeSet::from(["new".to_owned(), "own-1".to_owned()]));
    let archive = Archive::open(directory.path()).unwrap();
    for name in ["hangs", "maps", "waits"] {
        assert_eq!(
            archive.execution(name).unwrap().status,
            ExecutionStatus::Running,
            "{name}"
        );
    }

    // An engine of the whole directory resumes everything.
    let world = World::taking_ms(0);
    let mut all = options(directory.path(), &world);
    all.clock = Arc::new(VirtualClock::new(clock.now()));
    let (engine, recovered) = Engine::open(all).await.unwrap();
    assert_eq!(recovered.outside_scope, 0);
    assert_eq!(output(&engine, "waits").await, json!({ "n": 2 }));
    while world.calls.load(Ordering::SeqCst) < 4 {
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    engine.stop("maps", None, None).await.unwrap();
    assert!(matches!(finished(&engine, "maps").await, Status::Aborted { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn another_execution_and_its_children_can_be_stopped_without_running_them() {
    let directory = tempfile::tempdir().unwrap();
    let (world, at) = killed(directory.path()).await;
    let (engine, _clock, _) = open_for(directory.path(), &world, at, "nobody").await;
    for name in ["maps", "hangs", "waits"] {
        engine.stop(name, None, None).await.unwrap();
        assert!(
            matches!(finished(&engine, name).await, Status::Aborted { .. }),
            "{name}"
        );
    }
    engine.shutdown().await;
    assert_eq!(world.calls.load(Ordering::SeqCst), 0);
    let archive = Archive::open(directory.path()).unwrap();
    let maps = archive.execution("maps").unwrap();
    for map_run in archive.map_runs(maps.id).unwrap() {
        assert!(map_run.status.is_final(), "{map_run:?}");
        for child in archive.children(map_run.id).unwrap() {
            assert!(
                child.status.is_final() || child.status == ExecutionStatus::Pending,
                "{child:?}"
            );
        }
    }
}
