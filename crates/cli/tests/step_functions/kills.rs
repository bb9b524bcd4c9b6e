//! SIGKILL and a restart while executions run.

use aws_sdk_sfn::types::ExecutionStatus;
use serde_json::json;

use crate::support::{Server, invoke, one, wait_for_token};

#[tokio::test(flavor = "multi_thread")]
async fn executions_resume_after_a_kill() {
    let mut server = Server::start().await;
    let slow = server.create("slow", &one("S", invoke("slow"))).await;
    let waits = server.create("waits", &one("W", wait_for_token())).await;
    let waiting = server.run(&waits, "w", &json!({})).await;
    let token = server.world.token(0).await;
    let mut started = Vec::new();
    for round in 0..3 {
        for number in 0..10 {
            let input = json!({ "n": number });
            started.push(server.run(&slow, &format!("r{round}-{number}"), &input).await);
        }
        server.kill_and_restart();
    }
    for execution in &started {
        let ended = server.ended(execution).await;
        assert_eq!(
            (ended.status, &ended.output),
            (ExecutionStatus::Succeeded, &ended.input),
            "{execution}"
        );
    }
    let listed = server
        .client
        .list_executions()
        .state_machine_arn(&slow)
        .send()
        .await
        .unwrap();
    assert_eq!(listed.executions.len(), started.len());
    server
        .client
        .send_task_success()
        .task_token(token)
        .output("1")
        .send()
        .await
        .unwrap();
    assert_eq!(server.ended(&waiting).await.status, ExecutionStatus::Succeeded);
}
