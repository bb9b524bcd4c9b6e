//! Distributed maps: items and results in S3, map runs and their children.

use aws_sdk_sfn::types::{ExecutionStatus, MapRunStatus};
use serde_json::{Value, json};

use crate::support::{Server, invoke, one, refusal, wait_for_token};

#[tokio::test(flavor = "multi_thread")]
async fn a_map_reads_and_writes_objects_and_its_run_is_described() {
    let server = Server::start().await;
    let client = &server.client;
    server
        .world
        .objects
        .lock()
        .unwrap()
        .insert("/b/in.json".into(), b"[1, 2, 3]".to_vec());
    let child = one("E", invoke("echo"));
    let map = json!({
        "Type": "Map",
        "Label": "Each",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": { "InputType": "JSON" },
            "Arguments": { "Bucket": "b", "Key": "in.json" },
        },
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
            "StartAt": child["StartAt"],
            "States": child["States"],
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "WriterConfig": { "OutputType": "JSON", "Transformation": "COMPACT" },
            "Arguments": { "Bucket": "b", "Prefix": "out" },
        },
    });
    let machine = server.create("m", &one("All", map)).await;
    let execution = server.run(&machine, "x", &json!({})).await;
    let ended = server.ended(&execution).await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded, "{ended:?}");
    let output: Value = serde_json::from_str(&ended.output.unwrap()).unwrap();
    let object = |key: &Value| -> Value {
        let path = format!("/b/{}", key.as_str().unwrap());
        serde_json::from_slice(&server.world.objects.lock().unwrap()[&path]).unwrap()
    };
    let manifest = object(&output["ResultWriterDetails"]["Key"]);
    assert_eq!(
        object(&manifest["ResultFiles"]["SUCCEEDED"][0]["Key"]),
        json!([1, 2, 3])
    );

    let runs = client
        .list_map_runs()
        .execution_arn(&execution)
        .send()
        .await
        .unwrap()
        .map_runs;
    let [run] = runs.as_slice() else { panic!("{runs:?}") };
    assert_eq!(run.state_machine_arn, machine);
    let described = client
        .describe_map_run()
        .map_run_arn(&run.map_run_arn)
        .send()
        .await
        .unwrap();
    assert_eq!(
        (described.status, described.execution_arn),
        (MapRunStatus::Succeeded, execution)
    );
    assert_eq!(described.execution_counts.unwrap().succeeded, 3);
    let unknown = client
        .describe_map_run()
        .map_run_arn(format!("{}x", run.map_run_arn))
        .send()
        .await;
    assert_eq!(refusal(unknown), "ResourceNotFound");

    let children = client
        .list_executions()
        .map_run_arn(&run.map_run_arn)
        .send()
        .await
        .unwrap()
        .executions;
    assert_eq!(children.len(), 3);
    let child = server.describe(&children[1].execution_arn).await;
    assert_eq!(
        (child.output.as_deref(), child.map_run_arn.as_deref()),
        (Some("2"), Some(run.map_run_arn.as_str()))
    );
    assert_eq!(child.state_machine_arn, format!("{machine}/Each"));
    assert!(!server.history(&child.execution_arn).await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_a_running_map_run_are_updated_and_described() {
    let server = Server::start().await;
    let client = &server.client;
    let child = one("W", wait_for_token());
    let map = json!({
        "Type": "Map",
        "Items": "{% [1..5] %}",
        "MaxConcurrency": "{% 1 %}",
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
            "StartAt": child["StartAt"],
            "States": child["States"],
        },
    });
    let machine = server.create("m", &one("All", map)).await;
    let execution = server.run(&machine, "x", &json!({})).await;
    server.world.token(0).await;
    let runs = client.list_map_runs().execution_arn(&execution).send().await.unwrap();
    let run = &runs.map_runs[0].map_run_arn;
    let described = async || client.describe_map_run().map_run_arn(run).send().await.unwrap();
    let before = described().await;
    assert_eq!((before.max_concurrency, before.tolerated_failure_count), (1, 0));

    let update = || client.update_map_run().map_run_arn(run);
    for refused in [
        update().max_concurrency(-1),
        update().tolerated_failure_count(-1),
        update().tolerated_failure_percentage(100.5),
        update().tolerated_failure_percentage(-0.5),
    ] {
        assert_eq!(refusal(refused.send().await), "ValidationException");
    }
    let other = |arn: &str| client.update_map_run().map_run_arn(arn).max_concurrency(2);
    assert_eq!(refusal(other(&format!("{run}x")).send().await), "ResourceNotFound");
    assert_eq!(refusal(other(&execution).send().await), "InvalidArn");
    let unnamed = client.update_map_run().max_concurrency(2).send().await;
    assert!(unnamed.is_err());

    let updated = update().max_concurrency(2).tolerated_failure_count(3);
    updated.tolerated_failure_percentage(12.5).send().await.unwrap();
    let after = described().await;
    assert_eq!(
        (
            after.max_concurrency,
            after.tolerated_failure_count,
            after.tolerated_failure_percentage
        ),
        (2, 3, 12.5)
    );
    // A second child begins.
    server.world.token(1).await;
    client.stop_execution().execution_arn(&execution).send().await.unwrap();
    assert_eq!(refusal(update().max_concurrency(1).send().await), "ValidationException");
}
