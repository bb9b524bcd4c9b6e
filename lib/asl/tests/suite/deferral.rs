//! Templates of unbounded cost, evaluated elsewhere: the histories are the same, and nothing else waits for them.

use std::sync::Arc;

use holdfast_asl::{Command, Evaluated, Evaluation, Execution, Status, Stimulus, StimulusRejected};
use serde_json::{Value, json};

use crate::bench::{Bench, Reply, machine};

/// Evaluates as another process does: everything passes through JSON.
fn elsewhere(evaluation: &Evaluation) -> Evaluated {
    let sent = serde_json::to_string(evaluation).unwrap();
    let read: Evaluation = serde_json::from_str(&sent).unwrap();
    serde_json::from_str(&serde_json::to_string(&read.evaluate()).unwrap()).unwrap()
}

fn deferring(states: &Value, input: Value) -> Bench {
    let mut bench = Bench::new(&machine(states.clone()), input);
    bench.execution.defer_evaluations();
    bench.send(Stimulus::Start).unwrap();
    bench
}

/// Answers all evaluations and returns their number.
fn answer_all(bench: &mut Bench) -> usize {
    let mut count = 0;
    loop {
        let open = bench.execution.evaluations().next();
        let Some((key, evaluation)) = open.map(|(key, evaluation)| (key, Arc::clone(evaluation))) else {
            return count;
        };
        count += 1;
        bench.answer(key, elsewhere(&evaluation)).unwrap();
    }
}

fn reply(state: &str, _: &Value) -> Reply {
    match state {
        "Fails" => Reply::Fail("Boom"),
        _ => Reply::Answer(json!({ "n": 3 })),
    }
}

#[test]
fn a_deferred_evaluation_gives_the_same_history() {
    let task = |arguments: Value| json!({ "FunctionName": "f", "Payload": arguments });
    let invoke = "arn:aws:states:::lambda:invoke";
    let table = [
        (
            "an output",
            1,
            json!({ "P": { "Type": "Pass", "Output": "{% [1..3] %}", "End": true } }),
        ),
        (
            "variables and an output",
            2,
            json!({ "P": {
                "Type": "Pass", "Assign": { "all": "{% $map([1..3], function($n){$n * $states.input.n}) %}" },
                "Output": { "n": "{% $count([1..3]) %}", "same": "{% $states.input.n %}" }, "End": true,
            } }),
        ),
        (
            "a choice",
            2,
            json!({
                "C": {
                    "Type": "Choice", "Default": "No",
                    "Choices": [
                        { "Condition": "{% $count([1..3]) = 2 %}", "Next": "No" },
                        { "Condition": "{% $count([1..3]) = 3 %}", "Next": "Yes" },
                    ],
                },
                "Yes": { "Type": "Succeed" },
                "No": { "Type": "Fail" },
            }),
        ),
        (
            "a wait and what follows it",
            2,
            json!({ "W": {
                "Type": "Wait", "Seconds": "{% $count([1..3]) %}", "Output": "{% $sort([3, 1]) %}", "End": true,
            } }),
        ),
        (
            "a task, its time-out and its result",
            3,
            json!({ "T": {
                "Type": "Task", "Resource": invoke, "Arguments": task(json!("{% $join(['a', 'b']) %}")),
                "TimeoutSeconds": "{% $count([1..3]) %}", "Output": "{% $sort([$states.result.Payload.n, 1]) %}",
                "End": true,
            } }),
        ),
        (
            "a caught failure",
            1,
            json!({
                "Fails": {
                    "Type": "Task", "Resource": invoke, "Arguments": task(json!({})), "End": true,
                    "Catch": [{
                        "ErrorEquals": ["Boom"], "Next": "Done",
                        "Output": "{% $join([$states.errorOutput.Error, '!']) %}",
                    }],
                },
                "Done": { "Type": "Succeed" },
            }),
        ),
        (
            "a retried evaluation",
            2,
            json!({
                "T": {
                    "Type": "Task", "Resource": invoke, "Arguments": task(json!("{% $error('no') %}")), "End": true,
                    "Retry": [{ "ErrorEquals": ["States.QueryEvaluationError"], "MaxAttempts": 1 }],
                    "Catch": [{ "ErrorEquals": ["States.ALL"], "Next": "Done" }],
                },
                "Done": { "Type": "Succeed" },
            }),
        ),
        (
            "an inline map",
            4,
            json!({ "M": {
                "Type": "Map", "Items": "{% [1..3] %}", "MaxConcurrency": 1, "End": true,
                "ItemSelector": { "twice": "{% $map([$states.context.Map.Item.Value], function($n){$n * 2}) %}" },
                "ItemProcessor": { "StartAt": "P", "States": { "P": { "Type": "Pass", "End": true } } },
            } }),
        ),
        (
            "a parallel with a branch that fails",
            1,
            json!({
                "Both": {
                    "Type": "Parallel", "Next": "Done",
                    "Branches": [
                        { "StartAt": "A", "States": { "A": { "Type": "Pass", "Output": "{% $states.input.n %}", "End": true } } },
                        { "StartAt": "B", "States": { "B": { "Type": "Fail", "Error": "{% $join(['B', 'oom']) %}" } } },
                    ],
                    "Catch": [{ "ErrorEquals": ["Boom"], "Next": "Done" }],
                },
                "Done": { "Type": "Succeed" },
            }),
        ),
    ];
    for (what, expected, states) in table {
        let input = json!({ "n": 2 });
        let mut plain = Bench::of(states.clone(), input.clone());
        plain.drive(reply);
        let mut deferred = deferring(&states, input);
        let mut count = 0;
        while *deferred.execution.status() == Status::Running {
            count += answer_all(&mut deferred);
            deferred.drive(reply);
            assert!(count < 20, "{what}: no end");
        }
        assert_eq!(count, expected, "{what}");
        assert_eq!(deferred.execution.status(), plain.execution.status(), "{what}");
        assert_eq!(deferred.history, plain.history, "{what}");
    }
}

#[test]
fn light_expressions_are_evaluated_at_once() {
    let output = json!({ "a": "{% $states.input.n + 1 %}", "b": "{% $exists($states.input.x) ? 1 : 2 %}" });
    let bench = deferring(
        &json!({ "P": { "Type": "Pass", "Output": output, "End": true } }),
        json!({ "n": 2 }),
    );
    let output = json!({ "a": 3, "b": 2 });
    assert_eq!(*bench.execution.status(), Status::Succeeded { output });
}

#[test]
fn an_evaluation_outlives_no_execution_and_no_restart() {
    let states = json!({ "W": { "Type": "Wait", "Seconds": 1, "Output": "{% [1..3] %}", "End": true } });
    let mut bench = deferring(&states, json!({}));
    bench.drive(reply);
    assert!(bench.execution.is_evaluating());
    assert_eq!(bench.execution.commands(), Vec::<Command>::new(), "the timer has fired");

    // After a restart, the same evaluation is requested again.
    let mut restarted = Bench::new(&machine(states), json!({}));
    restarted.now = bench.now;
    let mut execution = Execution::new(Arc::clone(&restarted.machine), restarted.identity.clone());
    execution.defer_evaluations();
    for event in &bench.history {
        execution.apply(event);
    }
    restarted.execution = execution;
    restarted.send(Stimulus::Resume).unwrap();
    let asked = |bench: &Bench| -> Vec<Evaluation> {
        bench
            .execution
            .evaluations()
            .map(|(_, asked)| (**asked).clone())
            .collect()
    };
    assert_eq!(asked(&restarted), asked(&bench));
    assert_eq!(answer_all(&mut restarted), 1);
    assert_eq!(
        *restarted.execution.status(),
        Status::Succeeded {
            output: json!([1, 2, 3])
        }
    );

    let (key, evaluation) = bench
        .execution
        .evaluations()
        .next()
        .map(|(key, one)| (key, Arc::clone(one)))
        .unwrap();
    let (error, cause) = (None, None);
    bench.send(Stimulus::Stop { error, cause }).unwrap();
    assert!(matches!(bench.execution.status(), Status::Aborted { .. }));
    assert!(!bench.execution.is_evaluating());
    assert!(matches!(
        bench.answer(key, elsewhere(&evaluation)),
        Err(StimulusRejected::NotOutstanding(_))
    ));
}

#[test]
fn an_evaluation_over_its_limits_is_an_error_of_the_expression() {
    let states = json!({
        "P": { "Type": "Task", "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": { "FunctionName": "f", "Payload": "{% $pad('x', 2000000000) %}" }, "End": true,
            "Catch": [{ "ErrorEquals": ["States.QueryEvaluationError"], "Output": "{% $states.errorOutput %}", "Next": "D" }] },
        "D": { "Type": "Succeed" },
    });
    for (answer, expected) in [
        (
            Evaluation::timed_out as fn(&Evaluation) -> Evaluated,
            "Expression evaluation timeout",
        ),
        (Evaluation::out_of_memory, "Expression evaluation memory limit exceeded"),
    ] {
        let mut bench = deferring(&states, json!({}));
        let (key, evaluation) = bench
            .execution
            .evaluations()
            .next()
            .map(|(key, one)| (key, Arc::clone(one)))
            .unwrap();
        bench.answer(key, answer(&evaluation)).unwrap();
        let Status::Succeeded { output } = bench.execution.status() else {
            panic!("{:?}", bench.execution.status());
        };
        assert_eq!(output["Error"], "States.QueryEvaluationError");
        assert!(output["Cause"].as_str().unwrap().contains(expected), "{output}");
    }
}

#[test]
fn a_cause_is_cut_to_its_maximum_length() {
    let states = json!({ "W": { "Type": "Wait", "Seconds": "{% [1..100000] %}", "End": true } });
    let bench = Bench::of(states, json!({}));
    let Status::Failed { cause, .. } = bench.execution.status() else {
        panic!("{:?}", bench.execution.status());
    };
    let characters = cause.as_deref().unwrap_or_default().chars().count();
    assert!((32_000..=32_768).contains(&characters), "{characters}");
}

#[test]
fn variables_and_branch_inputs_have_a_common_limit() {
    // Fifty variables of 250 KB are more than 10 MiB.
    let mut states = serde_json::Map::new();
    for number in 0..50 {
        let assign = json!({ (format!("v{number}")): "{% $states.input %}" });
        let next = format!("S{}", number + 1);
        states.insert(
            format!("S{number}"),
            json!({ "Type": "Pass", "Assign": assign, "Next": next }),
        );
    }
    states.insert("S50".to_owned(), json!({ "Type": "Succeed" }));
    // Six hundred branches with 250 KB each are more than 64 MiB.
    let branches: Vec<Value> = (0..600)
        .map(|number| {
            let name = format!("B{number}");
            json!({ "StartAt": name, "States": { (name.clone()): { "Type": "Succeed" } } })
        })
        .collect();
    let parallel = json!({ "P": { "Type": "Parallel", "Branches": branches, "End": true } });
    for states in [Value::Object(states), parallel] {
        let small = Bench::of(states.clone(), json!("x"));
        assert!(matches!(small.execution.status(), Status::Succeeded { .. }));
        let large = Bench::of(states, json!("x".repeat(250_000)));
        let Status::Failed { error, .. } = large.execution.status() else {
            panic!("it took all of it");
        };
        assert_eq!(error.as_deref(), Some("States.DataLimitExceeded"));
    }
}

#[test]
fn a_value_with_many_references_to_one_part_is_refused_by_its_full_size() {
    for (source, fields) in [
        ("$reduce([1..60], function($a, $i){{'l': $a, 'r': $a}}, {'v': 1})", 1),
        ("[1..100]", 20_000),
    ] {
        let output: Vec<String> = (0..fields).map(|_| format!("{{% {source} %}}")).collect();
        let bench = Bench::of(
            json!({ "P": { "Type": "Pass", "Output": output, "End": true } }),
            json!({}),
        );
        let Status::Failed { error, cause } = bench.execution.status() else {
            panic!("{:?}", bench.execution.status());
        };
        assert_eq!(error.as_deref(), Some("States.QueryEvaluationError"));
        assert!(
            cause.as_deref().unwrap_or_default().contains("memory limit exceeded"),
            "{cause:?}"
        );
    }
}
