//! Executions: started, described, listed, stopped, redriven; their histories; functions that fail.

use aws_sdk_sfn::types::{ExecutionRedriveStatus, ExecutionStatus};
use serde_json::{Value, json};

use crate::support::{FUNCTION, ROLE, Server, invoke, one, refusal, wait_for_token};

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_start_finds_the_running_execution() {
    let server = Server::start().await;
    let client = &server.client;
    let quick = server.create("quick", &one("E", invoke("echo"))).await;
    let waits = server.create("waits", &one("W", wait_for_token())).await;
    let first = server.run(&waits, "x", &json!({ "a": 1 })).await;
    assert_eq!(first, "arn:aws:states:us-east-1:000000000000:execution:waits:x");
    let again = client
        .start_execution()
        .state_machine_arn(&waits)
        .name("x")
        .input(r#"{ "a": 1 }"#);
    let again = again.send().await.unwrap();
    assert_eq!(again.execution_arn, first);
    assert_eq!(again.start_date, server.describe(&first).await.start_date);
    let other = client
        .start_execution()
        .state_machine_arn(&waits)
        .name("x")
        .input("{}")
        .send()
        .await;
    assert_eq!(refusal(other), "ExecutionAlreadyExists");
    // Names are unique per machine.
    let same_name = server.run(&quick, "x", &json!({ "b": 2 })).await;
    let ended = server.ended(&same_name).await;
    assert_eq!(ended.status, ExecutionStatus::Succeeded);
    assert_eq!(ended.output.as_deref(), Some(r#"{"b":2}"#));
    assert_eq!(
        (ended.name.as_deref(), ended.input.as_deref()),
        (Some("x"), Some(r#"{"b":2}"#))
    );
    let closed = client
        .start_execution()
        .state_machine_arn(&quick)
        .name("x")
        .input(r#"{"b":2}"#)
        .send()
        .await;
    assert_eq!(refusal(closed), "ExecutionAlreadyExists");
    let unnamed = client
        .start_execution()
        .state_machine_arn(&quick)
        .send()
        .await
        .unwrap()
        .execution_arn;
    assert_eq!(unnamed.rsplit(':').next().unwrap().len(), 36);
    let start = || client.start_execution().state_machine_arn(&quick);
    assert_eq!(refusal(start().input("{").send().await), "InvalidExecutionInput");
    let large = format!("\"{}\"", "x".repeat(262_144));
    assert_eq!(refusal(start().input(large).send().await), "InvalidExecutionInput");
    assert_eq!(refusal(start().name("a/b").send().await), "InvalidName");
    assert_eq!(
        refusal(start().state_machine_arn("nonsense").send().await),
        "InvalidArn"
    );
    let unknown = client
        .describe_execution()
        .execution_arn(format!("{first}y"))
        .send()
        .await;
    assert_eq!(refusal(unknown), "ExecutionDoesNotExist");
    let elsewhere = client
        .describe_execution()
        .execution_arn(first.replace("us-east-1", "mars"))
        .send()
        .await;
    assert_eq!(refusal(elsewhere), "ExecutionDoesNotExist");
    let machine = client
        .describe_state_machine_for_execution()
        .execution_arn(&first)
        .send()
        .await
        .unwrap();
    assert_eq!(machine.definition, one("W", wait_for_token()).to_string());
    assert_eq!((machine.name.as_str(), machine.role_arn.as_str()), ("waits", ROLE));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_context_names_the_machine() {
    let server = Server::start().await;
    let context = json!({ "Type": "Pass", "Output": "{% [$states.context.Execution.Name, $states.context.Execution.Id, $states.context.StateMachine.Name, $states.context.StateMachine.Id, $states.context.Execution.RoleArn] %}" });
    let machine = server.create("named", &one("P", context)).await;
    let execution = server.run(&machine, "mine", &json!({})).await;
    let output: Value = serde_json::from_str(&server.ended(&execution).await.output.unwrap()).unwrap();
    assert_eq!(output, json!(["mine", execution, "named", machine, ROLE]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_has_pages_in_both_orders() {
    let server = Server::start().await;
    let client = &server.client;
    let machine = server.create("m", &one("E", invoke("echo"))).await;
    let execution = server.run(&machine, "x", &json!({ "a": 1 })).await;
    server.ended(&execution).await;
    let events = server.history(&execution).await;
    let types: Vec<&str> = events.iter().map(|event| event.r#type.as_str()).collect();
    let expected = [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ];
    assert_eq!(types, expected);
    assert_eq!(
        events.iter().map(|event| event.id).collect::<Vec<_>>(),
        [1, 2, 3, 4, 5, 6, 7]
    );
    let started = events[0].execution_started_event_details().unwrap();
    assert_eq!((started.input(), started.role_arn()), (Some(r#"{"a":1}"#), Some(ROLE)));
    assert!((events[6].timestamp.as_secs_f64() - events[0].timestamp.as_secs_f64()) < 30.0);
    for reverse in [false, true] {
        let history = client
            .get_execution_history()
            .execution_arn(&execution)
            .reverse_order(reverse);
        let mut pages = history.max_results(3).into_paginator().send();
        let mut ids = Vec::new();
        while let Some(page) = pages.next().await {
            ids.push(page.unwrap().events.iter().map(|event| event.id).collect::<Vec<_>>());
        }
        let expected = if reverse {
            [vec![7, 6, 5], vec![4, 3, 2], vec![1]]
        } else {
            [vec![1, 2, 3], vec![4, 5, 6], vec![7]]
        };
        assert_eq!(ids, expected);
    }
    let history = || client.get_execution_history().execution_arn(&execution);
    let without = history().include_execution_data(false).send().await.unwrap().events;
    assert_eq!(without[0].execution_started_event_details().unwrap().input(), None);
    assert_eq!(refusal(history().next_token("made up").send().await), "InvalidToken");
    assert_eq!(
        refusal(history().max_results(1_001).send().await),
        "ValidationException"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn functions_fail_with_awss_names_and_keep_their_qualifiers() {
    let server = Server::start().await;
    for (function, error) in [
        ("fail", "Broken"),
        ("throttled", "Lambda.TooManyRequestsException"),
        ("missing", "Lambda.ResourceNotFoundException"),
        ("broken", "Lambda.ServiceException"),
    ] {
        let machine = server.create(function, &one("F", invoke(function))).await;
        let ended = server.ended(&server.run(&machine, "x", &json!({})).await).await;
        assert_eq!(
            (ended.status, ended.error.as_deref()),
            (ExecutionStatus::Failed, Some(error))
        );
        if function == "fail" {
            let cause: Value = serde_json::from_str(&ended.cause.unwrap()).unwrap();
            assert_eq!(cause, json!({ "errorMessage": "it broke", "errorType": "Broken" }));
        }
    }
    let versioned = format!("{FUNCTION}:echo:7");
    let integrated = server.create("i", &one("I", invoke(&versioned))).await;
    server.ended(&server.run(&integrated, "x", &json!({})).await).await;
    let bare = server
        .create("b", &one("B", json!({ "Type": "Task", "Resource": versioned })))
        .await;
    let execution = server.run(&bare, "x", &json!({ "c": 3 })).await;
    assert_eq!(server.ended(&execution).await.output.as_deref(), Some(r#"{"c":3}"#));
    let scheduled = server.history(&execution).await;
    let scheduled = scheduled[2].lambda_function_scheduled_event_details().unwrap();
    assert_eq!(scheduled.resource(), versioned);
    let called = server.world.called();
    assert_eq!(called[called.len() - 2..], [versioned.clone(), versioned]);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_have_filters_and_pages() {
    let server = Server::start().await;
    let client = &server.client;
    let definition = one(
        "F",
        json!({ "Type": "Choice", "Choices": [{ "Condition": "{% $states.input.ok %}", "Next": "S" }], "Default": "X" }),
    );
    let mut definition = definition;
    definition["States"]["F"].as_object_mut().unwrap().remove("End");
    definition["States"]["S"] = json!({ "Type": "Succeed" });
    definition["States"]["X"] = json!({ "Type": "Fail", "Error": "No" });
    let machine = server.create("m", &definition).await;
    let mut started = Vec::new();
    for number in 0..7 {
        let execution = server
            .run(&machine, &format!("e{number}"), &json!({ "ok": number % 2 == 0 }))
            .await;
        server.ended(&execution).await;
        started.push(execution);
    }
    let list = || client.list_executions().state_machine_arn(&machine);
    let mut pages = list().max_results(3).into_paginator().send();
    let mut listed = Vec::new();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        let page = page.unwrap().executions;
        sizes.push(page.len());
        listed.extend(page.into_iter().map(|item| item.execution_arn));
    }
    started.reverse();
    assert_eq!((sizes, listed), (vec![3, 3, 1], started));
    let failed = list()
        .status_filter(ExecutionStatus::Failed)
        .send()
        .await
        .unwrap()
        .executions;
    assert_eq!(
        failed.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(),
        ["e5", "e3", "e1"]
    );
    let running = list().status_filter(ExecutionStatus::Running).send().await.unwrap();
    assert_eq!((running.executions.len(), running.next_token), (0, None));
    let page = list()
        .max_results(2)
        .status_filter(ExecutionStatus::Failed)
        .send()
        .await
        .unwrap();
    let elsewhere = list().next_token(page.next_token.unwrap()).send().await;
    assert_eq!(refusal(elsewhere), "InvalidToken");
    let unknown = list().state_machine_arn(format!("{machine}x")).send().await;
    assert_eq!(refusal(unknown), "StateMachineDoesNotExist");
    assert_eq!(
        refusal(list().status_filter("ODD".into()).send().await),
        "ValidationException"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_execution_stays_stopped_and_a_failed_one_is_redriven() {
    let server = Server::start().await;
    let client = &server.client;
    let waits = server.create("waits", &one("W", wait_for_token())).await;
    let execution = server.run(&waits, "x", &json!({})).await;
    let stop = || client.stop_execution().execution_arn(&execution);
    let stopped = stop().error("Mine").cause("enough").send().await.unwrap();
    let described = server.describe(&execution).await;
    assert_eq!(
        (described.status, described.error.as_deref()),
        (ExecutionStatus::Aborted, Some("Mine"))
    );
    assert_eq!(stop().send().await.unwrap().stop_date, stopped.stop_date);
    let last = server.history(&execution).await.pop().unwrap();
    assert_eq!(last.execution_aborted_event_details().unwrap().cause(), Some("enough"));
    let unknown = client
        .stop_execution()
        .execution_arn(format!("{execution}y"))
        .send()
        .await;
    assert_eq!(refusal(unknown), "ExecutionDoesNotExist");

    *server.world.failures.lock().unwrap() = 1;
    let flaky = server.create("flaky", &one("F", invoke("flaky"))).await;
    let execution = server.run(&flaky, "x", &json!({ "a": 1 })).await;
    let failed = server.ended(&execution).await;
    assert_eq!(failed.error.as_deref(), Some("Flaky"));
    assert_eq!(failed.redrive_status, Some(ExecutionRedriveStatus::Redrivable));
    let redrive = || {
        client
            .redrive_execution()
            .execution_arn(&execution)
            .client_token("once")
    };
    let first = redrive().send().await.unwrap();
    let ended = server.ended(&execution).await;
    assert_eq!(
        (ended.status, ended.redrive_count),
        (ExecutionStatus::Succeeded, Some(1))
    );
    assert_eq!(ended.redrive_date, Some(first.redrive_date));
    // The client repeats a request whose answer was lost.
    assert_eq!(redrive().send().await.unwrap().redrive_date, first.redrive_date);
    let another = client.redrive_execution().execution_arn(&execution).send().await;
    assert_eq!(refusal(another), "ExecutionNotRedrivable");
    let types = server.history(&execution).await;
    assert!(types.iter().any(|event| event.r#type.as_str() == "ExecutionRedriven"));
}
