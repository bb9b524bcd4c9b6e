//! Measures how close a review comes to the ideal time: the units that run at once, times the model's answer time. Prints
//! the tables of docs/benchmarks.md. The model answers after a fixed time; everything else is what a deployment runs.
//!
//! `cargo run --release -p holdfast-ops --example makespan -- [UNITSxAT_ONCE…]` (default: the table's rows)
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints a report")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use holdfast_asl::{EventKind, HistoryEvent};
use holdfast_core::model::change::Target;
use holdfast_core::model::run::{PAYLOAD_VERSION, RecordedAnswer, Run, Stop};
use holdfast_core::model::settings::Settings;
use holdfast_core::model::sha::CommitSha;
use holdfast_core::port::{AskModel, ModelError, ModelRequest};
use holdfast_core::provider::{PacedModel, Terms};
use holdfast_engine::{Archive, Engine, EngineOptions, Outcome};
use holdfast_ops::executions::EngineExecutions;
use holdfast_ops::pace::LocalPace;
use holdfast_ops::{machine, workflow};
use holdfast_stores::sqlite::SqliteKeepRows;
use holdfast_testkit::Repository;
use serde_json::json;

/// Units, and units at once.
const ROWS: [(usize, u32); 11] = [
    (1, 10),
    (20, 1),
    (20, 10),
    (100, 1),
    (100, 10),
    (100, 40),
    (300, 10),
    (300, 40),
    (300, 200),
    (3_000, 40),
    (3_000, 200),
];
/// The time of each answer.
const ANSWER: Duration = Duration::from_secs(1);
const MODEL: &str = "openai/slow";

/// A model that answers after a second and finds nothing.
struct SlowModel;

#[async_trait]
impl AskModel for SlowModel {
    async fn ask(&self, request: &ModelRequest) -> Result<RecordedAnswer, ModelError> {
        tokio::time::sleep(ANSWER).await;
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

/// The times of a review, in milliseconds.
struct Times {
    /// From the first unit's start to the last unit's end.
    units: i64,
    /// The whole review.
    review: i64,
    /// In each state of the review.
    states: BTreeMap<String, i64>,
}

#[tokio::main]
async fn main() {
    let given: Vec<(usize, u32)> = std::env::args().skip(1).map(|text| parse(&text)).collect();
    let rows = if given.is_empty() { ROWS.to_vec() } else { given };
    let mut all = Vec::new();
    println!(
        "| units | at once | ideal, s | first unit's start to last unit's end, s | over the ideal | whole review, s |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: |");
    for (units, at_once) in rows {
        let times = review(units, at_once).await;
        let ideal = ANSWER * u32::try_from(units).unwrap().div_ceil(at_once);
        println!(
            "| {units} | {at_once} | {} | {:.1} | {:.2} | {:.1} |",
            ideal.as_secs(),
            seconds(times.units),
            seconds(times.units) / ideal.as_secs_f64(),
            seconds(times.review)
        );
        all.push((units, at_once, times));
    }
    let states: Vec<&String> = all
        .last()
        .map(|(_, _, times)| times.states.keys().collect())
        .unwrap_or_default();
    let names: Vec<String> = states.iter().map(|name| format!("{name}, s")).collect();
    println!("\n| units | at once | {} |", names.join(" | "));
    println!("| ---: | ---: |{}", " ---: |".repeat(states.len()));
    for (units, at_once, times) in &all {
        let shares = states.iter().map(|name| times.states.get(*name).copied().unwrap_or(0));
        let shares: Vec<String> = shares.map(|ms| format!("{:.2}", seconds(ms))).collect();
        println!("| {units} | {at_once} | {} |", shares.join(" | "));
    }
}

/// Parses an argument such as `300x10`.
fn parse(text: &str) -> (usize, u32) {
    let (units, at_once) = text.split_once('x').unwrap();
    (units.parse().unwrap(), at_once.parse().unwrap())
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1_000.0
}

async fn review(units: usize, at_once: u32) -> Times {
    let folder = tempfile::tempdir().unwrap();
    let change = Repository::many_files(units).unwrap();
    let settings = Settings::read(&|name| (name == "HOLDFAST_MAX_CONCURRENCY").then(|| at_once.to_string())).unwrap();
    let runs = Arc::new(EngineExecutions::default());
    let stages = machine::stage_functions(folder.path(), &settings, Arc::clone(&runs))
        .await
        .unwrap();
    let logs = Arc::new(SqliteKeepRows::open(folder.path()).await.unwrap());
    let model = PacedModel::new(
        Arc::new(SlowModel),
        logs,
        Arc::new(LocalPace::default()),
        Terms::of(&settings),
    );
    let stages = Arc::new(stages.with_model(Arc::new(model)));
    let objects = Arc::new(holdfast_ops::artifact_objects::artifact_objects(folder.path()));
    let mut options = EngineOptions::new(folder.path(), stages, objects).unwrap();
    options.evaluator = holdfast_ops::evaluator::find();
    let (engine, _) = Engine::open(options).await.unwrap();
    runs.set(&engine);
    let run = Run {
        version: PAYLOAD_VERSION,
        run: "makespan".parse().unwrap(),
        bucket: machine::BUCKET.to_owned(),
        target: Target::WorkTree {
            path: change.repository.path().to_str().unwrap().to_owned(),
            base: CommitSha::parse(&change.base).unwrap(),
            head: CommitSha::parse(&change.head).unwrap(),
            only: Vec::new(),
        },
        publish: false,
        max_concurrency: at_once,
        model: MODEL.parse().unwrap(),
        model_light: MODEL.parse().unwrap(),
        notes: Vec::new(),
        tokens: holdfast_core::model::token_limits::TokenLimits::default(),
        gate: holdfast_core::model::run::GateMode::default(),
        urgent: false,
        evidence: None,
    };
    engine
        .start(run.run.as_str(), workflow::definition(), json!(run))
        .await
        .unwrap();
    let outcome = engine.wait(run.run.as_str()).await.unwrap();
    assert!(matches!(outcome, Outcome::Finished { .. }), "{outcome:?}");
    engine.shutdown().await;
    let archive = Archive::open(folder.path()).unwrap();
    let record = archive.executions(1).unwrap().remove(0);
    let map_run = archive.map_runs(record.id).unwrap().remove(0);
    let children = archive.children(map_run.id).unwrap();
    let first = children.iter().map(|unit| unit.started.0).min().unwrap();
    let last = children
        .iter()
        .filter_map(|unit| unit.stopped)
        .map(|at| at.0)
        .max()
        .unwrap();
    Times {
        units: last - first,
        review: record.stopped.unwrap().0 - record.started.0,
        states: states(&archive.history(record.id).unwrap()),
    }
}

/// Returns the time in each state.
fn states(history: &[HistoryEvent]) -> BTreeMap<String, i64> {
    let (mut entered, mut times) = (BTreeMap::new(), BTreeMap::new());
    for event in history {
        match &event.kind {
            EventKind::StateEntered { name, .. } => {
                entered.insert(name.clone(), event.at.0);
            }
            EventKind::StateExited { name, .. } => {
                if let Some(from) = entered.remove(name) {
                    *times.entry(name.clone()).or_insert(0) += event.at.0 - from;
                }
            }
            _ => {}
        }
    }
    times
}
