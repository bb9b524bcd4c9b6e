//! Task tokens.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::json;

use crate::support::{Server, one, refusal, until, wait_for_token};

#[tokio::test(flavor = "multi_thread")]
async fn a_task_is_answered_once() {
    let server = Server::start().await;
    let client = &server.client;
    let machine = server.create("m", &one("W", wait_for_token())).await;
    let execution = server.run(&machine, "x", &json!({})).await;
    let token = server.world.token(0).await;
    client.send_task_heartbeat().task_token(&token).send().await.unwrap();
    let success = |output: &str| client.send_task_success().task_token(&token).output(output);
    assert_eq!(refusal(success("{").send().await), "InvalidOutput");
    success(r#"{"done":true}"#).send().await.unwrap();
    let ended = server.ended(&execution).await;
    assert_eq!(ended.output.as_deref(), Some(r#"{"done":true}"#));
    assert_eq!(refusal(success("1").send().await), "TaskTimedOut");
    let late = client.send_task_heartbeat().task_token(&token).send().await;
    assert_eq!(refusal(late), "TaskTimedOut");
    let failure = |token: &str| client.send_task_failure().task_token(token).error("E").cause("c");
    assert_eq!(refusal(failure(&token).send().await), "TaskTimedOut");
    let unknown = "A".repeat(token.len());
    assert_eq!(refusal(failure(&unknown).send().await), "TaskDoesNotExist");
    assert_eq!(refusal(failure("with space").send().await), "InvalidToken");
    assert_eq!(refusal(failure("").send().await), "InvalidToken");

    let execution = server.run(&machine, "y", &json!({})).await;
    let token = server.world.token(1).await;
    // The function has the token before the engine has the function's answer.
    until("the task is submitted", async || {
        let history = server.history(&execution).await;
        let submitted = history.iter().any(|event| event.r#type.as_str() == "TaskSubmitted");
        submitted.then_some(())
    })
    .await;
    failure(&token).send().await.unwrap();
    let ended = server.ended(&execution).await;
    assert_eq!(
        (ended.status, ended.error.as_deref(), ended.cause.as_deref()),
        (ExecutionStatus::Failed, Some("E"), Some("c"))
    );
    let types: Vec<String> = server
        .history(&execution)
        .await
        .iter()
        .map(|event| event.r#type.as_str().to_owned())
        .collect();
    // The function's own answer may come before or after.
    let types: Vec<&str> = types
        .iter()
        .map(String::as_str)
        .filter(|name| *name != "TaskSubmitted")
        .collect();
    assert_eq!(types[2..5], ["TaskScheduled", "TaskStarted", "TaskFailed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_without_a_heartbeat_times_out() {
    let server = Server::start().await;
    let mut state = wait_for_token();
    state["HeartbeatSeconds"] = json!(1);
    state["TimeoutSeconds"] = json!(60);
    let machine = server.create("m", &one("W", state)).await;
    let execution = server.run(&machine, "x", &json!({})).await;
    let token = server.world.token(0).await;
    let ended = server.ended(&execution).await;
    assert_eq!(ended.error.as_deref(), Some("States.Timeout"));
    let late = server
        .client
        .send_task_success()
        .task_token(token)
        .output("1")
        .send()
        .await;
    assert_eq!(refusal(late), "TaskTimedOut");
}
