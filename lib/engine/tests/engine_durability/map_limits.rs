//! Limits of a running map run: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_UpdateMapRun.html>

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use holdfast_asl::{Status, TaskFailure, Timestamp};
use holdfast_engine::{Archive, Clock, Engine, EngineError, MapRunLimits, Outcome, PendingToken};
use serde_json::json;

use crate::support::{World, distributed, finished, items, machine, open, options, token_task};

/// A clock that shows another time at each look, so that no two transactions have the same time.
struct TickingClock(AtomicI64);

#[async_trait]
impl Clock for TickingClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.fetch_add(1, Ordering::SeqCst))
    }

    async fn sleep_until(&self, _: Timestamp) {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Returns the tokens that the map's children wait for, once nothing else runs.
async fn waiting(engine: &Engine) -> Vec<PendingToken> {
    match engine.wait("m").await.unwrap() {
        Outcome::WaitingForToken { pending, .. } => pending,
        Outcome::Finished { status } => panic!("it ended: {status:?}"),
    }
}

fn map_run_arn(directory: &Path) -> String {
    let archive = Archive::open(directory).unwrap();
    let execution = archive.execution("m").unwrap().id;
    archive.map_runs(execution).unwrap().remove(0).arn
}

#[tokio::test(flavor = "multi_thread")]
async fn changed_limits_apply_at_once_and_survive_a_crash() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let mut map = distributed("echo", json!({ "MaxConcurrency": 1, "End": true }));
    map["ItemProcessor"]["States"] = json!({ "Work": token_task(json!({ "End": true })) });
    let text = machine("All", json!({ "All": map }));
    let (engine, _) = open(directory.path(), &world).await;
    engine.start("m", &text, items(8)).await.unwrap();
    assert_eq!(waiting(&engine).await.len(), 1);

    let arn = map_run_arn(directory.path());
    let limits = MapRunLimits {
        max_concurrency: Some(3),
        tolerated_failure_count: Some(1),
        tolerated_failure_percentage: None,
    };
    engine.update_map_run(&arn, limits).await.unwrap();
    assert_eq!(waiting(&engine).await.len(), 3);
    let unknown = engine.update_map_run(&format!("{arn}x"), limits).await;
    assert!(matches!(unknown, Err(EngineError::MapRunUnknown { .. })), "{unknown:?}");
    drop(engine);

    let (engine, _) = open(directory.path(), &world).await;
    let details = Archive::open(directory.path()).unwrap().map_run_by_arn(&arn).unwrap();
    assert_eq!(details.unwrap().limits, limits);
    let pending = waiting(&engine).await;
    assert_eq!(pending.len(), 3);
    let failure = || TaskFailure {
        error: "No".to_owned(),
        cause: None,
    };
    // The limit of the definition would let none begin, and tolerate no failure.
    engine.send_task_failure(&pending[0].token, failure()).await.unwrap();
    let pending = waiting(&engine).await;
    assert_eq!(pending.len(), 3);

    // A lower limit stops no child, and lets none begin.
    let lower = MapRunLimits {
        max_concurrency: Some(2),
        ..MapRunLimits::default()
    };
    engine.update_map_run(&arn, lower).await.unwrap();
    engine.send_task_success(&pending[0].token, json!(0)).await.unwrap();
    let pending = waiting(&engine).await;
    assert_eq!(pending.len(), 2);

    engine.send_task_failure(&pending[0].token, failure()).await.unwrap();
    let Status::Failed { error, .. } = finished(&engine, "m").await else {
        panic!("it did not fail")
    };
    assert_eq!(error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    let ended = engine.update_map_run(&arn, limits).await;
    assert!(matches!(ended, Err(EngineError::MapRunNotRunning { .. })), "{ended:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lower_tolerance_fails_a_map_run_whose_failures_exceed_it() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let mut map = distributed("echo", json!({ "ToleratedFailurePercentage": 50, "End": true }));
    map["ItemProcessor"]["States"] = json!({ "Work": token_task(json!({ "End": true })) });
    let (engine, _) = open(directory.path(), &world).await;
    let text = machine("All", json!({ "All": map }));
    engine.start("m", &text, items(4)).await.unwrap();
    let pending = waiting(&engine).await;
    let failure = TaskFailure {
        error: "No".to_owned(),
        cause: None,
    };
    engine.send_task_failure(&pending[0].token, failure).await.unwrap();
    assert_eq!(waiting(&engine).await.len(), 3);
    let none_tolerated = MapRunLimits {
        tolerated_failure_percentage: Some(0.0),
        ..MapRunLimits::default()
    };
    engine
        .update_map_run(&map_run_arn(directory.path()), none_tolerated)
        .await
        .unwrap();
    assert!(matches!(finished(&engine, "m").await, Status::Failed { .. }));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_limit_all_children_run_at_once_and_begin_in_bounded_transactions() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let mut map = distributed("echo", json!({ "End": true }));
    map["ItemProcessor"]["States"] = json!({ "Work": token_task(json!({ "End": true })) });
    let text = machine("All", json!({ "All": map }));
    let mut options = options(directory.path(), &world);
    options.clock = Arc::new(TickingClock(AtomicI64::new(1_700_000_000_000)));
    let (engine, _) = Engine::open(options).await.unwrap();
    engine.start("m", &text, items(1_000)).await.unwrap();
    assert_eq!(waiting(&engine).await.len(), 1_000);

    let archive = Archive::open(directory.path()).unwrap();
    let map_run = archive.map_runs(archive.execution("m").unwrap().id).unwrap().remove(0);
    let mut begun: BTreeMap<Timestamp, usize> = BTreeMap::new();
    for child in archive.children(map_run.id).unwrap() {
        *begun.entry(child.started).or_default() += 1;
    }
    assert!(begun.values().all(|children| *children <= 256), "{begun:?}");
}
