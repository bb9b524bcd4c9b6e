//! The result of a map run: its children's outputs, or the files of a `ResultWriter`.

use std::time::Duration;

use holdfast_asl::{OutputType, ResultWriter, TaskFailure, Timestamp, Transformation, payload_text};
use serde_json::{Value, json};

use super::archive::{self, ExecutionRecord, ExecutionStatus};
use super::naming;
use super::port::Objects;
use super::store::Store;

const RETRY_PAUSE: Duration = Duration::from_secs(1);

/// A map run whose children have all ended.
pub(super) struct Gathering {
    pub map_run: i64,
    pub arn: String,
    pub children_machine_arn: String,
    pub writer: Option<ResultWriter>,
    /// The map's failure, if it fails.
    pub failure: Option<TaskFailure>,
}

/// Returns the Map state's result. Without a writer, that is the outputs of the successful children, in item order.
/// With one, the keys of its files are derived from the map run, so that writing them again changes nothing.
pub(super) async fn gather(store: &Store, objects: &dyn Objects, gathering: Gathering) -> Result<Value, TaskFailure> {
    let map_run = gathering.map_run;
    let children = loop {
        match store
            .run(move |connection| archive::children(connection, map_run))
            .await
        {
            Ok(children) => break children,
            // The disk fails, not the map: it continues once the disk works.
            Err(error) if error.is_storage() => tokio::time::sleep(RETRY_PAUSE).await,
            Err(error) => return Err(writer_failed(error.to_string())),
        }
    };
    let result = match &gathering.writer {
        Some(writer) => write(objects, &gathering, writer, &children).await?,
        None => Value::Array(children.into_iter().filter_map(|child| child.output).collect()),
    };
    match gathering.failure {
        Some(failure) => Err(failure),
        None => Ok(result),
    }
}

async fn write(
    objects: &dyn Objects,
    gathering: &Gathering,
    writer: &ResultWriter,
    children: &[ExecutionRecord],
) -> Result<Value, TaskFailure> {
    let prefix = writer.prefix.trim_end_matches('/');
    let id = naming::map_run_id(&gathering.arn);
    let folder = if prefix.is_empty() {
        id.to_owned()
    } else {
        format!("{prefix}/{id}")
    };
    let mut succeeded = Vec::new();
    let mut failed = Vec::new();
    let mut pending = Vec::new();
    for child in children {
        match child.status {
            ExecutionStatus::Succeeded => succeeded.extend(transformed(child, writer, gathering)),
            // A child that never began has neither an error nor a cause. AWS lists it as pending.
            ExecutionStatus::Aborted if child.error.is_none() && child.cause.is_none() => {
                pending.push(description(child, gathering, ExecutionStatus::Pending));
            }
            status => failed.push(description(child, gathering, status)),
        }
    }
    let mut files = json!({ "FAILED": [], "PENDING": [], "SUCCEEDED": [] });
    for (name, entries) in [("SUCCEEDED", succeeded), ("FAILED", failed), ("PENDING", pending)] {
        if entries.is_empty() {
            continue;
        }
        let (bytes, extension) = rendered(entries, writer.output_type);
        let key = format!("{folder}/{name}_0.{extension}");
        files[name] = json!([{ "Key": key, "Size": bytes.len() }]);
        put(objects, writer, &key, bytes).await?;
    }
    let manifest = json!({ "DestinationBucket": writer.bucket, "MapRunArn": gathering.arn, "ResultFiles": files });
    let key = format!("{folder}/manifest.json");
    put(objects, writer, &key, manifest.to_string().into_bytes()).await?;
    Ok(json!({ "MapRunArn": gathering.arn, "ResultWriterDetails": { "Bucket": writer.bucket, "Key": key } }))
}

async fn put(objects: &dyn Objects, writer: &ResultWriter, key: &str, bytes: Vec<u8>) -> Result<(), TaskFailure> {
    objects
        .put(&writer.bucket, key, bytes)
        .await
        .map_err(|error| writer_failed(error.message))
}

fn transformed(child: &ExecutionRecord, writer: &ResultWriter, gathering: &Gathering) -> Vec<Value> {
    let output = || child.output.clone().unwrap_or(Value::Null);
    match writer.transformation {
        Transformation::None => vec![description(child, gathering, child.status)],
        Transformation::Compact => vec![output()],
        Transformation::Flatten => match output() {
            Value::Array(items) => items,
            single => vec![single],
        },
    }
}

/// Describes a child in the form of AWS's files.
fn description(child: &ExecutionRecord, gathering: &Gathering, status: ExecutionStatus) -> Value {
    let mut described = json!({
        "ExecutionArn": child.arn,
        "Input": payload_text(&child.input),
        "InputDetails": { "Included": true },
        "Name": child.name,
        "StateMachineArn": gathering.children_machine_arn,
        "Status": status.as_str(),
    });
    if let Some(output) = &child.output {
        described["Output"] = json!(payload_text(output));
        described["OutputDetails"] = json!({ "Included": true });
    }
    if let Some(error) = &child.error {
        described["Error"] = json!(error);
    }
    if let Some(cause) = &child.cause {
        described["Cause"] = json!(cause);
    }
    if status != ExecutionStatus::Pending {
        described["StartDate"] = date(child.started);
        described["StopDate"] = child.stopped.map_or(Value::Null, date);
    }
    described
}

fn date(at: Timestamp) -> Value {
    jiff::Timestamp::from_millisecond(at.0).map_or(Value::Null, |at| json!(format!("{at:.3}")))
}

fn rendered(entries: Vec<Value>, output_type: OutputType) -> (Vec<u8>, &'static str) {
    match output_type {
        OutputType::Json => (payload_text(&Value::Array(entries)).into_bytes(), "json"),
        OutputType::Jsonl => {
            let lines: Vec<String> = entries.iter().map(payload_text).collect();
            ((lines.join("\n") + "\n").into_bytes(), "jsonl")
        }
    }
}

fn writer_failed(cause: String) -> TaskFailure {
    TaskFailure {
        error: "States.ResultWriterFailed".to_owned(),
        cause: Some(cause),
    }
}
