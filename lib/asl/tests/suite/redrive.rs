//! Redrive: <https://docs.aws.amazon.com/step-functions/latest/dg/redrive-executions.html>

use holdfast_asl::{Execution, NotRedrivable, Status, Stimulus, StimulusRejected};
use serde_json::{Value, json};

use crate::bench::{Bench, Reply, failure, invoke, machine};

fn replayed(bench: &Bench) -> Execution {
    let mut execution = Execution::new(bench.machine.clone(), bench.identity.clone());
    for event in &bench.history {
        execution.apply(event);
    }
    execution
}

/// Redrives an execution, and checks that a replay of its history gives the same execution.
fn redrive(bench: &mut Bench) {
    bench.redrive().unwrap();
    assert_eq!(replayed(bench).commands(), bench.execution.commands());
}

#[test]
fn the_failed_task_is_scheduled_again_with_all_retries_and_a_new_time_limit() {
    let retry = json!([{ "ErrorEquals": ["States.ALL"], "MaxAttempts": 1 }]);
    let mut definition = machine(json!({
        "First": invoke(json!("{% $states.input.n %}"), json!({ "Assign": { "kept": 7 }, "Next": "Second" })),
        "Second": invoke(json!("{% $kept %}"), json!({ "Retry": retry, "Output": "{% $states.context.Execution.RedriveCount %}", "End": true })),
    }));
    definition["TimeoutSeconds"] = json!(100);
    let mut bench = Bench::start(&definition, json!({ "n": 1 }));
    bench.drive(|state, _| {
        if state == "First" {
            Reply::Answer(json!(1))
        } else {
            Reply::Fail("Broken")
        }
    });
    assert_eq!(bench.error().0, "Broken");
    bench.now += 1_000_000;
    redrive(&mut bench);
    let tail = &bench.types()[bench.history.len() - 3..];
    assert_eq!(tail, ["ExecutionFailed", "ExecutionRedriven", "TaskScheduled"]);
    let event = &bench.aws("ExecutionRedriven")[0];
    assert_eq!(event["executionRedrivenEventDetails"], json!({ "redriveCount": 1 }));
    assert_eq!(
        event["previousEventId"].as_u64().unwrap() + 1,
        event["id"].as_u64().unwrap()
    );
    let deadline = bench.timers().into_iter().map(|(_, at)| at.0).min().unwrap();
    assert_eq!(deadline, bench.now + 100_000);
    let mut seen = Vec::new();
    bench.drive(|state, payload| {
        seen.push((state.to_owned(), payload.clone()));
        if seen.len() == 1 {
            Reply::Fail("Broken")
        } else {
            Reply::Answer(json!(2))
        }
    });
    assert_eq!(seen, vec![("Second".to_owned(), json!(7)); 2]);
    assert_eq!(bench.output(), json!(1));
    assert_eq!(bench.redrive(), Err(NotRedrivable::Succeeded));
}

#[test]
fn finished_iterations_and_branches_are_kept() {
    let unit = invoke(
        json!("{% $states.input %}"),
        json!({ "Output": "{% $states.result.Payload %}", "End": true }),
    );
    let map = json!({
        "Type": "Map", "End": true,
        "ItemProcessor": { "StartAt": "Unit", "States": { "Unit": unit } },
    });
    let side = json!({ "Type": "Wait", "Seconds": 3600, "End": true });
    let states = json!({ "Both": { "Type": "Parallel", "End": true, "Branches": [
        { "StartAt": "Each", "States": { "Each": map } },
        { "StartAt": "Side", "States": { "Side": side } },
    ] } });
    let mut bench = Bench::of(states, json!([1, 2, 3]));
    let due = bench.timers();
    bench.drive(|_, payload| {
        if payload == 2 {
            Reply::Fail("Two")
        } else {
            Reply::Answer(payload.clone())
        }
    });
    assert_eq!(bench.error().0, "Two");
    redrive(&mut bench);
    // The Wait keeps its time. Only the iterations that did not finish run again.
    assert_eq!(bench.timers(), due);
    let mut seen = Vec::new();
    bench.drive(|_, payload| {
        seen.push(payload.clone());
        Reply::Answer(json!(payload.as_i64().unwrap() * 10))
    });
    assert_eq!(seen.first(), Some(&json!(2)));
    assert!(!seen.contains(&json!(1)));
    let output = bench.output();
    assert_eq!(output[1], json!([1, 2, 3]));
    assert_eq!((&output[0][0], &output[0][1]), (&json!(1), &json!(20)));
}

#[test]
fn a_stopped_wait_for_a_token_gets_a_new_token() {
    let mut state = invoke(
        json!({ "token": "{% $states.context.Task.Token %}" }),
        json!({ "End": true }),
    );
    state["Resource"] = json!("arn:aws:states:::lambda:invoke.waitForTaskToken");
    let mut bench = Bench::of(json!({ "Ask": state }), json!({}));
    let (key, _, token) = bench.invocation();
    bench
        .send(Stimulus::TaskSucceeded {
            key,
            output: Value::Null,
        })
        .unwrap();
    bench
        .send(Stimulus::Stop {
            error: None,
            cause: None,
        })
        .unwrap();
    assert!(matches!(bench.execution.status(), Status::Aborted { .. }));
    redrive(&mut bench);
    let late = Stimulus::TokenSucceeded {
        token: token.clone().unwrap(),
        output: json!(1),
    };
    assert_eq!(bench.send(late), Err(StimulusRejected::TokenClosed));
    let (_, _, second) = bench.invocation();
    assert_ne!(second, token);
    bench
        .send(Stimulus::TokenSucceeded {
            token: second.unwrap(),
            output: json!("yes"),
        })
        .unwrap();
    assert_eq!(bench.output(), json!("yes"));
}

#[test]
fn a_failed_map_run_resumes_as_the_same_map_run() {
    let map = json!({
        "Type": "Map", "End": true,
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
            "StartAt": "Unit", "States": { "Unit": { "Type": "Pass", "End": true } },
        },
    });
    let mut bench = Bench::of(json!({ "Each": map }), json!([1]));
    let started = Stimulus::MapRunStarted {
        key: 3,
        map_run_arn: "arn:run".to_owned(),
    };
    bench.send(started).unwrap();
    for times in 1..=2 {
        let result = Err(failure("States.ExceedToleratedFailureThreshold"));
        bench.send(Stimulus::MapRunFinished { key: 3, result }).unwrap();
        redrive(&mut bench);
        let event = bench.aws("MapRunRedriven").pop().unwrap();
        assert_eq!(
            event["mapRunRedrivenEventDetails"],
            json!({ "mapRunArn": "arn:run", "redriveCount": times })
        );
    }
    bench
        .send(Stimulus::MapRunFinished {
            key: 3,
            result: Ok(json!([1])),
        })
        .unwrap();
    assert_eq!(bench.output(), json!([1]));
}

#[test]
fn a_running_execution_is_not_redriven_and_a_fail_state_fails_again() {
    let mut bench = Bench::of(
        json!({ "Late": { "Type": "Wait", "Seconds": 1, "Next": "No" }, "No": { "Type": "Fail", "Error": "No" } }),
        json!({}),
    );
    assert_eq!(bench.redrive(), Err(NotRedrivable::Running));
    bench.drive(|_, _| Reply::Never);
    for redrives in 1..=3 {
        assert_eq!(bench.error().0, "No");
        redrive(&mut bench);
        assert_eq!(bench.execution.redrive_count(), redrives);
    }
}
