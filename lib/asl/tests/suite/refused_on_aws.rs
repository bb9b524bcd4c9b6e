//! Definitions that only AWS refuses: they cannot be created, but a stored execution continues with them.

use holdfast_asl::StateMachine;
use serde_json::{Value, json};

use crate::bench::{invoke, machine};
use crate::definition::problems;

/// Definitions that AWS refuses and a stored execution may still have, with the problem.
fn refused_on_aws() -> Vec<(Value, &'static str)> {
    let pass = |extra: Value| {
        let mut pass = json!({ "Type": "Pass", "End": true });
        pass.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        pass
    };
    let output = |source: &str| machine(json!({ "S": pass(json!({ "Output": format!("{{% {source} %}}") })) }));
    let within = |compound: Value| {
        machine(json!({ "First": { "Type": "Pass", "Assign": { "v": 1 }, "Next": "All" }, "All": compound }))
    };
    let flow = |state: Value| json!({ "StartAt": "Inner", "States": { "Inner": state } });
    let map = |state: Value| json!({ "Type": "Map", "Items": [1], "ItemProcessor": flow(state), "End": true });
    let assigns = || pass(json!({ "Assign": { "v": 2 } }));
    let many: serde_json::Map<String, Value> = (0..1_001).map(|n| (format!("v{n}"), json!(n))).collect();
    vec![
        (
            output("$states.input.a ?? 1"),
            "S|Output|JSONata 2.0.6, which AWS evaluates, has no operator `??`",
        ),
        (
            output("[$states.input.a ?: 1]"),
            "S|Output|JSONata 2.0.6, which AWS evaluates, has no operator `?:`",
        ),
        (output("function($x){ $x ?? 1 }(2)"), "S|Output|JSONata 2.0.6"),
        (output("$"), "S|Output|`$` is nothing here"),
        (output("$exists($)"), "S|Output|`$` is nothing here"),
        (output("$.a"), "S|Output|`$` is nothing here"),
        (output("{'a': [1, $ & 'b']}"), "S|Output|`$` is nothing here"),
        (output("$states.result"), "S|Output|`$states.result` is there in"),
        (
            machine(json!({ "S": pass(json!({ "Assign": { "a": [{ "b": "{% $states.result.c %}" }] } })) })),
            "S|Assign.a[0].b|",
        ),
        (
            machine(json!({ "S": { "Type": "Choice", "Default": "T", "Choices": [
                { "Condition": "{% $states.result = 1 %}", "Next": "T" } ] }, "T": pass(json!({})) })),
            "S|Choices[0].Condition|`$states.result`",
        ),
        (
            machine(json!({ "S": invoke(json!("{% $states.result %}"), json!({ "End": true })) })),
            "S|Arguments.Payload|`$states.result`",
        ),
        (
            machine(json!({ "S": invoke(json!({}), json!({ "End": true, "Catch": [
                { "ErrorEquals": ["A"], "Next": "T", "Output": "{% $states.result %}" } ] })), "T": pass(json!({})) })),
            "S|Catch[0].Output|`$states.result`",
        ),
        (
            within(map(assigns())),
            "Inner|Assign.v|`v` is a variable of an outer scope",
        ),
        (
            within(json!({ "Type": "Parallel", "Branches": [flow(assigns())], "End": true })),
            "Inner|Assign.v|`v` is a variable",
        ),
        (
            within(map(invoke(
                json!({}),
                json!({ "End": true, "Catch": [
                { "ErrorEquals": ["A"], "Next": "Inner", "Assign": { "v": 1 } } ] }),
            ))),
            "Inner|Catch[0].Assign.v|",
        ),
        (
            // Only the scope matters, not the order.
            machine(json!({
                "All": { "Type": "Parallel", "Branches": [flow(assigns())], "Next": "Last" }, "Last": assigns() })),
            "Inner|Assign.v|",
        ),
        (
            machine(json!({ "S": pass(json!({ "Assign": many })) })),
            "|States|1001 variables are assigned; at most 1000",
        ),
    ]
}

// https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
// https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
#[test]
fn a_definition_that_aws_refuses_is_refused_unless_it_is_stored() {
    for (definition, expected) in refused_on_aws() {
        let found = problems(&definition);
        let stored = StateMachine::parse_stored(&definition.to_string());
        assert!(
            found.len() == 1 && found[0].starts_with(expected),
            "{definition}: {found:?}"
        );
        assert!(stored.is_ok(), "{definition}: {stored:?}");
    }
}

#[test]
fn an_inner_scope_has_variables_of_its_own() {
    let inner =
        json!({ "StartAt": "Inner", "States": { "Inner": { "Type": "Pass", "Assign": { "own": 2 }, "End": true } } });
    let branch =
        json!({ "StartAt": "Other", "States": { "Other": { "Type": "Pass", "Assign": { "own": 3 }, "End": true } } });
    let distributed = json!({ "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
        "StartAt": "Child", "States": { "Child": { "Type": "Pass", "Assign": { "v": 2 }, "End": true } } });
    let definition = machine(json!({
        "First": { "Type": "Pass", "Assign": { "v": 1 }, "Next": "Both" },
        "Both": { "Type": "Parallel", "Branches": [inner, branch], "Next": "Each" },
        "Each": { "Type": "Map", "Items": [], "ItemProcessor": distributed, "End": true },
    }));
    assert_eq!(problems(&definition), Vec::<String>::new());
}
