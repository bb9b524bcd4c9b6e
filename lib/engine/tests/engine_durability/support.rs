//! Helpers of the engine's tests: functions that count, objects in memory, small definitions.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use holdfast_asl::{HistoryEvent, Status, Timestamp};
use holdfast_engine::{
    Engine, EngineOptions, FunctionFailure, Functions, Invocation, ObjectFailure, Objects, Outcome, Recovered,
    VirtualClock,
};
use serde_json::{Value, json};

/// Functions that count their invocations, and objects in memory.
#[derive(Default)]
pub struct World {
    /// Number of answers, by execution, state and the event that scheduled the task.
    pub answered: Mutex<BTreeMap<(String, String, u64), usize>>,
    pub objects: Mutex<HashMap<String, Vec<u8>>>,
    pub running: AtomicUsize,
    pub most_running: AtomicUsize,
    pub calls: AtomicUsize,
    /// True if the functions that depend on it succeed.
    pub switch: AtomicBool,
    /// The duration of a function, in ms.
    pub takes_ms: u64,
}

#[async_trait]
impl Functions for World {
    async fn invoke(&self, function: &str, payload: Value, invocation: Invocation) -> Result<Value, FunctionFailure> {
        let running = Running::begin(self);
        tokio::time::sleep(Duration::from_millis(self.takes_ms)).await;
        drop(running);
        let call = self.calls.fetch_add(1, Ordering::SeqCst) + 1;
        let first_attempt = invocation.key < 10;
        let key = (invocation.execution, invocation.state, invocation.key);
        *self.answered.lock().unwrap().entry(key).or_default() += 1;
        let failed = |error_type: &str| {
            Err(FunctionFailure {
                error_type: error_type.to_owned(),
                message: "the function failed on purpose".to_owned(),
            })
        };
        match function {
            "add-one" => Ok(json!({ "n": payload["n"].as_i64().unwrap() + 1 })),
            "echo" => Ok(payload),
            "fail-on-two" if payload["n"] == 2 => failed("Two"),
            "fail-on-two" => Ok(payload["n"].clone()),
            "switched-on-two" if payload["n"] != 2 => Ok(payload["n"].clone()),
            "switched" if self.switch.load(Ordering::SeqCst) => Ok(payload),
            "switched-on-two" if self.switch.load(Ordering::SeqCst) => Ok(payload["n"].clone()),
            "busy-once" if first_attempt => failed("Busy"),
            "busy-once" => Ok(payload),
            "third-time" if call < 3 => failed("Busy"),
            "third-time" => Ok(json!(call)),
            "panic" => panic!("the function broke"),
            "hang-until-switched" if self.switch.load(Ordering::SeqCst) => Ok(payload),
            "hang" | "hang-until-switched" => std::future::pending().await,
            other => failed(other),
        }
    }
}

struct Running<'a>(&'a World);

impl<'a> Running<'a> {
    fn begin(world: &'a World) -> Self {
        let now = world.running.fetch_add(1, Ordering::SeqCst) + 1;
        world.most_running.fetch_max(now, Ordering::SeqCst);
        Self(world)
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

#[async_trait]
impl Objects for World {
    async fn get(&self, bucket: &str, key: &str) -> Result<Vec<u8>, ObjectFailure> {
        let found = self.objects.lock().unwrap().get(&format!("{bucket}/{key}")).cloned();
        found.ok_or_else(|| ObjectFailure {
            message: format!("{bucket}/{key} is not there"),
        })
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) -> Result<(), ObjectFailure> {
        self.objects.lock().unwrap().insert(format!("{bucket}/{key}"), bytes);
        Ok(())
    }
}

impl World {
    pub fn taking_ms(takes_ms: u64) -> Arc<Self> {
        Arc::new(Self {
            takes_ms,
            ..Self::default()
        })
    }

    pub fn object(&self, key: &str) -> Value {
        serde_json::from_slice(&self.objects.lock().unwrap()[key]).unwrap()
    }
}

pub fn options(directory: &Path, world: &Arc<World>) -> EngineOptions {
    EngineOptions::new(
        directory,
        Arc::clone(world) as Arc<dyn Functions>,
        Arc::clone(world) as Arc<dyn Objects>,
    )
    .unwrap()
}

pub async fn open(directory: &Path, world: &Arc<World>) -> (Engine, Recovered) {
    Engine::open(options(directory, world)).await.unwrap()
}

pub async fn open_virtual(directory: &Path, world: &Arc<World>) -> (Engine, Arc<VirtualClock>) {
    let clock = Arc::new(VirtualClock::new(Timestamp(1_700_000_000_000)));
    let mut options = options(directory, world);
    options.clock = Arc::clone(&clock) as Arc<_>;
    (Engine::open(options).await.unwrap().0, clock)
}

/// Returns the output of an execution that must succeed.
pub async fn output(engine: &Engine, name: &str) -> Value {
    match finished(engine, name).await {
        Status::Succeeded { output } => output,
        other => panic!("{name} ended as {other:?}"),
    }
}

pub async fn finished(engine: &Engine, name: &str) -> Status {
    let outcome = tokio::time::timeout(Duration::from_secs(60), engine.wait(name))
        .await
        .expect("it hangs");
    match outcome.unwrap() {
        Outcome::Finished { status } => status,
        other => panic!("{name} has not ended: {other:?}"),
    }
}

pub async fn still_open(engine: &Engine, name: &str) -> bool {
    tokio::time::timeout(Duration::from_millis(150), engine.wait(name))
        .await
        .is_err()
}

pub fn task(function: &str, rest: Value) -> Value {
    let mut state = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke",
        "Arguments": { "FunctionName": function, "Payload": "{% $states.input %}" },
        "Output": "{% $states.result.Payload %}",
    });
    merge(&mut state, rest);
    state
}

pub fn token_task(rest: Value) -> Value {
    let mut state = json!({
        "Type": "Task",
        "Resource": "arn:aws:states:::lambda:invoke.waitForTaskToken",
        "Arguments": { "FunctionName": "echo", "Payload": { "token": "{% $states.context.Task.Token %}" } },
    });
    merge(&mut state, rest);
    state
}

pub fn machine(start: &str, states: Value) -> String {
    json!({ "QueryLanguage": "JSONata", "StartAt": start, "States": states }).to_string()
}

/// Returns a distributed map over the input `items`, whose children run one function.
pub fn distributed(function: &str, rest: Value) -> Value {
    let mut state = json!({
        "Type": "Map",
        "Items": "{% $states.input.items %}",
        "ItemProcessor": {
            "ProcessorConfig": { "Mode": "DISTRIBUTED", "ExecutionType": "STANDARD" },
            "StartAt": "Work",
            "States": { "Work": task(function, json!({ "End": true })) },
        },
    });
    merge(&mut state, rest);
    state
}

/// Returns an input with `count` items `{"n": 0}`, `{"n": 1}`, …
pub fn items(count: u64) -> Value {
    json!({ "items": (0..count).map(|n| json!({ "n": n })).collect::<Vec<_>>() })
}

fn merge(state: &mut Value, rest: Value) {
    if let (Value::Object(state), Value::Object(rest)) = (state, rest) {
        state.extend(rest);
    }
}

/// Returns every stored event with the name of its execution, in the order in which they were stored; none before the
/// tables exist.
pub fn journal_events(database: &rusqlite::Connection) -> Vec<(String, HistoryEvent)> {
    let sql = "SELECT name, events FROM journal JOIN executions ON executions.id = execution ORDER BY journal.id";
    let Ok(mut rows) = database.prepare(sql) else {
        return Vec::new();
    };
    let entries: Vec<(String, String)> = rows
        .query_map([], |row| Ok((row.get(0)?, row.get(1)?)))
        .unwrap()
        .collect::<Result<_, _>>()
        .unwrap();
    entries
        .iter()
        .flat_map(|(name, lines)| {
            let event = |line| (name.clone(), serde_json::from_str(line).unwrap());
            lines.lines().map(event).collect::<Vec<_>>()
        })
        .collect()
}
