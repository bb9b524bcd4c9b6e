//! The process that is killed: it keeps executions running, and logs each action before and after it.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use holdfast_engine::{Engine, EngineOptions, FunctionFailure, Functions, Invocation, ObjectFailure, Objects, Outcome};
use serde_json::{Value, json};

use crate::Random;
use crate::machine;

/// Number of executions that run at once.
const AT_ONCE: usize = 12;

/// Returns the path of the log, one line per entry.
pub fn log_file(directory: &Path) -> PathBuf {
    directory.join("happened.log")
}

/// Returns the engine's data directory.
pub fn data(directory: &Path) -> PathBuf {
    directory.join("data")
}

/// The entries of the log: names that were about to be started, those whose start was confirmed, those that ended, and
/// the effects.
#[derive(Default)]
pub struct Happened {
    pub begun: BTreeSet<u64>,
    pub confirmed: BTreeSet<u64>,
    pub ended: BTreeMap<u64, String>,
    /// The number of times that each effect happened.
    pub effects: BTreeMap<(String, u64), usize>,
    /// The position of each invocation in the log.
    pub calls: Vec<(usize, String, u64)>,
}

impl Happened {
    pub fn read(directory: &Path) -> Self {
        let mut happened = Self::default();
        let text = std::fs::read_to_string(log_file(directory)).unwrap_or_default();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            let mut words = line.trim_end().splitn(3, ' ');
            let mut word = || words.next().unwrap_or_default();
            match (word(), word(), word()) {
                ("begin", number, _) => drop(happened.begun.insert(number.parse().unwrap())),
                ("confirmed", number, _) => drop(happened.confirmed.insert(number.parse().unwrap())),
                ("ended", number, output) => {
                    happened.ended.insert(number.parse().unwrap(), output.to_owned());
                }
                ("effect", arn, key) => {
                    *happened
                        .effects
                        .entry((arn.to_owned(), key.parse().unwrap()))
                        .or_default() += 1
                }
                ("call", arn, key) => happened.calls.push((at, arn.to_owned(), key.parse().unwrap())),
                other => panic!("{other:?}"),
            }
            at += line.len();
        }
        happened
    }
}

struct World {
    log: Mutex<File>,
    done: Mutex<BTreeSet<(String, u64)>>,
    random: Mutex<Random>,
}

impl World {
    /// Writes a line to the log, in one write: a kill leaves the whole line or none of it.
    fn note(&self, line: &str) {
        self.log
            .lock()
            .unwrap()
            .write_all(format!("{line}\n").as_bytes())
            .unwrap();
    }

    async fn pause(&self, most_ms: u64) {
        let pause_ms = self.random.lock().unwrap().below(most_ms);
        tokio::time::sleep(Duration::from_millis(pause_ms)).await;
    }
}

#[async_trait]
impl Functions for World {
    async fn invoke(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        let key = (invocation.execution_arn, invocation.key);
        self.note(&format!("call {} {}", key.0, key.1));
        self.pause(12).await;
        if function == "flaky" && payload["retries"] == 0 {
            return Err(FunctionFailure {
                error_type: "Flaky".to_owned(),
                message: "the first time".to_owned(),
            });
        }
        if function != "ask" && self.done.lock().unwrap().insert(key.clone()) {
            self.note(&format!("effect {} {}", key.0, key.1));
        }
        self.pause(6).await;
        Ok(json!({ "n": payload["n"].as_i64().unwrap_or_default() + 1 }))
    }
}

#[async_trait]
impl Objects for World {
    async fn get(&self, _bucket: &str, key: &str) -> Result<Vec<u8>, ObjectFailure> {
        Err(ObjectFailure {
            message: format!("{key} is not there"),
        })
    }

    async fn put(&self, _bucket: &str, key: &str, _bytes: Vec<u8>) -> Result<(), ObjectFailure> {
        Err(ObjectFailure {
            message: format!("{key} cannot be kept"),
        })
    }
}

/// Runs until it is killed; with `finish`, until all executions have ended.
pub fn run(directory: &Path, finish: bool) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(work(directory, finish));
}

async fn work(directory: &Path, finish: bool) {
    let happened = Happened::read(directory);
    let log = OpenOptions::new()
        .create(true)
        .append(true)
        .open(log_file(directory))
        .unwrap();
    let world = Arc::new(World {
        log: Mutex::new(log),
        done: Mutex::new(happened.effects.keys().cloned().collect()),
        random: Mutex::new(Random(u64::from(std::process::id()))),
    });
    let options = EngineOptions::new(
        data(directory),
        Arc::clone(&world) as Arc<_>,
        Arc::clone(&world) as Arc<_>,
    )
    .unwrap();
    let (engine, recovered) = Engine::open(options).await.unwrap();
    assert!(recovered.unreadable.is_empty(), "{recovered:?}");
    let mut open: Vec<u64> = happened
        .begun
        .iter()
        .filter(|number| !happened.ended.contains_key(number))
        .copied()
        .collect();
    let mut next = happened.begun.last().map_or(0, |last| last + 1);
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        while !finish && open.len() + tasks.len() < AT_ONCE {
            open.push(next);
            next += 1;
        }
        for number in open.drain(..) {
            tasks.spawn(follow(engine.clone(), Arc::clone(&world), number));
        }
        match tasks.join_next().await {
            Some(ended) => ended.unwrap(),
            None => break,
        }
    }
    engine.shutdown().await;
}

/// Starts an execution, possibly again, answers its token and waits for its end.
async fn follow(engine: Engine, world: Arc<World>, number: u64) {
    let name = format!("k{number}");
    world.note(&format!("begin {number}"));
    engine
        .start(&name, &machine::definition(), json!({ "n": number }))
        .await
        .unwrap();
    world.note(&format!("confirmed {number}"));
    loop {
        match engine.wait(&name).await.unwrap() {
            Outcome::Finished { status } => {
                world.note(&format!("ended {number} {}", json!(format!("{status:?}"))));
                return;
            }
            Outcome::WaitingForToken { pending, .. } => {
                for token in pending {
                    // The token is closed if the answer was stored and the process was killed before it logged that.
                    drop(engine.send_task_success(&token.token, json!(machine::ANSWER)).await);
                }
            }
        }
    }
}
