//! Distributed maps: items and results in S3, map runs and their children.

use aws_sdk_sfn::types::{ExecutionStatus, MapRunStatus};
use serde_json::{Value, json};

use crate::support::{Server, invoke, one, refusal};

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
