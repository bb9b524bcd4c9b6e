//! States that succeed: order and fields of events, variables, choices, waits, limits.

use holdfast_asl::{Command, HISTORY_LIMIT_EVENTS, Status, Stimulus, StimulusRejected, TimerPurpose, Timestamp};
use serde_json::{Value, json};

use crate::bench::{Bench, Reply, START_MS, invoke, machine};

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_GetExecutionHistory.html
// Types, order and details of events.
#[test]
fn a_task_writes_the_events_that_aws_writes() {
    let states = json!({
        "Call": invoke(json!({ "n": "{% $states.input.n + 1 %}" }), json!({
            "Assign": { "seen": "{% $states.result.Payload.doubled %}" },
            "Output": { "out": "{% $states.result.Payload.doubled %}", "code": "{% $states.result.StatusCode %}" },
            "TimeoutSeconds": "{% $states.input.n * 30 %}",
            "Next": "Done",
        })),
        "Done": { "Type": "Succeed", "Output": "{% $states.input.out + $seen %}" },
    });
    let mut bench = Bench::of(states, json!({ "n": 2 }));
    let (key, payload, token) = bench.invocation();
    assert_eq!((key, payload, token), (3, json!({ "n": 3 }), None));
    assert_eq!(bench.timers()[0].1, Timestamp(START_MS + 60_000));
    bench.drive(|_, payload| Reply::Answer(json!({ "doubled": payload["n"].as_i64().unwrap() * 2 })));

    assert_eq!(bench.output(), json!(12));
    let expected = [
        ("ExecutionStarted", 0),
        ("TaskStateEntered", 0),
        ("TaskScheduled", 2),
        ("TaskStarted", 3),
        ("TaskSucceeded", 4),
        ("TaskStateExited", 5),
        ("SucceedStateEntered", 6),
        ("SucceedStateExited", 7),
        ("ExecutionSucceeded", 8),
    ];
    let found: Vec<(String, u64)> = bench
        .history
        .iter()
        .map(|event| (event.kind.aws_type(), event.previous))
        .collect();
    let expected: Vec<(String, u64)> = expected.map(|(kind, previous)| (kind.to_owned(), previous)).to_vec();
    assert_eq!(found, expected);
    assert_eq!(
        bench.aws("TaskScheduled")[0],
        json!({
            "timestamp": START_MS as f64 / 1000.0,
            "type": "TaskScheduled",
            "id": 3,
            "previousEventId": 2,
            "taskScheduledEventDetails": {
                "resourceType": "lambda",
                "resource": "invoke",
                "region": "eu-west-1",
                "parameters": "{\"FunctionName\":\"worker\",\"Payload\":{\"n\":3}}",
                "timeoutInSeconds": 60,
            },
        })
    );
    let exited = &bench.aws("TaskStateExited")[0]["stateExitedEventDetails"];
    assert_eq!(exited["output"], "{\"out\":6,\"code\":200}");
    assert_eq!(exited["assignedVariables"], json!({ "seen": "6" }));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/connect-lambda.html
// A function's own ARN returns only its output.
#[test]
fn a_functions_own_arn_gives_the_plain_answer() {
    let arn = "arn:aws:lambda:eu-west-1:123456789012:function:worker";
    let states = json!({
        "Call": { "Type": "Task", "Resource": arn, "Arguments": { "a": "{% $states.input %}" }, "End": true }
    });
    let mut bench = Bench::of(states, json!(1));
    assert!(matches!(&bench.execution.commands()[0],
        Command::InvokeFunction { function, payload, .. } if function == arn && *payload == json!({ "a": 1 })));
    bench.drive(|_, _| Reply::Answer(json!({ "plain": true })));
    assert_eq!(bench.output(), json!({ "plain": true }));
    assert_eq!(
        bench.types()[2..5],
        [
            "LambdaFunctionScheduled",
            "LambdaFunctionStarted",
            "LambdaFunctionSucceeded"
        ]
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
// Rules in order, Default, Assign and Output of a rule.
#[test]
fn choices_take_the_first_rule_that_holds() {
    let states = |input: i64| {
        let states = json!({
            "Route": {
                "Type": "Choice",
                "Choices": [
                    { "Condition": "{% $states.input > 10 %}", "Next": "Big", "Output": { "was": "{% $states.input %}" } },
                    { "Condition": "{% $states.input > 5 %}", "Next": "Show", "Assign": { "size": "middle" } },
                    { "Condition": false, "Next": "Big" },
                ],
                "Assign": { "size": "small" },
                "Default": "Show",
            },
            "Big": { "Type": "Pass", "End": true },
            "Show": { "Type": "Pass", "Output": "{% $size & ' ' & $string($states.input) %}", "End": true },
        });
        Bench::finish(states, json!(input)).output()
    };
    assert_eq!(states(11), json!({ "was": 11 }));
    assert_eq!(states(6), json!("middle 6"));
    assert_eq!(states(1), json!("small 1"));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-choice.html
// A Condition must give a boolean.
#[test]
fn a_choice_without_a_match_or_with_a_wrong_type_fails() {
    let state = |condition: &str| {
        let states = json!({
            "Route": { "Type": "Choice", "Choices": [{ "Condition": condition, "Next": "End" }] },
            "End": { "Type": "Succeed" },
        });
        Bench::finish(states, json!({})).error()
    };
    let (error, cause) = state("{% 1 = 2 %}");
    assert_eq!(error, "States.Runtime");
    assert!(cause.ends_with("The state does not point to a next state."), "{cause}");
    let (error, cause) = state("{% 'yes' %}");
    assert_eq!(error, "States.QueryEvaluationError");
    assert!(
        cause.ends_with("Expected 'boolean', but was 'string' for value: \"yes\""),
        "{cause}"
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
// Seconds and Timestamp.
#[test]
fn waits_end_when_their_time_has_come() {
    let table = [
        (json!({ "Seconds": 90 }), START_MS + 90_000),
        (json!({ "Seconds": "{% $states.input.s %}" }), START_MS + 7_000),
        (json!({ "Timestamp": "2027-01-15T08:00:30Z" }), START_MS + 30_000),
        (json!({ "Timestamp": "{% $states.input.t %}" }), START_MS + 3_600_000),
    ];
    for (how, due) in table {
        let mut wait = json!({ "Type": "Wait", "Output": "{% $states.context.State.EnteredTime %}", "End": true });
        wait.as_object_mut().unwrap().extend(how.as_object().unwrap().clone());
        let mut bench = Bench::of(
            json!({ "Sleep": wait }),
            json!({ "s": 7, "t": "2027-01-15T10:00:00+01:00" }),
        );
        let (key, at) = bench.timers()[0];
        assert_eq!((key.event, key.purpose, at.0), (2, TimerPurpose::Wait, due), "{how}");
        bench.now = due - 1;
        assert_eq!(
            bench.send(Stimulus::TimerFired { key }),
            Err(StimulusRejected::NotDue { key, at })
        );
        bench.now = due;
        bench.send(Stimulus::TimerFired { key }).unwrap();
        assert_eq!(bench.output(), json!("2027-01-15T08:00:00.000Z"));
        assert_eq!(
            bench.types(),
            [
                "ExecutionStarted",
                "WaitStateEntered",
                "WaitStateExited",
                "ExecutionSucceeded"
            ]
        );
    }
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-wait.html
// Seconds and Timestamp as expressions.
#[test]
fn a_wait_with_an_invalid_time_fails() {
    let states = json!({ "Sleep": { "Type": "Wait", "Seconds": "{% 'soon' %}", "End": true } });
    let bench = Bench::finish(states, json!({}));
    assert_eq!(
        bench.types()[1..],
        ["WaitStateEntered", "EvaluationFailed", "ExecutionFailed"]
    );
    assert_eq!(
        bench.aws("EvaluationFailed")[0]["evaluationFailedEventDetails"]["location"],
        "Seconds"
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
// Assignments use the values from before the state.
#[test]
fn assign_sees_the_values_from_before() {
    let states = json!({
        "First": { "Type": "Pass", "Assign": { "a": 1, "b": 2 }, "Next": "Swap" },
        "Swap": { "Type": "Pass", "Assign": { "a": "{% $b %}", "b": "{% $a %}" }, "Output": "{% $a %}", "Next": "Show" },
        "Show": { "Type": "Pass", "Output": ["{% $a %}", "{% $b %}", "{% $states.input %}"], "End": true },
    });
    assert_eq!(Bench::finish(states, json!({})).output(), json!([2, 1, 1]));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/input-output-contextobject.html
// Execution, StateMachine, State, Task.
#[test]
fn the_context_object_shows_the_execution_and_the_state() {
    let states = json!({ "Show": { "Type": "Pass", "Output": "{% $states.context %}", "End": true } });
    assert_eq!(
        Bench::finish(states, json!({ "in": 1 })).output(),
        json!({
            "Execution": {
                "Id": "arn:aws:states:eu-west-1:123456789012:execution:Review:run-1",
                "Input": { "in": 1 },
                "Name": "run-1",
                "RoleArn": "arn:aws:iam::123456789012:role/review",
                "StartTime": "2027-01-15T08:00:00.000Z",
                "RedriveCount": 0,
            },
            "StateMachine": {
                "Id": "arn:aws:states:eu-west-1:123456789012:stateMachine:Review",
                "Name": "Review",
            },
            "State": { "EnteredTime": "2027-01-15T08:00:00.000Z", "Name": "Show", "RetryCount": 0 },
        })
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
// An undefined result is an error.
#[test]
fn undefined_fails_with_the_state_the_event_and_the_field() {
    let states = json!({
        "One": { "Type": "Pass", "Next": "Two" },
        "Two": { "Type": "Pass", "Output": { "result": "{% $doesNotExist %}" }, "End": true },
    });
    let bench = Bench::finish(states, json!({}));
    let cause = "An error occurred while executing the state 'Two' (entered at the event id #4). The JSONata \
                 expression '$doesNotExist' specified for the field 'Output/result' returned nothing (undefined).";
    assert_eq!(bench.error(), ("States.QueryEvaluationError".into(), cause.into()));
    let failed = &bench.aws("EvaluationFailed")[0];
    assert_eq!((&failed["id"], &failed["previousEventId"]), (&json!(5), &json!(3)));
    assert_eq!(
        failed["evaluationFailedEventDetails"],
        json!({ "error": "States.QueryEvaluationError", "cause": cause, "location": "Output/result", "state": "Two" })
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-fail.html
// Error and Cause.
#[test]
fn fail_states_name_error_and_cause() {
    let table = [
        (
            json!({ "Error": "Boom", "Cause": "{% 'because of ' & $states.input %}" }),
            ("Boom", "because of x"),
        ),
        (json!({ "Error": "{% $states.input %}" }), ("x", "")),
        (json!({}), ("", "")),
    ];
    for (fields, (error, cause)) in table {
        let mut state = json!({ "Type": "Fail" });
        state
            .as_object_mut()
            .unwrap()
            .extend(fields.as_object().unwrap().clone());
        let bench = Bench::finish(json!({ "Stop": state }), json!("x"));
        assert_eq!(bench.error(), (error.to_owned(), cause.to_owned()));
        assert_eq!(
            bench.types(),
            ["ExecutionStarted", "FailStateEntered", "ExecutionFailed"]
        );
    }
}

// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
// 256 KiB for input and result of a state.
#[test]
fn payloads_above_the_limit_fail() {
    let states = json!({ "Grow": { "Type": "Pass", "Output": "{% $pad('', $states.input, 'x') %}", "End": true } });
    // Two quotes belong to the JSON.
    assert!(Bench::finish(states.clone(), json!(262_142)).output().is_string());
    let bench = Bench::finish(states, json!(262_143));
    assert_eq!(bench.error().0, "States.DataLimitExceeded");
    assert_eq!(
        bench.types(),
        ["ExecutionStarted", "PassStateEntered", "ExecutionFailed"]
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
// A limit of this engine; that of AWS is unknown.
#[test]
fn values_too_deep_to_be_stored_are_refused() {
    let deep = (0..101).fold(json!(1), |inner, _| json!([inner]));
    let states = json!({ "Call": invoke(json!({}), json!({ "End": true })) });
    let mut bench = Bench::of(states, json!({}));
    bench.drive(|_, _| Reply::Answer(deep.clone()));
    assert_eq!(bench.error().0, "States.DataLimitExceeded");
}

// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
// 25,000 events in a history.
#[test]
fn an_endless_loop_ends_at_the_history_limit() {
    let states = json!({
        "Ping": { "Type": "Pass", "Next": "Pong" },
        "Pong": { "Type": "Choice", "Choices": [{ "Condition": false, "Next": "Done" }], "Default": "Ping" },
        "Done": { "Type": "Succeed" },
    });
    let bench = Bench::finish(states, json!({}));
    assert_eq!(bench.history.len() as u64, HISTORY_LIMIT_EVENTS);
    let (error, cause) = bench.error();
    assert_eq!(error, "States.Runtime");
    assert!(cause.contains("25000"), "{cause}");
}

// https://docs.aws.amazon.com/step-functions/latest/dg/statemachine-structure.html
// TimeoutSeconds of the machine.
#[test]
fn the_whole_execution_times_out() {
    let mut definition = machine(json!({ "Call": invoke(json!({}), json!({ "End": true })) }));
    definition["TimeoutSeconds"] = json!(60);
    let mut bench = Bench::start(&definition, json!({}));
    let (key, _, _) = bench.invocation();
    bench.drive(|_, _| Reply::Never);
    assert_eq!(bench.now, START_MS + 60_000);
    assert_eq!(
        *bench.execution.status(),
        Status::TimedOut {
            error: Some("States.Timeout".into()),
            cause: None
        }
    );
    let late = Stimulus::TaskSucceeded {
        key,
        output: Value::Null,
    };
    assert_eq!(bench.send(late), Err(StimulusRejected::Ended));
}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
// Error and cause of a stop.
#[test]
fn a_stopped_execution_rejects_results() {
    let mut bench = Bench::of(json!({ "Call": invoke(json!({}), json!({ "End": true })) }), json!({}));
    let (key, _, _) = bench.invocation();
    bench
        .send(Stimulus::Stop {
            error: Some("Stopped".into()),
            cause: Some("by hand".into()),
        })
        .unwrap();
    assert_eq!(
        *bench.execution.status(),
        Status::Aborted {
            error: Some("Stopped".into()),
            cause: Some("by hand".into())
        }
    );
    assert!(bench.execution.commands().is_empty());
    let before = bench.history.len();
    for late in [
        Stimulus::TaskSucceeded {
            key,
            output: Value::Null,
        },
        Stimulus::Stop {
            error: None,
            cause: None,
        },
    ] {
        assert_eq!(bench.send(late), Err(StimulusRejected::Ended));
    }
    assert_eq!(bench.history.len(), before);
}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
// TaskDoesNotExist, TaskTimedOut, InvalidToken.
#[test]
fn rejected_stimuli_change_nothing() {
    let states = json!({ "Call": invoke(json!({}), json!({ "End": true })) });
    let mut bench = Bench::new(&machine(states), json!({}));
    assert_eq!(
        bench.send(Stimulus::TaskStarted { key: 3 }),
        Err(StimulusRejected::NotStarted)
    );
    bench.send(Stimulus::Start).unwrap();
    assert_eq!(bench.send(Stimulus::Start), Err(StimulusRejected::AlreadyStarted));
    assert_eq!(
        bench.send(Stimulus::TaskSucceeded {
            key: 2,
            output: Value::Null
        }),
        Err(StimulusRejected::NotOutstanding(2))
    );
    assert_eq!(bench.send(Stimulus::Resume), Ok(0));
    assert_eq!(bench.send(Stimulus::TaskStarted { key: 3 }), Ok(1));
    assert_eq!(bench.send(Stimulus::TaskStarted { key: 3 }), Ok(0));
}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_StartExecution.html
// An input of at most 262144 bytes.
#[test]
fn an_input_over_the_payload_limit_is_rejected() {
    let states = json!({ "Done": { "Type": "Succeed" } });
    let deep = (0..101).fold(json!(1), |inner, _| json!([inner]));
    for input in [json!("x".repeat(262_144)), deep] {
        let mut bench = Bench::new(&machine(states.clone()), input);
        assert_eq!(bench.send(Stimulus::Start), Err(StimulusRejected::InputTooLarge));
        assert_eq!(bench.execution.last_event_id(), 0);
    }
}
