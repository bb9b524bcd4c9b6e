//! Random definitions and inputs: each is refused or runs, none panics, and a fold of its history gives the same state.

use std::sync::Arc;

use holdfast_asl::{Command, Execution, StateMachine, Stimulus};
use proptest::prelude::*;
use proptest::strategy::ValueTree as _;
use serde_json::{Value, json};

use crate::bench::{Bench, failure};

/// Generates any small JSON.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        (-3_i64..100).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-c{%}$. ]{0,6}".prop_map(Value::from),
        expression().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec(("[abn]", inner), 0..4)
                .prop_map(|fields| Value::Object(fields.into_iter().collect())),
        ]
    })
}

/// Generates expressions: most parse, and many have a value.
fn expression() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "{% $states.input %}",
        "{% $states.input.n %}",
        "{% $states.input[0] %}",
        "{% $states.result %}",
        "{% $states.errorOutput.Error %}",
        "{% $states.context %}",
        "{% $states.context.Map.Item %}",
        "{% $v %}",
        "{% $v + 1 %}",
        "{% $nothing %}",
        "{% [1..3] %}",
        "{% 1 = 1 %}",
        "{% $uuid() %}",
        "{% $random() * 5 %}",
        "{% $partition([1..5], 2) %}",
        "{% $now() %}",
        "{% ( %}",
        "{% a.b %}",
    ])
}

/// Generates one state of a flow of three, `A` to `C`, with fields that may be wrong for its type.
fn state(depth: u32) -> BoxedStrategy<Value> {
    let target = prop::sample::select(vec!["A", "B", "B", "C", "C", "B", "C", "A", "D"]);
    let kinds = if depth == 0 {
        vec!["Pass", "Wait", "Task", "Choice", "Succeed", "Fail"]
    } else {
        vec!["Pass", "Wait", "Task", "Choice", "Map", "Parallel"]
    };
    let fields = (
        prop::sample::select(kinds),
        target.clone(),
        any::<bool>(),
        prop::option::weighted(0.3, any_json()),
        prop::option::weighted(0.3, any_json()),
        any::<u8>(),
        if depth == 0 {
            Just(json!({})).boxed()
        } else {
            flow(depth - 1)
        },
    );
    (fields, target, expression())
        .prop_map(
            |((kind, next, ends, output, assigned, how, inner), caught, expression)| {
                let mut state = json!({ "Type": kind });
                let catch = json!([{ "ErrorEquals": ["States.ALL"], "Next": caught }]);
                let retry = json!([{ "ErrorEquals": ["States.ALL"], "MaxAttempts": 2, "JitterStrategy": "FULL" }]);
                match kind {
                    "Wait" => state["Seconds"] = if how % 2 == 0 { json!(how) } else { json!(expression) },
                    "Task" => {
                        let token = if how % 2 == 0 { "" } else { ".waitForTaskToken" };
                        state["Resource"] = json!(format!("arn:aws:states:::lambda:invoke{token}"));
                        state["Arguments"] = json!({ "FunctionName": "worker", "Payload": expression });
                        state["TimeoutSeconds"] = json!(60);
                    }
                    "Choice" => {
                        state["Choices"] = json!([{ "Condition": expression, "Next": caught }]);
                        state["Default"] = json!(next);
                    }
                    "Map" => {
                        state["ItemProcessor"] = inner;
                        state["MaxConcurrency"] = json!(how % 3);
                        if how % 4 == 0 {
                            state["ItemProcessor"]["ProcessorConfig"] =
                                json!({ "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" });
                        }
                        state["Items"] = if how % 2 == 0 {
                            json!([1, expression])
                        } else {
                            json!(expression)
                        };
                    }
                    "Parallel" => state["Branches"] = json!([inner]),
                    _ => {}
                }
                if matches!(kind, "Task" | "Map" | "Parallel") {
                    state["Catch"] = catch;
                    if how % 3 == 0 {
                        state["Retry"] = retry;
                    }
                }
                if matches!(kind, "Pass" | "Wait" | "Task" | "Map" | "Parallel") {
                    if ends {
                        state["End"] = json!(true);
                    } else {
                        state["Next"] = json!(next);
                    }
                    if let Some(assigned) = assigned {
                        state["Assign"] = json!({ "v": assigned });
                    }
                }
                if let (Some(output), true) = (output, kind != "Fail") {
                    state["Output"] = output;
                }
                state
            },
        )
        .boxed()
}

fn flow(depth: u32) -> BoxedStrategy<Value> {
    prop::collection::vec(state(depth), 3)
        .prop_map(move |states| {
            // Names are unique in the whole machine; targets are renamed with them.
            let text =
                json!({ "StartAt": "A", "States": { "A": states[0], "B": states[1], "C": states[2] } }).to_string();
            let renamed = ["A", "B", "C"].iter().fold(text, |text, name| {
                text.replace(&format!("\"{name}\""), &format!("\"{name}{depth}\""))
            });
            serde_json::from_str(&renamed).unwrap()
        })
        .boxed()
}

fn run(definition: &Value, input: Value) -> Bench {
    let mut bench = Bench::start(definition, input);
    for step in 0_u8..40 {
        let Some(command) = bench.execution.commands().into_iter().next_back() else {
            break;
        };
        let stimulus = match command {
            Command::FireAt { key, at } => {
                bench.now = bench.now.max(at.0);
                Stimulus::TimerFired { key }
            }
            Command::InvokeFunction { key, .. } if step % 3 == 0 => Stimulus::TaskFailed {
                key,
                failure: failure("Busy"),
            },
            Command::InvokeFunction { key, payload, .. } => Stimulus::TaskSucceeded { key, output: payload },
            Command::StartMapRun { key, items, .. } => {
                let items = match items {
                    holdfast_asl::ItemSource::Inline(items) => items,
                    holdfast_asl::ItemSource::Object { .. } => Vec::new(),
                };
                let result = bench.execution.map_inputs(key, items).map(Value::from);
                Stimulus::MapRunFinished { key, result }
            }
        };
        let _ = bench.send(stimulus);
        if bench.history.len() > 2000 {
            break;
        }
    }
    bench
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn definitions_are_refused_or_run(definition in flow(1), input in any_json()) {
        let mut definition = definition;
        definition["QueryLanguage"] = json!("JSONata");
        match StateMachine::parse(&definition.to_string()) {
            Err(errors) => prop_assert!(!errors.problems.is_empty()),
            Ok(machine) => {
                let bench = run(&definition, input);
                let mut folded = Execution::new(Arc::new(machine), bench.identity.clone());
                bench.history.iter().for_each(|event| folded.apply(event));
                prop_assert_eq!(folded.commands(), bench.execution.commands());
                prop_assert_eq!(folded.status(), bench.execution.status());
            }
        }
    }

    #[test]
    fn any_text_is_a_definition_or_a_report(text in r#"[\{\}\[\]":,a-zA-Z0-9 \n\\%$]{0,80}"#) {
        prop_assert!(StateMachine::parse(&text).is_err());
    }

    #[test]
    fn any_expression_is_refused_or_evaluated(source in r"[\$\(\)\[\]\{\}a-c0-9.+*:=<>?~^|&',; -]{0,24}", input in any_json()) {
        let state = json!({ "Type": "Pass", "Output": format!("{{% {source} %}}"), "End": true });
        let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "S", "States": { "S": state } });
        if StateMachine::parse(&definition.to_string()).is_ok() {
            let bench = run(&definition, input);
            prop_assert!(bench.execution.commands().is_empty());
        }
    }
}

/// Keeps the property above meaningful: enough definitions run.
#[test]
fn enough_random_definitions_run() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let mut ran = 0;
    for _ in 0..300 {
        let mut definition = flow(1).new_tree(&mut runner).unwrap().current();
        definition["QueryLanguage"] = json!("JSONata");
        ran += usize::from(StateMachine::parse(&definition.to_string()).is_ok());
    }
    assert!(ran > 5, "{ran} of 300 run");
}

#[test]
fn deep_texts_and_expressions_are_refused_or_run() {
    for depth in [50, 300, 900, 1500, 20_000] {
        for (open, inside, close) in [
            ("(", "1", ")"),
            ("[", "1", "]"),
            ("{'a':", "1", "}"),
            ("-", "1", ""),
            ("$string(", "1", ")"),
            ("function(){", "1", "}"),
            ("true ? ", "1", " : 2"),
            ("1 + ", "1", ""),
            ("$v.", "$v", ""),
        ] {
            let source = format!("{}{inside}{}", open.repeat(depth), close.repeat(depth));
            let state = json!({ "Type": "Pass", "Output": format!("{{% {source} %}}"), "End": true });
            let definition = json!({ "QueryLanguage": "JSONata", "StartAt": "S", "States": { "S": state } });
            if StateMachine::parse(&definition.to_string()).is_ok() {
                assert!(run(&definition, json!({})).execution.commands().is_empty());
            }
        }
        let text = format!("{}{}", "{\"a\":[".repeat(depth), "]}".repeat(depth));
        assert!(StateMachine::parse(&text).is_err());
    }
}
