//! Durable transitions: chains of Task states, each of which is on the disk before its function runs.

use std::path::Path;
use std::time::Instant;

use holdfast_engine::Outcome;
use serde_json::{Map, Value, json};

use crate::disk::syncs_per_second;
use crate::world::open;

/// Number of Task states in a chain.
const CHAIN: usize = 100;
const ROUNDS_ALONE: usize = 9;
const ROUNDS_AT_ONCE: usize = 5;
/// Numbers of chains at once.
const AT_ONCE: usize = 100;

fn chain() -> String {
    let mut states = Map::new();
    for position in 0..CHAIN {
        let mut state = json!({
            "Type": "Task",
            "Resource": "arn:aws:states:::lambda:invoke",
            "Arguments": { "FunctionName": "echo", "Payload": "{% $states.input %}" },
            "Output": "{% $states.result.Payload %}",
        });
        let next = if position + 1 < CHAIN {
            ("Next", json!(format!("S{}", position + 1)))
        } else {
            ("End", json!(true))
        };
        state[next.0] = next.1;
        states.insert(format!("S{position}"), state);
    }
    json!({ "QueryLanguage": "JSONata", "StartAt": "S0", "States": Value::Object(states) }).to_string()
}

/// One measurement of the engine between two of the disk.
struct Round {
    per_second: f64,
    disk_per_second: f64,
}

/// Measures and prints. The disk's rate varies: it is measured before and after each round.
pub async fn run(directory: &Path) {
    let (text, input) = (chain(), json!({ "repository": "owner/name", "pull_request": 7 }));
    let (engine, _, world) = open(&directory.join("transitions")).await;
    let mut latencies = Vec::new();
    for (label, at_once, rounds, goal) in [
        ("alone", 1, ROUNDS_ALONE, 0.5),
        ("at once", AT_ONCE, ROUNDS_AT_ONCE, 5.0),
    ] {
        let mut measured = Vec::new();
        let mut disk = syncs_per_second(directory);
        for round in 0..rounds {
            let names: Vec<String> = (0..at_once)
                .map(|number| format!("{}-{round}-{number}", label.replace(' ', "-")))
                .collect();
            let began = Instant::now();
            for name in &names {
                engine.start(name, &text, input.clone()).await.unwrap();
            }
            for name in &names {
                assert!(matches!(engine.wait(name).await.unwrap(), Outcome::Finished { .. }));
            }
            let per_second = (at_once * CHAIN) as f64 / began.elapsed().as_secs_f64();
            let after = syncs_per_second(directory);
            measured.push(Round {
                per_second,
                disk_per_second: (disk + after) / 2.0,
            });
            disk = after;
        }
        print(&format!("{at_once} execution(s) {label}"), &measured, goal);
        latencies.push((label, world.percentiles_ms()));
    }
    engine.shutdown().await;
    for (label, (p50, p99)) in latencies {
        println!("answer to next invocation, {label}: p50 {p50:.2} ms, p99 {p99:.2} ms");
    }
}

fn print(label: &str, rounds: &[Round], goal: f64) {
    let median = |of: &dyn Fn(&Round) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        (values[values.len() / 2], values[0], values[values.len() - 1])
    };
    let (rate, ..) = median(&|round| round.per_second);
    let (disk, ..) = median(&|round| round.disk_per_second);
    let (ratio, least, most) = median(&|round| round.per_second / round.disk_per_second);
    println!(
        "{label}: {rate:.0} transitions/s, {disk:.0} fdatasync/s of the disk; ratio {ratio:.2} ({least:.2} to {most:.2} in {} rounds; goal {goal})",
        rounds.len()
    );
}
