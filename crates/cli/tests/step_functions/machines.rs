//! State machines, versions and aliases.

use aws_sdk_sfn::types::RoutingConfigurationListItem;
use serde_json::{Value, json};

use crate::support::{ROLE, Server, one, refusal};

fn pass(output: &str) -> Value {
    one("P", json!({ "Type": "Pass", "Output": output }))
}

fn route(version: &str) -> RoutingConfigurationListItem {
    let route = RoutingConfigurationListItem::builder().state_machine_version_arn(version);
    route.weight(100).build().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_is_created_once_updated_and_deleted() {
    let server = Server::start().await;
    let client = &server.client;
    let arn = server.create("m", &pass("one")).await;
    assert_eq!(arn, "arn:aws:states:us-east-1:000000000000:stateMachine:m");
    assert_eq!(server.create("m", &pass("one")).await, arn);
    let create = || client.create_state_machine().name("m").role_arn(ROLE);
    let other = create().definition(pass("two").to_string()).send().await;
    assert_eq!(refusal(other), "StateMachineAlreadyExists");
    let wrong = create()
        .name("n")
        .definition(r#"{"StartAt":"A","States":{}}"#)
        .send()
        .await;
    let message = format!("{:?}", wrong.as_ref().unwrap_err());
    assert_eq!(refusal(wrong), "InvalidDefinition");
    assert!(message.contains("problem(s)"), "{message}");
    assert_eq!(
        refusal(create().name("a b").definition("{}").send().await),
        "InvalidName"
    );
    assert_eq!(
        refusal(create().role_arn("me").definition("{}").send().await),
        "InvalidArn"
    );
    let express = create().definition(pass("one").to_string()).r#type("EXPRESS".into());
    assert_eq!(refusal(express.send().await), "StateMachineTypeNotSupported");

    let described = client
        .describe_state_machine()
        .state_machine_arn(&arn)
        .send()
        .await
        .unwrap();
    assert_eq!(described.definition, pass("one").to_string());
    assert_eq!((described.role_arn.as_str(), described.revision_id), (ROLE, None));
    let update = || client.update_state_machine().state_machine_arn(&arn);
    assert_eq!(refusal(update().send().await), "MissingRequiredParameter");
    let updated = update().definition(pass("two").to_string()).send().await.unwrap();
    let described = client
        .describe_state_machine()
        .state_machine_arn(&arn)
        .send()
        .await
        .unwrap();
    assert_eq!(described.definition, pass("two").to_string());
    assert_eq!(described.revision_id, updated.revision_id);

    for name in ["a", "b", "c"] {
        server.create(name, &pass(name)).await;
    }
    let mut pages = client.list_state_machines().max_results(3).into_paginator().send();
    let mut names = Vec::new();
    while let Some(page) = pages.next().await {
        names.push(
            page.unwrap()
                .state_machines
                .into_iter()
                .map(|item| item.name)
                .collect::<Vec<_>>()
                .join(""),
        );
    }
    assert_eq!(names, ["abc", "m"]);
    for _ in 0..2 {
        client
            .delete_state_machine()
            .state_machine_arn(&arn)
            .send()
            .await
            .unwrap();
    }
    let gone = client.describe_state_machine().state_machine_arn(&arn).send().await;
    assert_eq!(refusal(gone), "StateMachineDoesNotExist");
    assert_eq!(
        refusal(update().role_arn(ROLE).send().await),
        "StateMachineDoesNotExist"
    );
    let start = client.start_execution().state_machine_arn(&arn).send().await;
    assert_eq!(refusal(start), "StateMachineDoesNotExist");
}

#[tokio::test(flavor = "multi_thread")]
async fn versions_stay_and_an_alias_moves() {
    let mut server = Server::start().await;
    let client = server.client.clone();
    let arn = server.create("m", &pass("one")).await;
    let publish = || client.publish_state_machine_version().state_machine_arn(&arn);
    let first = publish()
        .revision_id("INITIAL")
        .send()
        .await
        .unwrap()
        .state_machine_version_arn;
    assert_eq!(first, format!("{arn}:1"));
    assert_eq!(publish().send().await.unwrap().state_machine_version_arn, first);
    assert_eq!(
        refusal(publish().description("other").send().await),
        "ConflictException"
    );
    assert_eq!(
        refusal(publish().revision_id("nonsense").send().await),
        "ConflictException"
    );
    let alias = client.create_state_machine_alias().name("live");
    let alias = alias
        .routing_configuration(route(&first))
        .send()
        .await
        .unwrap()
        .state_machine_alias_arn;
    assert_eq!(alias, format!("{arn}:live"));
    let unknown = client
        .create_state_machine_alias()
        .name("x")
        .routing_configuration(route(&format!("{arn}:9")));
    assert_eq!(refusal(unknown.send().await), "ResourceNotFound");

    let update = client.update_state_machine().state_machine_arn(&arn).publish(true);
    let second = update.definition(pass("two").to_string()).send().await.unwrap();
    let second = second.state_machine_version_arn.unwrap();
    let output = async |server: &Server, machine: &str, name: &str| {
        let execution = server.run(machine, name, &json!({})).await;
        let ended = server.ended(&execution).await;
        (
            ended.output.unwrap(),
            ended.state_machine_version_arn,
            ended.state_machine_alias_arn,
        )
    };
    let one = || r#""one""#.to_owned();
    assert_eq!(
        output(&server, &alias, "a").await,
        (one(), Some(first.clone()), Some(alias.clone()))
    );
    assert_eq!(output(&server, &first, "b").await, (one(), Some(first.clone()), None));
    assert_eq!(output(&server, &arn, "c").await, (r#""two""#.to_owned(), None, None));
    let update = client.update_state_machine_alias().state_machine_alias_arn(&alias);
    update.routing_configuration(route(&second)).send().await.unwrap();
    server.kill_and_restart();
    let client = &server.client;
    let two = || r#""two""#.to_owned();
    assert_eq!(
        output(&server, &alias, "d").await,
        (two(), Some(second.clone()), Some(alias.clone()))
    );
    let described = client.describe_state_machine_alias().state_machine_alias_arn(&alias);
    let described = described.send().await.unwrap();
    assert_eq!(described.routing_configuration(), [route(&second)]);
    let described = client
        .describe_state_machine()
        .state_machine_arn(&first)
        .send()
        .await
        .unwrap();
    assert_eq!(described.definition, pass("one").to_string());
    assert_eq!(
        server
            .describe(&format!("{}:a", arn.replace("stateMachine", "execution")))
            .await
            .state_machine_version_arn,
        Some(first.clone())
    );
    let used = client
        .delete_state_machine_version()
        .state_machine_version_arn(&second)
        .send()
        .await;
    assert_eq!(refusal(used), "ConflictException");
    client
        .delete_state_machine_version()
        .state_machine_version_arn(&first)
        .send()
        .await
        .unwrap();
    let gone = client.start_execution().state_machine_arn(&first).send().await;
    assert_eq!(refusal(gone), "StateMachineDoesNotExist");
    let gone = client
        .describe_state_machine_alias()
        .state_machine_alias_arn(format!("{arn}:none"))
        .send()
        .await;
    assert_eq!(refusal(gone), "ResourceNotFound");
    let of_alias = client
        .list_executions()
        .state_machine_arn(&alias)
        .send()
        .await
        .unwrap()
        .executions;
    assert_eq!(
        of_alias.iter().map(|item| item.name.as_str()).collect::<Vec<_>>(),
        ["d", "a"]
    );
    let versions = client
        .list_state_machine_versions()
        .state_machine_arn(&arn)
        .send()
        .await
        .unwrap();
    assert_eq!(versions.state_machine_versions.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn aliases_are_refused_and_deleted_as_on_aws() {
    let server = Server::start().await;
    let client = &server.client;
    let arn = server.create("m", &pass("one")).await;
    let publish = client
        .publish_state_machine_version()
        .state_machine_arn(&arn)
        .send()
        .await;
    let first = publish.unwrap().state_machine_version_arn;
    let weighted = |version: &str, weight: i32| {
        let route = RoutingConfigurationListItem::builder().state_machine_version_arn(version);
        route.weight(weight).build().unwrap()
    };
    let (other, none) = (arn.replace(":m", ":n:1"), format!("{arn}:7"));
    let table = [
        ("123", vec![route(&first)], "ValidationException"),
        ("a b", vec![route(&first)], "ValidationException"),
        ("a", vec![route(&arn)], "ValidationException"),
        (
            "a",
            vec![weighted(&first, 50), weighted(&first, 50)],
            "ValidationException",
        ),
        ("a", vec![weighted(&first, 101)], "ValidationException"),
        ("a", vec![weighted(&first, 99)], "ValidationException"),
        ("a", vec![route(&none)], "ResourceNotFound"),
        ("a", vec![route(&other)], "ResourceNotFound"),
    ];
    for (name, routes, expected) in table {
        let create = client.create_state_machine_alias().name(name);
        let sent = create.set_routing_configuration(Some(routes.clone())).send().await;
        assert_eq!(refusal(sent), expected, "{name} {routes:?}");
    }
    let gone = format!("{arn}:gone");
    let update = client
        .update_state_machine_alias()
        .state_machine_alias_arn(&gone)
        .description("x");
    assert_eq!(refusal(update.send().await), "ResourceNotFound");
    for alias in [gone, arn.replace(":m", ":n:gone")] {
        let delete = client.delete_state_machine_alias().state_machine_alias_arn(alias);
        delete.send().await.unwrap();
    }
    let delete = client.delete_state_machine_version().state_machine_version_arn(&other);
    delete.send().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_largest_definition_can_be_sent() {
    let server = Server::start().await;
    let machine = |comment: &str| {
        let mut machine = pass("one");
        machine["Comment"] = json!(comment);
        machine.to_string()
    };
    // Quotes and characters that are escaped in the request.
    let mut comment = "\"".repeat(200_000);
    comment.push_str(&"é".repeat(200_000));
    let rest = 1_048_576 - machine(&comment).len();
    comment.push_str(&"x".repeat(rest));
    let create = |name: &str, definition: String| {
        let create = server.client.create_state_machine().name(name).role_arn(ROLE);
        create.definition(definition).send()
    };
    let largest = machine(&comment);
    assert_eq!(largest.len(), 1_048_576);
    create("largest", largest).await.unwrap();
    comment.push('x');
    assert_eq!(refusal(create("larger", machine(&comment)).await), "InvalidDefinition");
}

#[tokio::test(flavor = "multi_thread")]
async fn diagnostics_have_the_codes_and_locations_of_aws() {
    let server = Server::start().await;
    let pass = |extra: Value| {
        let mut state = json!({ "Type": "Pass" });
        state
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        state
    };
    let machine = |states: Value| json!({ "QueryLanguage": "JSONata", "StartAt": "A", "States": states }).to_string();
    let branch = json!({ "StartAt": "A", "States": { "A": pass(json!({ "End": true })) } });
    let table = [
        (
            "not a definition".to_owned(),
            "INVALID_JSON_DESCRIPTION",
            Some("line: 1, column: 2"),
        ),
        (
            json!({ "QueryLanguage": "JSONata", "States": { "A": pass(json!({ "End": true })) } }).to_string(),
            "SCHEMA_VALIDATION_FAILED",
            Some("/"),
        ),
        (
            machine(json!({ "A": pass(json!({})) })),
            "SCHEMA_VALIDATION_FAILED",
            Some("/States/A"),
        ),
        (
            machine(json!({ "A": pass(json!({ "Next": "B" })), "C": pass(json!({ "End": true })) })),
            "MISSING_TRANSITION_TARGET",
            Some("/States/A/Next"),
        ),
        (
            machine(json!({ "A": { "Type": "Parallel", "Branches": [branch], "End": true } })),
            "DUPLICATE_STATE_NAME",
            Some("/States/A/Branches/0/States/A"),
        ),
        (
            machine(json!({ "A": pass(json!({ "End": true, "Output": { "b": "{% $ %}" } })) })),
            "SCHEMA_VALIDATION_FAILED",
            Some("/States/A/Output/b"),
        ),
    ];
    for (definition, code, location) in table {
        let validate = server
            .client
            .validate_state_machine_definition()
            .definition(&definition);
        let answer = validate.max_results(1).send().await.unwrap();
        assert_eq!(answer.result.as_str(), "FAIL", "{definition}");
        let first = &answer.diagnostics[0];
        assert_eq!(
            (first.code.as_str(), first.location.as_deref()),
            (code, location),
            "{definition}"
        );
    }
    let fine = machine(json!({ "A": pass(json!({ "End": true })) }));
    let answer = server.client.validate_state_machine_definition().definition(fine);
    assert_eq!(answer.send().await.unwrap().result.as_str(), "OK");
}
