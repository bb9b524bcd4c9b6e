//! Hostile expressions in definitions: the process survives them, other executions continue, memory stays bounded, and
//! a restart serves.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use holdfast_asl::Status;
use holdfast_engine::{Engine, EngineError, EngineOptions, Evaluator, Recovered};
use serde_json::{Value, json};

use crate::support::{World, distributed, finished, items, machine, options, output, still_open, task};

/// The growth of this process must stay below this.
const GROWTH_KIB: u64 = 400 * 1024;

/// Expressions that exhaust memory, time or the stack.
const HOSTILE: [&str; 9] = [
    "$reduce([1..60], function($a, $i){{'l': $a, 'r': $a}}, {'v': 1})",
    "$pad('x', 2000000000)",
    "($f := function($n){$f($n) + 1}; $f(1))",
    "($s := function($x, $n){$n = 0 ? $x : $s($x & $x, $n - 1)}; $s('x', 40))",
    "$replace($pad('', 100000, 'a'), 'a', $pad('', 100000, 'b'))",
    "$map([1..3000], function($a){$map([1..3000], function($b){$a & '/' & $b})})",
    "$count($distinct([1..200000].{'a': $}))",
    "($f := function(){$f()}; $f())",
    "$formatNumber(1, $pad('', 500000000, '0'))",
];

fn of_programs(directory: &Path, world: &Arc<World>) -> EngineOptions {
    let mut options = options(directory, world);
    options.evaluator = Evaluator::in_processes(env!("CARGO_BIN_EXE_evaluate-expressions"), &[]);
    options
}

async fn open(directory: &Path, world: &Arc<World>) -> (Engine, Recovered) {
    Engine::open(of_programs(directory, world)).await.unwrap()
}

fn pass(expression: &str) -> String {
    machine(
        "P",
        json!({ "P": { "Type": "Pass", "Output": format!("{{% {expression} %}}"), "End": true } }),
    )
}

/// Returns the resident memory of this process.
fn resident_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn hostile_expressions_fail_and_nothing_else_does() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let before = resident_kib();
    for (number, expression) in HOSTILE.iter().enumerate() {
        engine
            .start(&format!("hostile-{number}"), &pass(expression), json!({}))
            .await
            .unwrap();
    }
    // Other executions don't wait for them.
    let chain = machine(
        "One",
        json!({ "One": task("echo", json!({ "Next": "Two" })), "Two": task("echo", json!({ "End": true })) }),
    );
    for number in 0..20 {
        let name = format!("other-{number}");
        engine.start(&name, &chain, json!({ "n": number })).await.unwrap();
        assert_eq!(output(&engine, &name).await, json!({ "n": number }));
    }
    let endless = format!("hostile-{}", HOSTILE.len() - 2);
    assert!(
        still_open(&engine, &endless).await,
        "the others waited until {endless} had ended"
    );
    for (number, expression) in HOSTILE.iter().enumerate() {
        let Status::Failed { error, cause } = finished(&engine, &format!("hostile-{number}")).await else {
            panic!("{expression}: it did not fail");
        };
        let error = error.unwrap_or_default();
        assert!(
            error == "States.QueryEvaluationError" || error == "States.DataLimitExceeded",
            "{expression}: {error} {cause:?}"
        );
        assert!(cause.unwrap().len() < 10_000, "{expression}");
    }
    let grown = resident_kib().saturating_sub(before);
    assert!(grown < GROWTH_KIB, "the process has grown by {grown} KiB");
    // A killed process is replaced.
    engine.start("after", &pass("$sum([1..10])"), json!({})).await.unwrap();
    assert_eq!(output(&engine, "after").await, json!(55));
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_serves_before_anything_is_evaluated() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let endless = "($f := function(){$f()}; $f())";
    let waits = machine(
        "W",
        json!({ "W": { "Type": "Wait", "Seconds": 1, "Output": format!("{{% {endless} %}}"), "End": true } }),
    );
    let (engine, _) = open(directory.path(), &world).await;
    engine.start("poison", &waits, json!({})).await.unwrap();
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    engine.shutdown().await;
    for round in 0..2 {
        let (engine, recovered) = open(directory.path(), &world).await;
        assert_eq!(recovered.unreadable, []);
        let name = format!("other-{round}");
        let other = machine("One", json!({ "One": task("echo", json!({ "End": true })) }));
        engine.start(&name, &other, json!({})).await.unwrap();
        output(&engine, &name).await;
        assert!(
            still_open(&engine, "poison").await,
            "the start waited for the evaluation"
        );
        engine.shutdown().await;
    }
    // An execution that is stopped meanwhile ends at once.
    let (engine, _) = open(directory.path(), &world).await;
    engine.start("stopped", &pass(endless), json!({})).await.unwrap();
    engine.stop("stopped", Some("Enough".to_owned()), None).await.unwrap();
    let stopped = finished(&engine, "stopped").await;
    assert!(matches!(stopped, Status::Aborted { error: Some(error), .. } if error == "Enough"));
    let Status::Failed { error, cause } = finished(&engine, "poison").await else {
        panic!("it did not fail");
    };
    assert_eq!(error.as_deref(), Some("States.QueryEvaluationError"));
    assert!(cause.unwrap().contains("timeout"), "the cause names the time-out");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn expressions_are_the_same_in_processes_and_on_threads() {
    let world = World::taking_ms(0);
    let map = distributed(
        "echo",
        json!({
            "ItemSelector": {
                "n": "{% $states.context.Map.Item.Value.n %}",
                "of": "{% $join($map([1..2], function($x){$string($x * $states.context.Map.Item.Value.n)}), '-') %}",
                "id": "{% $uuid() ~> $length() %}",
            },
            "Next": "Then",
        }),
    );
    let definition = machine(
        "Each",
        json!({
            "Each": map,
            "Then": { "Type": "Choice", "Default": "No", "Choices": [
                { "Condition": "{% $count($filter($states.input, function($i){$i.n > 0})) = 2 %}", "Next": "Yes" },
            ] },
            "Yes": { "Type": "Pass", "Output": "{% $sort($states.input.of) %}", "End": true },
            "No": { "Type": "Fail" },
        }),
    );
    for evaluator in [
        Evaluator::in_threads(),
        Evaluator::in_processes(env!("CARGO_BIN_EXE_evaluate-expressions"), &[]),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let mut options = options(directory.path(), &world);
        options.evaluator = evaluator;
        let (engine, _) = Engine::open(options).await.unwrap();
        engine.start("each", &definition, items(3)).await.unwrap();
        assert_eq!(output(&engine, "each").await, json!(["0-0", "1-2", "2-4"]));
        engine.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_input_that_no_state_can_take_is_refused_before_it_is_stored() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let (engine, _) = open(directory.path(), &world).await;
    let nested = |levels: usize| -> Value {
        let mut value = json!(1);
        for _ in 0..levels {
            value = json!([value]);
        }
        value
    };
    let refused = engine.start("deep", &pass("1"), nested(101)).await;
    assert!(matches!(refused, Err(EngineError::InputTooDeep { .. })), "{refused:?}");
    let unknown = engine.stop("deep", None, None).await;
    assert!(
        matches!(unknown, Err(EngineError::ExecutionUnknown { .. })),
        "{unknown:?}"
    );
    engine.start("deep", &pass("1"), nested(100)).await.unwrap();
    assert_eq!(output(&engine, "deep").await, json!(1));
    engine.shutdown().await;
}

/// Changes the database while no engine is open.
fn tamper(directory: &Path, sql: &str) {
    let database = rusqlite::Connection::open(directory.join("engine.sqlite")).unwrap();
    database.pragma_update(None, "foreign_keys", false).unwrap();
    assert!(database.execute(sql, []).unwrap() >= 1, "{sql}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unreadable_execution_affects_no_other_and_can_be_stopped() {
    let wait = machine("W", json!({ "W": { "Type": "Wait", "Seconds": 3, "End": true } }));
    let deep = "[".repeat(101) + &"]".repeat(101);
    let deep = format!("UPDATE executions SET input = '{deep}' WHERE name = 'bad'");
    for sql in [
        "UPDATE executions SET input = '{' WHERE name = 'bad'",
        "UPDATE executions SET definition = 'none' WHERE name = 'bad'",
        "UPDATE definitions SET text = '{' WHERE sha256 = (SELECT definition FROM executions WHERE name = 'bad')",
        "DELETE FROM definitions WHERE sha256 = (SELECT definition FROM executions WHERE name = 'bad')",
        &deep,
    ] {
        let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
        let (engine, _) = open(directory.path(), &world).await;
        engine.start("good", &wait, json!({})).await.unwrap();
        let own = wait.replace("\"W\"", "\"V\"");
        engine.start("bad", &own, json!({ "n": 1 })).await.unwrap();
        engine.shutdown().await;
        tamper(directory.path(), sql);
        let (engine, _) = open(directory.path(), &world).await;
        assert_eq!(output(&engine, "good").await, json!({}), "{sql}");
        // It has ended by itself, or it can be stopped.
        match engine.stop("bad", Some("Gone".to_owned()), None).await {
            Ok(()) | Err(EngineError::ExecutionEnded { .. }) => {}
            Err(error) => panic!("{sql}: {error}"),
        }
        engine.shutdown().await;
        let database = rusqlite::Connection::open(directory.path().join("engine.sqlite")).unwrap();
        let status: String = database
            .query_row("SELECT status FROM executions WHERE name = 'bad'", [], |row| row.get(0))
            .unwrap();
        assert_ne!(status, "RUNNING", "{sql}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_execution_without_a_history_fails() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(0));
    let wait = machine("W", json!({ "W": { "Type": "Wait", "Seconds": 2, "End": true } }));
    let (engine, _) = open(directory.path(), &world).await;
    engine.start("bad", &wait, json!({})).await.unwrap();
    engine.shutdown().await;
    tamper(directory.path(), "DELETE FROM journal");
    let (engine, _) = open(directory.path(), &world).await;
    let Status::Failed { error, cause } = finished(&engine, "bad").await else {
        panic!("it did not fail");
    };
    assert_eq!(error.as_deref(), Some("States.Runtime"));
    assert!(cause.unwrap().contains("no history"), "the cause names what is missing");
    engine.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_unreadable_child_of_a_map_fails() {
    let (directory, world) = (tempfile::tempdir().unwrap(), World::taking_ms(100));
    let each = distributed(
        "echo",
        json!({ "End": true, "MaxConcurrency": 1, "ToleratedFailureCount": 1 }),
    );
    let (engine, _) = open(directory.path(), &world).await;
    engine
        .start("each", &machine("Each", json!({ "Each": each })), items(5))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(150)).await;
    engine.shutdown().await;
    tamper(
        directory.path(),
        "UPDATE executions SET input = '{' WHERE map_index = 4 AND status = 'PENDING'",
    );
    let (engine, _) = open(directory.path(), &world).await;
    let Status::Succeeded { output } = finished(&engine, "each").await else {
        panic!("the map failed");
    };
    assert_eq!(output.as_array().unwrap().len(), 4, "{output}");
    engine.shutdown().await;
}
