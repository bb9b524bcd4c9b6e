//! Failures: retriers, back-off in virtual time, catchers, time-outs.

use holdfast_asl::{Stimulus, StimulusRejected};
use serde_json::{Value, json};

use crate::bench::{Bench, Reply, START_MS, failure, invoke};

/// Returns the time of each attempt of the task, in milliseconds after the start.
fn attempts(bench: &Bench) -> Vec<i64> {
    let scheduled = bench
        .history
        .iter()
        .filter(|event| event.kind.aws_type() == "TaskScheduled");
    scheduled.map(|event| event.at.0 - START_MS).collect()
}

fn failing(retry: Value, errors: &[&'static str]) -> Bench {
    let states = json!({ "Call": invoke(json!({ "retry": "{% $states.context.State.RetryCount %}" }), json!({
        "Retry": retry, "End": true,
    })) });
    let mut bench = Bench::of(states, json!({}));
    let mut errors = errors.iter();
    let mut counts = Vec::new();
    bench.drive(|_, payload| {
        counts.push(payload["retry"].as_u64().unwrap());
        errors
            .next()
            .map_or_else(|| Reply::Answer(json!("fine")), |error| Reply::Fail(error))
    });
    assert_eq!(counts, (0..counts.len() as u64).collect::<Vec<_>>());
    bench
}

// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
// IntervalSeconds, MaxAttempts, BackoffRate, MaxDelaySeconds and their defaults.
#[test]
fn retries_back_off_by_their_retriers_fields() {
    let table = [
        (json!({}), vec![0, 1000, 3000, 7000]),
        (
            json!({ "IntervalSeconds": 3, "MaxAttempts": 2, "BackoffRate": 1.5 }),
            vec![0, 3000, 7500],
        ),
        (
            json!({ "IntervalSeconds": 2, "MaxAttempts": 4, "BackoffRate": 2, "MaxDelaySeconds": 5 }),
            vec![0, 2000, 6000, 11_000, 16_000],
        ),
        (json!({ "MaxAttempts": 0 }), vec![0]),
    ];
    for (mut retrier, expected) in table {
        retrier["ErrorEquals"] = json!(["Busy"]);
        let bench = failing(json!([retrier]), &["Busy"; 9]);
        assert_eq!(attempts(&bench), expected, "{retrier}");
        assert_eq!(bench.error().0, "Busy");
    }
}

// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
// JitterStrategy FULL draws from 0 up to the capped delay.
#[test]
fn full_jitter_stays_within_its_bounds_and_is_recorded() {
    let retry = json!([{
        "ErrorEquals": ["Busy"], "IntervalSeconds": 4, "MaxAttempts": 6, "BackoffRate": 2,
        "MaxDelaySeconds": 20, "JitterStrategy": "FULL",
    }]);
    let bench = failing(retry, &["Busy"; 6]);
    let times = attempts(&bench);
    let delays: Vec<i64> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    for (delay, most) in delays.iter().zip([4000, 8000, 16_000, 20_000, 20_000, 20_000]) {
        assert!((0..=most).contains(delay), "{delays:?}");
    }
    assert!(delays.iter().any(|delay| delay % 1000 != 0), "{delays:?}");
    assert_eq!(bench.output()["Payload"], json!("fine"));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
// Each retrier tracks its own attempts.
#[test]
fn each_retrier_counts_its_own_attempts() {
    let retry = json!([
        { "ErrorEquals": ["Busy"], "MaxAttempts": 1, "IntervalSeconds": 1 },
        { "ErrorEquals": ["Lost"], "MaxAttempts": 2, "IntervalSeconds": 10, "BackoffRate": 1 },
    ]);
    let bench = failing(retry.clone(), &["Lost", "Busy", "Lost"]);
    assert_eq!(attempts(&bench), [0, 10_000, 11_000, 21_000]);
    assert_eq!(bench.output()["Payload"], json!("fine"));
    let bench = failing(retry.clone(), &["Busy", "Lost", "Busy"]);
    assert_eq!(bench.error().0, "Busy");
    assert_eq!(failing(retry, &["Other"]).error().0, "Other");
}

// https://docs.aws.amazon.com/step-functions/latest/dg/workflow-variables.html
// Assign and Output in a Catch.
#[test]
fn a_catch_assigns_and_enters_its_next_state() {
    let states = json!({
        "Call": invoke(json!({}), json!({
            "Catch": [
                { "ErrorEquals": ["Lost"], "Next": "Show" },
                {
                    "ErrorEquals": ["States.ALL"], "Next": "Show",
                    "Assign": { "failure": "{% $states.errorOutput %}" },
                    "Output": { "kept": "{% $states.input %}" },
                },
            ],
            "End": true,
        })),
        "Show": {
            "Type": "Pass",
            "Output": { "input": "{% $states.input %}", "failure": "{% $exists($failure) ? $failure : 'none' %}" },
            "End": true,
        },
    });
    let run = |error| {
        let mut bench = Bench::of(states.clone(), json!("in"));
        bench.drive(|_, _| Reply::Fail(error));
        bench
    };
    let bench = run("Boom");
    let failure = json!({ "Error": "Boom", "Cause": "Boom happened" });
    assert_eq!(bench.output(), json!({ "input": { "kept": "in" }, "failure": failure }));
    assert_eq!(
        bench.types()[4..7],
        ["TaskFailed", "TaskStateExited", "PassStateEntered"]
    );
    let failure = json!({ "Error": "Lost", "Cause": "Lost happened" });
    assert_eq!(run("Lost").output(), json!({ "input": failure, "failure": "none" }));
}

// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
// States.ALL matches neither States.DataLimitExceeded nor States.Runtime.
#[test]
fn states_all_does_not_match_two_errors() {
    for (pattern, error, caught) in [
        ("States.ALL", "States.Runtime", false),
        ("States.ALL", "States.DataLimitExceeded", false),
        ("States.Runtime", "States.Runtime", true),
        ("States.TaskFailed", "Boom", true),
    ] {
        let states = json!({
            "Call": invoke(json!({}), json!({
                "Catch": [{ "ErrorEquals": [pattern], "Next": "Done" }], "End": true,
            })),
            "Done": { "Type": "Succeed" },
        });
        let mut bench = Bench::of(states, json!({}));
        bench.drive(|_, _| Reply::Fail(error));
        let succeeded = bench.types().last().unwrap() == "ExecutionSucceeded";
        assert_eq!(succeeded, caught, "{pattern} {error}");
    }
}

// https://docs.aws.amazon.com/step-functions/latest/dg/state-task.html
// TimeoutSeconds ends an attempt with States.Timeout.
#[test]
fn a_task_times_out_and_its_late_result_is_rejected() {
    let states = json!({ "Call": invoke(json!({}), json!({
        "TimeoutSeconds": 30,
        "Retry": [{ "ErrorEquals": ["States.Timeout"], "MaxAttempts": 1, "IntervalSeconds": 5 }],
        "End": true,
    })) });
    let mut bench = Bench::of(states, json!({}));
    let (first, _, _) = bench.invocation();
    bench.now += 30_000;
    let (key, _) = bench.timers()[0];
    bench.send(Stimulus::TimerFired { key }).unwrap();
    let late = Stimulus::TaskSucceeded {
        key: first,
        output: json!("late"),
    };
    assert_eq!(bench.send(late), Err(StimulusRejected::NotOutstanding(first)));
    let late = Stimulus::TaskFailed {
        key: first,
        failure: failure("Late"),
    };
    assert_eq!(bench.send(late), Err(StimulusRejected::NotOutstanding(first)));
    let mut called = 0;
    bench.drive(|_, _| {
        called += 1;
        Reply::Never
    });
    assert_eq!((called, attempts(&bench)), (1, vec![0, 35_000]));
    assert_eq!(bench.error().0, "States.Timeout");
    let timed_out = &bench.aws("TaskTimedOut")[0]["taskTimedOutEventDetails"];
    assert_eq!(
        *timed_out,
        json!({ "resourceType": "lambda", "resource": "invoke", "error": "States.Timeout" })
    );
}

// https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
// States.QueryEvaluationError.
#[test]
fn evaluation_errors_can_be_retried_and_caught() {
    let states = json!({
        "Call": invoke(json!("{% $states.input.missing %}"), json!({
            "Retry": [{ "ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1 }],
            "Catch": [{ "ErrorEquals": ["States.QueryEvaluationError"], "Next": "Done",
                        "Output": "{% $states.errorOutput.Error %}" }],
            "End": true,
        })),
        "Done": { "Type": "Succeed" },
    });
    let bench = Bench::finish(states, json!({}));
    assert_eq!(bench.output(), json!("States.QueryEvaluationError"));
    assert_eq!(
        bench.types()[1..5],
        [
            "TaskStateEntered",
            "EvaluationFailed",
            "EvaluationFailed",
            "TaskStateExited"
        ]
    );
    assert_eq!(bench.now, START_MS + 1000);
}

// https://docs.aws.amazon.com/step-functions/latest/dg/transforming-data.html
// Errors of evaluating a Catch.
#[test]
fn a_failure_inside_a_catch_is_not_caught() {
    let states = json!({
        "Call": invoke(json!({}), json!({
            "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Done", "Output": "{% $nothing %}" }],
            "End": true,
        })),
        "Done": { "Type": "Succeed" },
    });
    let mut bench = Bench::of(states, json!({}));
    bench.drive(|_, _| Reply::Fail("Boom"));
    let (error, cause) = bench.error();
    assert_eq!(error, "States.QueryEvaluationError");
    assert!(cause.contains("'Catch[0]/Output'"), "{cause}");
}

// https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
// 256 KiB for input and result of a state.
#[test]
fn a_result_that_is_too_large_fails_the_task() {
    let states = json!({
        "Call": invoke(json!({}), json!({
            "Catch": [{ "ErrorEquals": ["States.DataLimitExceeded"], "Next": "Done" }], "End": true,
        })),
        "Done": { "Type": "Succeed", "Output": "{% $states.input.Error %}" },
    });
    let mut bench = Bench::of(states, json!({}));
    bench.drive(|_, _| Reply::Answer(json!("x".repeat(262_144))));
    assert_eq!(bench.output(), json!("States.DataLimitExceeded"));
}

// https://docs.aws.amazon.com/step-functions/latest/apireference/API_TaskFailedEventDetails.html
// Error up to 256 characters, cause up to 32768.
#[test]
fn long_errors_and_causes_are_cut() {
    let states = json!({ "Call": invoke(json!({}), json!({ "End": true })) });
    let mut bench = Bench::of(states, json!({}));
    let (key, _, _) = bench.invocation();
    let failure = holdfast_asl::TaskFailure {
        error: "é".repeat(300),
        cause: Some("x".repeat(40_000)),
    };
    bench.send(Stimulus::TaskFailed { key, failure }).unwrap();
    let (error, cause) = bench.error();
    assert_eq!((error.chars().count(), cause.len()), (256, 32_768));
}
