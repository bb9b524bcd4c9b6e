//! The API beside `holdfast serve`: the machine of reviews exists and cannot be changed.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use serde_json::json;

use crate::support::{ROLE, client, one, program, refusal, until, without_host_prefix};

#[tokio::test(flavor = "multi_thread")]
async fn the_reviews_machine_is_described_and_not_changed() {
    let directory = tempfile::TempDir::new().unwrap();
    let mut server = program();
    server
        .env("HOLDFAST_WEBHOOK_SECRET", "test")
        .env("GITHUB_TOKEN", "test");
    server.args([
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--step-functions",
        "127.0.0.1:0",
        "--data",
    ]);
    let mut child = server
        .arg(directory.path().join("data"))
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let url = lines
        .find_map(|line| {
            line.unwrap()
                .split_once("Step Functions API: ")
                .map(|(_, url)| url.trim().to_owned())
        })
        .unwrap();
    let client = client(&url);
    let arn = "arn:aws:states:local:000000000000:stateMachine:review";
    let review = client
        .describe_state_machine()
        .state_machine_arn(arn)
        .send()
        .await
        .unwrap();
    assert!(review.definition.contains("plan-review"), "{}", review.definition);
    let update = client
        .update_state_machine()
        .state_machine_arn(arn)
        .role_arn(ROLE)
        .send()
        .await;
    assert_eq!(refusal(update), "ConflictException");
    let delete = client.delete_state_machine().state_machine_arn(arn).send().await;
    assert_eq!(refusal(delete), "ConflictException");
    let start = client
        .start_execution()
        .state_machine_arn(arn)
        .name("x")
        .input(r#"{"odd":1}"#);
    let execution = start.send().await.unwrap().execution_arn;
    assert_eq!(execution, "arn:aws:states:local:000000000000:execution:review:x");
    let listed = client
        .list_executions()
        .state_machine_arn(arn)
        .send()
        .await
        .unwrap()
        .executions;
    assert_eq!(listed[0].execution_arn, execution);

    let other = client.create_state_machine().name("mine").role_arn(ROLE);
    let pass = one("P", json!({ "Type": "Pass", "Output": 7 })).to_string();
    let other = other.definition(pass).send().await.unwrap().state_machine_arn;
    let execution = client
        .start_execution()
        .state_machine_arn(&other)
        .name("x")
        .send()
        .await
        .unwrap()
        .execution_arn;
    let output = until("it ends", async || {
        client
            .describe_execution()
            .execution_arn(&execution)
            .send()
            .await
            .unwrap()
            .output
    });
    assert_eq!(output.await, "7");
    // Other machines cannot call the functions of reviews: they could pass their own token to them.
    for function in ["request-approval", "publish-review", "open-review"] {
        let task = json!({ "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": { "FunctionName": function, "Payload": { "run": "x", "token": "known" } } });
        let forged = client.create_state_machine().name(function).role_arn(ROLE);
        let definition = one("F", task).to_string();
        let forged = forged.definition(&definition).send().await.unwrap();
        let started = client
            .start_execution()
            .state_machine_arn(forged.state_machine_arn)
            .name("x");
        let execution = started.send().await.unwrap().execution_arn;
        let cause = until("it fails", async || {
            let described = client.describe_execution().execution_arn(&execution);
            described.send().await.unwrap().cause
        });
        let cause = cause.await;
        assert!(cause.contains("only the state machine of reviews"), "{cause}");
        let tested = client.test_state().definition(&definition).state_name("F");
        let tested = tested.customize().mutate_request(without_host_prefix);
        let cause = tested.send().await.unwrap().cause.unwrap();
        assert!(cause.contains("only the state machine of reviews"), "{cause}");
    }
    let listed = client
        .list_executions()
        .state_machine_arn(arn)
        .send()
        .await
        .unwrap()
        .executions;
    assert_eq!(listed.len(), 1);
    // The other commands only show reviews.
    let data = directory.path().join("data");
    let runs = program()
        .args(["runs", "--format", "json", "--data"])
        .arg(&data)
        .output()
        .unwrap();
    let runs = String::from_utf8(runs.stdout).unwrap();
    assert!(runs.contains("\"x\"") && !runs.contains("mine"), "{runs}");

    let stopped = Command::new("kill").arg(child.id().to_string()).status().unwrap();
    assert!(stopped.success() && child.wait().unwrap().success());
}
