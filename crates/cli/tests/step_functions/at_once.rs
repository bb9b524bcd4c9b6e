//! Many clients at once, and repeated creation, start and redrive.

use std::collections::BTreeSet;

use aws_sdk_sfn::types::{ExecutionStatus, RoutingConfigurationListItem};
use serde_json::{Value, json};

use crate::support::{ROLE, Server, invoke, one, refusal, until, wait_for_token};

fn pass(output: &str) -> Value {
    one("P", json!({ "Type": "Pass", "Output": output }))
}

#[tokio::test(flavor = "multi_thread")]
async fn starts_of_one_name_are_one_execution_of_one_version() {
    let server = Server::start().await;
    let client = &server.client;
    // The called function shows which version ran.
    let waits = |function: &str| {
        let mut state = wait_for_token();
        state["Arguments"]["FunctionName"] = json!(function);
        one("W", state).to_string()
    };
    let create = client.create_state_machine().name("m").role_arn(ROLE).publish(true);
    let created = create.definition(waits("ask-1")).send().await.unwrap();
    let (arn, first) = (created.state_machine_arn, created.state_machine_version_arn.unwrap());
    let update = client.update_state_machine().state_machine_arn(&arn).publish(true);
    let updated = update.definition(waits("ask-2")).send().await.unwrap();
    let second = updated.state_machine_version_arn.unwrap();
    let half = |version: &str| {
        let item = RoutingConfigurationListItem::builder().state_machine_version_arn(version);
        item.weight(50).build().unwrap()
    };
    let alias = client.create_state_machine_alias().name("live");
    let alias = alias
        .routing_configuration(half(&first))
        .routing_configuration(half(&second));
    let alias = alias.send().await.unwrap().state_machine_alias_arn;
    let mut versions = BTreeSet::new();
    for round in 0..12 {
        let starts = (0..8).map(|_| {
            let start = client.start_execution().state_machine_arn(&alias);
            start.name(format!("x{round}")).input("{}").send()
        });
        let started = futures::future::join_all(starts).await;
        let arns: BTreeSet<String> = started.into_iter().map(|sent| sent.unwrap().execution_arn).collect();
        assert_eq!(arns.len(), 1, "{arns:?}");
        let execution = arns.first().unwrap();
        let described = server.describe(execution).await;
        let version = described.state_machine_version_arn.unwrap();
        let asked = until("it is asked", async || server.world.called().get(round).cloned()).await;
        let expected = if version == first { "ask-1" } else { "ask-2" };
        assert_eq!(asked, expected);
        let started = server.history(execution).await.remove(0);
        let started = started.execution_started_event_details.unwrap();
        assert_eq!(started.state_machine_version_arn.as_deref(), Some(version.as_str()));
        assert_eq!(started.state_machine_alias_arn.as_deref(), Some(alias.as_str()));
        versions.insert(version);
    }
    assert_eq!(server.world.called().len(), 12);
    assert_eq!(versions.len(), 2, "both halves are taken: {versions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_that_was_updated_is_another_than_was_created() {
    let server = Server::start().await;
    let client = &server.client;
    let arn = server.create("m", &pass("one")).await;
    let update = client.update_state_machine().state_machine_arn(&arn);
    update.definition(pass("two").to_string()).send().await.unwrap();
    let create = |output: &str| {
        let create = client.create_state_machine().name("m").role_arn(ROLE);
        create.definition(pass(output).to_string())
    };
    assert_eq!(refusal(create("one").send().await), "StateMachineAlreadyExists");
    assert_eq!(create("two").send().await.unwrap().state_machine_arn, arn);
    let described = create("three").name("n").version_description("early").send().await;
    assert_eq!(refusal(described), "ValidationException");
    let update = client.update_state_machine().state_machine_arn(&arn).role_arn(ROLE);
    assert_eq!(
        refusal(update.version_description("early").send().await),
        "ValidationException"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_map_run_counts_its_children_and_is_redriven_with_its_execution() {
    let server = Server::start().await;
    let client = &server.client;
    *server.world.failures.lock().unwrap() = 1;
    let child = one("F", invoke("flaky"));
    let map = json!({
        "Type": "Map",
        "Label": "Each",
        "Items": [1, 2, 3, 4],
        "MaxConcurrency": 1,
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
            "StartAt": child["StartAt"],
            "States": child["States"],
        },
    });
    let machine = server.create("m", &one("All", map)).await;
    let execution = server.run(&machine, "x", &json!({})).await;
    assert_eq!(server.ended(&execution).await.status, ExecutionStatus::Failed);
    let runs = client.list_map_runs().execution_arn(&execution).send().await.unwrap();
    let run = runs.map_runs[0].map_run_arn.clone();
    let describe = async || client.describe_map_run().map_run_arn(&run).send().await.unwrap();
    let failed = describe().await;
    assert_eq!((failed.max_concurrency, failed.redrive_count), (1, Some(0)));
    let items = failed.item_counts.unwrap();
    assert_eq!(
        (items.failed, items.succeeded, items.aborted, items.total),
        (1, 0, 3, 4)
    );
    let children = || client.list_executions().map_run_arn(&run);
    let of = children().status_filter(ExecutionStatus::Failed).send().await.unwrap();
    let [child] = of.executions.as_slice() else {
        panic!("{of:?}")
    };
    assert_eq!(child.map_run_arn.as_deref(), Some(run.as_str()));
    let stop = client.stop_execution().execution_arn(&child.execution_arn).send().await;
    assert_eq!(refusal(stop), "ValidationException");
    let alone = client.redrive_execution().execution_arn(&child.execution_arn);
    assert_eq!(refusal(alone.send().await), "ExecutionNotRedrivable");

    client
        .redrive_execution()
        .execution_arn(&execution)
        .send()
        .await
        .unwrap();
    let ended = server.ended(&execution).await;
    assert_eq!(
        (ended.status, ended.output.as_deref()),
        (ExecutionStatus::Succeeded, Some("[1,2,3,4]"))
    );
    let redriven = describe().await;
    assert_eq!(redriven.redrive_count, Some(1));
    assert_eq!(redriven.item_counts.unwrap().succeeded, 4);
    let mut pages = children().max_results(3).into_paginator().send();
    let mut sizes = Vec::new();
    while let Some(page) = pages.next().await {
        sizes.push(page.unwrap().executions.len());
    }
    assert_eq!(sizes, [3, 1]);
    let list = client.list_executions().state_machine_arn(&machine);
    let listed = list.redrive_filter("REDRIVEN".into()).send().await.unwrap().executions;
    assert_eq!(listed[0].redrive_count, Some(1));
}
