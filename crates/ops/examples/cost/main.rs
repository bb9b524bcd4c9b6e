//! Computes the cost of a review on AWS from runs on this machine: state transitions, invocations, GB-seconds, requests
//! and storage; and the part of AWS's quotas that it uses. Prints the tables of docs/cost.md, and fails if a review
//! exceeds a quota.
//!
//! `cargo run --release -p holdfast-ops --example cost -- [FILES…]` (default 1 20 300 3000)
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints a report")]

mod counting;
mod quotas;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use holdfast_asl::EventKind;
use holdfast_core::model::change::Target;
use holdfast_core::model::repository_name::RepositoryName;
use holdfast_core::model::run::{PAYLOAD_VERSION, Run};
use holdfast_core::model::settings::Settings;
use holdfast_core::model::sha::CommitSha;
use holdfast_engine::{Archive, Engine, EngineOptions, Outcome};
use holdfast_ops::executions::EngineExecutions;
use holdfast_ops::functions::StageFunctions;
use holdfast_ops::pace::LocalPace;
use holdfast_ops::{machine, models, workflow};
use holdfast_stores::sqlite::SqliteKeepRows;
use holdfast_testkit::{FakeGithub, Finding, ModelServer, PullRequest, Repository, Script};
use serde_json::json;

use counting::{CountedFunctions, CountedLogs, CountedRows, CountedStore, Counts, REQUEST_S};
use quotas::Used;

const TEMPLATE: &str = include_str!("../../../../infra/template.yaml");
/// Duration of a call of GitHub's API, in seconds: an assumption.
const GITHUB_S: f64 = 0.3;
/// Duration of a model call, in seconds: an assumption.
const MODEL_S: f64 = 15.0;
/// US dollars, us-east-1, without free tiers: a state transition, an invocation, a GB-second (arm64), an S3 PUT, an S3
/// GET, a GB stored for a month, a DynamoDB write and read on demand.
const PRICES: [f64; 8] = [0.025e-3, 0.2e-6, 13.3334e-6, 5e-6, 0.4e-6, 0.023, 0.625e-6, 0.125e-6];
/// Place of the price of storage.
const STORED: usize = 5;
/// Months that artifacts are stored, by the template's default.
const MONTHS: f64 = 3.0;

/// One row of the tables.
struct Taken {
    files: usize,
    transitions: u64,
    executions: usize,
    invocations: u64,
    gb_seconds: f64,
    puts: u64,
    gets: u64,
    megabytes: f64,
    writes: u64,
    write_units: u64,
    reads: u64,
    model_calls: usize,
    github_calls: usize,
    used: Used,
}

impl Taken {
    /// Returns what a month of storage costs: a review that waits costs nothing else.
    fn stored_a_month(&self) -> f64 {
        self.megabytes / 1024.0 * PRICES[STORED]
    }

    fn cost(&self) -> [f64; 4] {
        let [transition, invocation, gb_second, put, get, _, write, read] = PRICES;
        [
            self.transitions as f64 * transition,
            self.invocations as f64 * invocation + self.gb_seconds * gb_second,
            self.puts as f64 * put + self.gets as f64 * get + self.stored_a_month() * MONTHS,
            self.write_units as f64 * write + self.reads as f64 * read,
        ]
    }
}

#[tokio::main]
async fn main() {
    let given: Vec<usize> = std::env::args().skip(1).map(|text| text.parse().unwrap()).collect();
    let sizes = if given.is_empty() {
        vec![1, 20, 300, 3_000]
    } else {
        given
    };
    let memory = memory();
    let mut rows = Vec::new();
    for files in sizes {
        rows.push(review(files, &memory).await);
    }
    println!(
        "| files | executions | state transitions | invocations | GB-seconds | S3 PUT | S3 GET | MB kept | DynamoDB writes | write units | reads | model calls | calls of GitHub |"
    );
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for row in &rows {
        println!(
            "| {} | {} | {} | {} | {:.1} | {} | {} | {:.2} | {} | {} | {} | {} | {} |",
            row.files,
            row.executions,
            row.transitions,
            row.invocations,
            row.gb_seconds,
            row.puts,
            row.gets,
            row.megabytes,
            row.writes,
            row.write_units,
            row.reads,
            row.model_calls,
            row.github_calls
        );
    }
    println!("\n| files | Step Functions | Lambda | S3 | DynamoDB | total | for each file |");
    println!("| ---: | ---: | ---: | ---: | ---: | ---: | ---: |");
    for row in &rows {
        let parts = row.cost();
        let sum: f64 = parts.iter().sum();
        let [workflow, functions, objects, table] = parts;
        println!(
            "| {} | ${workflow:.4} | ${functions:.4} | ${objects:.4} | ${table:.5} | ${sum:.4} | ${:.5} |",
            row.files,
            sum / row.files as f64
        );
    }
    println!("\n| files | a review that waits | 10,000 | 100,000 |");
    println!("| ---: | ---: | ---: | ---: |");
    for row in &rows {
        let one = row.stored_a_month();
        println!(
            "| {} | ${one:.7} | ${:.3} | ${:.2} |",
            row.files,
            one * 10_000.0,
            one * 100_000.0
        );
    }
    quotas::print(rows.iter().map(|row| (row.files, &row.used)));
}

/// Publishes a review of `files` files, each with a minor finding, and counts its cost.
async fn review(files: usize, memory: &BTreeMap<String, f64>) -> Taken {
    let (folder, counts) = (tempfile::tempdir().unwrap(), Arc::new(Counts::default()));
    let change = Repository::many_files(files).unwrap();
    let github = FakeGithub::start().unwrap();
    github.add(PullRequest::from_git(change.repository.path(), &change.base, &change.head, "octo/demo", 12).unwrap());
    let finding = Finding::first_added_line().severity("low");
    let model = ModelServer::start(Script::findings(vec![finding])).unwrap();
    let (github_url, model_url) = (github.url(), model.url());
    let settings = Settings::read(&|name| {
        let value = match name {
            "HOLDFAST_MODEL" => "openai/test-model",
            "HOLDFAST_MODEL_URL" => &model_url,
            "HOLDFAST_GITHUB_URL" => &github_url,
            "GITHUB_TOKEN" => FakeGithub::INSTALLATION_TOKEN,
            _ => return None,
        };
        Some(value.to_owned())
    })
    .unwrap();
    let runs = Arc::new(EngineExecutions::default());
    let stages = machine::stage_functions(folder.path(), &settings, Arc::clone(&runs))
        .await
        .unwrap();
    let stages = StageFunctions {
        store: Arc::new(CountedStore {
            inner: Arc::clone(&stages.store),
            counts: Arc::clone(&counts),
        }),
        rows: Arc::new(CountedRows {
            inner: Arc::clone(&stages.rows),
            counts: Arc::clone(&counts),
        }),
        model: Arc::new(model_with(&settings, folder.path(), &counts).await),
        ..stages
    };
    let functions = Arc::new(CountedFunctions {
        inner: Arc::new(stages),
        counts: Arc::clone(&counts),
    });
    let objects = Arc::new(holdfast_ops::artifact_objects::artifact_objects(folder.path()));
    let (engine, _) = Engine::open(EngineOptions::new(folder.path(), functions, objects).unwrap())
        .await
        .unwrap();
    runs.set(&engine);
    let run = Run {
        version: PAYLOAD_VERSION,
        run: "cost".parse().unwrap(),
        bucket: machine::BUCKET.to_owned(),
        target: Target::PullRequest {
            repository: RepositoryName::new("octo", "demo").unwrap(),
            number: 12,
            head: CommitSha::parse(&change.head).unwrap(),
            repository_id: None,
            pinned: None,
        },
        publish: true,
        max_concurrency: 10,
        model: "openai/test-model".parse().unwrap(),
        model_light: "openai/test-model".parse().unwrap(),
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
    let (executions, transitions) = transitions(folder.path());
    let (invocations, mut gb_seconds) = invoked(&counts, memory);
    let (model_calls, github_calls) = (model.journal().calls().len(), github.journal().entries().len());
    gb_seconds += model_calls as f64 * MODEL_S * memory["review-unit"];
    gb_seconds += github_calls as f64 * GITHUB_S * memory["open-review"];
    let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Taken {
        files,
        transitions,
        executions,
        invocations,
        gb_seconds,
        puts: of(&counts.puts),
        gets: of(&counts.gets),
        megabytes: of(&counts.bytes) as f64 / 1_048_576.0,
        writes: of(&counts.writes),
        write_units: of(&counts.write_units),
        reads: of(&counts.reads),
        model_calls,
        github_calls,
        used: Used::of(folder.path(), &counts),
    }
}

/// Returns the model behind its provider's state, whose writes are counted.
async fn model_with(
    settings: &Settings,
    data: &std::path::Path,
    counts: &Arc<Counts>,
) -> impl holdfast_core::port::ReachModel + use<> {
    let logs = CountedLogs {
        inner: Arc::new(SqliteKeepRows::open(data).await.unwrap()),
        counts: Arc::clone(counts),
    };
    let pace = Arc::new(LocalPace::default());
    models::paced_model(settings, Arc::new(logs), pace, Arc::new(())).unwrap()
}

/// Counts the executions, and the transitions that AWS charges for: each entered state, and each retry.
fn transitions(data: &std::path::Path) -> (usize, u64) {
    let archive = Archive::open(data).unwrap();
    let mut all = archive.executions(1).unwrap();
    for map_run in archive.map_runs(all[0].id).unwrap() {
        all.extend(archive.children(map_run.id).unwrap());
    }
    let charged = |id| {
        let history = archive.history(id).unwrap();
        let entered = history
            .iter()
            .filter(|event| matches!(event.kind, EventKind::StateEntered { .. }));
        let failed = history.iter().filter(|event| {
            matches!(
                event.kind,
                EventKind::LambdaFunctionFailed { .. } | EventKind::LambdaFunctionTimedOut { .. }
            )
        });
        (entered.count() + failed.count()) as u64
    };
    (all.len(), all.iter().map(|execution| charged(execution.id)).sum())
}

/// Counts the invocations, and the GB-seconds of their computation and of their requests.
fn invoked(counts: &Counts, memory: &BTreeMap<String, f64>) -> (u64, f64) {
    let functions = counts.functions.lock().unwrap();
    let seconds = functions.iter().map(|(name, invoked)| {
        let seconds = invoked.seconds + invoked.requests as f64 * REQUEST_S;
        seconds * memory[name]
    });
    (functions.values().map(|invoked| invoked.times).sum(), seconds.sum())
}

/// Returns the memory of each function in GB, read from the template.
fn memory() -> BTreeMap<String, f64> {
    let mut found = BTreeMap::new();
    let mut function = None;
    for line in TEMPLATE.lines().map(str::trim) {
        if let Some(name) = line.strip_prefix("FunctionName: !Sub ${AWS::StackName}-") {
            function = Some(name.to_owned());
        } else if let Some(megabytes) = line.strip_prefix("MemorySize: ") {
            found.insert(function.take().unwrap(), megabytes.parse::<f64>().unwrap() / 1024.0);
        }
    }
    found
}
