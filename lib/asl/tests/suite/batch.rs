//! Batches of a distributed map's items, and the maximum number of items.

use holdfast_asl::{Command, MapChild, Stimulus};
use serde_json::{Value, json};

use crate::bench::{Bench, machine};

fn each(extra: Value) -> Value {
    let mut map = json!({
        "Type": "Map", "End": true,
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
            "StartAt": "Unit",
            "States": { "Unit": { "Type": "Pass", "End": true } },
        },
    });
    map.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    machine(json!({ "Each": map }))
}

/// Returns the children of a map with these items and fields.
fn children(extra: Value, items: Value) -> Result<Vec<MapChild>, String> {
    let bench = Bench::start(&each(extra), json!({ "most": 2, "pr": 7 }));
    let Some(Command::StartMapRun { key, .. }) = bench.execution.commands().pop() else {
        panic!("no map run: {:?}", bench.execution.status());
    };
    let items = items.as_array().unwrap().clone();
    bench
        .execution
        .map_children(key, items)
        .map_err(|failure| failure.error)
}

fn inputs(children: &[MapChild]) -> Vec<Value> {
    children.iter().map(|child| child.input.clone()).collect()
}

// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html: MaxItemsPerBatch, BatchInput; the
// items are the results of ItemSelector.
#[test]
fn items_are_batched_in_order_with_the_shared_input() {
    let found = children(
        json!({
            "Items": [],
            "ItemSelector": { "n": "{% $states.context.Map.Item.Value * 10 %}" },
            "ItemBatcher": {
                "MaxItemsPerBatch": "{% $states.input.most %}",
                "BatchInput": { "pr": "{% $states.input.pr %}" },
            },
        }),
        json!([1, 2, 3, 4, 5]),
    )
    .unwrap();
    let batch = |items: Value| json!({ "BatchInput": { "pr": 7 }, "Items": items });
    assert_eq!(
        inputs(&found),
        [
            batch(json!([{ "n": 10 }, { "n": 20 }])),
            batch(json!([{ "n": 30 }, { "n": 40 }])),
            batch(json!([{ "n": 50 }])),
        ]
    );
    assert_eq!(found.iter().map(|child| child.items).collect::<Vec<_>>(), [2, 2, 1]);
    assert!(found.iter().all(|child| child.item.is_none()));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html: MaxInputBytesPerBatch bounds the
// whole input of a child.
#[test]
fn a_batch_stays_within_its_bytes() {
    let batcher = json!({ "Items": [], "ItemBatcher": { "MaxInputBytesPerBatch": 30 } });
    let items = json!(["aaaa", "bbbb", "cccc", "dddddddddddd", "e"]);
    let found = children(batcher.clone(), items).unwrap();
    assert_eq!(
        inputs(&found),
        [
            json!({ "Items": ["aaaa", "bbbb"] }),
            json!({ "Items": ["cccc"] }),
            json!({ "Items": ["dddddddddddd", "e"] }),
        ]
    );
    assert!(found.iter().all(|child| child.input.to_string().len() <= 30));
    let alone = children(batcher.clone(), json!(["x".repeat(40)]));
    assert_eq!(alone, Err("States.DataLimitExceeded".to_owned()));
    assert_eq!(children(batcher, json!([])), Ok(vec![]));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html: a child's input is a payload like others.
#[test]
fn batches_without_a_limit_in_bytes_stay_within_the_payloads() {
    let batcher = json!({ "Items": [], "ItemBatcher": { "MaxItemsPerBatch": 10 } });
    let found = children(batcher, json!(vec!["x".repeat(100_000); 5])).unwrap();
    assert_eq!(found.iter().map(|child| child.items).collect::<Vec<_>>(), [2, 2, 1]);
}

// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html: ReaderConfig.MaxItems.
#[test]
fn a_reader_takes_at_most_max_items() {
    let reader = json!({ "ItemReader": {
        "Resource": "arn:aws:states:::s3:getObject",
        "ReaderConfig": { "InputType": "JSONL", "MaxItems": "{% $states.input.most %}" },
        "Arguments": { "Bucket": "b", "Key": "k" },
    } });
    let found = children(reader, json!(["a", "b", "c"])).unwrap();
    assert_eq!(inputs(&found), [json!("a"), json!("b")]);
    assert_eq!(found[1].item, Some(json!("b")));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html: at least one item a batch.
#[test]
fn a_batch_of_nothing_fails_the_map() {
    let batcher = json!({ "Items": [1], "ItemBatcher": { "MaxItemsPerBatch": "{% 0 %}" } });
    let bench = Bench::start(&each(batcher), json!({}));
    let (error, cause) = bench.error();
    assert_eq!(error, "States.QueryEvaluationError");
    assert!(cause.contains("'ItemBatcher/MaxItemsPerBatch'"), "{cause}");
}

// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html: the same batches after a restart.
#[test]
fn batches_are_the_same_after_a_restart() {
    let definition = each(json!({
        "Items": [1, 2, 3], "ItemSelector": "{% $uuid() %}",
        "ItemBatcher": { "MaxItemsPerBatch": 2, "BatchInput": "{% $uuid() %}" },
    }));
    let mut bench = Bench::start(&definition, json!({}));
    let items = vec![json!(1), json!(2), json!(3)];
    let first = bench.execution.map_children(3, items.clone()).unwrap();
    let stored = serde_json::to_string(&bench.history).unwrap();
    let read: Vec<holdfast_asl::HistoryEvent> = serde_json::from_str(&stored).unwrap();
    let mut again = holdfast_asl::Execution::new(bench.machine.clone(), bench.identity.clone());
    read.iter().for_each(|event| again.apply(event));
    assert_eq!(again.map_children(3, items), Ok(first));
    let arn = "arn:run".to_owned();
    bench
        .send(Stimulus::MapRunStarted {
            key: 3,
            map_run_arn: arn,
        })
        .unwrap();
}
