//! Distributed Maps in their parent: the command, its inputs, its end.

use holdfast_asl::{
    Command, InputType, ItemSource, OutputType, ResultWriter, Stimulus, StimulusRejected, Transformation,
};
use serde_json::{Value, json};

use crate::bench::{Bench, failure, machine};

fn each(extra: Value) -> Value {
    let mut map = json!({
        "Type": "Map",
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
            "StartAt": "Unit",
            "States": { "Unit": { "Type": "Pass", "End": true } },
        },
        "Next": "Done",
    });
    map.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({ "Each": map, "Done": { "Type": "Succeed" } })
}

fn read_and_write() -> Value {
    each(json!({
        "Label": "units",
        "MaxConcurrency": "{% $states.input.at_once %}",
        "ToleratedFailureCount": 3,
        "ToleratedFailurePercentage": "{% 12.5 %}",
        "ItemReader": {
            "Resource": "arn:aws:states:::s3:getObject",
            "ReaderConfig": { "InputType": "JSONL" },
            "Arguments": { "Bucket": "artifacts", "Key": "{% $states.input.key %}" },
        },
        "ItemSelector": {
            "unit": "{% $states.context.Map.Item.Value %}",
            "index": "{% $states.context.Map.Item.Index %}",
            "run": "{% $states.context.Execution.Name %}",
        },
        "ResultWriter": {
            "Resource": "arn:aws:states:::s3:putObject",
            "WriterConfig": { "OutputType": "JSONL", "Transformation": "COMPACT" },
            "Arguments": { "Bucket": "artifacts", "Prefix": "results" },
        },
        "Output": "{% $states.result %}",
    }))
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
// ItemReader, ItemSelector, ResultWriter, tolerance, Label.
#[test]
fn a_reader_and_a_writer_make_a_command() {
    let input = json!({ "at_once": 4, "key": "plan.jsonl" });
    let mut bench = Bench::of(read_and_write(), input);
    let mut expected = Command::StartMapRun {
        key: 3,
        state: "Each".into(),
        items: ItemSource::Object {
            bucket: "artifacts".into(),
            key: "plan.jsonl".into(),
            input_type: InputType::Jsonl,
        },
        max_concurrency: Some(4),
        tolerated_failure_count: Some(3),
        tolerated_failure_percentage: Some(12.5),
        label: "units".into(),
        result_writer: Some(ResultWriter {
            bucket: "artifacts".into(),
            prefix: "results".into(),
            output_type: OutputType::Jsonl,
            transformation: Transformation::Compact,
        }),
        map_run_arn: None,
    };
    assert_eq!(bench.execution.commands(), [expected.clone()]);
    bench
        .send(Stimulus::MapRunStarted {
            key: 3,
            map_run_arn: "arn:run".into(),
        })
        .unwrap();
    if let Command::StartMapRun { map_run_arn, .. } = &mut expected {
        *map_run_arn = Some("arn:run".into());
    }
    assert_eq!(bench.execution.commands(), [expected]);

    let inputs = bench.execution.map_inputs(3, vec![json!("a"), json!("b")]).unwrap();
    assert_eq!(
        inputs,
        [
            json!({ "unit": "a", "index": 0, "run": "run-1" }),
            json!({ "unit": "b", "index": 1, "run": "run-1" })
        ]
    );

    bench
        .send(Stimulus::MapRunFinished {
            key: 3,
            result: Ok(json!({ "MapRunArn": "arn:run" })),
        })
        .unwrap();
    assert_eq!(bench.output(), json!({ "MapRunArn": "arn:run" }));
    let found: Vec<(String, u64)> = bench.history[1..7]
        .iter()
        .map(|event| (event.kind.aws_type(), event.previous))
        .collect();
    let expected = [
        ("MapStateEntered", 0),
        ("MapStateStarted", 2),
        ("MapRunStarted", 3),
        ("MapRunSucceeded", 4),
        ("MapStateSucceeded", 5),
        ("MapStateExited", 5),
    ];
    assert_eq!(found, expected.map(|(kind, previous)| (kind.to_owned(), previous)));
    let again = Stimulus::MapRunFinished {
        key: 3,
        result: Ok(Value::Null),
    };
    assert_eq!(bench.send(again), Err(StimulusRejected::Ended));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map.html
// Items; the input if it is missing.
#[test]
fn items_come_from_a_field_or_from_the_input() {
    let table = [
        (json!({ "Items": "{% [1, 2] %}" }), json!({}), json!([1, 2])),
        (json!({ "Items": [1, "{% $states.input %}"] }), json!(7), json!([1, 7])),
        (json!({}), json!(["x"]), json!(["x"])),
    ];
    for (extra, input, expected) in table {
        let bench = Bench::of(each(extra), input);
        let Some(Command::StartMapRun {
            items: ItemSource::Inline(items),
            label,
            ..
        }) = bench.execution.commands().pop()
        else {
            panic!("no map run");
        };
        assert_eq!((json!(items), label.as_str()), (expected, "Each"));
        assert_eq!(bench.execution.map_inputs(3, items.clone()).unwrap(), items);
    }
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map.html
// Items must give an array.
#[test]
fn items_of_a_wrong_type_fail_the_map() {
    let bench = Bench::finish(each(json!({ "Items": "{% 1 %}" })), json!({}));
    let (_, cause) = bench.error();
    assert!(cause.ends_with(
        "The JSONata expression '1' specified for the field 'Items' returned an unexpected result type. \
         Expected 'array', but was 'number' for value: 1"
    ));
    assert_eq!(
        bench.types()[1..],
        [
            "MapStateEntered",
            "EvaluationFailed",
            "MapStateFailed",
            "ExecutionFailed"
        ]
    );
    let (_, cause) = Bench::finish(each(json!({})), json!({ "foo": "bar" })).error();
    assert!(cause.ends_with("Map state input must be an array but was: {\"foo\":\"bar\"}"));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
// States.ExceedToleratedFailureThreshold.
#[test]
fn a_failed_run_is_retried_then_caught() {
    let mut states = each(json!({
        "Items": [1],
        "Retry": [{ "ErrorEquals": ["States.ExceedToleratedFailureThreshold"], "MaxAttempts": 1 }],
        "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Done", "Output": "{% $states.errorOutput.Error %}" }],
    }));
    states["Done"]["Output"] = json!("{% $states.input %}");
    let mut bench = Bench::of(states, json!({}));
    let finish = |bench: &mut Bench, key| {
        let result = Err(failure("States.ExceedToleratedFailureThreshold"));
        bench.send(Stimulus::MapRunFinished { key, result }).unwrap();
    };
    finish(&mut bench, 3);
    assert_eq!(bench.types()[3..], ["MapRunFailed"]);
    bench.now += 1000;
    let (key, _) = bench.timers()[0];
    bench.send(Stimulus::TimerFired { key }).unwrap();
    let Some(Command::StartMapRun {
        key, map_run_arn: None, ..
    }) = bench.execution.commands().pop()
    else {
        panic!("not started again");
    };
    assert!(bench.execution.map_inputs(3, vec![]).is_err());
    finish(&mut bench, key);
    assert_eq!(bench.output(), json!("States.ExceedToleratedFailureThreshold"));
    let failed = bench.types().iter().filter(|kind| *kind == "MapStateFailed").count();
    assert_eq!(failed, 1);
}

// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemselector.html
// Expressions in ItemSelector.
#[test]
fn a_selector_that_fails_gives_the_failure_of_the_run() {
    let states = each(json!({ "Items": [1], "ItemSelector": { "a": "{% $states.context.Map.Item.Value.b %}" } }));
    let bench = Bench::of(states, json!({}));
    let failure = bench.execution.map_inputs(3, vec![json!(1)]).unwrap_err();
    assert_eq!(failure.error, "States.QueryEvaluationError");
    assert!(failure.cause.unwrap().contains("'ItemSelector/a'"));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
// Child executions.
#[test]
fn the_childs_machine_is_a_machine_of_its_own() {
    let bench = Bench::new(&machine(each(json!({ "Items": [] }))), json!({}));
    let child = bench.machine.item_processor("Each").unwrap();
    assert_eq!(child.state_names(), ["Unit"]);
    assert!(bench.machine.item_processor("Done").is_none());
    assert_eq!(bench.machine.state_names(), ["Each", "Unit", "Done"]);
    assert_eq!(bench.machine.states()[1].parent.as_deref(), Some("Each"));
}
