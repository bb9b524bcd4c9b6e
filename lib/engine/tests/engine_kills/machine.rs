//! The state machine that runs while its process is killed: every kind of wait, and effects in every place.

use serde_json::{Value, json};

/// Number of effects of one execution.
pub const EFFECTS: usize = 11;

fn task(function: &str, rest: Value) -> Value {
    let mut state = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": {
            "FunctionName": function,
            "Payload": { "n": "{% $states.input.n %}", "retries": "{% $states.context.State.RetryCount %}" },
        },
        "Output": "{% $states.result.Payload %}",
    });
    state.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
    state
}

/// Returns the definition's text.
pub fn definition() -> String {
    let retry = json!([{ "ErrorEquals": ["Flaky"], "IntervalSeconds": 1, "JitterStrategy": "FULL" }]);
    let map = |mode: Value| {
        json!({
            "Type": "Map", "MaxConcurrency": 2, "End": true,
            "Items": "{% [1..4].{ 'n': $ + $states.input.n } %}",
            "ItemProcessor": {
                "ProcessorConfig": mode,
                "StartAt": "Work",
                "States": { "Work": task("effect", json!({ "End": true })) },
            },
        })
    };
    let mut inline = map(json!({ "Mode": "INLINE" }));
    inline["Items"] = json!("{% [1..3].{ 'n': $ + $states.input.n } %}");
    inline["ItemProcessor"]["StartAt"] = json!("Inner");
    inline["ItemProcessor"]["States"] = json!({ "Inner": task("effect", json!({ "End": true })) });
    let branch = |name: &str, states: Value| json!({ "StartAt": name, "States": states });
    json!({
        "QueryLanguage": "JSONata",
        "StartAt": "All",
        "States": {
            "All": { "Type": "Parallel", "Next": "Ask", "Branches": [
                branch("First", json!({
                    "First": task("effect", json!({ "Next": "Flaky" })),
                    "Flaky": task("flaky", json!({ "Retry": retry, "Next": "Pause" })),
                    "Pause": { "Type": "Wait", "Seconds": 1, "Next": "Second" },
                    "Second": task("effect", json!({ "End": true })),
                })),
                branch("Inline", json!({ "Inline": inline })),
                branch("Distributed", json!({ "Distributed": map(json!({ "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" })) })),
            ] },
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Arguments": { "FunctionName": "ask", "Payload": { "token": "{% $states.context.Task.Token %}" } },
                "Output": { "n": "{% $sum($append($append($states.input[0].n, $states.input[1].n), $states.input[2].n)) + $states.result %}" },
                "TimeoutSeconds": 86400,
                "Next": "Last",
            },
            "Last": task("effect", json!({ "End": true })),
        },
    })
    .to_string()
}

/// The answer to the token.
pub const ANSWER: i64 = 1_000;

/// Returns the output for the input `{"n": n}`: each effect adds one.
pub fn expected(n: i64) -> Value {
    let chain = n + 3;
    let inline: i64 = (1..=3).map(|item| item + n + 1).sum();
    let distributed: i64 = (1..=4).map(|item| item + n + 1).sum();
    json!({ "n": chain + inline + distributed + ANSWER + 1 })
}
