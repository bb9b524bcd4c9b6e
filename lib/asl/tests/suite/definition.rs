//! Definitions: all problems are reported at once, with state and field.

use holdfast_asl::{StateKind, StateMachine};
use serde_json::{Value, json};

use crate::bench::{invoke, machine};

/// Returns each problem as `state|field|message`.
pub fn problems(definition: &Value) -> Vec<String> {
    let Err(errors) = StateMachine::parse(&definition.to_string()) else {
        return Vec::new();
    };
    assert!(errors.to_string().contains(&errors.problems[0].message));
    let shown = |text: &Option<String>| text.clone().unwrap_or_default();
    errors
        .problems
        .iter()
        .map(|problem| {
            format!(
                "{}|{}|{}",
                shown(&problem.state),
                shown(&problem.field),
                problem.message
            )
        })
        .collect()
}

// https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
// The fields of machines and states.
#[test]
fn each_problem_is_reported_with_its_place() {
    let pass = json!({ "Type": "Pass", "End": true });
    let task = |extra: Value| machine(json!({ "T": invoke(json!({}), extra) }));
    let ended = |mut extra: Value| {
        extra["End"] = json!(true);
        task(extra)
    };
    let state = |state: Value| machine(json!({ "S": state }));
    let retry = |retrier: Value| ended(json!({ "Retry": [retrier] }));
    let table = [
        (json!([]), "||must be a JSON object"),
        (
            json!({ "StartAt": "A", "States": { "A": pass } }),
            "|QueryLanguage|is missing",
        ),
        (
            json!({ "QueryLanguage": "JSONPath", "StartAt": "A", "States": { "A": pass } }),
            "|QueryLanguage|must be JSONata",
        ),
        (
            json!({ "QueryLanguage": "JSONata", "States": { "A": pass } }),
            "|StartAt|is missing",
        ),
        (
            json!({ "QueryLanguage": "JSONata", "StartAt": "B", "States": { "A": pass } }),
            "|StartAt|there is no state `B`",
        ),
        (
            json!({ "QueryLanguage": "JSONata", "StartAt": "A", "States": {} }),
            "|States|must hold at least one",
        ),
        (
            json!({ "QueryLanguage": "JSONata", "StartAt": "A", "Extra": 1, "States": { "A": pass } }),
            "|Extra|not a field",
        ),
        (
            json!({ "QueryLanguage": "JSONata", "StartAt": "A", "TimeoutSeconds": 0, "States": { "A": pass } }),
            "|TimeoutSeconds|must be a whole number",
        ),
        (
            machine(json!({ "A": pass, "B": pass })),
            "B||cannot be reached from `A`",
        ),
        (
            state(json!({ "Type": "Pass", "Next": "Z" })),
            "S|Next|there is no state `Z`",
        ),
        (state(json!({ "Type": "Pass" })), "S|Next|is missing"),
        (
            state(json!({ "Type": "Pass", "Next": "S", "End": true })),
            "S|End|a state has either",
        ),
        (
            state(json!({ "Type": "Loop", "End": true })),
            "S|Type|must be one of Task",
        ),
        (state(json!({ "End": true })), "S|Type|is missing"),
        (
            state(json!({ "Type": "Pass", "Next": "S" })),
            "|States|none of the states ends",
        ),
        (
            state(json!({ "Type": "Pass", "Output": "{% phone & 'x' %}", "End": true })),
            "S|Output|`phone` is read from nothing",
        ),
        (
            state(json!({ "Type": "Pass", "Output": "{% $$.a %}", "End": true })),
            "S|Output|`$$` is not offered",
        ),
        (
            ended(json!({ "Output": { "a": "{% $states.errorOutput.Error %}" } })),
            "T|Output.a|`$states.errorOutput` is there in `Catch` only",
        ),
        (
            state(json!({ "Type": "Pass", "QueryLanguage": "JSONPath", "End": true })),
            "S|QueryLanguage|must be one of JSONata",
        ),
        (
            state(json!({ "Type": "Pass", "InputPath": "$", "End": true })),
            "S|InputPath|a JSONPath field",
        ),
        (
            state(json!({ "Type": "Pass", "Output": { "a": ["{% 1 + %}"] }, "End": true })),
            "S|Output.a[0]|not a JSONata expression",
        ),
        (
            state(json!({ "Type": "Pass", "Output": "{% $eval('1') %}", "End": true })),
            "S|Output|`$eval` is not offered",
        ),
        (
            state(json!({ "Type": "Pass", "Output": "{% 1", "End": true })),
            "S|Output|the expression has no closing",
        ),
        (
            state(json!({ "Type": "Pass", "Assign": { "states": 1 }, "End": true })),
            "S|Assign.states|`states` is reserved",
        ),
        (
            state(json!({ "Type": "Pass", "Assign": { "a-b": 1 }, "End": true })),
            "S|Assign.a-b|a variable's name",
        ),
        (
            state(json!({ "Type": "Pass", "Assign": [], "End": true })),
            "S|Assign|must be an object",
        ),
        (state(json!({ "Type": "Succeed", "Next": "S" })), "S|Next|not a field"),
        (state(json!({ "Type": "Fail", "Error": 1 })), "S|Error|must be a string"),
        (
            state(json!({ "Type": "Wait", "End": true })),
            "S|Seconds|a Wait needs exactly one",
        ),
        (
            state(json!({ "Type": "Wait", "Seconds": -1, "End": true })),
            "S|Seconds|must be a whole number",
        ),
        (
            state(json!({ "Type": "Wait", "Timestamp": "noon", "End": true })),
            "S|Timestamp|must be an ISO 8601 time",
        ),
        (
            state(json!({ "Type": "Choice", "Choices": [] })),
            "S|Choices|must hold at least one rule",
        ),
        (
            state(json!({ "Type": "Choice", "Choices": [{ "Condition": "yes", "Next": "S" }] })),
            "S|Choices[0].Condition|must be true, false",
        ),
        (
            state(json!({ "Type": "Choice", "Choices": [{ "Condition": true, "Next": "Z" }] })),
            "S|Choices[0].Next|there is no state `Z`",
        ),
        (
            state(json!({ "Type": "Choice", "Choices": [{ "Condition": true, "Next": "S" }], "Default": "Z" })),
            "S|Default|there is no state `Z`",
        ),
        (
            state(json!({ "Type": "Choice", "Choices": [{ "Condition": true, "Variable": "$.a", "Next": "S" }] })),
            "S|Choices[0].Variable|not a field",
        ),
        (
            state(json!({ "Type": "Task", "Resource": "arn:aws:states:::sqs:sendMessage", "End": true })),
            "S|Resource|`arn:aws:states:::sqs:sendMessage` is not supported",
        ),
        (
            state(json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": true })),
            "S|Arguments|is missing",
        ),
        (
            ended(json!({ "Arguments": { "Payload": 1 } })),
            "T|Arguments.FunctionName|is missing",
        ),
        (
            ended(json!({ "Arguments": { "FunctionName": "f", "InvocationType": "Event" } })),
            "T|Arguments.InvocationType|not supported",
        ),
        (
            ended(json!({ "TimeoutSeconds": 10, "HeartbeatSeconds": 10 })),
            "T|HeartbeatSeconds|must be smaller",
        ),
        (
            ended(json!({ "TimeoutSeconds": "ten" })),
            "T|TimeoutSeconds|must be a whole number",
        ),
        (ended(json!({ "Credentials": {} })), "T|Credentials|not supported"),
        (retry(json!({})), "T|Retry[0].ErrorEquals|is missing"),
        (
            retry(json!({ "ErrorEquals": [] })),
            "T|Retry[0].ErrorEquals|must hold at least one",
        ),
        (
            retry(json!({ "ErrorEquals": ["States.ALL", "A"] })),
            "T|Retry[0].ErrorEquals|States.ALL must be the only name in its list",
        ),
        (
            retry(json!({ "ErrorEquals": ["States.Unheard"] })),
            "T|Retry[0].ErrorEquals|`States.Unheard` is not a name",
        ),
        (
            retry(json!({ "ErrorEquals": ["A"], "BackoffRate": 0.5 })),
            "T|Retry[0].BackoffRate|must be a number of at least 1",
        ),
        (
            retry(json!({ "ErrorEquals": ["A"], "IntervalSeconds": 5, "MaxDelaySeconds": 5 })),
            "T|Retry[0].MaxDelaySeconds|must be greater",
        ),
        (
            retry(json!({ "ErrorEquals": ["A"], "JitterStrategy": "SOME" })),
            "T|Retry[0].JitterStrategy|must be one of FULL, NONE",
        ),
        (
            retry(json!({ "ErrorEquals": ["A"], "Backoff": 1 })),
            "T|Retry[0].Backoff|not a field",
        ),
        (
            ended(json!({ "Retry": [{ "ErrorEquals": ["States.ALL"] }, { "ErrorEquals": ["A"] }] })),
            "T|Retry[0].ErrorEquals|States.ALL must be in the last entry",
        ),
        (
            ended(json!({ "Catch": [{ "ErrorEquals": ["A"] }] })),
            "T|Catch[0].Next|is missing",
        ),
        (
            ended(json!({ "Catch": [{ "ErrorEquals": ["A"], "Next": "Z" }] })),
            "T|Catch[0].Next|there is no state `Z`",
        ),
    ];
    for (definition, expected) in table {
        let found = problems(&definition);
        assert_eq!(found.len(), 1, "{expected}: {found:#?}");
        assert!(found[0].starts_with(expected), "{expected}: {found:#?}");
    }
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
// The fields of a Map.
#[test]
fn the_fields_of_maps_and_their_processors_are_checked() {
    let map = |extra: Value, config: Value, inner: Value| {
        let mut map = json!({
            "Type": "Map", "End": true,
            "ItemProcessor": { "ProcessorConfig": config, "StartAt": "In", "States": { "In": inner } },
        });
        map.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        machine(json!({ "M": map }))
    };
    let pass = json!({ "Type": "Pass", "End": true });
    let distributed = json!({ "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" });
    let reader = json!({
        "Resource": "arn:aws:states:::s3:getObject", "ReaderConfig": { "InputType": "JSON" },
        "Arguments": { "Bucket": "b", "Key": "k" },
    });
    let table = [
        (
            map(json!({ "ItemBatcher": {} }), distributed.clone(), pass.clone()),
            "M|ItemBatcher.MaxItemsPerBatch|is missing",
        ),
        (
            map(
                json!({ "ItemBatcher": { "MaxItemsPerBatch": 2 } }),
                json!({ "Mode": "INLINE" }),
                pass.clone(),
            ),
            "M|ItemBatcher|needs a processor",
        ),
        (
            map(
                json!({ "ItemBatcher": { "MaxInputBytesPerBatch": 262_145 } }),
                distributed.clone(),
                pass.clone(),
            ),
            "M|ItemBatcher.MaxInputBytesPerBatch|must be a whole number from 1 to 262144",
        ),
        (
            map(json!({}), json!({ "Mode": "DISTRIBUTED" }), pass.clone()),
            "M|ItemProcessor.ProcessorConfig.ExecutionType|is missing",
        ),
        (
            map(
                json!({}),
                json!({ "Mode": "DISTRIBUTED", "ExecutionType": "EXPRESS" }),
                pass.clone(),
            ),
            "M|ItemProcessor.ProcessorConfig.ExecutionType|must be one of STANDARD",
        ),
        (
            map(
                json!({ "ItemReader": reader }),
                json!({ "Mode": "INLINE" }),
                pass.clone(),
            ),
            "M|ItemReader|needs a processor",
        ),
        (
            map(
                json!({ "ItemReader": reader, "Items": [] }),
                distributed.clone(),
                pass.clone(),
            ),
            "M|Items|a Map has either",
        ),
        (
            map(json!({ "Label": "a b" }), distributed.clone(), pass.clone()),
            "M|Label|must have 1 to 40",
        ),
        (
            map(json!({ "MaxConcurrency": -1 }), distributed.clone(), pass.clone()),
            "M|MaxConcurrency|must be a whole number",
        ),
        (
            map(
                json!({ "ToleratedFailurePercentage": 101 }),
                distributed.clone(),
                pass.clone(),
            ),
            "M|ToleratedFailurePercentage|must be a number",
        ),
        (
            map(json!({ "Items": 3 }), distributed.clone(), pass),
            "M|Items|must be an array",
        ),
        (
            map(json!({}), distributed, json!({ "Type": "Pass", "Next": "M" })),
            "In|Next|there is no state `M`",
        ),
    ];
    for (definition, expected) in table {
        let found = problems(&definition);
        assert_eq!(found.len(), 1, "{expected}: {found:#?}");
        assert!(found[0].starts_with(expected), "{expected}: {found:#?}");
    }
}

#[test]
fn one_report_holds_all_problems() {
    let definition = json!({
        "StartAt": "A",
        "States": {
            "A": { "Type": "Task", "Resource": "arn:nothing", "Next": "Gone" },
            "B": { "Type": "Pass", "Output": "{% ( %}", "Parameters": {} },
        },
    });
    let found = problems(&definition);
    let places: Vec<String> = found
        .iter()
        .map(|problem| problem.split('|').take(2).collect::<Vec<_>>().join("."))
        .collect();
    assert_eq!(
        places,
        [".QueryLanguage", "A.Resource", "B.Output", "B.Next", "B.Parameters"]
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
// Names of states are unique in the whole machine.
#[test]
fn names_are_unique_in_the_whole_machine() {
    let branch = json!({ "StartAt": "A", "States": { "A": { "Type": "Pass", "End": true } } });
    let definition = machine(json!({
        "P": { "Type": "Parallel", "Branches": [branch, branch], "End": true },
    }));
    assert_eq!(problems(&definition).len(), 1);
}

#[test]
fn bad_json_is_reported_with_its_line() {
    let errors = StateMachine::parse("{\n\"a\": }").unwrap_err();
    assert!(errors.problems[0].message.contains("line 2"), "{errors}");
}

#[test]
fn summaries_describe_each_state() {
    let definition = machine(json!({
        "Call": invoke(json!({}), json!({
            "Retry": [{ "ErrorEquals": ["A", "B"] }],
            "Catch": [{ "ErrorEquals": ["C"], "Next": "Route" }],
            "Next": "Route",
        })),
        "Route": { "Type": "Choice", "Choices": [{ "Condition": true, "Next": "Call" }], "Default": "End" },
        "End": { "Type": "Succeed" },
    }));
    let states = StateMachine::parse(&definition.to_string()).unwrap().states();
    let call = &states[0];
    assert_eq!((call.name.as_str(), call.kind), ("Call", StateKind::Task));
    assert_eq!(call.resource.as_deref(), Some("arn:aws:states:::lambda:invoke"));
    assert_eq!(call.function.as_deref(), Some("worker"));
    assert_eq!(
        (&call.retried_errors[..], &call.caught_errors[..]),
        (&["A".into(), "B".into()][..], &["C".into()][..])
    );
    assert_eq!(
        (&call.next[..], &call.caught_next[..]),
        (&["Route".into()][..], &["Route".into()][..])
    );
    assert_eq!(states[1].next, ["Call", "End"]);
}

#[test]
fn machines_are_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<StateMachine>();
    shared::<holdfast_asl::Execution>();
}

#[test]
fn deep_and_long_expressions_do_not_overflow_the_stack() {
    let (mut refused, mut ran) = (0, 0);
    let shapes = [300, 900, 5000].into_iter().flat_map(|depth| {
        [
            format!("{}1{}", "(".repeat(depth), ")".repeat(depth)),
            vec!["1"; depth].join(" + "),
            format!("{}1{}", "[".repeat(depth), "]".repeat(depth)),
            format!("{}1{}", "true ? (".repeat(depth), ") : 0".repeat(depth)),
        ]
    });
    for source in shapes {
        let state = json!({ "Type": "Pass", "Output": format!("{{% {source} %}}"), "End": true });
        let definition = machine(json!({ "S": state }));
        if problems(&definition).is_empty() {
            let mut bench = crate::bench::Bench::start(&definition, json!({}));
            bench.drive(|_, _| crate::bench::Reply::Never);
            assert!(bench.execution.commands().is_empty());
            ran += 1;
        } else {
            refused += 1;
        }
    }
    assert!(refused > 0 && ran > 0, "{refused} refused, {ran} ran");
}
