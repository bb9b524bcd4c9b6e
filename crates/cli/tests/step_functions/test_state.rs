//! Tests of single states: <https://docs.aws.amazon.com/step-functions/latest/apireference/API_TestState.html>

use aws_sdk_sfn::operation::test_state::TestStateOutput;
use aws_sdk_sfn::types::{InspectionLevel, MockInput, TestExecutionStatus};
use serde_json::{Value, json};

use crate::support::{ROLE, Server, invoke, one, refusal, wait_for_token, without_host_prefix};

/// Runs one state with an input, at the level DEBUG.
async fn tested(server: &Server, state: &Value, input: &Value) -> TestStateOutput {
    let mut state = state.clone();
    state["QueryLanguage"] = json!("JSONata");
    let test = server.client.test_state().definition(state.to_string()).role_arn(ROLE);
    let test = test.input(input.to_string()).inspection_level(InspectionLevel::Debug);
    test.customize()
        .mutate_request(without_host_prefix)
        .send()
        .await
        .unwrap()
}

/// Returns the status, the output and the next state of a test.
fn outcome(tested: &TestStateOutput) -> (&TestExecutionStatus, Option<&str>, Option<&str>) {
    (tested.status.as_ref().unwrap(), tested.output(), tested.next_state())
}

#[tokio::test(flavor = "multi_thread")]
async fn each_kind_of_state_has_its_outcome() {
    let server = Server::start().await;
    use TestExecutionStatus::{Failed, Succeeded};
    let choice = json!({ "Type": "Choice", "Default": "Other", "Choices": [
        { "Condition": "{% $states.input.n = 1 %}", "Next": "One" },
        { "Condition": "{% $states.input.n = 2 %}", "Next": "One", "Output": "two" },
    ] });
    let pass =
        json!({ "Type": "Pass", "Output": "{% $map([1..3], function($n) { $n + $states.input.n }) %}", "End": true });
    for (state, input, expected) in [
        (&pass, json!({ "n": 1 }), (&Succeeded, Some("[2,3,4]"), None)),
        (
            &json!({ "Type": "Wait", "Seconds": 86_400, "Next": "Then" }),
            json!(5),
            (&Succeeded, Some("5"), Some("Then")),
        ),
        (
            &choice,
            json!({ "n": 1 }),
            (&Succeeded, Some(r#"{"n":1}"#), Some("One")),
        ),
        (&choice, json!({ "n": 2 }), (&Succeeded, Some(r#""two""#), Some("One"))),
        (
            &choice,
            json!({ "n": 3 }),
            (&Succeeded, Some(r#"{"n":3}"#), Some("Other")),
        ),
        (
            &json!({ "Type": "Succeed" }),
            json!("x"),
            (&Succeeded, Some(r#""x""#), None),
        ),
        (
            &json!({ "Type": "Fail", "Error": "E", "Cause": "c" }),
            json!({}),
            (&Failed, None, None),
        ),
        (
            &json!({ "Type": "Pass", "Output": "{% $error('no') %}", "Next": "Then" }),
            json!({}),
            (&Failed, None, None),
        ),
    ] {
        let tested = tested(&server, state, &input).await;
        assert_eq!(outcome(&tested), expected, "{state}");
        assert_eq!(tested.error.is_some(), *expected.0 == Failed, "{tested:?}");
        let inspected = tested.inspection_data.unwrap();
        assert_eq!(inspected.input, Some(input.to_string()));
    }
    let failed = tested(
        &server,
        &json!({ "Type": "Fail", "Error": "E", "Cause": "c" }),
        &json!({}),
    )
    .await;
    assert_eq!((failed.error(), failed.cause()), (Some("E"), Some("c")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_calls_its_function_and_shows_retries_and_catches() {
    let server = Server::start().await;
    let mut task = invoke("echo");
    task["Next"] = json!("Then");
    task["Assign"] = json!({ "seen": "{% $states.result.Payload.a %}" });
    let succeeded = tested(&server, &task, &json!({ "a": 1 })).await;
    assert_eq!(
        outcome(&succeeded),
        (&TestExecutionStatus::Succeeded, Some(r#"{"a":1}"#), Some("Then"))
    );
    let inspected = succeeded.inspection_data.unwrap();
    let arguments: Value = serde_json::from_str(inspected.after_arguments().unwrap()).unwrap();
    assert_eq!(arguments, json!({ "FunctionName": "echo", "Payload": { "a": 1 } }));
    let result: Value = serde_json::from_str(inspected.result().unwrap()).unwrap();
    assert_eq!(result["Payload"], json!({ "a": 1 }));
    assert_eq!(inspected.variables(), Some(r#"{"seen":1}"#));

    let mut fails = invoke("fail");
    fails["Next"] = json!("Then");
    let failed = tested(&server, &fails, &json!({})).await;
    assert_eq!(outcome(&failed), (&TestExecutionStatus::Failed, None, None));
    assert_eq!(failed.error(), Some("Broken"));
    fails["Catch"] = json!([{ "ErrorEquals": ["States.ALL"], "Output": "caught", "Next": "Then" }]);
    let caught = tested(&server, &fails, &json!({})).await;
    assert_eq!(
        outcome(&caught),
        (&TestExecutionStatus::CaughtError, Some(r#""caught""#), Some("Then"))
    );
    assert_eq!(caught.error(), Some("Broken"));
    fails["Retry"] = json!([{ "ErrorEquals": ["Broken"], "IntervalSeconds": 3_600 }]);
    let retriable = tested(&server, &fails, &json!({})).await;
    assert_eq!(outcome(&retriable), (&TestExecutionStatus::Retriable, None, None));
    assert_eq!(retriable.error(), Some("Broken"));
    let mut slow = invoke("slow");
    slow["TimeoutSeconds"] = json!(1);
    slow["End"] = json!(true);
    let in_time = tested(&server, &slow, &json!({})).await;
    assert_eq!(in_time.status, Some(TestExecutionStatus::Succeeded));
    assert_eq!(server.world.called().len(), 5);
    // Nothing is stored.
    let machines = server.client.list_state_machines().send().await.unwrap();
    assert!(machines.state_machines.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_state_of_a_machine_is_tested_with_variables() {
    let server = Server::start().await;
    let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "First", "States": {
        "First": { "Type": "Pass", "Next": "Each" },
        "Each": { "Type": "Map", "End": true, "Items": [1], "ItemProcessor": {
            "ProcessorConfig": { "Mode": "INLINE" },
            "StartAt": "Inner", "States": { "Inner": {
                "Type": "Pass", "End": true, "Assign": { "new": "{% $list[0] %}" },
                "Output": { "list": "{% $list %}", "text": "{% $text %}", "name": "{% $states.context.State.Name %}",
                    "input": "{% $states.input %}" } } } } } } });
    let test = |name: &str| {
        let test = server.client.test_state().definition(definition.to_string());
        test.state_name(name).input(r#"{"a":[7]}"#)
    };
    let variables = json!({ "list": [1], "text": "{% $x %}" });
    let inner = test("Inner").variables(variables.to_string());
    let tested = inner
        .clone()
        .inspection_level(InspectionLevel::Debug)
        .customize()
        .mutate_request(without_host_prefix)
        .send()
        .await
        .unwrap();
    let output: Value = serde_json::from_str(tested.output().unwrap()).unwrap();
    assert_eq!(
        output,
        json!({ "list": [1], "text": "{% $x %}", "name": "Inner", "input": { "a": [7] } })
    );
    let after: Value = serde_json::from_str(tested.inspection_data.unwrap().variables().unwrap()).unwrap();
    assert_eq!(after, json!({ "list": [1], "text": "{% $x %}", "new": 1 }));
    let brief = inner.clone().customize().mutate_request(without_host_prefix);
    assert!(brief.send().await.unwrap().inspection_data.is_none());

    for (refused, name) in [
        (test("Each"), "ValidationException"),
        (test("Missing"), "ValidationException"),
        (inner.clone().variables("[]"), "ValidationException"),
        (inner.clone().inspection_level("ALL".into()), "ValidationException"),
        (
            inner.clone().mock(MockInput::builder().result("1").build()),
            "ValidationException",
        ),
        (inner.clone().role_arn("nobody"), "InvalidArn"),
        (inner.clone().input("{"), "InvalidExecutionInput"),
        (inner.clone().set_state_name(None), "ValidationException"),
        (inner.clone().definition("{"), "InvalidDefinition"),
        (
            test("First").definition(one("First", wait_for_token()).to_string()),
            "ValidationException",
        ),
        (
            test("First").definition(one("First", json!({ "Type": "Odd" })).to_string()),
            "InvalidDefinition",
        ),
    ] {
        let refused = refused.customize().mutate_request(without_host_prefix);
        assert_eq!(refusal(refused.send().await), name);
    }
}
