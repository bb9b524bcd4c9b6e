//! Any prefix of a history, stored and read back, gives the same execution, and that execution can reach its end.

use std::sync::Arc;

use holdfast_asl::{Command, Execution, HistoryEvent, Stimulus, StimulusRejected};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::bench::{Bench, failure, invoke, machine};

/// Returns a machine with every kind of state that waits or branches.
fn everything() -> Value {
    let retry = json!([
        { "ErrorEquals": ["Busy"], "MaxAttempts": 2, "JitterStrategy": "FULL", "IntervalSeconds": 3 },
        { "ErrorEquals": ["States.Timeout"], "MaxAttempts": 1 },
    ]);
    let mut definition = machine(json!({
        "Plan": invoke(json!({ "id": "{% $uuid() %}", "share": "{% $random() %}" }), json!({
            "TimeoutSeconds": 30, "Retry": retry,
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Assign": { "failure": "{% $states.errorOutput %}" }, "Next": "Undo" }],
            "Assign": { "plan": "{% $states.result.Payload %}", "token": "{% $uuid() %}" },
            "Next": "Pause",
        })),
        "Pause": { "Type": "Wait", "Seconds": "{% 1 + $round($random() * 5) %}", "Next": "Both" },
        "Both": {
            "Type": "Parallel",
            "Branches": [
                { "StartAt": "Left", "States": { "Left": invoke(json!(1), json!({ "End": true, "Retry": retry })) } },
                { "StartAt": "Right", "States": { "Right": {
                    "Type": "Map", "Items": [1, 2, 3], "MaxConcurrency": 2, "End": true,
                    "ItemProcessor": { "StartAt": "Unit", "States": {
                        "Unit": invoke(json!("{% $states.input %}"), json!({ "End": true })) } },
                } } },
            ],
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Undo" }],
            "Next": "Each",
        },
        "Each": {
            "Type": "Map", "Items": "{% [1..3] %}",
            "ItemProcessor": {
                "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
                "StartAt": "Child", "States": { "Child": { "Type": "Pass", "End": true } },
            },
            "Retry": [{ "ErrorEquals": ["Busy"], "MaxAttempts": 1 }],
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Undo" }],
            "Next": "Ask",
        },
        "Ask": {
            "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": { "FunctionName": "ask", "Payload": "{% $states.context.Task.Token %}" },
            "HeartbeatSeconds": 20, "TimeoutSeconds": 90, "Retry": retry,
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Undo" }],
            "Next": "Done",
        },
        "Done": { "Type": "Succeed" },
        "Undo": { "Type": "Pass", "Output": "{% $states.input %}", "Next": "Undone" },
        "Undone": { "Type": "Fail", "Error": "Undone" },
    }));
    definition["TimeoutSeconds"] = json!(600);
    definition
}

/// Returns one of the stimuli that fit something outstanding, picked by two numbers.
fn stimulus(bench: &mut Bench, which: u8, how: u8) -> Stimulus {
    let commands = bench.execution.commands();
    if how == 255 {
        return Stimulus::Stop {
            error: None,
            cause: Some("by hand".into()),
        };
    }
    if commands.is_empty() {
        return Stimulus::Resume;
    }
    let errors = ["Busy", "States.Timeout", "Boom", "States.Runtime"];
    match commands[usize::from(which) % commands.len()].clone() {
        Command::FireAt { key, at } => {
            bench.now = bench.now.max(at.0);
            Stimulus::TimerFired { key }
        }
        Command::InvokeFunction {
            key, token, payload, ..
        } => match (how % 8, token) {
            (0, _) => Stimulus::TaskStarted { key },
            (1 | 2, _) => Stimulus::TaskFailed {
                key,
                failure: failure(errors[usize::from(how / 8 % 4)]),
            },
            (3, Some(token)) => Stimulus::TokenHeartbeat { token },
            (4, Some(token)) => Stimulus::TokenSucceeded { token, output: payload },
            (5, Some(token)) => Stimulus::TokenFailed {
                token,
                failure: failure("Busy"),
            },
            _ => Stimulus::TaskSucceeded {
                key,
                output: json!({ "answer": 0.1 + f64::from(how) / 7.0 }),
            },
        },
        Command::StartMapRun {
            key, map_run_arn: None, ..
        } if how.is_multiple_of(2) => Stimulus::MapRunStarted {
            key,
            map_run_arn: "arn:run".into(),
        },
        Command::StartMapRun { key, .. } if how % 8 == 3 => Stimulus::MapRunFinished {
            key,
            result: Err(failure(errors[usize::from(how / 8 % 4)])),
        },
        Command::StartMapRun { key, .. } => Stimulus::MapRunFinished {
            key,
            result: Ok(json!([1, 2, 3])),
        },
    }
}

fn played(steps: &[(u8, u8)]) -> (Bench, Vec<(usize, Vec<Command>)>) {
    let mut bench = Bench::start(&everything(), json!({ "in": 1.5 }));
    let mut marks = vec![(bench.history.len(), bench.execution.commands())];
    for (which, how) in steps {
        let next = stimulus(&mut bench, *which, *how);
        let before = (bench.history.clone(), bench.execution.commands());
        match bench.send(next) {
            Ok(_) => marks.push((bench.history.len(), bench.execution.commands())),
            Err(StimulusRejected::NotStarted | StimulusRejected::AlreadyStarted) => unreachable!(),
            Err(_) => assert_eq!((bench.history.clone(), bench.execution.commands()), before),
        }
    }
    (bench, marks)
}

fn folded(bench: &Bench, events: &[HistoryEvent]) -> Execution {
    let mut execution = Execution::new(Arc::clone(&bench.machine), bench.identity.clone());
    for event in events {
        let stored = serde_json::to_string(event).unwrap();
        let read: HistoryEvent = serde_json::from_str(&stored).unwrap();
        assert_eq!(read, *event);
        execution.apply(&read);
    }
    execution
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    #[test]
    fn a_replayed_prefix_gives_the_same_commands(steps in prop::collection::vec(any::<(u8, u8)>(), 1..40)) {
        let (bench, marks) = played(&steps);
        for (length, commands) in marks {
            let execution = folded(&bench, &bench.history[..length]);
            prop_assert_eq!(execution.commands(), commands);
            prop_assert_eq!(execution.last_event_id(), length as u64);
        }
        let replayed = folded(&bench, &bench.history);
        prop_assert_eq!(replayed.status(), bench.execution.status());
        let ids: Vec<u64> = bench.history.iter().map(|event| event.id).collect();
        prop_assert_eq!(ids, (1..=bench.history.len() as u64).collect::<Vec<_>>());
    }

    #[test]
    fn a_batch_stored_in_part_resumes(steps in prop::collection::vec(any::<(u8, u8)>(), 1..25), cut in any::<prop::sample::Index>()) {
        let (mut bench, _) = played(&steps);
        let length = cut.index(bench.history.len()) + 1;
        bench.history.truncate(length);
        let execution = folded(&bench, &bench.history);
        bench.execution = execution;
        bench.send(Stimulus::Resume).unwrap();
        prop_assert_eq!(bench.send(Stimulus::Resume).unwrap(), 0);
        // Everything outstanding can be answered: the execution reaches an end.
        for _ in 0..200 {
            let next = stimulus(&mut bench, 0, 7);
            if next == Stimulus::Resume {
                break;
            }
            let next = match next {
                Stimulus::TimerFired { key } if key.purpose == holdfast_asl::TimerPurpose::ExecutionTimeout => {
                    let which = u8::try_from(bench.execution.commands().len() - 1).unwrap();
                    stimulus(&mut bench, which, 7)
                }
                next => next,
            };
            bench.send(next).unwrap();
        }
        prop_assert!(bench.execution.commands().is_empty(), "{:?}", bench.execution.commands());
    }
}

/// Returns every place in a definition.
fn places(value: &Value, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Value::Object(fields) => {
            fields
                .iter()
                .for_each(|(name, field)| places(field, &format!("{at}/{name}"), into));
        }
        Value::Array(items) => {
            items
                .iter()
                .enumerate()
                .for_each(|(index, item)| places(item, &format!("{at}/{index}"), into));
        }
        _ => {}
    }
}

#[test]
fn a_damaged_definition_is_refused_or_runs_but_never_panics() {
    let sound = everything();
    let mut all = Vec::new();
    places(&sound, "", &mut all);
    let spoilers = [
        json!(null),
        json!(true),
        json!(-1),
        json!(1e300),
        json!(""),
        json!("{% $states.input %}"),
        json!("{% $nothing %}"),
        json!("Done"),
        json!([]),
        json!([{}]),
        json!({}),
    ];
    let (mut refused, mut ran) = (0, 0);
    for (place, spoiler) in all
        .iter()
        .flat_map(|place| spoilers.iter().map(move |spoiler| (place, spoiler)))
    {
        let mut definition = sound.clone();
        *definition.pointer_mut(place).unwrap() = spoiler.clone();
        match holdfast_asl::StateMachine::parse(&definition.to_string()) {
            Err(errors) => {
                assert!(!errors.problems.is_empty());
                refused += 1;
            }
            Ok(_) => {
                let mut bench = Bench::start(&definition, json!({ "in": 1 }));
                for step in 0..30 {
                    let next = stimulus(&mut bench, step, 7);
                    let _ = bench.send(next);
                }
                ran += 1;
            }
        }
    }
    assert!(refused > 300 && ran > 100, "{refused} refused, {ran} ran");
}
