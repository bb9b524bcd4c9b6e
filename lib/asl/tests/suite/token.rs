//! The life of a task token: issued, submitted, answered, kept alive, timed out, closed, unknown.

use holdfast_asl::{Command, HistoryEvent, Status, Stimulus, StimulusRejected, TaskFailure, TimerPurpose};
use serde_json::{Value, json};

use crate::bench::{Bench, Reply, START_MS, failure};

fn waiting(extra: Value) -> Bench {
    let mut ask = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": { "FunctionName": "ask", "Payload": { "token": "{% $states.context.Task.Token %}" } },
        "Output": "{% $states.result %}",
        "End": true,
    });
    ask.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
    Bench::of(json!({ "Ask": ask }), json!({}))
}

fn token(bench: &Bench) -> (u64, String) {
    let (key, payload, token) = bench.invocation();
    assert_eq!(payload["token"].as_str(), token.as_deref());
    (key, token.unwrap())
}

// https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
// Wait for a callback with a task token.
#[test]
fn a_token_is_submitted_then_answered() {
    let mut bench = waiting(json!({}));
    let (key, token) = token(&bench);
    bench.send(Stimulus::TaskStarted { key }).unwrap();
    bench
        .send(Stimulus::TaskSucceeded {
            key,
            output: json!("sent"),
        })
        .unwrap();
    assert_eq!(bench.execution.commands(), []);
    assert_eq!(
        bench.send(Stimulus::TaskSucceeded {
            key,
            output: json!("again")
        }),
        Err(StimulusRejected::NotOutstanding(key))
    );
    bench
        .send(Stimulus::TokenSucceeded {
            token: token.clone(),
            output: json!({ "approved": true }),
        })
        .unwrap();
    assert_eq!(bench.output(), json!({ "approved": true }));
    assert_eq!(
        bench.types()[1..6],
        [
            "TaskStateEntered",
            "TaskScheduled",
            "TaskStarted",
            "TaskSubmitted",
            "TaskSucceeded"
        ]
    );
    let submitted = &bench.aws("TaskSubmitted")[0]["taskSubmittedEventDetails"];
    assert_eq!(submitted["resource"], "invoke.waitForTaskToken");
    assert_eq!(
        bench.send(Stimulus::TokenSucceeded {
            token,
            output: json!(1)
        }),
        Err(StimulusRejected::Ended)
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
// The token is valid from the moment of its issue.
#[test]
fn an_answer_may_overtake_the_submission() {
    let mut bench = waiting(json!({}));
    let (key, token) = token(&bench);
    bench
        .send(Stimulus::TokenSucceeded {
            token,
            output: json!("quick"),
        })
        .unwrap();
    assert_eq!(bench.output(), json!("quick"));
    assert_eq!(
        bench.send(Stimulus::TaskSucceeded {
            key,
            output: json!("sent")
        }),
        Err(StimulusRejected::Ended)
    );
}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskSuccess.html
// A token is invalid once its task timed out.
#[test]
fn each_attempt_has_a_new_token_and_closes_the_old_one() {
    let mut bench = waiting(json!({ "Retry": [{ "ErrorEquals": ["Again"] }] }));
    let (_, first) = token(&bench);
    bench
        .send(Stimulus::TokenFailed {
            token: first.clone(),
            failure: failure("Again"),
        })
        .unwrap();
    let closed = Stimulus::TokenSucceeded {
        token: first.clone(),
        output: json!(1),
    };
    assert_eq!(bench.send(closed), Err(StimulusRejected::TokenClosed));
    bench.now += 1000;
    let (key, _) = bench.timers()[0];
    bench.send(Stimulus::TimerFired { key }).unwrap();
    let (_, second) = token(&bench);
    assert_ne!(first, second);
    assert_eq!(
        bench.send(Stimulus::TokenHeartbeat {
            token: "stranger".into()
        }),
        Err(StimulusRejected::TokenUnknown)
    );
    bench
        .send(Stimulus::TokenFailed {
            token: second,
            failure: failure("Rejected"),
        })
        .unwrap();
    assert_eq!(bench.error().0, "Rejected");
}

// https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
// A call that fails gives the error to the state.
#[test]
fn a_function_that_fails_before_submission_fails_the_task() {
    let mut bench = waiting(json!({}));
    bench.drive(|_, _| Reply::Fail("Boom"));
    assert_eq!(bench.error().0, "Boom");
}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskHeartbeat.html
// A heartbeat resets the clock and makes no event.
#[test]
fn heartbeats_move_their_deadline_and_are_not_in_awss_history() {
    let mut bench = waiting(json!({ "HeartbeatSeconds": 10, "TimeoutSeconds": "{% 60 %}" }));
    let (key, token) = token(&bench);
    bench
        .send(Stimulus::TaskSucceeded {
            key,
            output: json!("sent"),
        })
        .unwrap();
    let heartbeat = |bench: &Bench| {
        bench
            .timers()
            .into_iter()
            .find(|(key, _)| key.purpose == TimerPurpose::Heartbeat)
            .unwrap()
    };
    let (timer, at) = heartbeat(&bench);
    assert_eq!(at.0, START_MS + 10_000);
    bench.now += 8_000;
    bench.send(Stimulus::TokenHeartbeat { token: token.clone() }).unwrap();
    bench.now += 2_000;
    let (_, at) = heartbeat(&bench);
    assert_eq!(at.0, START_MS + 18_000);
    let stale = Stimulus::TimerFired { key: timer };
    assert_eq!(
        bench.send(stale.clone()),
        Err(StimulusRejected::NotDue { key: timer, at })
    );
    bench.now = at.0;
    bench.send(stale).unwrap();
    assert_eq!(bench.error().0, "States.Timeout");
    let shown: Vec<Value> = bench
        .history
        .iter()
        .filter_map(holdfast_asl::HistoryEvent::to_aws)
        .collect();
    assert_eq!(shown.len(), bench.history.len() - 1);
    let ids: Vec<u64> = shown.iter().map(|event| event["id"].as_u64().unwrap()).collect();
    assert_eq!(ids, (1..=shown.len() as u64).collect::<Vec<_>>());
    let timed_out = shown.iter().find(|event| event["type"] == "TaskTimedOut").unwrap();
    assert_eq!(
        (&timed_out["id"], &timed_out["previousEventId"]),
        (&json!(5), &json!(4))
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/connect-to-resource.html
// A heartbeat time-out for a waiting task.
#[test]
fn a_token_wait_times_out() {
    let states = json!({
        "Ask": {
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
            "Arguments": { "FunctionName": "ask", "Payload": { "token": "{% $states.context.Task.Token %}" } },
            "TimeoutSeconds": 3600,
            "Catch": [{ "ErrorEquals": ["States.Timeout"], "Next": "Escalated" }],
            "End": true,
        },
        "Escalated": { "Type": "Succeed" },
    });
    let mut bench = Bench::of(states, json!({}));
    let (_, token) = token(&bench);
    bench.drive(|_, _| Reply::Answer(json!("sent")));
    assert_eq!(bench.now, START_MS + 3_600_000);
    assert_eq!(bench.output(), json!({ "Error": "States.Timeout", "Cause": "" }));
    assert!(
        bench
            .send(Stimulus::TokenSucceeded {
                token,
                output: json!(1)
            })
            .is_err()
    );
    assert!(
        !bench
            .execution
            .commands()
            .iter()
            .any(|command| matches!(command, Command::InvokeFunction { .. }))
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
// A missed heartbeat is States.Timeout; Retry and Catch may name States.HeartbeatTimeout as well.
#[test]
fn a_missed_heartbeat_is_caught_by_either_name() {
    for (pattern, caught) in [
        ("States.Timeout", true),
        ("States.HeartbeatTimeout", true),
        ("States.ALL", true),
        ("States.TaskFailed", false),
    ] {
        let states = json!({
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Arguments": { "FunctionName": "ask", "Payload": { "token": "{% $states.context.Task.Token %}" } },
                "HeartbeatSeconds": 60,
                "Retry": [{ "ErrorEquals": [pattern], "MaxAttempts": 1 }],
                "Catch": [{ "ErrorEquals": [pattern], "Next": "Escalated" }],
                "End": true,
            },
            "Escalated": { "Type": "Succeed" },
        });
        let mut bench = Bench::of(states, json!({}));
        bench.drive(|_, _| Reply::Answer(json!("sent")));
        let timed_out = bench.types().iter().filter(|kind| *kind == "TaskTimedOut").count();
        if caught {
            assert_eq!(timed_out, 2, "{pattern}");
            assert_eq!(
                bench.output(),
                json!({ "Error": "States.Timeout", "Cause": "" }),
                "{pattern}"
            );
        } else {
            assert_eq!(bench.error().0, "States.Timeout", "{pattern}");
        }
    }
}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_SendTaskFailure.html
// The error is optional.
#[test]
fn a_failure_without_an_error_name_has_none_anywhere() {
    for (catch, output) in [
        (json!([]), None),
        (
            json!([{ "ErrorEquals": ["States.ALL"], "Next": "Caught" }]),
            Some(json!({ "Error": null, "Cause": "why" })),
        ),
    ] {
        let states = json!({
            "Ask": {
                "Type": "Task",
                "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
                "Arguments": { "FunctionName": "ask", "Payload": { "token": "{% $states.context.Task.Token %}" } },
                "Catch": catch,
                "Next": "Caught",
            },
            "Caught": { "Type": "Succeed" },
        });
        let mut bench = Bench::of(states, json!({}));
        let (_, token) = token(&bench);
        let failure = TaskFailure {
            error: String::new(),
            cause: Some("why".to_owned()),
        };
        bench.send(Stimulus::TokenFailed { token, failure }).unwrap();
        let shown: Vec<Value> = bench.history.iter().filter_map(HistoryEvent::to_aws).collect();
        let failed = shown.iter().find(|event| event["type"] == "TaskFailed").unwrap();
        assert_eq!(failed["taskFailedEventDetails"].get("error"), None);
        match output {
            Some(output) => assert_eq!(bench.output(), output),
            None => assert_eq!(
                *bench.execution.status(),
                Status::Failed {
                    error: None,
                    cause: Some("why".to_owned())
                }
            ),
        }
    }
}
