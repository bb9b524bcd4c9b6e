//! The engine end to end: executions, retries, maps, tokens, stops, and crashes at any point.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{
    World, distributed, finished, items, journal_events, machine, open, open_virtual, options, output, task, token_task,
};
use holdfast_asl::{EventKind, Status};
use holdfast_engine::{Archive, Clock, Engine, EngineError, ExecutionStatus, Outcome, Started};
use serde_json::{Value, json};

fn chain() -> String {
    machine(
        "One",
        json!({
            "One": task("add-one", json!({ "Next": "Two" })),
            "Two": task("add-one", json!({ "Next": "Three" })),
            "Three": task("add-one", json!({ "End": true })),
        }),
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_to_success_once() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, recovered) = open(directory.path(), &world).await;
    assert_eq!((recovered.executions, recovered.events), (0, 0));
    let mut events = engine.subscribe();
    assert_eq!(
        engine.start("a", &chain(), json!({ "n": 1 })).await.unwrap(),
        Started::New
    );
    assert_eq!(output(&engine, "a").await, json!({ "n": 4 }));
    assert_eq!(
        engine.start("a", &chain(), json!({ "n": 1 })).await.unwrap(),
        Started::AlreadyFinished
    );
    let other = engine.start("a", &chain(), json!({ "n": 2 })).await;
    assert!(matches!(other, Err(EngineError::ExecutionAlreadyExists { .. })));
    assert_eq!(world.calls.load(Ordering::SeqCst), 3);

    // The archive is readable while the engine holds the directory.
    let archive = Archive::open(directory.path()).unwrap();
    let row = archive.execution("a").unwrap();
    assert_eq!(
        (row.status, row.output),
        (ExecutionStatus::Succeeded, Some(json!({ "n": 4 })))
    );
    let history = archive.history(row.id).unwrap();
    assert!(matches!(
        history.last().unwrap().kind,
        EventKind::ExecutionSucceeded { .. }
    ));
    assert_eq!(archive.definition(&row.definition_sha256).unwrap(), chain());
    for stored in &history {
        assert_eq!(events.recv().await.unwrap().event.as_ref(), stored);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_wait_in_virtual_time() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, clock) = open_virtual(directory.path(), &world).await;
    let began = clock.now();
    let retry = json!([{ "ErrorEquals": ["Busy"], "IntervalSeconds": 100, "BackoffRate": 3, "MaxAttempts": 5 }]);
    let text = machine(
        "Try",
        json!({ "Try": task("third-time", json!({ "Retry": retry, "End": true })) }),
    );
    engine.start("r", &text, json!({})).await.unwrap();
    assert_eq!(output(&engine, "r").await, json!(3));
    assert_eq!(clock.now().0 - began.0, 400_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn panicking_function_fails_its_task() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let text = machine("Try", json!({ "Try": task("panic", json!({ "End": true })) }));
    engine.start("p", &text, json!({})).await.unwrap();
    let Status::Failed { error, cause } = finished(&engine, "p").await else {
        panic!("it did not fail")
    };
    assert_eq!(error.as_deref(), Some("Lambda.Unknown"));
    assert!(cause.unwrap().contains("the function broke"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_runs_at_most_max_concurrency_children() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(20));
    let (engine, _) = open(directory.path(), &world).await;
    let text = machine(
        "All",
        json!({ "All": distributed("add-one", json!({ "MaxConcurrency": 4, "End": true })) }),
    );
    engine.start("m", &text, items(30)).await.unwrap();
    let wanted: Vec<Value> = (1..=30).map(|n| json!({ "n": n })).collect();
    assert_eq!(output(&engine, "m").await, json!(wanted));
    assert_eq!(world.most_running.load(Ordering::SeqCst), 4);
    engine.start("empty", &text, items(0)).await.unwrap();
    assert_eq!(output(&engine, "empty").await, json!([]));
    let archive = Archive::open(directory.path()).unwrap();
    let runs = archive.map_runs(archive.execution("m").unwrap().id).unwrap();
    assert_eq!(
        (runs.len(), runs[0].status, runs[0].total),
        (1, ExecutionStatus::Succeeded, 30)
    );
    assert_eq!(archive.children(runs[0].id).unwrap().len(), 30);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_tolerates_failures_up_to_its_limit() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let strict = machine(
        "All",
        json!({ "All": distributed("fail-on-two", json!({ "End": true })) }),
    );
    engine.start("strict", &strict, items(5)).await.unwrap();
    let Status::Failed { error, .. } = finished(&engine, "strict").await else {
        panic!("it did not fail")
    };
    assert_eq!(error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));

    world
        .objects
        .lock()
        .unwrap()
        .insert("b/in.json".to_owned(), items(5)["items"].to_string().into_bytes());
    let written = json!({
        "ToleratedFailurePercentage": 20,
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": { "InputType": "JSON" },
            "Arguments": { "Bucket": "b", "Key": "in.json" },
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "WriterConfig": { "OutputType": "JSON", "Transformation": "COMPACT" },
            "Arguments": { "Bucket": "b", "Prefix": "out" },
        },
        "End": true,
    });
    let mut map = distributed("fail-on-two", written);
    map.as_object_mut().unwrap().remove("Items");
    engine
        .start("lax", &machine("All", json!({ "All": map })), json!({}))
        .await
        .unwrap();
    let result = output(&engine, "lax").await;
    let manifest = world.object(&format!("b/{}", result["ResultWriterDetails"]["Key"].as_str().unwrap()));
    let file = |kind: &str| {
        world.object(&format!(
            "b/{}",
            manifest["ResultFiles"][kind][0]["Key"].as_str().unwrap()
        ))
    };
    assert_eq!(file("SUCCEEDED"), json!([0, 1, 3, 4]));
    assert_eq!(file("FAILED")[0]["Error"], "Two");
    assert_eq!(manifest["ResultFiles"]["PENDING"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn token_wait_survives_reopening() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let text = machine(
        "Ask",
        json!({ "Ask": token_task(json!({ "TimeoutSeconds": 86_400, "End": true })) }),
    );
    engine.start("t", &text, json!({})).await.unwrap();
    let Outcome::WaitingForToken { state, pending } = engine.wait("t").await.unwrap() else {
        panic!("it ended")
    };
    assert_eq!((state.as_str(), pending.len()), ("Ask", 1));
    engine.shutdown().await;

    let archive = Archive::open(directory.path()).unwrap();
    assert_eq!(
        archive.pending_tokens(archive.execution("t").unwrap().id).unwrap(),
        pending
    );
    let (engine, recovered) = open(directory.path(), &world).await;
    assert_eq!(recovered.executions, 1);
    assert!(matches!(
        engine.send_task_success("no such", json!(1)).await,
        Err(EngineError::TokenUnknown)
    ));
    engine
        .send_task_success(&pending[0].token, json!({ "said": "yes" }))
        .await
        .unwrap();
    assert_eq!(output(&engine, "t").await, json!({ "said": "yes" }));
    assert!(matches!(
        engine.send_task_success(&pending[0].token, json!(1)).await,
        Err(EngineError::TokenClosed)
    ));
    assert_eq!(world.calls.load(Ordering::SeqCst), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn stopping_stops_the_children() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let text = machine(
        "All",
        json!({ "All": distributed("hang", json!({ "MaxConcurrency": 2, "End": true })) }),
    );
    engine.start("s", &text, items(5)).await.unwrap();
    while world.calls.load(Ordering::SeqCst) < 2 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    engine.stop("s", Some("Enough".to_owned()), None).await.unwrap();
    let status = finished(&engine, "s").await;
    assert_eq!(
        status,
        Status::Aborted {
            error: Some("Enough".to_owned()),
            cause: None
        }
    );
    let archive = Archive::open(directory.path()).unwrap();
    let run = archive.map_runs(archive.execution("s").unwrap().id).unwrap().remove(0);
    assert_eq!(run.status, ExecutionStatus::Aborted);
    let children = archive.children(run.id).unwrap();
    assert!(children.iter().all(|child| child.status == ExecutionStatus::Aborted));
}

/// Opens the engine repeatedly, each time for a little longer, and drops it like a crash.
async fn run_through_crashes(text: &str, name: &str, input: Value, world: &Arc<World>) -> Value {
    let directory = tempfile::tempdir().unwrap();
    let mut started = false;
    for pause_us in (0_u64..).step_by(1_700) {
        let (engine, _) = Engine::open(options(directory.path(), world)).await.unwrap();
        if !started {
            engine.start(name, text, input.clone()).await.unwrap();
            started = true;
        }
        let waited = tokio::time::timeout(Duration::from_micros(pause_us), engine.wait(name)).await;
        if let Ok(outcome) = waited {
            let Outcome::Finished {
                status: Status::Succeeded { output },
            } = outcome.unwrap()
            else {
                panic!("it did not succeed")
            };
            check_no_finished_function_ran_again(directory.path(), world);
            return output;
        }
        drop(engine);
    }
    unreachable!("the pauses grow without end")
}

/// Checks that a function whose answer was stored ran only once.
fn check_no_finished_function_ran_again(directory: &std::path::Path, world: &World) {
    let database = rusqlite::Connection::open(directory.join("engine.sqlite")).unwrap();
    let mut answered = std::collections::BTreeSet::new();
    for (name, event) in journal_events(&database) {
        if event.kind.aws_type() == "TaskSucceeded" {
            assert!(answered.insert((name.clone(), event.previous)), "{name}: {event:?}");
        }
    }
    assert!(!world.answered.lock().unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn crashes_change_no_outcome() {
    let world = World::taking_ms(6);
    assert_eq!(
        run_through_crashes(&chain(), "c", json!({ "n": 1 }), &world).await,
        json!({ "n": 4 })
    );
    let world = World::taking_ms(6);
    let text = machine(
        "All",
        json!({ "All": distributed("add-one", json!({ "MaxConcurrency": 3, "End": true })) }),
    );
    let wanted: Vec<Value> = (1..=9).map(|n| json!({ "n": n })).collect();
    assert_eq!(run_through_crashes(&text, "d", items(9), &world).await, json!(wanted));
    assert!(world.most_running.load(Ordering::SeqCst) <= 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn finished_functions_are_not_run_again() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let text = machine(
        "First",
        json!({ "First": task("add-one", json!({ "Next": "Last" })), "Last": task("hang", json!({ "End": true })) }),
    );
    for opened in 1..=5 {
        let (engine, _) = open(directory.path(), &world).await;
        engine.start("f", &text, json!({ "n": 1 })).await.unwrap();
        while world.calls.load(Ordering::SeqCst) < opened + 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    }
    let answered = world.answered.lock().unwrap();
    let first: usize = answered
        .iter()
        .filter(|((_, state, _), _)| state == "First")
        .map(|(_, count)| count)
        .sum();
    assert_eq!(first, 1);
}

/// <https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html>
#[tokio::test(flavor = "multi_thread")]
async fn batches_are_children_and_their_items_count_as_failed() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let batched = |tolerated: u64| {
        let batcher = json!({ "MaxItemsPerBatch": 3, "BatchInput": { "of": "run" } });
        let rest = json!({ "ItemBatcher": batcher, "ToleratedFailureCount": tolerated, "End": true });
        let mut map = distributed("fail-on-two", rest);
        let payload = json!({ "n": "{% $states.input.Items[0].n = 3 ? 2 : $count($states.input.Items) %}" });
        map["ItemProcessor"]["States"]["Work"]["Arguments"]["Payload"] = payload;
        machine("All", json!({ "All": map }))
    };
    // Four batches of 3, 3, 3 and 1 items. The second one fails with its three items.
    engine.start("three", &batched(3), items(10)).await.unwrap();
    assert_eq!(output(&engine, "three").await, json!([3, 3, 1]));
    engine.start("two", &batched(2), items(10)).await.unwrap();
    let Status::Failed { error, .. } = finished(&engine, "two").await else {
        panic!("it did not fail")
    };
    assert_eq!(error.as_deref(), Some("States.ExceedToleratedFailureThreshold"));
    let archive = Archive::open(directory.path()).unwrap();
    let run = archive
        .map_runs(archive.execution("three").unwrap().id)
        .unwrap()
        .remove(0);
    let children = archive.children(run.id).unwrap();
    assert_eq!(
        children[3].input,
        json!({ "BatchInput": { "of": "run" }, "Items": [{ "n": 9 }] })
    );
}

/// <https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html>
#[tokio::test(flavor = "multi_thread")]
async fn answers_that_come_after_a_stop_change_nothing() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(80));
    let (engine, _) = open(directory.path(), &world).await;
    engine.start("s", &chain(), json!({ "n": 1 })).await.unwrap();
    while world.running.load(Ordering::SeqCst) < 1 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    engine.stop("s", None, Some("enough".to_owned())).await.unwrap();
    let archive = Archive::open(directory.path()).unwrap();
    let row = archive.execution("s").unwrap();
    let (status, history) = (row.status, archive.history(row.id).unwrap());
    while world.calls.load(Ordering::SeqCst) < 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    // The answer has arrived once another execution, started after it, has ended.
    engine.start("t", &chain(), json!({ "n": 1 })).await.unwrap();
    output(&engine, "t").await;
    assert_eq!(archive.execution("s").unwrap().status, status);
    assert_eq!(archive.history(row.id).unwrap(), history);
    assert_eq!(status, ExecutionStatus::Aborted);
    let again = engine.stop("s", None, None).await;
    assert!(matches!(again, Err(EngineError::ExecutionEnded { .. })), "{again:?}");
}
