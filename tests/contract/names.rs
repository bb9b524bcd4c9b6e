//! A stage has the same name everywhere: state, file, function, span, documents; and the workflow's errors are known.

use std::collections::BTreeSet;
use std::fs;

use holdfast_asl::{StateKind, StateMachine, StateSummary};
use holdfast_core::model::error_name::ErrorName;
use holdfast_core::stage::state::{self, OTHER_STATES};
use holdfast_core::stage::{SECOND_STATES, STAGES, stage_of};
use serde_json::Value;

use crate::{definition, root};

/// The functions outside of the workflow.
const OUTSIDE: [&str; 4] = ["approval-page", "receive-webhook", "sweep", "try-models"];

fn states() -> Vec<StateSummary> {
    StateMachine::parse(&definition()).unwrap().states()
}

/// Returns the names of the functions' programs.
fn binaries() -> BTreeSet<String> {
    let entries = fs::read_dir(root().join("functions/src/bin")).unwrap();
    entries
        .map(|entry| {
            let path = entry.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect()
}

#[test]
fn each_task_has_its_stage_function_and_span() {
    let tasks: BTreeSet<String> = states()
        .into_iter()
        .filter(|state| state.kind == StateKind::Task)
        .map(|state| {
            let function = state.function.unwrap();
            let stage = stage_of(&state.name).unwrap();
            assert_eq!(function, format!("${{{}Function}}", stage.state));
            state.name
        })
        .collect();
    let named: BTreeSet<String> = task_states().map(str::to_owned).collect();
    assert_eq!(tasks, named, "the definition's tasks are the stages' states");
    let functions: BTreeSet<String> = STAGES.iter().map(|stage| stage.function.to_owned()).collect();
    let outside = OUTSIDE.map(str::to_owned).into();
    assert_eq!(binaries(), &functions | &outside, "each stage has its binary");
    for stage in STAGES {
        let module = stage.module;
        assert_eq!(module.replace('_', "-"), stage.function);
        let camel: String = stage
            .function
            .split('-')
            .map(|word| word[..1].to_uppercase() + &word[1..])
            .collect();
        assert_eq!(camel, stage.state);
        let source = fs::read_to_string(root().join(format!("crates/core/src/stage/{module}.rs"))).unwrap();
        let is_traced = source.split("#[tracing::instrument(").skip(1).any(|rest| {
            let declared = rest.split_once("pub async fn ").unwrap().1;
            declared.starts_with(&format!("{module}("))
        });
        assert!(is_traced, "{module} has its span");
        let main = fs::read_to_string(root().join(format!("functions/src/bin/{}.rs", stage.function))).unwrap();
        assert!(
            main.contains(&format!("holdfast_functions::stages::{module}()")),
            "functions/src/bin/{}.rs serves {module}",
            stage.function
        );
    }
}

/// The documents that describe every stage.
const DOCUMENTS: [&str; 2] = ["ARCHITECTURE.md", "docs/operations.md"];

#[test]
fn each_stage_is_in_the_documents() {
    for document in DOCUMENTS {
        let text = fs::read_to_string(root().join(document)).unwrap();
        let rows: Vec<&str> = text.lines().filter(|line| line.starts_with('|')).collect();
        for state in task_states() {
            assert!(
                rows.iter().any(|row| first_cell(row).contains(state)),
                "{document}: no table has a row for {state}"
            );
        }
    }
}

/// Returns the names of the task states.
fn task_states() -> impl Iterator<Item = &'static str> {
    let first = STAGES.iter().map(|stage| stage.state);
    first.chain(SECOND_STATES.iter().map(|(state, _)| *state))
}

fn first_cell(row: &str) -> &str {
    row.split('|').nth(1).unwrap_or_default()
}

#[test]
fn the_constants_for_states_are_those_of_the_definition() {
    let (mut of_definition, mut routes) = (BTreeSet::new(), BTreeSet::new());
    for state in states() {
        if state.kind == StateKind::Choice {
            routes.insert(state.name.clone());
        }
        of_definition.insert(state.name);
    }
    let constants = OTHER_STATES.iter().copied().chain(task_states());
    assert_eq!(constants.map(str::to_owned).collect::<BTreeSet<_>>(), of_definition);
    let named_route = of_definition.iter().filter(|name| state::is_route(name)).cloned();
    assert_eq!(named_route.collect::<BTreeSet<_>>(), routes);
}

#[test]
fn the_workflow_matches_exactly_the_errors_that_are_named_for_it() {
    let text = definition();
    let mut caught: BTreeSet<String> = states()
        .into_iter()
        .flat_map(|state| [state.caught_errors, state.retried_errors].concat())
        .collect();
    // A Choice also compares names.
    caught.extend(
        ErrorName::ALL
            .iter()
            .filter(|name| text.contains(&format!("'{name}'")))
            .map(|name| name.as_str().to_owned()),
    );
    let ours: BTreeSet<String> = caught
        .into_iter()
        .filter(|name| !name.starts_with("States.") && !name.starts_with("Lambda."))
        .collect();
    let named: BTreeSet<String> = ErrorName::NAMED_IN_WORKFLOW
        .iter()
        .map(|name| name.as_str().to_owned())
        .collect();
    assert_eq!(ours, named);
}

#[test]
fn each_task_has_a_comment_a_time_out_retriers_and_catchers() {
    let document: serde_json::Value = serde_json::from_str(&definition()).unwrap();
    let inner = &document["States"][state::REVIEW_EACH_UNIT]["ItemProcessor"]["States"];
    let all = [&document["States"], inner]
        .into_iter()
        .flat_map(|states| states.as_object().unwrap());
    let mut tasks = 0;
    for (name, state) in all {
        assert!(
            state["Type"] == "Succeed" || state["Type"] == "Fail" || state["Comment"].is_string(),
            "{name}"
        );
        if state["Type"] != "Task" {
            continue;
        }
        tasks += 1;
        assert!(state["TimeoutSeconds"].as_u64().is_some(), "{name} has a time-out");
        let catches = state["Catch"].as_array().unwrap();
        let [.., named, rest] = &catches[..] else {
            panic!("{name} catches two kinds at least");
        };
        assert_eq!(
            named["ErrorEquals"],
            serde_json::json!(["States.DataLimitExceeded", "States.Runtime"]),
            "{name}"
        );
        assert_eq!(rest["ErrorEquals"], serde_json::json!(["States.ALL"]), "{name}");
        let retriers = state["Retry"].as_array().unwrap();
        assert!(
            retriers.len() >= 4,
            "{name}: service errors, throttling, unknown errors, our own"
        );
        for retrier in retriers {
            assert_eq!(retrier["JitterStrategy"], "FULL", "{name}");
            assert!(retrier["MaxDelaySeconds"].as_u64().is_some(), "{name}");
        }
    }
    assert_eq!(tasks, task_states().count());
}

/// A review waits for GitHub, whichever state GitHub stops: no state but these three knows about it, and a limit isn't
/// retried before the time that GitHub names.
#[test]
fn exactly_the_states_that_call_github_wait_for_it() {
    let definition: Value = serde_json::from_str(&definition()).unwrap();
    let states = definition["States"].as_object().unwrap();
    let continued: BTreeSet<&str> = {
        let route = &states[state::ROUTE_AFTER_GITHUB];
        let rules = route["Choices"].as_array().unwrap().iter();
        let targets = rules.map(|rule| {
            let target = rule["Next"].as_str().unwrap();
            assert!(
                rule["Condition"].as_str().unwrap().contains(&format!("'{target}'")),
                "{rule}"
            );
            target
        });
        targets.chain(route["Default"].as_str()).collect()
    };
    let ports = ["read", "threads", "permission", "publish"];
    for name in task_states() {
        let Some(state) = states.get(name) else { continue };
        let calls_github = ports.iter().any(|port| stage_of(name).unwrap().reaches(port));
        let errors = |entry: &Value| entry["ErrorEquals"].to_string();
        let retriers = state["Retry"].as_array().unwrap();
        assert!(
            retriers
                .iter()
                .all(|retrier| !errors(retrier).contains("GithubRateLimited")),
            "{name}"
        );
        let catcher = &state["Catch"][0];
        let waits = errors(catcher) == r#"["GithubRateLimited","GithubUnavailable"]"#;
        assert_eq!(waits, calls_github, "{name}");
        assert_eq!(continued.contains(name), calls_github, "{name}");
        if calls_github {
            assert_eq!(catcher["Next"], state::ROUTE_GITHUB_WAIT, "{name}");
            assert_eq!(
                catcher["Output"],
                states[state::OPEN_REVIEW]["Catch"][0]["Output"],
                "{name}"
            );
            let blip = retriers
                .iter()
                .find(|retrier| errors(retrier).contains("GithubUnavailable"))
                .unwrap();
            assert_eq!(
                (&blip["MaxAttempts"], &blip["MaxDelaySeconds"]),
                (&3.into(), &10.into()),
                "{name}"
            );
        }
    }
}

#[test]
fn the_picture_is_of_this_definition() {
    let drawn = holdfast_asl::picture(&StateMachine::parse(&definition()).unwrap(), None);
    let kept = fs::read_to_string(root().join("state-machine/review.svg")).unwrap();
    assert!(
        drawn == kept,
        "draw it again: cargo run -p holdfast-asl --example picture -- state-machine/review.asl.json > state-machine/review.svg"
    );
}
