//! Hostile definitions and inputs: the API answers, other executions continue, and a restart serves.

use std::time::{Duration, Instant};

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::json;

use crate::support::{Server, invoke, one, refusal, until};

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_engine_serves_again_despite_hostile_expressions() {
    let mut server = Server::start().await;
    let expressions = [
        "$reduce([1..60], function($a, $i){{'l': $a, 'r': $a}}, {'v': 1})",
        "$pad('x', 2000000000)",
        "($f := function(){$f()}; $f())",
    ];
    let mut executions = Vec::new();
    for (number, expression) in expressions.iter().enumerate() {
        let output = format!("{{% {expression} %}}");
        let definition = one("W", json!({ "Type": "Wait", "Seconds": 1, "Output": output }));
        let machine = server.create(&format!("hostile-{number}"), &definition).await;
        executions.push(server.run(&machine, "x", &json!({})).await);
    }
    tokio::time::sleep(Duration::from_millis(1_200)).await;
    for _ in 0..2 {
        server.kill_and_restart();
    }
    let echo = server.create("echo", &one("E", invoke("echo"))).await;
    let other = server.run(&echo, "other", &json!({ "n": 1 })).await;
    assert_eq!(server.ended(&other).await.status, ExecutionStatus::Succeeded);
    let last = server.describe(executions.last().unwrap()).await;
    assert_eq!(last.status, ExecutionStatus::Running, "the other one waited for it");
    for execution in executions {
        let ended = server.ended(&execution).await;
        assert_eq!(ended.status, ExecutionStatus::Failed);
        assert_eq!(ended.error.as_deref(), Some("States.QueryEvaluationError"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_nests_too_deep_is_refused_and_not_stored() {
    let server = Server::start().await;
    let machine = server.create("passes", &one("P", json!({ "Type": "Pass" }))).await;
    for levels in [101, 127, 128, 129, 10_000, 100_000] {
        let input = "[".repeat(levels) + &"]".repeat(levels);
        let start = server.client.start_execution().state_machine_arn(&machine).name("deep");
        assert_eq!(
            refusal(start.input(input).send().await),
            "InvalidExecutionInput",
            "{levels}"
        );
    }
    let listed = server
        .client
        .list_executions()
        .state_machine_arn(&machine)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.executions.len(), 0);
    let flat = "[".repeat(100) + &"]".repeat(100);
    let start = server.client.start_execution().state_machine_arn(&machine).name("deep");
    let started = start.input(flat).send().await.unwrap().execution_arn;
    assert_eq!(server.ended(&started).await.status, ExecutionStatus::Succeeded);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_that_is_answered_has_stopped() {
    let server = Server::start().await;
    let endless = one(
        "P",
        json!({ "Type": "Pass", "Output": "{% ($f := function(){$f()}; $f()) %}" }),
    );
    let machine = server.create("endless", &endless).await;
    let execution = server.run(&machine, "x", &json!({})).await;
    let stop = server.client.stop_execution().execution_arn(&execution).error("Enough");
    stop.send().await.unwrap();
    let stopped = server.describe(&execution).await;
    assert_eq!(stopped.status, ExecutionStatus::Aborted);
    assert_eq!(stopped.error.as_deref(), Some("Enough"));
}

#[tokio::test(flavor = "multi_thread")]
async fn large_definitions_are_read_in_time() {
    let server = Server::start().await;
    // The largest definitions: states, one long comment, one long expression.
    let states: serde_json::Map<String, serde_json::Value> = (0..12_000)
        .map(|number| {
            let next = json!({ "Type": "Pass", "Next": format!("S{}", number + 1) });
            (format!("S{number}"), next)
        })
        .chain([("S12000".to_owned(), json!({ "Type": "Succeed" }))])
        .collect();
    let chain = json!({ "QueryLanguage": "JSONata", "StartAt": "S0", "States": states });
    let comment = json!({ "QueryLanguage": "JSONata", "Comment": "x".repeat(900_000), "StartAt": "S", "States": { "S": { "Type": "Succeed" } } });
    let long = format!("{{% {} %}}", vec!["$states.input.n"; 40_000].join(" + "));
    let sum = one("P", json!({ "Type": "Pass", "Output": long }));
    for (name, definition) in [("chain", chain), ("comment", comment), ("sum", sum)] {
        let begun = Instant::now();
        let created = server
            .client
            .create_state_machine()
            .name(name)
            .definition(definition.to_string());
        // Accepted or refused: in time, and the server survives.
        drop(created.role_arn(crate::support::ROLE).send().await);
        assert!(
            begun.elapsed() < Duration::from_secs(20),
            "{name}: {:?}",
            begun.elapsed()
        );
        let echo = server.create(&format!("echo-{name}"), &one("E", invoke("echo"))).await;
        let other = server.run(&echo, "other", &json!({})).await;
        until("it ends", async || {
            (server.describe(&other).await.status == ExecutionStatus::Succeeded).then_some(())
        })
        .await;
    }
}
