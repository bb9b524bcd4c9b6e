//! Inline Maps and Parallel states: order, concurrency, scopes of variables, failures.

use holdfast_asl::{Command, HistoryEvent, Stimulus, StimulusRejected};
use serde_json::{Value, json};

use crate::bench::{Bench, Reply, failure, invoke};

fn each(items: Value, extra: Value, inner: Value) -> Value {
    let mut map = json!({
        "Type": "Map", "Items": items, "End": true,
        "ItemProcessor": { "StartAt": "Unit", "States": { "Unit": inner } },
    });
    map.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    json!({ "Each": map })
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
// Iterations run in the history of their parent.
#[test]
fn an_inline_map_writes_the_events_that_aws_writes() {
    let inner =
        json!({ "Type": "Pass", "Output": "{% $states.input.v * 10 + $states.context.Map.Item.Index %}", "End": true });
    let extra = json!({ "MaxConcurrency": 1, "ItemSelector": { "v": "{% $states.context.Map.Item.Value %}" } });
    let bench = Bench::finish(each(json!([5, 6]), extra, inner), json!({}));
    assert_eq!(bench.output(), json!([50, 61]));
    let expected = [
        ("MapStateStarted", 2),
        ("MapIterationStarted", 3),
        ("PassStateEntered", 4),
        ("PassStateExited", 5),
        ("MapIterationSucceeded", 6),
        ("MapIterationStarted", 6),
        ("PassStateEntered", 8),
        ("PassStateExited", 9),
        ("MapIterationSucceeded", 10),
        ("MapStateSucceeded", 11),
        ("MapStateExited", 11),
        ("ExecutionSucceeded", 13),
    ];
    let found: Vec<(String, u64)> = bench.history[2..]
        .iter()
        .map(|event| (event.kind.aws_type(), event.previous))
        .collect();
    assert_eq!(found, expected.map(|(kind, previous)| (kind.to_owned(), previous)));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map.html
// The result of a Map without items is an empty array.
#[test]
fn an_empty_map_succeeds_at_once() {
    let inner = json!({ "Type": "Pass", "End": true });
    let bench = Bench::finish(each(json!([]), json!({}), inner), json!({}));
    assert_eq!(bench.output(), json!([]));
    assert_eq!(
        bench.types()[2..5],
        ["MapStateStarted", "MapStateSucceeded", "MapStateExited"]
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
// MaxConcurrency; at most 40 at once, also for 0.
#[test]
fn at_most_max_concurrency_children_run() {
    for (most, count, expected) in [(0, 5, 5), (1, 5, 1), (3, 5, 3), (9, 5, 5), (0, 50, 40), (45, 50, 40)] {
        let items: Vec<u64> = (1..=count).collect();
        let inner = invoke(json!("{% $states.input %}"), json!({ "End": true }));
        let mut bench = Bench::of(each(json!(items), json!({ "MaxConcurrency": most }), inner), json!({}));
        assert_eq!(bench.execution.commands().len(), expected, "{most}");
        let mut highest = expected;
        while let Some(Command::InvokeFunction { key, payload, .. }) = bench.execution.commands().pop() {
            bench.send(Stimulus::TaskSucceeded { key, output: payload }).unwrap();
            highest = highest.max(bench.execution.commands().len());
        }
        assert_eq!(highest, expected);
        let payloads: Vec<u64> = bench
            .output()
            .as_array()
            .unwrap()
            .iter()
            .map(|result| result["Payload"].as_u64().unwrap())
            .collect();
        assert_eq!(payloads, items);
    }
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map-inline.html
// A failed iteration fails the state, and the others stop.
#[test]
fn a_failed_iteration_fails_the_map_and_drops_the_others() {
    let inner = invoke(json!({}), json!({ "End": true }));
    let extra = json!({
        "Catch": [{ "ErrorEquals": ["Boom"], "Next": "Caught" }], "End": true,
    });
    let mut states = each(json!([1, 2]), extra, inner);
    states["Caught"] = json!({ "Type": "Succeed", "Output": "{% $states.input.Error %}" });
    let mut bench = Bench::of(states, json!({}));
    let keys: Vec<u64> = bench
        .execution
        .commands()
        .into_iter()
        .filter_map(|command| match command {
            Command::InvokeFunction { key, .. } => Some(key),
            _ => None,
        })
        .collect();
    bench
        .send(Stimulus::TaskFailed {
            key: keys[1],
            failure: failure("Boom"),
        })
        .unwrap();
    assert_eq!(bench.output(), json!("Boom"));
    let types = bench.types();
    let failed = types.iter().position(|kind| kind == "TaskFailed").unwrap();
    assert_eq!(
        types[failed + 1..failed + 4],
        ["MapIterationFailed", "MapStateFailed", "MapStateExited"]
    );
    let late = Stimulus::TaskSucceeded {
        key: keys[0],
        output: Value::Null,
    };
    assert_eq!(bench.send(late), Err(StimulusRejected::Ended));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
// Variable scope.
#[test]
fn inner_states_see_outer_variables_and_keep_their_own() {
    let states = json!({
        "Set": { "Type": "Pass", "Assign": { "outer": 1 }, "Next": "Both" },
        "Both": {
            "Type": "Parallel",
            "Arguments": { "n": "{% $outer + 1 %}" },
            "Branches": [
                { "StartAt": "A", "States": {
                    "A": { "Type": "Pass", "Assign": { "inner": "{% $outer + 10 %}" }, "Next": "A2" },
                    "A2": { "Type": "Pass", "Output": "{% $inner %}", "End": true } } },
                { "StartAt": "B", "States": { "B": { "Type": "Pass", "Output": "{% $states.input.n %}", "End": true } } },
            ],
            "Assign": { "both": "{% $states.result %}" },
            "Next": "Show",
        },
        "Show": { "Type": "Pass", "Output": ["{% $both %}", "{% $exists($inner) %}"], "End": true },
    });
    let bench = Bench::finish(states, json!({}));
    assert_eq!(bench.output(), json!([[11, 2], false]));
    let types = bench.types();
    assert!(types.contains(&"ParallelStateStarted".to_owned()));
    assert!(types.contains(&"ParallelStateSucceeded".to_owned()));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-parallel.html
// A failed branch fails the state, and the others stop.
#[test]
fn a_failed_branch_fails_the_parallel() {
    let states = json!({
        "Both": {
            "Type": "Parallel",
            "Branches": [
                { "StartAt": "Slow", "States": { "Slow": invoke(json!({}), json!({ "End": true })) } },
                { "StartAt": "Bad", "States": { "Bad": { "Type": "Fail", "Error": "Bad", "Cause": "it is" } } },
            ],
            "Retry": [{ "ErrorEquals": ["Bad"], "MaxAttempts": 1 }],
            "Catch": [{ "ErrorEquals": ["Bad"], "Next": "Caught" }],
            "End": true,
        },
        "Caught": { "Type": "Succeed" },
    });
    let mut bench = Bench::of(states, json!({}));
    bench.drive(|_, _| Reply::Never);
    assert_eq!(bench.output(), json!({ "Error": "Bad", "Cause": "it is" }));
    let count = |kind: &str| bench.types().iter().filter(|found| *found == kind).count();
    assert_eq!((count("ParallelStateStarted"), count("ParallelStateFailed")), (2, 1));
    let shown: Vec<Value> = bench.history.iter().filter_map(HistoryEvent::to_aws).collect();
    let kinds: Vec<&str> = shown.iter().filter_map(|event| event["type"].as_str()).collect();
    assert_eq!(
        kinds[2..],
        [
            "ParallelStateStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "FailStateEntered",
            "ParallelStateStarted",
            "TaskStateEntered",
            "TaskScheduled",
            "FailStateEntered",
            "ParallelStateFailed",
            "ParallelStateExited",
            "SucceedStateEntered",
            "SucceedStateExited",
            "ExecutionSucceeded",
        ]
    );
    let ids: Vec<u64> = shown.iter().filter_map(|event| event["id"].as_u64()).collect();
    assert_eq!(ids, (1..=ids.len() as u64).collect::<Vec<_>>());
}

// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
// Map.Item.
#[test]
fn nested_maps_see_the_nearest_item() {
    let inner = json!({
        "Type": "Map", "Items": "{% $states.input %}", "MaxConcurrency": 1, "End": true,
        "ItemProcessor": { "StartAt": "Leaf", "States": { "Leaf": {
            "Type": "Pass", "Output": "{% $states.context.Map.Item.Value %}", "End": true } } },
    });
    let bench = Bench::finish(
        each(json!([[1, 2], [3]]), json!({ "MaxConcurrency": 1 }), inner),
        json!({}),
    );
    assert_eq!(bench.output(), json!([[1, 2], [3]]));
}
