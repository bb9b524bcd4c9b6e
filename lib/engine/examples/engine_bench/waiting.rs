//! Very many open executions: their cost on the disk and in memory, and the time to open the engine with them.

use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use holdfast_engine::Archive;
use serde_json::{Value, json};

use crate::world::open;

/// Number of starts in flight.
const AT_ONCE: u64 = 2_000;
/// Time for which an idle engine is measured.
const IDLE: Duration = Duration::from_secs(60);

fn machine(state: Value) -> String {
    json!({ "QueryLanguage": "JSONata", "StartAt": "Wait", "States": { "Wait": state } }).to_string()
}

/// Prints a table with a row for each number of executions.
pub async fn run(directory: &Path, counts: &[u64]) {
    println!(
        "\n| waiting executions | started a second | bytes on disk, each | until open again | memory more | CPU time a minute, idle | one answered and ended |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for count in counts {
        leave_open(&directory.join(format!("waiting-{count}")), *count).await;
    }
}

/// Leaves executions open, half of them waiting for a token and half for a timer, and measures a new process with them.
async fn leave_open(data: &Path, count: u64) {
    let token = machine(json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": { "FunctionName": "ask", "Payload": { "token": "{% $states.context.Task.Token %}" } },
        "TimeoutSeconds": 2_592_000,
        "End": true,
    }));
    let timer = machine(json!({ "Type": "Wait", "Seconds": 2_592_000, "End": true }));
    let (engine, _, _) = open(data).await;
    let began = Instant::now();
    for first in (0..count).step_by(AT_ONCE as usize) {
        let starts = (first..count.min(first + AT_ONCE)).map(|number| {
            let text = if number % 2 == 0 { &token } else { &timer };
            let (engine, name) = (engine.clone(), format!("run-{number:08}"));
            async move { engine.start(&name, text, json!({ "number": number })).await.unwrap() }
        });
        futures::future::join_all(starts).await;
    }
    let started = count as f64 / began.elapsed().as_secs_f64();
    // The last functions may still run.
    tokio::time::sleep(Duration::from_secs(1)).await;
    engine.shutdown().await;
    let bytes = std::fs::metadata(data.join("engine.sqlite")).unwrap().len();
    print!("| {count} | {started:.0} | {} |", bytes / count.max(1));
    std::io::stdout().flush().unwrap();
    let status = Command::new(std::env::current_exe().unwrap())
        .arg("--measure-open")
        .arg(data)
        .status()
        .unwrap();
    assert!(status.success());
}

/// Opens a directory with all executions, and measures the idle engine. Runs in its own process.
pub async fn measure_open(directory: &Path) {
    let before = resident_bytes();
    let began = Instant::now();
    let (engine, recovered, _) = open(directory).await;
    let opened_ms = began.elapsed().as_secs_f64() * 1_000.0;
    let bytes = resident_bytes().saturating_sub(before);
    assert_eq!(recovered.executions, recovered.waiting, "all of them only wait");
    let cpu = cpu_ticks();
    tokio::time::sleep(IDLE).await;
    // A tick is a hundredth of a second on Linux.
    let idle_s = (cpu_ticks() - cpu) as f64 / 100.0;
    let archive = Archive::open(directory).unwrap();
    let asks = archive.execution("run-00000000").unwrap();
    let pending = archive.pending_tokens(asks.id).unwrap();
    let began = Instant::now();
    engine.send_task_success(&pending[0].token, json!("yes")).await.unwrap();
    engine.wait("run-00000000").await.unwrap();
    let answered_ms = began.elapsed().as_secs_f64() * 1_000.0;
    println!(
        " {opened_ms:.0} ms | {} MB | {idle_s:.2} s | {answered_ms:.1} ms |",
        bytes >> 20
    );
    engine.shutdown().await;
}

fn stat(file: &str) -> String {
    std::fs::read_to_string(format!("/proc/self/{file}")).unwrap_or_default()
}

/// Returns the resident memory; 0 without /proc.
fn resident_bytes() -> u64 {
    let pages = stat("statm")
        .split(' ')
        .nth(1)
        .and_then(|text| text.parse::<u64>().ok());
    pages.unwrap_or(0) * 4_096
}

/// Returns the CPU time in hundredths of a second; 0 without /proc.
fn cpu_ticks() -> u64 {
    let stat = stat("stat");
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let number = |at: usize| fields.get(at).and_then(|text| text.parse::<u64>().ok()).unwrap_or(0);
    number(11) + number(12)
}
