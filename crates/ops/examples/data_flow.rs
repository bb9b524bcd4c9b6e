//! Measures the data flow of a review: artifacts and bytes read and written, time and memory, by the number of units,
//! with a model that answers at once. Prints the table of docs/benchmarks.md.
//!
//! `cargo run --release -p holdfast-ops --example data_flow -- [--rules] [UNITS…]` (default 1 20 100 300 1000 3000)
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints a report")]

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use holdfast_core::model::change::Target;
use holdfast_core::model::model_id::ModelId;
use holdfast_core::model::run::{PAYLOAD_VERSION, RecordedAnswer, Run, Stop};
use holdfast_core::model::settings::Settings;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{AskModel, ModelError, ModelRequest, StoreArtifact, StoreError};
use holdfast_engine::{Engine, EngineOptions, FunctionFailure, Functions, Invocation, Outcome};
use holdfast_ops::executions::EngineExecutions;
use holdfast_ops::functions::StageFunctions;
use holdfast_ops::{machine, workflow};
use holdfast_testkit::Repository;
use serde_json::{Value, json};

const SIZES: [usize; 6] = [1, 20, 100, 300, 1_000, 3_000];
const MODEL: &str = "openai/instant";

/// Counters of reads, bytes read, writes, bytes written.
#[derive(Default)]
struct Counts([AtomicU64; 4]);

impl Counts {
    fn add(&self, at: usize, bytes: usize) {
        self.0[at].fetch_add(1, Ordering::Relaxed);
        self.0[at + 1].fetch_add(bytes as u64, Ordering::Relaxed);
    }
}

struct CountedStore(Arc<dyn StoreArtifact>, Arc<Counts>);

#[async_trait]
impl StoreArtifact for CountedStore {
    async fn put(&self, key: &str, bytes: &[u8]) -> Result<(), StoreError> {
        self.1.add(2, bytes.len());
        self.0.put(key, bytes).await
    }

    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.0.get(key).await?;
        self.1.add(0, found.as_ref().map_or(0, Vec::len));
        Ok(found)
    }
}

/// A model that answers at once and finds nothing.
struct InstantModel;

#[async_trait]
impl AskModel for InstantModel {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        Ok(RecordedAnswer {
            text: r#"{"summary":"Changes a factor.","findings":[]}"#.to_owned(),
            stop: Stop::Complete,
            model: request.model.to_string(),
            input_tokens: 1,
            output_tokens: 1,
            cost_nano_usd: None,
            cached: false,
            fallback: None,
            observed: None,
        })
    }
}

/// Measures the time spent in each function.
struct TimedFunctions(StageFunctions, Mutex<BTreeMap<String, Duration>>);

#[async_trait]
impl Functions for TimedFunctions {
    async fn invoke(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        let begun = Instant::now();
        let done = self.0.invoke(function, payload, invocation).await;
        *self.1.lock().unwrap().entry(function.to_owned()).or_default() += begun.elapsed();
        done
    }
}

#[tokio::main]
async fn main() {
    let mut given: Vec<String> = std::env::args().skip(1).collect();
    let is_rules = given.iter().any(|argument| argument == "--rules");
    given.retain(|argument| argument != "--rules");
    if let [only] = given.as_slice() {
        println!("{}", review(only.parse().unwrap(), is_rules).await);
        return;
    }
    println!(
        "| units | seconds | ms a unit | artifact reads | reads a unit | KB read | KB a unit | writes | KB written | peak MB | gather s | aggregate s |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    let sizes = if given.is_empty() {
        SIZES.map(|size| size.to_string()).to_vec()
    } else {
        given
    };
    for size in sizes {
        // Each size runs in a process of its own, because peak memory is measured per process.
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.arg(&size).args(is_rules.then_some("--rules"));
        let output = command.output().unwrap();
        assert!(
            output.status.success(),
            "{size}: {}",
            String::from_utf8_lossy(&output.stderr)
        );
        println!("{}", String::from_utf8_lossy(&output.stdout).trim());
    }
}

/// Reviews a change of `units` files, each one unit.
async fn review(units: usize, is_rules: bool) -> String {
    let (folder, counts) = (tempfile::tempdir().unwrap(), Arc::new(Counts::default()));
    let change = Repository::many_files(units).unwrap();
    let runs = Arc::new(EngineExecutions::default());
    let settings = Settings::read(&|_| None).unwrap();
    let stages = machine::stage_functions(folder.path(), &settings, Arc::clone(&runs))
        .await
        .unwrap();
    let stages = StageFunctions {
        store: Arc::new(CountedStore(Arc::clone(&stages.store), Arc::clone(&counts))),
        model: Arc::new(InstantModel),
        ..stages
    };
    let functions = Arc::new(TimedFunctions(stages, Mutex::default()));
    let objects = Arc::new(holdfast_ops::artifact_objects::artifact_objects(folder.path()));
    let options = EngineOptions::new(folder.path(), Arc::clone(&functions) as _, objects).unwrap();
    let (engine, _) = Engine::open(options).await.unwrap();
    runs.set(&engine);
    let model: ModelId = if is_rules {
        ModelId::Rules
    } else {
        MODEL.parse().unwrap()
    };
    let run = Run {
        version: PAYLOAD_VERSION,
        run: "data-flow".parse().unwrap(),
        bucket: machine::BUCKET.to_owned(),
        target: Target::WorkTree {
            path: change.repository.path().to_str().unwrap().to_owned(),
            base: CommitSha::parse(&change.base).unwrap(),
            head: CommitSha::parse(&change.head).unwrap(),
            only: Vec::new(),
        },
        publish: false,
        max_concurrency: 10,
        model: model.clone(),
        model_light: model,
        notes: Vec::new(),
        tokens: holdfast_core::model::token_limits::TokenLimits::default(),
        gate: holdfast_core::model::run::GateMode::default(),
        urgent: false,
        evidence: None,
    };
    let begun = Instant::now();
    engine
        .start(run.run.as_str(), workflow::definition(), json!(run))
        .await
        .unwrap();
    let outcome = engine.wait(run.run.as_str()).await.unwrap();
    let seconds = begun.elapsed().as_secs_f64();
    assert!(matches!(outcome, Outcome::Finished { .. }), "{outcome:?}");
    engine.shutdown().await;
    let [reads, read, writes, written] = [0, 1, 2, 3].map(|at: usize| counts.0[at].load(Ordering::Relaxed));
    let each = |all: u64| all as f64 / units as f64;
    let kilobytes = |bytes: u64| bytes / 1_024;
    let timed = functions.1.lock().unwrap();
    let took = |function: &str| timed.get(function).map_or(0.0, Duration::as_secs_f64);
    format!(
        "| {units} | {seconds:.1} | {:.1} | {reads} | {:.1} | {} | {:.1} | {writes} | {} | {} | {:.2} | {:.2} |",
        seconds * 1_000.0 / units as f64,
        each(reads),
        kilobytes(read),
        each(read) / 1_024.0,
        kilobytes(written),
        peak_megabytes(),
        took("gather-context"),
        took("aggregate-findings"),
    )
}

/// Returns this process's peak memory in MB on Linux; 0 elsewhere.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes = peak.and_then(|text| text.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or(0) / 1_024
}
