//! Tests of single states: functions that hang or panic, and a shutdown meanwhile.

use std::sync::atomic::Ordering;
use std::time::Duration;

use holdfast_engine::{EngineError, StateTest, TestStatus};
use serde_json::{Map, Value, json};

use crate::support::{World, open, task};

fn test(state: Value) -> StateTest {
    StateTest {
        name: "T".to_owned(),
        state,
        query_language: Some(json!("JSONata")),
        input: json!({ "n": 1 }),
        variables: Map::new(),
        role_arn: None,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_test_survives_functions_that_panic_or_hang() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    for (function, rest, error) in [
        ("panic", json!({ "End": true }), "Lambda.Unknown"),
        ("hang", json!({ "End": true, "TimeoutSeconds": 1 }), "States.Timeout"),
    ] {
        let tested = engine.test_state(test(task(function, rest))).await.unwrap();
        assert_eq!(
            (tested.status, tested.error.as_deref()),
            (TestStatus::Failed, Some(error)),
            "{tested:?}"
        );
    }
    let refused = engine.test_state(test(json!({ "Type": "Pass" }))).await;
    assert!(matches!(refused, Err(EngineError::Definition(_))), "{refused:?}");

    let hangs = engine.clone();
    let hangs = tokio::spawn(async move { hangs.test_state(test(task("hang", json!({ "End": true })))).await });
    while world.calls.load(Ordering::SeqCst) < 3 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    engine.shutdown().await;
    let stopped = hangs.await.unwrap();
    assert!(matches!(stopped, Err(EngineError::Stopped)), "{stopped:?}");
}
