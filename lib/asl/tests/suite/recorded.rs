//! The comparison with recorded executions, on a few small recordings written by hand.

use serde_json::{Value, json};

use crate::case::Case;
use crate::verdict::{Totals, Verdict, judge};

fn event(id: u64, previous: u64, kind: &str, details: Value) -> Value {
    let mut event = json!({ "id": id, "previousEventId": previous, "type": kind });
    event
        .as_object_mut()
        .unwrap()
        .extend(details.as_object().unwrap().clone());
    event
}

fn entered(name: &str, input: Value) -> Value {
    json!({ "stateEnteredEventDetails": { "name": name, "input": input, "inputDetails": { "truncated": false } } })
}

fn exited(name: &str, output: Value) -> Value {
    json!({ "stateExitedEventDetails": { "name": name, "output": output } })
}

fn judged(definition: Value, functions: Value, history: Vec<Value>) -> Verdict {
    let case = json!({
        "id": "by hand", "definition": definition, "input": { "n": 1 }, "functions": functions, "history": history,
    });
    let case = Case::parse(&case.to_string()).unwrap();
    assert_eq!(case.id, "by hand");
    judge(&case)
}

fn pass(output: Value) -> Value {
    json!({ "StartAt": "P", "States": { "P": { "Type": "Pass", "Output": output, "End": true } } })
}

/// Returns AWS's history of a Pass with an output.
fn passed(output: &Value) -> Vec<Value> {
    vec![
        event(
            1,
            0,
            "ExecutionStarted",
            json!({ "executionStartedEventDetails": { "input": "{\"n\": 1.0}" } }),
        ),
        event(2, 0, "PassStateEntered", entered("P", json!({ "n": 1 }))),
        event(3, 2, "PassStateExited", exited("P", output.clone())),
        event(
            4,
            3,
            "ExecutionSucceeded",
            json!({ "executionSucceededEventDetails": { "output": output } }),
        ),
    ]
}

#[test]
fn equal_histories_are_equal() {
    let output = json!({ "id": "<uuid:1>", "same": "<uuid:1>", "at": "2024-01-01T00:00:00.000Z", "n": 1 });
    let template = json!({
        "id": "{% $states.context.Execution.Id %}", "same": "{% $states.context.Execution.Id %}",
        "at": "{% $now() %}", "n": "{% $states.input.n %}",
    });
    let verdict = judged(pass(template), json!({}), passed(&output));
    assert!(matches!(verdict, Verdict::Equal), "{verdict:?}");
    assert_eq!(
        (format!("{verdict}"), verdict.detail()),
        ("equal".to_owned(), String::new())
    );
}

#[test]
fn equal_placeholders_mean_equal_values() {
    let output = json!({ "id": "<uuid:1>", "other": "<uuid:1>" });
    let template = json!({ "id": "{% $uuid() %}", "other": "{% $uuid() %}" });
    let verdict = judged(pass(template), json!({}), passed(&output));
    assert!(
        matches!(&verdict, Verdict::Wrong(why) if why.contains("/output/other")),
        "{verdict:?}"
    );
}

#[test]
fn a_history_that_differs_in_the_middle_has_the_same_outcome() {
    let mut history = passed(&json!(5));
    history[2]["previousEventId"] = json!(1);
    let verdict = judged(pass(json!("{% 5 %}")), json!({}), history);
    let Verdict::SameOutcome(first) = &verdict else {
        panic!("{verdict:?}");
    };
    assert_eq!(first, "event 3 PassStateExited: /previousEventId: recorded 1, here 2");
}

#[test]
fn an_event_too_many_or_too_few_is_a_difference() {
    let mut longer = passed(&json!(5));
    longer.insert(3, event(4, 3, "PassStateEntered", entered("Q", json!(5))));
    let mut shorter = passed(&json!(5));
    shorter.remove(2);
    for history in [longer, shorter] {
        let verdict = judged(pass(json!(5)), json!({}), history);
        assert!(matches!(verdict, Verdict::SameOutcome(_)), "{verdict:?}");
    }
}

#[test]
fn another_outcome_is_wrong_and_another_language_refused() {
    let mut totals = Totals::default();
    for (definition, expected) in [
        (pass(json!(6)), "wrong"),
        (pass(json!("{% $nothing %}")), "wrong"),
        (
            json!({ "StartAt": "P", "States": { "P": { "Type": "Pass", "ResultPath": "$.a", "End": true } } }),
            "refused",
        ),
    ] {
        let verdict = judged(definition, json!({}), passed(&json!(5)));
        assert_eq!(verdict.to_string(), expected, "{verdict:?}");
        totals.count(&verdict);
    }
    assert_eq!(
        totals.to_string(),
        "3 cases: 0 equal, 0 same outcome, 1 refused, 2 wrong"
    );
}

#[test]
fn a_failing_function_is_compared_up_to_its_trace() {
    let arn = "arn:aws:lambda:us-east-1:111111111111:function:broken";
    let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "T", "States": { "T": {
        "Type": "Task", "Resource": arn, "Arguments": {}, "End": true,
        "Retry": [{ "ErrorEquals": ["States.TaskFailed"], "MaxAttempts": 1, "IntervalSeconds": 900 }],
    } } });
    let cause = json!({
        "errorMessage": "no", "errorType": "Refused", "requestId": "<uuid:3>", "stackTrace": ["line 1"],
    })
    .to_string();
    let failed = || json!({ "lambdaFunctionFailedEventDetails": { "error": "Refused", "cause": cause } });
    let scheduled = json!({ "lambdaFunctionScheduledEventDetails": { "resource": arn, "input": "{}" } });
    let history = vec![
        event(
            1,
            0,
            "ExecutionStarted",
            json!({ "executionStartedEventDetails": { "input": { "n": 1 } } }),
        ),
        event(2, 0, "TaskStateEntered", entered("T", json!({ "n": 1 }))),
        event(3, 2, "LambdaFunctionScheduled", scheduled.clone()),
        event(4, 3, "LambdaFunctionStarted", json!({})),
        event(5, 4, "LambdaFunctionFailed", failed()),
        event(6, 5, "LambdaFunctionScheduled", scheduled),
        event(7, 6, "LambdaFunctionStarted", json!({})),
        event(8, 7, "LambdaFunctionFailed", failed()),
        event(
            9,
            8,
            "ExecutionFailed",
            json!({ "executionFailedEventDetails": { "error": "Refused", "cause": cause } }),
        ),
    ];
    let functions = json!({ "broken": { "do": "fail", "errorType": "Refused", "errorMessage": "no" } });
    let verdict = judged(definition, functions, history);
    assert!(matches!(verdict, Verdict::Equal), "{verdict:?}");
}

#[test]
fn branches_recorded_without_numbers_match_in_any_order() {
    let definition = json!({ "StartAt": "Both", "States": { "Both": { "Type": "Parallel", "End": true, "Branches": [
        { "StartAt": "A", "States": { "A": { "Type": "Pass", "End": true } } },
        { "StartAt": "B", "States": { "B": { "Type": "Pass", "End": true } } },
    ] } } });
    let input = json!({ "n": 1 });
    let loose = |kind: &str, details: Value| {
        let mut event = event(0, 0, kind, details);
        event["id"] = json!([0]);
        event
    };
    let history = |last: &str| {
        vec![
            event(
                1,
                0,
                "ExecutionStarted",
                json!({ "executionStartedEventDetails": { "input": input } }),
            ),
            event(2, 0, "ParallelStateEntered", entered("Both", input.clone())),
            event(3, 2, "ParallelStateStarted", json!({})),
            loose("PassStateEntered", entered("A", input.clone())),
            loose("PassStateEntered", entered("B", input.clone())),
            loose("PassStateExited", exited("A", input.clone())),
            loose("PassStateExited", exited(last, input.clone())),
            event(9, 7, "ParallelStateExited", exited("Both", json!([input, input]))),
            event(
                10,
                9,
                "ExecutionSucceeded",
                json!({ "executionSucceededEventDetails": { "output": "[{\"n\":1},{\"n\":1}]" } }),
            ),
        ]
    };
    let verdict = judged(definition.clone(), json!({}), history("B"));
    assert!(matches!(verdict, Verdict::Equal), "{verdict:?}");
    let verdict = judged(definition, json!({}), history("A"));
    assert!(
        matches!(&verdict, Verdict::SameOutcome(why) if why.contains("has no equal")),
        "{verdict:?}"
    );
}

#[test]
fn a_distributed_map_runs_its_children() {
    let map = |extra: Value| {
        let mut map = json!({
            "Type": "Map", "Items": [1, 2, 3, 4], "Label": "units", "End": true,
            "ItemProcessor": {
                "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
                "StartAt": "Route",
                "States": {
                    "Route": { "Type": "Choice", "Default": "Good", "Choices": [
                        { "Condition": "{% $states.input = 2 %}", "Next": "Bad" },
                    ] },
                    "Good": { "Type": "Succeed" },
                    "Bad": { "Type": "Fail", "Error": "Bad" },
                },
            },
        });
        map.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        json!({ "StartAt": "Each", "States": { "Each": map } })
    };
    let ended = |kind: &str, details: Value| {
        judged(
            map(if kind == "ExecutionSucceeded" {
                json!({ "ToleratedFailurePercentage": 25 })
            } else {
                json!({})
            }),
            json!({}),
            vec![event(1, 0, kind, details)],
        )
    };
    let succeeded = ended(
        "ExecutionSucceeded",
        json!({ "executionSucceededEventDetails": { "output": "[1,3,4]" } }),
    );
    assert!(matches!(succeeded, Verdict::SameOutcome(_)), "{succeeded:?}");
    let failed = ended(
        "ExecutionFailed",
        json!({ "executionFailedEventDetails": { "error": "States.ExceedToleratedFailureThreshold" } }),
    );
    assert!(matches!(failed, Verdict::SameOutcome(_)), "{failed:?}");
}

#[test]
fn stops_and_answers_come_as_recorded() {
    let definition = json!({ "StartAt": "W", "States": { "W": { "Type": "Wait", "Seconds": 900, "End": true } } });
    let aborted = json!({ "executionAbortedEventDetails": { "error": "Enough", "cause": "by hand" } });
    let history = vec![
        event(
            1,
            0,
            "ExecutionStarted",
            json!({ "executionStartedEventDetails": { "input": { "n": 1 } } }),
        ),
        event(2, 0, "WaitStateEntered", entered("W", json!({ "n": 1 }))),
        event(3, 2, "ExecutionAborted", aborted),
    ];
    let verdict = judged(definition, json!({}), history);
    assert!(matches!(verdict, Verdict::Equal), "{verdict:?}");

    let arguments = json!({ "FunctionName": "ask", "Payload": "{% $states.context.Task.Token %}" });
    let resource = json!({ "resource": "invoke.waitForTaskToken", "resourceType": "lambda" });
    let with = |mut fields: Value| {
        let resource = resource.as_object().unwrap().clone();
        fields.as_object_mut().unwrap().extend(resource);
        fields
    };
    let submitted = json!({ "Payload": "<token:1>", "StatusCode": 200, "ExecutedVersion": "$LATEST" });
    let parameters = json!({ "FunctionName": "ask", "Payload": "<token:1>" });
    let history = vec![
        event(
            1,
            0,
            "ExecutionStarted",
            json!({ "executionStartedEventDetails": { "input": { "n": 1 } } }),
        ),
        event(2, 0, "TaskStateEntered", entered("A", json!({ "n": 1 }))),
        event(
            3,
            2,
            "TaskScheduled",
            json!({ "taskScheduledEventDetails": with(json!({ "region": "<region>", "parameters": parameters })) }),
        ),
        event(4, 3, "TaskStarted", json!({ "taskStartedEventDetails": resource })),
        event(
            5,
            4,
            "TaskSubmitted",
            json!({ "taskSubmittedEventDetails": with(json!({ "output": submitted })) }),
        ),
        event(
            6,
            5,
            "TaskSucceeded",
            json!({ "taskSucceededEventDetails": with(json!({ "output": "\"yes\"" })) }),
        ),
        event(7, 6, "TaskStateExited", exited("A", json!("\"yes\""))),
        event(
            8,
            7,
            "ExecutionSucceeded",
            json!({ "executionSucceededEventDetails": { "output": "\"yes\"" } }),
        ),
    ];
    let definition = json!({ "StartAt": "A", "States": { "A": {
        "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken", "Arguments": arguments, "End": true,
    } } });
    let verdict = judged(definition, json!({ "ask": { "do": "echo" } }), history);
    assert!(matches!(verdict, Verdict::Equal), "{verdict:?}");
    let sleeping = judged(
        pass(json!(1)),
        json!({ "f": { "do": "sleep", "seconds": 3 } }),
        passed(&json!(1)),
    );
    assert!(matches!(sleeping, Verdict::Refused(_)), "{sleeping:?}");
}
