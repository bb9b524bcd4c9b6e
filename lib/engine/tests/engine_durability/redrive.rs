//! Redrive through the engine: <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-map-run.html>

use std::sync::atomic::Ordering;

use holdfast_asl::Status;
use holdfast_engine::{Archive, EngineError, ExecutionStatus};
use serde_json::{Value, json};

use crate::support::{World, distributed, finished, items, machine, open, output, task};

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_runs_the_failed_task_again_and_no_finished_one() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let text = machine(
        "First",
        json!({
            "First": task("add-one", json!({ "Next": "Second" })),
            "Second": task("switched", json!({ "End": true })),
        }),
    );
    engine.start("a", &text, json!({ "n": 1 })).await.unwrap();
    assert!(matches!(finished(&engine, "a").await, Status::Failed { .. }));
    world.switch.store(true, Ordering::SeqCst);
    assert_eq!(engine.redrive("a").await.unwrap(), 1);
    assert_eq!(output(&engine, "a").await, json!({ "n": 2 }));
    assert_eq!(world.calls.load(Ordering::SeqCst), 3);
    for (name, redrivable) in [("a", false), ("none", false)] {
        assert_eq!(engine.redrive(name).await.is_ok(), redrivable, "{name}");
    }
    let row = Archive::open(directory.path()).unwrap().execution("a").unwrap();
    assert_eq!((row.status, row.error), (ExecutionStatus::Succeeded, None));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redrive_keeps_finished_items_even_across_a_crash() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let map = distributed("switched-on-two", json!({ "MaxConcurrency": 1, "End": true }));
    engine
        .start("m", &machine("All", json!({ "All": map })), items(5))
        .await
        .unwrap();
    assert!(matches!(finished(&engine, "m").await, Status::Failed { .. }));
    let archive = Archive::open(directory.path()).unwrap();
    let run = archive.map_runs(archive.execution("m").unwrap().id).unwrap().remove(0);
    let statuses = |archive: &Archive| -> Vec<ExecutionStatus> {
        archive
            .children(run.id)
            .unwrap()
            .into_iter()
            .map(|child| child.status)
            .collect()
    };
    use ExecutionStatus::{Aborted, Failed, Succeeded};
    assert_eq!(statuses(&archive), [Succeeded, Succeeded, Failed, Aborted, Aborted]);
    let before = world.calls.load(Ordering::SeqCst);
    world.switch.store(true, Ordering::SeqCst);
    engine.redrive("m").await.unwrap();
    // Like a crash right after the redrive was stored.
    drop(engine);
    let (engine, _) = open(directory.path(), &world).await;
    assert_eq!(output(&engine, "m").await, json!([0, 1, 2, 3, 4]));
    assert!(world.calls.load(Ordering::SeqCst) - before >= 3);
    assert_eq!(statuses(&archive), [Succeeded; 5]);
    let answered = world.answered.lock().unwrap();
    let kept = archive.children(run.id).unwrap()[0].name.clone();
    let times: usize = answered
        .iter()
        .filter(|((name, ..), _)| *name == kept)
        .map(|(_, count)| count)
        .sum();
    assert_eq!(times, 1);
    let again = archive.children(run.id).unwrap()[2].id;
    let types: Vec<String> = archive
        .history(again)
        .unwrap()
        .iter()
        .map(|event| event.kind.aws_type())
        .collect();
    assert!(types.contains(&"ExecutionRedriven".to_owned()), "{types:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn stopped_execution_is_redriven_and_an_open_one_is_not() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let text = machine(
        "Wait",
        json!({ "Wait": { "Type": "Wait", "Seconds": 86_400, "End": true } }),
    );
    engine.start("w", &text, json!({ "n": 1 })).await.unwrap();
    let refused = engine.redrive("w").await;
    assert!(matches!(refused, Err(EngineError::NotRedrivable { .. })), "{refused:?}");
    for _ in 0..3 {
        engine.stop("w", None, None).await.unwrap();
        assert_eq!(
            finished(&engine, "w").await,
            Status::Aborted {
                error: None,
                cause: None
            }
        );
        engine.redrive("w").await.unwrap();
    }
    let stops: Result<(), EngineError> = engine.stop("w", None, None).await;
    assert!(stops.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn items_that_could_not_be_read_are_read_by_a_redrive() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let reader = json!({
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": { "InputType": "JSON" },
            "Arguments": { "Bucket": "b", "Key": "in.json" },
        },
        "End": true,
    });
    let mut map = distributed("add-one", reader);
    map.as_object_mut().unwrap().remove("Items");
    engine
        .start("r", &machine("All", json!({ "All": map })), json!({}))
        .await
        .unwrap();
    let Status::Failed { error, .. } = finished(&engine, "r").await else {
        panic!("it did not fail")
    };
    assert_eq!(error.as_deref(), Some("States.ItemReaderFailed"));
    let read: Value = items(2)["items"].clone();
    world
        .objects
        .lock()
        .unwrap()
        .insert("b/in.json".to_owned(), read.to_string().into_bytes());
    engine.redrive("r").await.unwrap();
    assert_eq!(output(&engine, "r").await, json!([{ "n": 1 }, { "n": 2 }]));
}
